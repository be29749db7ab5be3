"""Layers that know of their whole batch, where several devices have a part of it each (see replicas.py).

BatchNorm normalises by the statistics of the global batch, and Dropout draws for it, so that a step is the one that a
single device would make. Only how the layers compute in training is changed; they stay Keras' own, and are saved,
cloned and loaded as such. Keras' own `synchronized=True` is the same statistics, by the mean of squares, and with a
gradient whose three terms are added in an order that nobody fixes.
"""

import functools

import tensorflow as tf

from dcgan_tf.game import replicas
from dcgan_tf.game.batch_norm import normalise_in_training
from dcgan_tf.system.keras_backend import keras


def see_whole_batch(network: keras.Model):
    """Let the network's BatchNormalization layers over the last axis and its Dropout layers see the global batch."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            normalise_in_training(layer, functools.partial(_synchronized, layer))
        elif isinstance(layer, keras.layers.Dropout):
            layer.call = _dropping(layer, layer.call)


def _synchronized(layer, x):
    channels = x.shape[-1]
    gamma = layer.gamma.value if layer.scale else tf.ones([channels])
    beta = layer.beta.value if layer.center else tf.zeros([channels])
    return _batch_norm(layer.epsilon)(x, tf.identity(gamma), tf.identity(beta))


def _batch_norm(epsilon):
    """A function (x [..., C], gamma [C], beta [C]) -> x normalised over all replicas, mean [C], variance [C].

    Source of the gradient: Ioffe and Szegedy 2015 (arXiv:1502.03167), section 3; its sums are over all replicas.
    """

    @tf.custom_gradient
    def normalise(x, gamma, beta):
        axes = list(range(len(x.shape) - 1))
        each_mean, each_variance = tf.nn.moments(x, axes)
        parts = replicas.gather(tf.stack([each_mean, each_variance])[None])  # [replicas, 2, C], of equally many rows
        mean = tf.reduce_mean(parts[:, 0], axis=0)
        variance = tf.reduce_mean(parts[:, 1] + tf.square(parts[:, 0] - mean), axis=0)
        scale = tf.math.rsqrt(variance + epsilon)
        standard = (x - mean) * scale

        def gradient(upstream, *_):  # mean and variance are not learned from
            shift, slope = tf.reduce_mean(upstream, axes), tf.reduce_mean(upstream * standard, axes)
            all_shift, all_slope = tf.unstack(replicas.mean(tf.stack([shift, slope])))
            rows = tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32)
            return gamma * scale * ((upstream - all_shift) - standard * all_slope), rows * slope, rows * shift

        return (standard * gamma + beta, mean, variance), gradient

    return normalise


def _dropping(layer, plain_call):
    def call(inputs, training=False):
        if not training or not layer.rate:
            return plain_call(inputs, training=training)
        shape = tf.shape(inputs)
        whole = tf.concat([shape[:1] * replicas.count(), shape[1:]], axis=0)
        seed = tf.cast(layer.seed_generator.next(), tf.int32)
        kept = tf.nn.experimental.stateless_dropout(tf.ones(whole, inputs.dtype), layer.rate, seed)
        return tf.ensure_shape(inputs * replicas.own_rows(kept), inputs.shape)

    return call
