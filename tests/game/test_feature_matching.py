"""Feature matching: against NumPy, and in G's step."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_gan import SHAPE, TINY, assert_no_long_sums, changed, random_images, values_of

from dcgan_tf.data.images import to_model_range
from dcgan_tf.game.feature_matching import unlikeness
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.system.errors import UserError

TOGETHER = TINY.with_fields({"discriminator_batch": "together", "initial_std": 0.1})
MATCHED = TOGETHER.with_fields({"feature_matching": 2.0})


def _features(count, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=(2 * count, *shape)).astype(np.float32)


def test_means_and_deviations_are_compared_place_by_place():
    layers, expected = [_features(5, 4, 4, 3), _features(5, 7)], 0
    for layer in layers:
        for moment in (np.mean, np.std):
            expected += np.mean((moment(layer[:5], axis=0) - moment(layer[5:], axis=0)) ** 2)
    assert np.isclose(unlikeness(layers), expected, rtol=1e-3)  # a little is added to variances


def test_it_sees_images_that_are_right_on_average_and_too_alike():
    real = _features(200, 2, seed=1)[:200]
    alike, other = real * 0.5 + real.mean(axis=0) * 0.5, _features(200, 2, seed=2)[:200]
    of_alike, of_other = (unlikeness([np.concatenate([real, fake])]) for fake in (alike, other))
    assert np.isclose(of_alike, np.mean((0.5 * real.std(axis=0)) ** 2), rtol=0.01) and of_alike > 4 * of_other


def test_its_gradient_is_that_of_the_whole_and_a_number_where_all_are_equal():
    def slope(step):
        moved = features.copy()
        moved[7, 1] += step
        return float(unlikeness([moved]))

    features = np.float32(_features(4, 3))
    with tf.GradientTape() as tape:
        variable = tf.Variable(features)
        value = unlikeness([variable])
    assert np.isclose(tape.gradient(value, variable)[7, 1], (slope(0.01) - slope(-0.01)) / 0.02, rtol=0.01)
    with tf.GradientTape() as tape:
        variable = tf.Variable(tf.ones([8, 3]))
        value = unlikeness([variable])
    assert np.array_equal(tape.gradient(value, variable), np.zeros([8, 3]))


def test_the_features_are_those_of_the_same_pass_that_gives_the_logits():
    gan, images = GAN(MATCHED, SHAPE), to_model_range(tf.cast(random_images(8, SHAPE), tf.float32))
    statistics = values_of(gan.discriminator.non_trainable_variables)
    logits, *features = gan.discriminator_of_both(images, training=True)
    once = values_of(gan.discriminator.non_trainable_variables)
    for variable, value in zip(gan.discriminator.non_trainable_variables, statistics, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(logits, gan.discriminator(images, training=True))
    assert not changed(once, gan.discriminator.non_trainable_variables) and changed(statistics, once)
    assert features and all(abs(np.mean(layer)) < 1e-3 and abs(np.std(layer) - 1) < 0.05 for layer in features)


@pytest.mark.parametrize("rule", ["alternating", "simultaneous", "loss_gated"])
def test_it_moves_g_and_neither_d_nor_what_is_logged(rule):
    images = random_images(8, SHAPE)
    plain, matched = (GAN(recipe.with_fields({"update_rule": rule}), SHAPE) for recipe in (TOGETHER, MATCHED))
    logged = [gan.train_step(images).numpy() for gan in (plain, matched)]
    np.testing.assert_allclose(*logged, rtol=1e-5)
    assert not changed(values_of(plain.discriminator.variables), matched.discriminator.variables)
    moved = changed(values_of(plain.generator.variables), matched.generator.variables)
    assert moved == (rule != "loss_gated" or logged[0][0] > logged[0][1])


def test_with_labels_in_one_order_of_additions():
    gan = GAN(MATCHED.with_fields({"conditional": True}), SHAPE, label_count=3)
    step = tf.function(gan.train_step)
    arguments = random_images(8, SHAPE), tf.constant(np.eye(3, dtype=np.float32)[np.arange(8) % 3])
    assert np.isfinite(step(*arguments)).all()
    assert_no_long_sums(step.get_concrete_function(*arguments).graph)


def test_where_features_have_no_common_scale_or_no_company_it_is_refused():
    for fields in ({"discriminator_batch": "apart"}, {"discriminator_batch": "together", "architecture": "sapienza"}):
        with pytest.raises(UserError, match=r"feature_matching=1.0 compares .* set discriminator_batch=together"):
            Recipe(feature_matching=1.0).with_fields(fields)
