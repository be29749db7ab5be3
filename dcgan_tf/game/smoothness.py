"""What keeps a discriminator smooth: penalties on its gradient, and spectral normalisation."""

from collections.abc import Callable

import tensorflow as tf


def penalty(recipe) -> Callable:
    """A function (judge, real_images, fake_images, seed [2], step) -> scalar to add to D's loss.

    `judge` maps images [N, H, W, C] to logits [N, 1].
    """

    def value(judge, real_images, fake_images, seed, step):
        total = tf.constant(0.0)
        if recipe.r1_gamma:
            total += _every(recipe.r1_every, step, lambda: r1(judge, real_images, recipe.r1_gamma))
        if recipe.gradient_penalty:
            total += recipe.gradient_penalty * gradient_penalty(judge, real_images, fake_images, seed)
        return total

    return value


def _every(n, step, function):
    """n times the function's value on every n-th step, else 0 (Karras et al. 2020, arXiv:1912.04958, appendix B)."""
    if n == 1:
        return function()
    return tf.cond(step % n == 0, lambda: n * function(), lambda: tf.constant(0.0))


def r1(judge, real_images, gamma):
    """gamma / 2 times the mean squared norm of D's gradient at real images.

    Source: Mescheder et al. 2018 (arXiv:1801.04406), equation 9.
    """
    return 0.5 * gamma * tf.reduce_mean(_squared_gradient(judge, real_images))


def gradient_penalty(judge, real_images, fake_images, seed):
    """Mean of (norm of D's gradient - 1)^2 at points drawn uniformly between pairs of real and fake images.

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1. One weight from U(0, 1) for each pair.
    """
    weights = tf.random.stateless_uniform([tf.shape(real_images)[0], 1, 1, 1], seed)
    between = weights * real_images + (1.0 - weights) * tf.stop_gradient(fake_images)
    norms = tf.sqrt(_squared_gradient(judge, between) + 1e-12)  # the root's own gradient is infinite at 0
    return tf.reduce_mean(tf.square(norms - 1.0))


def _squared_gradient(judge, images):
    """The squared norm of the gradient of each image's logit, [N]."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = judge(images)
    return tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=[1, 2, 3])


class SpectralNorm:
    """Keeps the kernels of a network at spectral norm 1: one power iteration, then a division, after each step.

    Source: Miyato et al. 2018 (arXiv:1802.05957), algorithm 1, with kernels as matrices of one column for each
    output. The weights themselves are divided, not a copy: to first order the same steps, and what is saved is an
    ordinary Keras network. Once per step: Keras' own wrapper would do it at each of a step's calls.
    """

    def __init__(self, network, seed: int):
        self.kernels = [v for v in network.trainable_variables if len(v.shape) >= 2]
        self.vectors = []
        for index, kernel in enumerate(self.kernels):
            start = tf.random.stateless_normal([1, kernel.shape[-1]], [seed, index])
            self.vectors.append(tf.Variable(start / tf.norm(start), trainable=False, name=f"spectral_{index}"))
        self.project(iterations=20)  # the first step begins at norm 1

    def project(self, iterations: int = 1):
        for kernel, vector in zip(self.kernels, self.vectors, strict=True):
            matrix = tf.reshape(kernel.value, [-1, kernel.shape[-1]])
            right = vector.read_value()
            for _ in range(iterations):
                left = tf.math.l2_normalize(tf.matmul(right, matrix, transpose_b=True), epsilon=1e-24)
                right = tf.math.l2_normalize(tf.matmul(left, matrix), epsilon=1e-24)
            vector.assign(right)
            sigma = tf.reduce_sum(tf.matmul(left, matrix) * right)
            kernel.assign(kernel / tf.maximum(sigma, 1e-12))
