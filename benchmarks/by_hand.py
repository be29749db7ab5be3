"""What the models of quality.py that are written by hand share: endless batches, a clock, an average, samples."""

import time

import numpy as np
import tensorflow as tf


class Loop:
    """The loop over images uint8 [N, S, S, C]; a model adds `train_step(batch)` and `draw(count)`, in [-1, 1]."""

    def __init__(self, images, batch_size):
        data = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images), reshuffle_each_iteration=True)
        self.batches = data.repeat().batch(batch_size, drop_remainder=True).prefetch(2)
        self.batch_size, self.images_seen, self.seconds = batch_size, 0, 0.0

    def train(self, max_seconds):
        started = time.perf_counter()
        for batch in self.batches:
            self.train_step(batch)
            self.images_seen += self.batch_size
            seconds = time.perf_counter() - started
            if seconds > max_seconds:
                self.seconds += seconds
                return

    def generate(self, count, batch_size=100):
        """`count` images uint8 [count, S, S, C]."""
        images = np.concatenate([self.draw(batch_size).numpy() for _ in range(-(-count // batch_size))])[:count]
        return np.clip(np.rint(images * 127.5 + 127.5), 0, 255).astype(np.uint8)


def follow(average, network, decay, optimizer):
    """Move the weights of `average` towards those of `network`, which this optimizer has just moved.

    Faster in the first steps, since few of a large network fit into a minute, and the average would be of the weights
    that it began with.
    """
    step = tf.cast(optimizer.iterations, tf.float32)
    decay = tf.minimum(decay, step / (10.0 + step))
    for slow, weight in zip(average.weights, network.weights, strict=True):
        slow.assign(decay * slow + (1 - decay) * weight)


def recipe_and_fields(way):
    """'quick loss=hinge width=24' -> the recipe's name, and the fields that are changed in it."""
    recipe, *changes = way.split()
    return recipe, dict(change.split("=", 1) for change in changes)
