"""How fast this machine trains a recipe: measured, not guessed."""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dcgan_tf.game.gan import GAN

_WARM_UP = 2


def timed_steps(recipe, image_shape, label_count: int = 0) -> Callable[[int], float]:
    """A function that makes so many training steps on random images and returns the seconds of one.

    Everything is traced and compiled before it returns. Nothing is read or written meanwhile: train() costs
    a few hundredths more, where it is not faster (see benchmarks/).
    """
    gan = GAN(recipe, image_shape, label_count=label_count)
    step = tf.function(gan.train_step, jit_compile=recipe.jit_compile)
    images = np.random.default_rng(0).integers(0, 256, (recipe.batch_size, *image_shape), dtype=np.uint8)
    batch = [tf.constant(images)]
    if gan.is_conditional:
        batch.append(tf.one_hot(np.arange(recipe.batch_size) % label_count, label_count))

    def run(count):
        started = time.perf_counter()
        for _ in range(count):
            metrics = step(*batch)
        metrics.numpy()  # all work is done when the last result is there
        return (time.perf_counter() - started) / count

    run(_WARM_UP)
    return run


def seconds_per_1000_images(recipe, image_shape, budget: float = 3.0) -> float:
    """Seconds that 1,000 real images of training take on this machine, from at least `budget` seconds of steps.

    The fastest of several stretches counts: what else the machine does can only make one slower.
    """
    run = timed_steps(recipe, image_shape)
    first = run(1)
    count = max(1, round(budget / 5 / first))
    stretches = 5 if first < budget else 1
    fastest = min([first, *(run(count) for _ in range(stretches))])
    return 1000 * fastest / recipe.batch_size
