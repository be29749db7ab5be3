"""Noise on what D sees: how much there is at each moment, and that it is normal."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.game.gan import GAN
from dcgan_tf.game.instance_noise import InstanceNoise
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.recipe.fields import Recipe

SEED = tf.constant([3, 4], tf.int64)
IMAGES = tf.zeros([50, 20, 20, 1])


def test_without_noise_nothing_is_added():
    assert InstanceNoise(Recipe()).add(IMAGES, SEED, 0) is IMAGES


def test_it_is_normal_and_drawn_by_its_seed():
    noise = InstanceNoise(Recipe(instance_noise=0.5))
    drawn = noise.add(IMAGES, SEED, 10**6).numpy()
    assert np.array_equal(drawn, noise.add(IMAGES, SEED, 0))
    assert not np.array_equal(drawn, noise.add(IMAGES, SEED + 1, 0))
    assert abs(drawn.mean()) < 0.01 and abs(drawn.std() - 0.5) < 0.01
    assert np.mean(np.abs(drawn) < 0.5) == pytest.approx(0.6827, abs=0.01)  # within one deviation


def test_it_falls_to_nothing_over_its_images():
    noise = InstanceNoise(Recipe(instance_noise=0.4, instance_noise_images=1000))
    for seen, wanted in ((0, 0.4), (500, 0.2), (1000, 0.0), (5000, 0.0)):
        assert abs(noise.add(IMAGES, SEED, tf.constant(seen)).numpy().std() - wanted) < 0.01


def test_with_a_target_it_follows_the_discriminator():
    noise = InstanceNoise(Recipe(instance_noise=0.4, instance_noise_images=1000, instance_noise_target=0.8))

    fake = tf.range(50.0)[:, None]

    def after(told_apart, batches):
        real = tf.fill([50, 1], 50 * told_apart - 0.5)  # above so many of the generated
        for _ in range(batches):
            noise.follow(real, fake)
        return pytest.approx(float(noise.deviation(123)), abs=1e-6)

    assert after(0.5, 3) == 0  # guessing: none, and never below
    assert after(1.0, 5) == 0.1  # a quarter of the images of its way
    assert after(0.8 + 0.05, 2) == 0.12  # half way to full speed
    assert after(0.8, 7) == 0.12  # on target: it stays
    assert after(0.96, 30) == 0.4  # at most
    assert after(0.0, 10) == 0.2
    assert abs(noise.add(IMAGES, SEED, 0).numpy().std() - 0.2) < 0.01


def test_pairs_that_D_scores_alike_count_half():
    noise = InstanceNoise(Recipe(instance_noise=0.4, instance_noise_images=1000, instance_noise_target=0.5))
    for _ in range(3):
        noise.follow(tf.zeros([10, 1]), tf.zeros([10, 1]))
    assert float(noise.deviation(0)) == 0


def test_a_confident_discriminator_brings_it_about_in_training():
    """D alone learns (G stands still): the noise rises from 0, D is shown it, and it is part of the saved state."""
    changes = {"instance_noise": 0.4, "instance_noise_images": 400, "instance_noise_target": 0.75}
    changes |= {"discriminator_learning_rate": 1e-3, "generator_learning_rate": 1e-9, "ema_images": 0}
    gan = GAN(RECIPES["gwu"].with_fields({"width": 4, "batch_size": 16, **changes}), (8, 8, 1))
    images = tf.constant(np.random.default_rng(0).integers(128, 256, (16, 8, 8, 1)), tf.uint8)
    step, levels = tf.function(gan.train_step), []
    for _ in range(30):
        step(images)
        levels.append(float(gan.variables["instance_noise/000"]))
    assert levels[-1] == pytest.approx(0.4) and levels == sorted(levels)
