"""Conditional networks and their step: every architecture, rule, loss and penalty, told classes or attributes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_gan import SHAPE, TINY, assert_no_long_sums, changed, random_images, values_of

from dcgan_tf.game.gan import GAN
from dcgan_tf.networks.architectures import build_discriminator, build_generator
from dcgan_tf.recipe.catalogue import RECIPES, get_recipe
from dcgan_tf.system.errors import UserError

CONDITIONAL = TINY.with_fields({"conditional": True})
LABELS = tf.one_hot(np.arange(8) % 3, 3)


def _embedding(network):
    return network.get_layer("label_embedding").kernel


# The smallest of each architecture: the recipe, its changes, the size.
SMALL = {
    "quick": ("quick", {"width": 2}, (28, 28, 1)),
    "quick_colour": ("quick_colour", {"width": 2}, (28, 28, 3)),
    "dcgan": ("radford", {"width": 2}, (8, 8, 3)),
    "tutorial": ("tutorial", {"width": 2}, (28, 28, 1)),
    "vrdl": ("vrdl", {"width": 2}, (64, 64, 3)),
    "gwu": ("gwu", {"width": 2}, (8, 8, 3)),
    "sapienza": ("sapienza", {"width": 1}, (64, 64, 3)),
    "rpi": ("rpi_rescued", {"width": 2}, (64, 64, 3)),
}


@pytest.mark.parametrize("name", SMALL)
def test_every_architecture_trains_conditionally_and_learns_both_embeddings(name):
    recipe, changes, shape = SMALL[name]
    recipe = get_recipe(recipe).with_fields({**changes, "batch_size": 8, "conditional": True})
    gan = GAN(recipe, shape, seed=1, label_count=3)
    assert [tensor.name for tensor in gan.generator.inputs] == ["latents", "labels"]
    assert [tensor.name for tensor in gan.discriminator.inputs] == ["images", "labels"]
    embeddings = [_embedding(network) for network in (gan.generator, gan.discriminator)]
    before = values_of(embeddings)
    for index in range(3 if recipe.update_rule == "loss_gated" else 1):
        assert np.isfinite(gan.train_step(random_images(8, shape, index), LABELS).numpy()).all()
    assert changed(before[1:], embeddings[1:])
    assert changed(before[:1], embeddings[:1]) or recipe.update_rule == "loss_gated"


def test_each_architecture_is_tried():
    assert {get_recipe(name).architecture for name, _, _ in SMALL.values()} == {
        r.architecture for r in RECIPES.values()
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"update_rule": "simultaneous"},
        {"update_rule": "loss_gated"},
        {"discriminator_steps": 2},
        {"loss": "relativistic", "discriminator_batch": "together"},
        {"loss": "relativistic"},
        {
            "discriminator_batch": "together",
            "r1_gamma": 1.0,
            "r2_gamma": 1.0,
            "penalty_sigma": 0.1,
            "penalty_share": 0.5,
        },
        {"r1_gamma": 1.0, "r2_gamma": 1.0, "discriminator_batch_norm": False},
        {"gradient_penalty": 10.0, "loss": "wasserstein", "discriminator_batch_norm": False},
        {"spectral_norm": True, "discriminator_batch_norm": False},
        {"minibatch_std": True, "augment": "translation", "instance_noise": 0.1, "ema_images": 100},
        {"precision": "bfloat16"},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_it_goes_with_all_the_rest_in_steps_of_one_outcome(changes):
    gan = GAN(CONDITIONAL.with_fields(changes), SHAPE, label_count=3)
    images = random_images(8, SHAPE)
    takes = [tf.TensorSpec(images.shape, tf.uint8), tf.TensorSpec([8, 3])]
    step = tf.function(gan.train_step, input_signature=takes)
    assert np.isfinite(step(images, LABELS).numpy()).all()
    if "spectral_norm" not in changes:
        assert_no_long_sums(step)


def test_the_projection_is_that_of_the_paper():
    discriminator = build_discriminator(CONDITIONAL.with_fields({"label_projection": 3.0}), SHAPE, 3)
    images = np.random.default_rng(0).uniform(-1, 1, (5, *SHAPE)).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 0]] + np.float32([[0], [0], [0], [0], [0]])
    labels[4, 1] = 1  # multi-hot
    dense = discriminator.get_layer("logit")
    features = keras.Model(discriminator.inputs[0], dense.input)(images).numpy()
    embedded = labels @ _embedding(discriminator).numpy()
    expected = features @ dense.kernel.numpy() + dense.bias.numpy()
    expected += 3 * (features * embedded).sum(axis=1, keepdims=True) / np.sqrt(features.shape[1])
    np.testing.assert_allclose(discriminator([images, labels]), expected, rtol=1e-4, atol=1e-6)
    assert np.ptp(expected) > 0


def test_what_is_asked_for_reaches_the_image_and_no_attribute_is_no_vector():
    generator = build_generator(CONDITIONAL, SHAPE, 3)
    latents = np.random.default_rng(0).normal(size=(1, 8)).astype(np.float32).repeat(4, axis=0)
    images = generator([latents, np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])]).numpy()
    assert np.array_equal(images[0], images[3]) and not np.allclose(images[0], images[1], rtol=0.001, atol=0)
    kernels = _embedding(generator).numpy()
    assert generator.get_layer("label_embedding").bias is None and 0.07 < kernels.std() < 0.13


def test_real_and_generated_images_are_judged_under_the_labels_of_the_real_ones():
    gan = GAN(CONDITIONAL.with_fields({"discriminator_batch": "together"}), SHAPE, label_count=3)
    gan.discriminator.get_layer("label_embedding").kernel.assign(np.random.default_rng(1).normal(0, 9, (3, 32)))
    real, fake = (to_float(random_images(8, SHAPE, seed)) for seed in (1, 2))
    both = tf.concat(gan.judge_both(real, fake, LABELS)[:2], 0)
    direct = gan.discriminator([tf.concat([real, fake], 0), tf.concat([LABELS, LABELS], 0)], training=True)
    np.testing.assert_allclose(both, direct, rtol=1e-4, atol=1e-4)
    other = gan.discriminator([tf.concat([real, fake], 0), tf.concat([LABELS, LABELS[::-1]], 0)], training=True)
    assert not np.allclose(both, other, atol=1e-2)
    few = gan.judge(real[:3], 4, LABELS)
    np.testing.assert_allclose(few, gan.discriminator([real[:3], LABELS[:3]], training=True), rtol=1e-4, atol=1e-4)


def to_float(images):
    return tf.cast(images, tf.float32) / 127.5 - 1


def test_data_without_labels_are_refused_and_others_make_no_use_of_labels():
    for build in (build_generator, build_discriminator):
        with pytest.raises(UserError, match=r"conditional=True needs data with labels.*subfolder.*labels.csv"):
            build(CONDITIONAL, SHAPE)
        assert len(build(TINY, SHAPE, 3).inputs) == 1
