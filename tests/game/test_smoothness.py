"""Penalties and spectral normalisation, against closed forms."""

import keras
import numpy as np
import tensorflow as tf

from dcgan_tf.game import replicas
from dcgan_tf.game.gan import GAN
from dcgan_tf.game.smoothness import Penalties, SpectralNorm, gradient_penalty, squared_slope
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.recipe.fields import Recipe

SEED = tf.constant([1, 2], tf.int64)
WEIGHT = tf.Variable(0.5)
PLAIN = keras.optimizers.SGD(1.0)  # takes gradients as they are
IMAGES = tf.constant(np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype(np.float32))


def _linear(weight):
    return lambda images: weight * tf.reduce_sum(images, axis=[1, 2, 3])[:, None]


def test_the_slope_of_a_linear_discriminator():
    # The gradient is `weight` at each of 16 pixels: 16 * weight^2.
    assert np.isclose(squared_slope(0.0, _linear(0.5), IMAGES, SEED), 16 * 0.25)


def test_by_differences_it_tends_to_the_exact_one():
    """On a small network, as the noise gets smaller; for one draw of it at many images, so up to sampling."""
    keras.utils.set_random_seed(3)
    shape = [4, 4, 1]
    network = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(8, 3, activation="tanh"),
                                keras.layers.Flatten(), keras.layers.Dense(1)])  # fmt: skip
    images = tf.random.stateless_normal([20_000, *shape], [5, 6])
    exact = float(squared_slope(0.0, network, images, SEED))
    found = [float(squared_slope(sigma, network, images, SEED)) / exact for sigma in (1.0, 0.3, 0.01)]
    assert abs(found[2] - 1) < 0.03 and abs(found[0] - 1) > 2 * abs(found[1] - 1) > 4 * abs(found[2] - 1)


def test_by_differences_a_logit_that_depends_on_the_whole_batch_is_kept_smooth_in_all_of_it():
    """D(x_i) = sum(x_i) - the batch's mean of sums: BatchNorm's first half, a line, so that no sigma is too large."""
    sums = lambda images: tf.reduce_sum(images, axis=[1, 2, 3])[:, None]  # noqa: E731
    judge = lambda images: sums(images) - tf.reduce_mean(sums(images))  # noqa: E731
    images, pixels, count = tf.zeros([4, 2, 2, 1]), 4, 4
    slope = lambda n: squared_slope(0.1, judge, images, tf.stack([tf.constant(3, tf.int64), n]))  # noqa: E731
    draws = tf.range(2000, dtype=tf.int64)
    found = tf.function(lambda: tf.map_fn(slope, draws, fn_output_signature=tf.float32))()
    # By its own pixels 1 - 1/4, by those of each of the three others -1/4. The sum of all logits is 0 everywhere.
    assert np.isclose(np.mean(found), pixels * ((1 - 1 / count) ** 2 + (count - 1) / count**2), rtol=0.05)
    assert float(squared_slope(0.0, judge, images, SEED)) == 0


def test_r1_is_taken_at_real_images_and_r2_at_generated_ones():
    judge = lambda images: WEIGHT * tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None]  # noqa: E731
    real, fake, clean = tf.fill([4, 2, 2, 1], 1.0), tf.fill([4, 2, 2, 1], 3.0), {"discriminator_batch_norm": False}
    for fields, at in (({"r1_gamma": 2.0}, 1.0), ({"r2_gamma": 2.0}, 3.0)):
        added = Penalties(Recipe(**fields, **clean)).add(
            [tf.constant(0.0)], [WEIGHT], PLAIN, judge, real, fake, SEED, tf.constant(0)
        )
        # the slope is 2 w x at each of 4 pixels: gamma / 2 times 16 w^2 x^2, whose own gradient is 32 w x^2
        np.testing.assert_allclose(added[0], 32 * 0.5 * at**2, rtol=1e-5)


def test_a_share_of_the_batch_is_its_first_images_and_as_strong():
    """One image of value 1 and two of 3: `gamma / 2 * (2 w x)^2` at each of 4 pixels, by w, tells which were taken."""
    judge = lambda images: WEIGHT * tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None]  # noqa: E731
    batch = tf.concat([tf.fill([1, 2, 2, 1], 1.0), tf.fill([2, 2, 2, 1], 3.0)], 0)
    at = {0.01: 1, 0.3: 1, 0.5: (1 + 9) / 2, 1.0: (1 + 9 + 9) / 3}  # rounded up: 1, 1, 2 and 3 images
    for share, mean_square in at.items():
        for name in ("r1_gamma", "r2_gamma"):
            recipe = Recipe(**{name: 2.0}, penalty_share=share, discriminator_batch_norm=False)
            added = Penalties(recipe).add(
                [tf.constant(0.0)], [WEIGHT], PLAIN, judge, batch, batch, SEED, tf.constant(0)
            )
            np.testing.assert_allclose(added[0], 32 * 0.5 * mean_square, rtol=1e-5)


def test_with_the_scaled_losses_of_float16_a_penalty_moves_d_as_far():
    weight, images = keras.Variable(0.5), tf.fill([4, 2, 2, 1], 1.0)
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-2), initial_scale=1024.0)
    optimizer.build([weight])
    penalties = Penalties(Recipe(r1_gamma=2.0, discriminator_batch_norm=False))
    judge = lambda images: weight * tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None]  # noqa: E731
    given = judge, images, images, SEED, tf.constant(0)
    optimizer.apply(penalties.add([tf.constant(0.0)], [weight.value], optimizer, *given), [weight])
    np.testing.assert_allclose(0.5 - weight.numpy(), 1e-2 * 32 * 0.5, rtol=1e-5)


def test_noise_on_what_d_sees_is_not_the_direction_in_which_its_slope_is_measured(monkeypatch):
    fields = {"width": 4, "latent_dim": 8, "batch_size": 8, "instance_noise": 0.4, "instance_noise_target": None}
    fields |= {"instance_noise_images": None, "r1_gamma": 1.0, "r2_gamma": 1.0, "penalty_sigma": 0.1}
    gan = GAN(get_recipe("quick").with_fields(fields), (28, 28, 1))
    drawn, normal = [], replicas.normal
    monkeypatch.setattr(
        replicas, "normal", lambda shape, seed: drawn.append(tuple(seed.numpy())) or normal(shape, seed)
    )
    gan.train_step(tf.zeros([8, 28, 28, 1], tf.uint8))
    # Latents; real, generated and generated again; three of each penalty: its direction, and two looks, alike.
    assert len(drawn) == 10 and len(set(drawn)) == 7


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
    given = ([tf.constant(1.0)], [weight], PLAIN, judge, IMAGES, IMAGES, SEED)
    pixels = int(np.prod(IMAGES.shape[1:]))
    values = [float(lazy.add(*given, tf.constant(step))[0]) for step in range(8)]
    assert values == [1 + 4 * pixels, 1, 1, 1, 1 + 4 * pixels, 1, 1, 1]
    assert [float(g) for g in Penalties(Recipe()).add(*given, tf.constant(0))] == [1]


def test_a_penalty_reaches_the_weights():
    layer = keras.layers.Dense(1)
    layer.build([None, 16])
    with tf.GradientTape() as tape:
        value = 0.5 * squared_slope(0.0, lambda images: layer(tf.reshape(images, [-1, 16])), IMAGES, SEED)
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
