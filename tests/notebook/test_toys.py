"""The two toys: what a mode is, how D's field is drawn, and where the smallest GAN is pulled."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.game.losses import LOSSES
from dcgan_tf.notebook import dirac, ring
from dcgan_tf.system.errors import UserError


def test_a_mode_is_covered_by_enough_points_near_it():
    near = np.repeat(ring.CENTRES[:3], [1000, 980, 15], axis=0)  # of the third too few
    far = np.full((5, 2), 1.0)
    assert ring.modes_covered(np.concatenate([near, far])) == (2, 1995 / 2000)
    beside = ring.CENTRES[[0]] + [[0, 3.1 * ring.DEVIATION]]
    assert ring.modes_covered(np.repeat(beside, 100, axis=0)) == (0, 0.0)


def test_the_ring_is_trained_and_seen():
    gan = ring.RingGAN("wasserstein", gradient_penalty=1.0, r1_gamma=0.1, seed=3)
    run = gan.train(steps=40, moments=2)
    assert [moment.step for moment in run.moments] == [20, 40]
    assert run.history["step"].tolist() == list(range(1, 41)) and np.isfinite(run.history["generator_loss"]).all()
    first, last = run.moments
    assert not np.allclose(first.points, last.points)
    right = int(np.argmin(np.abs(np.linspace(-ring.EDGE, ring.EDGE, 81) - 2)))  # the field's rows are y, its columns x
    seen = gan.discriminator(np.array([[2.0, 0.0]], np.float32)).numpy().item()
    assert last.field[40, right] == pytest.approx(seen, abs=0.1)
    towards = gan.discriminator(last.points + 1e-3 * last.pushes) - gan.discriminator(last.points)
    assert float(tf.reduce_mean(tf.cast(towards > 0, tf.float32))) > 0.95  # of a critic: up, to a higher score
    again = ring.RingGAN("wasserstein", gradient_penalty=1.0, r1_gamma=0.1, seed=3).train(steps=40, moments=2)
    np.testing.assert_array_equal(again.moments[-1].points, last.points)
    with pytest.raises(UserError, match="hinge"):
        ring.RingGAN("hing")
    for rate in (-1, 0, np.nan):
        with pytest.raises(UserError, match=f"discriminator_learning_rate={rate} must be a finite number above 0"):
            ring.RingGAN(discriminator_learning_rate=rate)


@pytest.mark.parametrize("loss", dirac.LOSSES)
def test_the_smallest_gan_is_pulled_by_the_losses_of_the_package(loss):
    theta, psi = tf.Variable(0.7, dtype=tf.float64), tf.Variable(-1.3, dtype=tf.float64)
    noise, weights = np.polynomial.hermite_e.hermegauss(24)
    noise, copies = 0.4 * noise, np.rint(weights / weights.sum() * 100_000).astype(int)  # a sample of the noise
    real = tf.constant(np.repeat(noise, copies)[:, None])
    with tf.GradientTape(persistent=True) as tape:
        logits = psi * real, psi * (theta + real)
        of_d = LOSSES[loss].discriminator(*logits, 1.0, 0.0) + 0.5 / 2 * psi**2 + 2.0 * (tf.abs(psi) - 1) ** 2
        of_g = LOSSES[loss].generator(*logits, 1.0)
    expected = -float(tape.gradient(of_g, theta)), -float(tape.gradient(of_d, psi))
    found = dirac.moves(0.7, -1.3, loss=loss, instance_noise=0.4, r1_gamma=0.5, gradient_penalty=2.0)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_who_reaches_the_goal():
    """Mescheder et al. 2018, sections 2 and 3: only what is damped comes to rest at (0, 0)."""
    away = lambda **options: np.linalg.norm(dirac.path((1.0, 1.0), **options)[-1])  # noqa: E731
    around = np.sqrt(2)
    assert away(loss="minimax") == pytest.approx(around, abs=0.1)
    assert away(loss="minimax", update_rule="simultaneous") > 1.4 * around
    assert away(loss="wasserstein") == pytest.approx(around, abs=0.1)
    assert away(loss="wasserstein", update_rule="simultaneous") > 10
    assert 0.3 < away() < away(steps=100) < around  # it creeps
    assert away(loss="wasserstein", gradient_penalty=0.3) > 1
    assert away(r1_gamma=0.5) < 1e-3 and away(instance_noise=1.0) < 1e-3
    with pytest.raises(UserError, match="one of minimax, bce, wasserstein"):
        dirac.path((1.0, 1.0), loss="hinge")
    with pytest.raises(UserError, match=r"learning_rate=0\.0 must be a finite number above 0"):
        dirac.path((1.0, 1.0), learning_rate=0.0)
