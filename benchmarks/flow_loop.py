"""A plain flow-matching model with a small U-Net, of nothing of this project: why not a diffusion model, then?

Images are reached from noise along straight lines, and a network learns the velocity on them (Lipman et al. 2023,
arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003). Three sizes of 32, 64 and 96 features, a residual block on the way
down and up in each, GroupNorm, swish, the time as scale and shift; Adam 1e-3, batches of 64, an average with decay
0.995. Images are drawn by Heun's method in `STEPS` steps, so one image takes twice that many passes of the network.
Square images whose size is a multiple of 4.
"""

import keras
import numpy as np
import tensorflow as tf
from by_hand import Loop, follow
from keras import layers, ops

BATCH_SIZE, WIDTHS, DECAY, STEPS = 64, (32, 64, 96), 0.995, 10


def _block(x, when, width):
    h = layers.Conv2D(width, 3, padding="same")(ops.silu(layers.GroupNormalization(8)(x)))
    scale, shift = ops.split(layers.Reshape([1, 1, 2 * width])(layers.Dense(2 * width)(when)), 2, axis=-1)
    h = layers.GroupNormalization(8)(h) * (1.0 + scale) + shift
    h = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(ops.silu(h))
    return h + (x if x.shape[-1] == width else layers.Conv2D(width, 1)(x))


def make_network(size, channels):
    """A function (images at time t, t [N, 1]) -> their velocity, both [N, S, S, C]."""
    images, t = keras.Input([size, size, channels]), keras.Input([1])
    waves = t * ops.reshape(2.0 ** np.arange(8, dtype=np.float32), [1, 8])
    when = layers.Dense(64, activation="silu")(ops.concatenate([ops.sin(waves), ops.cos(waves)], axis=-1))
    x = layers.Conv2D(WIDTHS[0], 3, padding="same")(images)
    left = []
    for width in WIDTHS[:-1]:
        x = _block(x, when, width)
        left.append(x)
        x = layers.Conv2D(width, 3, 2, "same")(x)
    x = _block(_block(x, when, WIDTHS[-1]), when, WIDTHS[-1])
    for width in WIDTHS[-2::-1]:
        x = layers.Conv2D(width, 3, padding="same")(layers.UpSampling2D(2)(x))
        x = _block(ops.concatenate([x, left.pop()], axis=-1), when, width)
    x = ops.silu(layers.GroupNormalization(8)(x))
    return keras.Model([images, t], layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros")(x))


class FlowLoop(Loop):
    """The loop over images uint8 [N, S, S, C]."""

    def __init__(self, images):
        super().__init__(images, BATCH_SIZE)
        size, channels = images.shape[1], images.shape[3]
        self.network, self.average = make_network(size, channels), make_network(size, channels)
        self.average.set_weights(self.network.get_weights())
        self.optimizer = keras.optimizers.Adam(1e-3)

    @tf.function
    def train_step(self, images):
        real = tf.cast(images, tf.float32) / 127.5 - 1
        noise, t = tf.random.normal(tf.shape(real)), tf.random.uniform([BATCH_SIZE, 1])
        between = noise + t[:, :, None, None] * (real - noise)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.network([between, t], training=True) - (real - noise)))
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        follow(self.average, self.network, DECAY, self.optimizer)

    @tf.function
    def flow(self, x):
        """From noise [N, S, S, C] to images: Heun's method, which looks one step ahead and takes the mean."""
        velocity = lambda x, t: self.average([x, tf.fill([tf.shape(x)[0], 1], t)], training=False)  # noqa: E731
        for step in tf.range(STEPS):
            t, length = tf.cast(step, tf.float32) / STEPS, 1 / STEPS
            first = velocity(x, t)
            x += length / 2 * (first + velocity(x + length * first, t + length))
        return x

    def draw(self, count):
        return self.flow(tf.random.normal([count, *self.network.input_shape[0][1:]]))
