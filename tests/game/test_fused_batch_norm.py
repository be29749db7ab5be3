"""The fused kernel against Keras' own BatchNormalization."""

import keras
import numpy as np
import tensorflow as tf

from dcgan_tf.game.fused_batch_norm import fuse_batch_norm


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
