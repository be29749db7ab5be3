"""What keeps a discriminator smooth: penalties on its gradient, and spectral normalisation."""

import functools

import tensorflow as tf

from dcgan_tf.game import replicas
from dcgan_tf.game.optimizers import gradients_of


class Penalties:
    """What a recipe adds to D's loss to keep D smooth: nothing in most.

    Their gradients are computed apart from the loss's and added to it: the loss that is logged is that of the loss
    pair, a penalty on every n-th step costs nothing on the others, and XLA can compile it (it has no second gradient
    through a condition).
    """

    def __init__(self, recipe):
        self.terms = []  # (how often, function (judge, real_images, fake_images, seed [2]) -> scalar)
        r1, r2 = 0.5 * recipe.r1_gamma, 0.5 * recipe.r2_gamma
        share = functools.partial(_first, recipe.penalty_share)
        slope = functools.partial(squared_slope, recipe.penalty_sigma)
        if r1:
            self.terms.append((recipe.r1_every, lambda judge, real, fake, seed: r1 * slope(judge, share(real), seed)))
        if r2:
            self.terms.append(
                (recipe.r1_every, lambda judge, real, fake, seed: r2 * slope(judge, share(fake), seed + [0, 1]))
            )
        if recipe.gradient_penalty:
            weight = recipe.gradient_penalty
            self.terms.append((1, lambda *given: weight * gradient_penalty(*given)))

    def add(self, gradients, weights, optimizer, judge, real_images, fake_images, seed, step, touched=()) -> list:
        """`gradients` by D's weights, as `optimizer` takes them, with those of the penalties that are due on this step.

        A penalty on every n-th step is n times as strong then (Karras et al. 2020, arXiv:1912.04958, appendix B).
        judge: maps images [N, H, W, C] to logits [N, 1]; `touched` are the variables that it changes.
        """
        for every, term in self.terms:
            given = judge, real_images, fake_images, seed
            with_it = functools.partial(_add, gradients, weights, optimizer, every, term, *given)
            gradients = with_it() if every == 1 else _sometimes(step % every == 0, with_it, gradients, touched)
        return gradients


def _sometimes(is_due, with_it, gradients, touched):
    computed, undo = replicas.before_branch(with_it, touched)

    def without():
        undo()
        return list(gradients)

    return tf.cond(is_due, computed, without)


def _add(gradients, weights, optimizer, factor, term, *given):
    with tf.GradientTape() as tape:
        value = term(*given)
    added = gradients_of(
        tape, value, weights, optimizer, factor
    )  # None for what the gradient at images does not depend on: the last bias
    return [one if more is None else one + more for one, more in zip(gradients, added, strict=True)]


def _first(share, images):
    """The first images of a batch, one at least: their order is by chance."""
    if share == 1:
        return images
    return images[: tf.cast(tf.math.ceil(share * tf.cast(tf.shape(images)[0], tf.float32)), tf.int32)]


def squared_slope(sigma, judge, images, seed):
    """The mean squared norm of D's gradient at images: R1 at real ones, R2 at generated ones, with gamma / 2 before it.

    Source: Mescheder et al. 2018 (arXiv:1801.04406), equations 8 and 9. With a sigma above 0 it is the mean of
    ((D(x + sigma e) - D(x)) / sigma)^2, e from N(0, 1): what it tends to as sigma falls, since the mean of (e g)^2 is
    g^2. Two more passes, and no second derivative.

    With BatchNorm in D, an image's logit depends on the whole batch, and all of it moves by noise of its own: the
    differences tend to the squared norm of that logit's gradient at *all* images of the batch. (The exact one would
    take the gradient of the sum of all logits, in which such dependences cancel; recipe/combinations.py refuses it.)
    """
    images = tf.stop_gradient(images)
    if not sigma:
        return tf.reduce_mean(_squared_gradient(judge, images))
    beside = images + sigma * replicas.normal(tf.shape(images), seed)
    return tf.reduce_mean(tf.square((judge(beside) - judge(images)) / sigma))  # both are shown in the same way


def gradient_penalty(judge, real_images, fake_images, seed):
    """Mean of (norm of D's gradient - 1)^2 at points drawn uniformly between pairs of real and fake images.

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1. One weight from U(0, 1) for each pair.
    """
    weights = replicas.uniform([tf.shape(real_images)[0], 1, 1, 1], seed)
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
    output. Once per step: Keras' own wrapper would do it at each of a step's calls.

    The weights themselves are divided, not a copy, so what is saved is an ordinary Keras network. That is another
    descent than the paper's, already to first order. There a kernel w keeps any norm s, and D is made of w / s: the
    gradient by w is 1 / s times that by w / s, without its part along w's first pair of singular vectors, so that
    steps get smaller as s grows. Here s is 1 before each step, the optimizer is given the plain gradient, steps keep
    their size, and the division afterwards shrinks the whole kernel.
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
