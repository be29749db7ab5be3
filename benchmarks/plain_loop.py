"""A plain small DCGAN, written as one would by hand, with nothing of this project: the line `quick` is to beat.

Dense to 7x7 (8x8) and 4x4 transposed convolutions of stride 2, 48 wide; its mirror as D. BatchNorm with momentum
0.9 in both, no dropout, Adam 1e-3 with beta_1 0.5, batches of 64, D before G, samples from an average of the
weights with decay 0.99. Square images whose size is 28 or a power of two.
"""

import keras
import numpy as np
import tensorflow as tf
from by_hand import Loop, follow
from keras import layers

BATCH_SIZE, NOISE_DIM, WIDTH, DECAY = 64, 100, 48, 0.99


def _start(size):
    return 7 if size == 28 else 8


def _doublings(size):
    return int(np.log2(size // _start(size)))


def make_generator(size, channels):
    start, normal = _start(size), keras.initializers.RandomNormal(0, 0.02, seed=None)
    stack = [layers.Input([NOISE_DIM]), layers.Dense(start * start * WIDTH, use_bias=False, kernel_initializer=normal)]
    stack += [layers.Reshape([start, start, WIDTH]), layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    for _ in range(_doublings(size) - 1):
        stack.append(layers.Conv2DTranspose(WIDTH, 4, 2, "same", use_bias=False))
        stack += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    return keras.Sequential([*stack, layers.Conv2DTranspose(channels, 4, 2, "same", activation="tanh")])


def make_discriminator(size, channels):
    stack = [layers.Input([size, size, channels])]
    for _ in range(_doublings(size)):
        stack.append(layers.Conv2D(WIDTH, 4, 2, "same", use_bias=False))
        stack += [layers.BatchNormalization(momentum=0.9), layers.LeakyReLU(negative_slope=0.2)]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(1)])


class PlainLoop(Loop):
    """The loop over images uint8 [N, S, S, C]."""

    def __init__(self, images):
        super().__init__(images, BATCH_SIZE)
        size, channels = images.shape[1], images.shape[3]
        self.generator, self.discriminator = make_generator(size, channels), make_discriminator(size, channels)
        self.average = keras.models.clone_model(self.generator)
        self.average.set_weights(self.generator.get_weights())
        self.optimizers = [keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)]

    @tf.function
    def train_step(self, images):
        def cross_entropy(logits, label):
            labels = tf.fill(tf.shape(logits), label)
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))

        real = tf.cast(images, tf.float32) / 127.5 - 1
        with tf.GradientTape() as tape:
            fake = self.generator(tf.random.normal([BATCH_SIZE, NOISE_DIM]), training=True)
            loss = cross_entropy(self.discriminator(real, training=True), 1.0)
            loss += cross_entropy(self.discriminator(tf.stop_gradient(fake), training=True), 0.0)
        variables = self.discriminator.trainable_variables
        self.optimizers[0].apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        with tf.GradientTape() as tape:
            fake = self.generator(tf.random.normal([BATCH_SIZE, NOISE_DIM]), training=True)
            loss = cross_entropy(self.discriminator(fake, training=True), 1.0)
        variables = self.generator.trainable_variables
        self.optimizers[1].apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        follow(self.average, self.generator, DECAY, self.optimizers[1])

    def draw(self, count):
        return self.average(tf.random.normal([count, NOISE_DIM]), training=False)
