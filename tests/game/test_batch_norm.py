"""The fused kernel against Keras' own BatchNormalization."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.game.batch_norm import fuse_batch_norm, seeing_both_kinds


def _network():
    keras.utils.set_random_seed(1)
    images = keras.Input([6, 6, 2])
    x = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)(keras.layers.Conv2D(5, 3)(images))
    return keras.Model(images, keras.layers.BatchNormalization()(keras.layers.Flatten()(x)))


def _step(network, images):
    with tf.GradientTape() as tape:
        outputs = network(images, training=True)
        loss = tf.reduce_mean(outputs**3)
    return outputs, tape.gradient(loss, network.trainable_variables)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_where_the_others_compute_in_half_the_digits_it_computes_in_float32_as_keras_does(policy):
    images = keras.Input([6, 6, 2], dtype=policy.removeprefix("mixed_"))
    networks = [keras.Model(images, keras.layers.BatchNormalization(dtype=policy)(images)) for _ in range(2)]
    fuse_batch_norm(networks[1])
    x = tf.cast(tf.random.stateless_normal([7, 6, 6, 2], [1, 0]) * 3 + 1, images.dtype)
    wanted, found = (network(x, training=True) for network in networks)
    assert found.dtype == wanted.dtype == images.dtype
    np.testing.assert_allclose(tf.cast(found, "float32"), tf.cast(wanted, "float32"), rtol=0.02, atol=0.002)
    for a, b in zip(networks[1].get_weights(), networks[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_outputs_gradients_and_moving_statistics_are_those_of_keras(tmp_path):
    plain, fused = _network(), _network()
    fuse_batch_norm(fused)
    assert "call" in vars(fused.layers[2]) and "call" in vars(fused.layers[4])  # images, and vectors
    for seed in range(3):
        images = tf.random.stateless_normal([7, 6, 6, 2], [seed, 0]) * 3 + 1
        wanted, found = _step(plain, images), _step(fused, images)
        np.testing.assert_allclose(found[0], wanted[0], atol=1e-4)
        for a, b in zip(found[1], wanted[1], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    for a, b in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(fused(images, training=False), fused.predict(images, verbose=0))
    fused.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert "call" not in vars(again.layers[2])
    np.testing.assert_allclose(again(images), fused(images), atol=1e-6)


def test_the_first_one_normalises_each_half_of_a_batch_by_itself_and_those_after_it_the_whole():
    network = _network()
    fuse_batch_norm(network)
    convolution, first, second = (network.layers[index] for index in (1, 2, 4))
    real, fake = (tf.random.stateless_normal([4, 6, 6, 2], [seed, 0]) * (seed + 1) for seed in range(2))
    found, gradients = _step(seeing_both_kinds(network, True, False), tf.concat([real, fake], 0))
    halves = [first(convolution(half), training=True) for half in (real, fake)]
    wanted = second(tf.reshape(tf.concat(halves, 0), [8, -1]), training=True)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert not np.allclose(found, network(tf.concat([real, fake], 0), training=True), atol=0.1)
    assert len(gradients) == len(network.trainable_variables) and np.any(gradients[0])
    again, *features = seeing_both_kinds(network, True, True)(tf.concat([real, fake], 0), training=True)
    np.testing.assert_allclose(again, found, atol=1e-6)
    np.testing.assert_allclose(features[0], tf.concat(halves, 0), atol=1e-6)
    assert len(features) == 2 and seeing_both_kinds(network, False, False) is network
