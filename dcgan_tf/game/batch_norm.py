"""How BatchNorm computes in training: in one operation, and in D for batches that hold real and generated images.

One operation gives the same numbers as Keras' layer, in about half its time on a CPU, and always the same ones.

Keras computes mean, variance and normalised values one operation after another, which in a small DCGAN is a fifth of a
training step, and its gradient adds three terms in an order that nobody fixes: in the last digit, one step from one
state then has several outcomes. TensorFlow has a fused kernel for it. Only how the layers of a network compute in
training is changed; they stay `keras.layers.BatchNormalization`, and are saved, cloned and loaded as such.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from dcgan_tf.system.keras_backend import keras, ops


def fuse_batch_norm(network: keras.Model):
    """Let the network's BatchNormalization layers over [N, C] or [N, H, W, C] use the fused kernel in training."""
    for layer in network.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        rank = len(layer.input.shape)
        if rank in (2, 4) and layer.axis in (-1, rank - 1) and layer.scale and layer.center:
            normalise_in_training(layer, functools.partial(_fused, layer))


def _fused(layer, x):
    normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x if len(x.shape) == 4 else x[:, None, None, :],
        scale=layer.gamma,
        offset=layer.beta,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    variance *= (count - 1) / count  # the kernel's is that of a sample, Keras follows that of the batch
    return tf.reshape(normalised, tf.shape(x)), mean, variance


def normalise_in_training(layer, normalise: Callable):
    """Let a BatchNormalization layer compute in training what normalise(x) gives: x normalised, mean and variance."""
    plain_call = layer.call

    def call(inputs, training=None, mask=None):
        if not training or mask is not None or not layer.trainable:
            return plain_call(inputs, training=training, mask=mask)
        x = tf.cast(inputs, tf.float32)  # as Keras' layer does, where the others compute in half the digits
        normalised, mean, variance = normalise(x)
        layer.moving_mean.assign(layer.moving_mean * layer.momentum + mean * (1 - layer.momentum))
        layer.moving_variance.assign(layer.moving_variance * layer.momentum + variance * (1 - layer.momentum))
        return tf.cast(normalised, inputs.dtype)

    layer.call = call


def seeing_both_kinds(discriminator, first_apart, with_features: bool) -> keras.Model:
    """D itself, with the same weights, for batches whose first half is real images and whose second is generated ones.

    first_apart: its first BatchNormalization normalises each half by itself: always (True), never (False), or as long
    as a function without arguments gives True, a scalar. That is where grain, tint and contrast are seen: shown how
    much of them all generated images share, D is soon sure of its case, and G learns little more of it; later on G has
    to learn just that (benchmarks/README.md). What deeper layers see of the whole batch they are shown as ever.
    with_features: its answer is [logits, outputs of the 1st, 2nd, ... BatchNormalization layer].
    """
    if not first_apart and not with_features:
        return discriminator
    features = []

    def call(layer, *inputs, **keywords):
        if not isinstance(layer, keras.layers.BatchNormalization):
            return layer(*inputs, **keywords)
        if first_apart and not features:
            halves = ops.split(inputs[0], 2)
            if callable(first_apart):
                beside = _Company(first_apart, dtype=layer.dtype_policy)(*halves)
                halves = [ops.split(layer(one, **keywords), 2)[0] for one in beside]
            else:
                halves = [layer(half, **keywords) for half in halves]
            x = ops.concatenate(halves, axis=0)
        else:
            x = layer(*inputs, **keywords)
        features.append(x)
        return x

    view = keras.models.clone_model(discriminator, clone_function=lambda layer: layer, call_function=call)
    return keras.Model(view.inputs, [view.output, *features]) if with_features else view


class _Company(keras.layers.Layer):
    """Batches of twice as many: each half beside itself while a condition holds, then each beside the other.

    Statistics of a half beside itself are its own. No branch is taken, in which other devices could not be asked for
    their part of the batch; and nothing is used more than twice, since TensorFlow adds three gradients in no fixed
    order. It makes a step 1.02 times as long (benchmarks/README.md).
    """

    def __init__(self, holds: Callable, **options):
        super().__init__(**options)
        self.holds = holds

    def call(self, real, fake):
        holds, real_too, fake_too = self.holds(), tf.identity(real), tf.identity(fake)
        beside_real = tf.where(holds, real_too, fake_too)
        beside_fake = tf.where(holds, fake_too, real_too)
        return tf.concat([real, beside_real], axis=0), tf.concat([fake, beside_fake], axis=0)
