"""The smallest GAN there is: real data are one point, 0; G is one number, theta; D is one slope, psi.

D(x) has the logit psi * x, and G always makes x = theta. The two should end at (0, 0), where G makes the real point and
D has no opinion. Whether they do depends on the loss, and on who moves when. Source: Mescheder et al. 2018
(arXiv:1801.04406), section 2 (there D's logit has the other sign, and theta moves against it).
"""

import numpy as np

from dcgan_tf.pictures.fields import phase_portraits
from dcgan_tf.system.errors import UserError, check_above_zero

LOSSES = ("minimax", "bce", "wasserstein")
_PLACES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)  # of a mean over the standard normal


def moves(theta, psi, *, loss="bce", r1_gamma=0.0, instance_noise=0.0, gradient_penalty=0.0):
    """Where both are pulled at (theta, psi), arrays of one shape: minus the slopes of G's loss and of D's.

    The options are the fields of a recipe of the same names. The mean over the noise is exact to rounding: it is a
    sum over 24 places (Gauss-Hermite quadrature). Raises UserError for another loss.
    """
    if loss not in LOSSES:
        raise UserError(f"loss={loss!r} must be one of {', '.join(LOSSES)} here")
    theta, psi = np.asarray(theta, float)[..., None], np.asarray(psi, float)[..., None]
    mean = lambda values: (values * _WEIGHTS).sum(axis=-1) / _WEIGHTS.sum()  # noqa: E731
    real, fake = instance_noise * _PLACES, theta + instance_noise * _PLACES
    if loss == "wasserstein":
        of_theta, of_psi = psi * np.ones_like(_PLACES), real - fake
    else:
        of_psi = _sigmoid(-psi * real) * real - _sigmoid(psi * fake) * fake
        of_theta = _sigmoid(psi * fake if loss == "minimax" else -psi * fake) * psi
    slope = psi[..., 0]
    smoothed = r1_gamma * slope + 2 * gradient_penalty * (np.abs(slope) - 1) * np.sign(slope)
    return mean(of_theta), mean(of_psi) - smoothed


def path(start, *, steps=500, learning_rate=0.1, update_rule="alternating", **rule) -> np.ndarray:
    """Where gradient descent goes from start = (theta, psi), [steps + 1, 2].

    update_rule: as in a recipe: alternating, D first and G through the new D, or simultaneous.
    """
    check_above_zero("learning_rate", learning_rate)
    theta, psi = start
    places = [(theta, psi)]
    for _ in range(steps):
        of_theta, of_psi = moves(theta, psi, **rule)
        psi = psi + learning_rate * of_psi
        if update_rule == "alternating":
            of_theta, _ = moves(theta, psi, **rule)
        theta = theta + learning_rate * of_theta
        places.append((theta, psi))
    return np.array(places)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def portraits(rules: list[dict], start=(1.0, 1.0), reach: float = 2.2, **how):
    """A Picture with a panel for each rule, options of `moves`: arrows to where both are pulled, and both update rules'
    ways from the same start. how: steps and learning_rate of `path`."""
    axis = np.linspace(-reach, reach, 17)
    theta, psi = np.meshgrid(axis, axis)
    panels = []
    for rule in rules:
        ways = {kind: path(start, update_rule=kind, **how, **rule) for kind in ("alternating", "simultaneous")}
        title = ", ".join([rule.get("loss", "bce"), *(f"{n}={v:g}" for n, v in rule.items() if n != "loss")])
        panels.append((title, axis, *moves(theta, psi, **rule), ways))
    return phase_portraits(panels)
