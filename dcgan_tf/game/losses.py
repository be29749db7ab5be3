"""The pairs of losses, and the targets they compare with.

Every discriminator of this project ends in a logit (or a critic's score) without a sigmoid: the sigmoid is
part of the loss, where it is exact for large logits too. A loss pair is two functions of logits [N, 1]:

    discriminator(real_logits, fake_logits, real_labels, fake_labels) -> scalar that D minimises
    generator(real_logits, fake_logits, real_labels) -> scalar that G minimises

`score` turns both logits into what is logged as D(real) and D(fake). `compares` says that G's loss depends on the real
logits, too: where it does not, they need not be computed for it, and may be None.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from dcgan_tf.game import replicas


class LossPair(NamedTuple):
    discriminator: Callable
    generator: Callable
    score: Callable  # (real_logits, fake_logits) -> two scalars
    compares: bool = False


def _each_by_itself(function):
    return lambda *both_logits: tuple(tf.reduce_mean(function(logits)) for logits in both_logits)


def _cross_entropy(labels, logits):
    """-label log D - (1 - label) log(1 - D), with log D = -softplus(-logit): exact for large logits too.

    Its gradient is a sum of two terms. That of TensorFlow's own sigmoid_cross_entropy_with_logits is one of four, and
    TensorFlow adds three or more in an order that depends on whose memory is free at the moment: on a busy machine
    the same step then has two outcomes.
    """
    return tf.reduce_mean(labels * tf.nn.softplus(-logits) + (1.0 - labels) * tf.nn.softplus(logits))


def _bce_discriminator(real_logits, fake_logits, real_labels, fake_labels):
    return _cross_entropy(real_labels, real_logits) + _cross_entropy(fake_labels, fake_logits)


def _bce_generator(real_logits, fake_logits, real_labels):
    """Non-saturating: G maximises log D(G(z))."""
    return _cross_entropy(real_labels, fake_logits)


def _minimax_discriminator(real_logits, fake_logits, real_labels, fake_labels):
    """D maximises log D(x) + log(1 - D(G(z))), with log D = -softplus(-logit)."""
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(fake_logits))


def _minimax_generator(real_logits, fake_logits, real_labels):
    """Saturating: G minimises log(1 - D(G(z)))."""
    return -tf.reduce_mean(tf.nn.softplus(fake_logits))


def _least_squares_discriminator(real_scores, fake_scores, real_labels, fake_labels):
    return 0.5 * (
        tf.reduce_mean(tf.square(real_scores - real_labels)) + tf.reduce_mean(tf.square(fake_scores - fake_labels))
    )


def _least_squares_generator(real_scores, fake_scores, real_labels):
    return 0.5 * tf.reduce_mean(tf.square(fake_scores - real_labels))


def _hinge_discriminator(real_scores, fake_scores, real_labels, fake_labels):
    return tf.reduce_mean(tf.nn.relu(1.0 - real_scores)) + tf.reduce_mean(tf.nn.relu(1.0 + fake_scores))


def _wasserstein_discriminator(real_scores, fake_scores, real_labels, fake_labels):
    return tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores)


def _minus_mean(real_scores, fake_scores, real_labels):
    return -tf.reduce_mean(fake_scores)


def _relativistic_discriminator(real_logits, fake_logits, real_labels, fake_labels):
    """D tells which of a pair is real: softplus(-(D(x) - D(G(z))))."""
    return tf.reduce_mean(tf.nn.softplus(fake_logits - real_logits))


def _relativistic_generator(real_logits, fake_logits, real_labels):
    return tf.reduce_mean(tf.nn.softplus(real_logits - fake_logits))


def _relativistic_score(real_logits, fake_logits):
    """D's probability that the real image of a pair is the real one, and the rest of it: the logits have no zero."""
    real_is_real = tf.reduce_mean(tf.sigmoid(real_logits - fake_logits))
    return real_is_real, 1.0 - real_is_real


LOSSES: dict[str, LossPair] = {
    # Goodfellow et al. 2014 (arXiv:1406.2661), section 3, the last paragraph.
    "bce": LossPair(_bce_discriminator, _bce_generator, _each_by_itself(tf.sigmoid)),
    # The same paper, equation 1.
    "minimax": LossPair(_minimax_discriminator, _minimax_generator, _each_by_itself(tf.sigmoid)),
    # Mao et al. 2017 (arXiv:1611.04076), equation 9: labels 0, 1 and 1.
    "least_squares": LossPair(_least_squares_discriminator, _least_squares_generator, _each_by_itself(tf.identity)),
    # Lim and Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), equations 16 and 17.
    "hinge": LossPair(_hinge_discriminator, _minus_mean, _each_by_itself(tf.identity)),
    # Arjovsky et al. 2017 (arXiv:1701.07875), equation 2; D must be kept Lipschitz by other means.
    "wasserstein": LossPair(_wasserstein_discriminator, _minus_mean, _each_by_itself(tf.identity)),
    # Jolicoeur-Martineau 2018 (arXiv:1807.00734), section 4.2, in pairs as in Huang et al. 2024 (R3GAN,
    # arXiv:2501.05441), equation 2: a batch's i-th real image with its i-th generated one.
    "relativistic": LossPair(_relativistic_discriminator, _relativistic_generator, _relativistic_score, compares=True),
}


class Targets(NamedTuple):
    """What one step's losses compare with."""

    real: tf.Tensor  # D's labels of real images, [N, 1] or a scalar
    fake: tf.Tensor  # D's labels of generated images, [N, 1] or a scalar
    wanted: tf.Tensor  # what G wants D to say, a scalar


def target_drawer(recipe) -> Callable:
    """A function (batch_size, seed [2]) -> Targets that draws them inside the graph, anew on every step.

    The label of real images is one draw from U(real_label_low, real_label_high) for the whole step: 1 for plain labels,
    a constant below 1 for one-sided smoothing. What G wants D to say is that same number, or a draw of its own from
    the same range, or 1: Salimans et al. 2016 (arXiv:1606.03498, section 3.4) smooth only what D is told of real
    images. Every label of D then gets its own uniform noise in [0, label_noise), G's target none.
    Drawn with TensorFlow: a Python random number would be frozen at tracing.
    """
    low, high, noise = recipe.real_label_low, recipe.real_label_high, recipe.label_noise

    def one(seed):
        return tf.constant(high, tf.float32) if low == high else tf.random.stateless_uniform([], seed, low, high)

    target_of = {
        "as_real": lambda real, seed: real,
        "drawn": lambda real, seed: one(seed),
        "one": lambda real, seed: tf.constant(1.0),
    }[recipe.generator_target]

    def draw(batch_size, seed):
        real = one(seed)
        target = target_of(real, seed + [0, 2])
        if noise == 0:
            return Targets(real, tf.constant(0.0), target)
        jitter = replicas.uniform([2, batch_size, 1], seed + [0, 1], 0.0, noise, axis=1)
        return Targets(real + jitter[0], jitter[1], target)

    return draw
