"""The TensorFlow DCGAN tutorial's own training loop, written afresh: networks, optimizers, batch and step as there.

It stands apart from the package on purpose: this is what people start from, and what `train()` is measured
against. float32 images in a tf.data pipeline, one compiled step per batch, sixteen samples per epoch.
"""

import time

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

BUFFER_SIZE, BATCH_SIZE, NOISE_DIM = 60_000, 256, 100


def make_generator():
    return tf.keras.Sequential(
        [
            layers.Input([NOISE_DIM]),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape([7, 7, 256]),
            layers.Conv2DTranspose(128, 5, 1, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, 2, "same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, 2, "same", use_bias=False, activation="tanh"),
        ]
    )


def make_discriminator():
    return tf.keras.Sequential(
        [
            layers.Input([28, 28, 1]),
            layers.Conv2D(64, 5, 2, "same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, 2, "same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


class TutorialLoop:
    """The loop over images uint8 [N, 28, 28, 1]."""

    def __init__(self, images):
        floats = (images.astype("float32") - 127.5) / 127.5
        self.batches = tf.data.Dataset.from_tensor_slices(floats).shuffle(BUFFER_SIZE).batch(BATCH_SIZE)
        self.generator, self.discriminator = make_generator(), make_discriminator()
        self.generator_optimizer = tf.keras.optimizers.Adam(1e-4)
        self.discriminator_optimizer = tf.keras.optimizers.Adam(1e-4)
        self.cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
        self.seed = tf.random.normal([16, NOISE_DIM])
        self.images_seen, self.seconds = 0, 0.0

    @tf.function
    def train_step(self, images):
        noise = tf.random.normal([BATCH_SIZE, NOISE_DIM])
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            generated = self.generator(noise, training=True)
            real_output = self.discriminator(images, training=True)
            fake_output = self.discriminator(generated, training=True)
            generator_loss = self.cross_entropy(tf.ones_like(fake_output), fake_output)
            real_loss = self.cross_entropy(tf.ones_like(real_output), real_output)
            discriminator_loss = real_loss + self.cross_entropy(tf.zeros_like(fake_output), fake_output)
        generator_gradients = generator_tape.gradient(generator_loss, self.generator.trainable_variables)
        discriminator_gradients = discriminator_tape.gradient(
            discriminator_loss, self.discriminator.trainable_variables
        )
        self.generator_optimizer.apply_gradients(
            zip(generator_gradients, self.generator.trainable_variables, strict=True)
        )
        self.discriminator_optimizer.apply_gradients(
            zip(discriminator_gradients, self.discriminator.trainable_variables, strict=True)
        )

    def train(self, epochs=None, max_seconds=None, after_epoch=None):
        """Until so many epochs or seconds are over; `after_epoch(loop, seconds)` is called in between."""
        started, epoch = time.perf_counter(), 0
        while epochs is None or epoch < epochs:
            for batch in self.batches:
                self.train_step(batch)
                self.images_seen += len(batch)
                seconds = time.perf_counter() - started
                if max_seconds is not None and seconds > max_seconds:
                    self.seconds += seconds
                    return
            self.samples = self.generator(self.seed, training=False).numpy()
            epoch += 1
            if after_epoch is not None:
                after_epoch(self, time.perf_counter() - started)

    def generate(self, count, batch_size=100):
        """`count` images uint8 [count, 28, 28, 1]."""
        parts = [
            self.generator(tf.random.normal([batch_size, NOISE_DIM]), training=False)
            for _ in range(-(-count // batch_size))
        ]
        images = np.concatenate([part.numpy() for part in parts])[:count]
        return np.clip(np.rint(images * 127.5 + 127.5), 0, 255).astype(np.uint8)
