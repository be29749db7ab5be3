"""Penalties and spectral normalisation, against closed forms."""

import keras
import numpy as np
import tensorflow as tf

from dcgan_tf.game.smoothness import Penalties, SpectralNorm, gradient_penalty, r1
from dcgan_tf.recipe.fields import Recipe

SEED = tf.constant([1, 2], tf.int64)
IMAGES = tf.constant(np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype(np.float32))


def _linear(weight):
    return lambda images: weight * tf.reduce_sum(images, axis=[1, 2, 3])[:, None]


def test_r1_of_a_linear_discriminator():
    # The gradient is `weight` at each of 16 pixels: gamma / 2 * 16 * weight^2.
    assert np.isclose(r1(_linear(0.5), IMAGES, gamma=10.0), 10 / 2 * 16 * 0.25)


def test_gradient_penalty_of_a_linear_discriminator():
    assert np.isclose(gradient_penalty(_linear(0.5), IMAGES, -IMAGES, SEED), (4 * 0.5 - 1) ** 2)
    assert np.isclose(gradient_penalty(_linear(0.25), IMAGES, -IMAGES, SEED), 0.0)
    assert np.isfinite(gradient_penalty(_linear(0.0), IMAGES, -IMAGES, SEED))


def test_the_points_of_the_gradient_penalty_lie_uniformly_between():
    """Of D(x) = sum(x^2) / 2 the gradient is x itself: the penalty tells where it was taken."""
    ones, seen = tf.ones([5000, 1, 1, 1]), []

    def judge(images):
        seen.append(images)
        return tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None] / 2

    value = gradient_penalty(judge, ones, -ones, SEED)
    points = np.asarray(seen[0]).ravel()
    np.testing.assert_allclose(np.quantile(points, [0.1, 0.5, 0.9]), [-0.8, 0.0, 0.8], atol=0.06)
    assert np.isclose(value, ((np.abs(points) - 1) ** 2).mean(), atol=1e-5)


def test_r1_now_and_then_is_as_strong_in_the_mean():
    weight = tf.Variable(0.5)  # the gradient at each of the 16 pixels: R1 is 16 w^2, its own gradient 32 w
    judge = lambda images: weight * tf.reduce_sum(images, axis=[1, 2, 3])[:, None]  # noqa: E731
    lazy = Penalties(Recipe(r1_gamma=2.0, r1_every=4, discriminator_batch_norm=False))
    given = ([tf.constant(1.0)], [weight], judge, IMAGES, IMAGES, SEED)
    pixels = int(np.prod(IMAGES.shape[1:]))
    values = [float(lazy.add(*given, tf.constant(step))[0]) for step in range(8)]
    assert values == [1 + 4 * pixels, 1, 1, 1, 1 + 4 * pixels, 1, 1, 1]
    assert [float(g) for g in Penalties(Recipe()).add(*given, tf.constant(0))] == [1]


def test_a_penalty_reaches_the_weights():
    layer = keras.layers.Dense(1)
    layer.build([None, 16])
    with tf.GradientTape() as tape:
        value = r1(lambda images: layer(tf.reshape(images, [-1, 16])), IMAGES, gamma=1.0)
    kernel, _ = layer.trainable_variables
    np.testing.assert_allclose(tape.gradient(value, kernel.value), kernel, rtol=1e-5)  # d (|w|^2 / 2) / dw


def test_spectral_norm_is_that_of_numpy():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.layers.Conv2D(6, 3), keras.layers.Flatten(), keras.layers.Dense(1)])
    network.build([None, 8, 8, 2])
    before = np.asarray(network.layers[0].kernel).reshape(-1, 6)
    norm = SpectralNorm(network, seed=0)
    np.testing.assert_allclose(
        np.asarray(network.layers[0].kernel).reshape(-1, 6), before / np.linalg.norm(before, 2), rtol=0.01
    )
    for _ in range(30):  # one iteration a step is enough to follow
        norm.project()
    for layer in (network.layers[0], network.layers[2]):
        matrix = np.asarray(layer.kernel).reshape(-1, layer.kernel.shape[-1])
        assert np.isclose(np.linalg.norm(matrix, 2), 1.0, atol=1e-3)
    assert len(norm.vectors) == 2  # kernels, not biases
