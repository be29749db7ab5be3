"""What a step costs on several devices: bytes and exchanges, and the time of two parts of one processor.

    python benchmarks/devices.py [--rounds 5]

Both make the same step on the same cores, in turns: the ratio is what sharing costs, not what it gains.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from arithmetic import step_flops

from dcgan_tf.game import replicas
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.training.devices.choosing import choose_devices

CASES = (("quick", (28, 28, 1)), ("quick_colour", (64, 64, 3)), ("tutorial", (28, 28, 1)), ("gwu", (32, 32, 3)))
LARGE = (("radford", (64, 64, 3)), ("vrdl", (64, 64, 3)))  # counted only


def counted(function, calls, counts=lambda values: True):
    def call(values):
        if counts(values):
            calls.append(values)
        return function(values)

    return call


def stepper(recipe, shape, devices):
    """A function that makes so many steps and returns the seconds of one, and the GAN."""
    with devices.scope():
        gan = GAN(recipe, shape)
    step = tf.function(lambda *parts: devices.run(gan.train_step, parts))
    images = np.random.default_rng(0).integers(0, 256, (recipe.batch_size, *shape), dtype=np.uint8)
    if devices.strategy:
        images = np.stack([images[rank :: devices.replicas] for rank in devices.ranks])
    images = tf.constant(images)

    def run(count):
        started = time.perf_counter()
        for _ in range(count):
            metrics = step(images)
        metrics.numpy()
        return (time.perf_counter() - started) / count

    return run, gan, step, images


def exchanges(step, images, devices):
    """How often a replica exchanges something in a step, as it is traced."""
    calls = []
    mean, gather = replicas.mean, replicas.gather
    replicas.mean, replicas.gather = (
        counted(mean, calls, lambda values: isinstance(values, list)),
        counted(gather, calls),
    )
    try:
        step.get_concrete_function(images)
    finally:
        replicas.mean, replicas.gather = mean, gather
    return len(calls) // devices.replicas


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    two = choose_devices("cpu:2")
    one = type(two)()
    print(
        f"{'recipe':14}{'batch':>6}{'MB of gradients':>17}{'GFLOP a step':>14}{'exchanges':>11}{'two parts / one':>17}"
    )
    for name, shape in (*CASES, *LARGE):
        recipe = get_recipe(name)
        run_two, gan, step, images = stepper(recipe, shape, two)
        count = exchanges(step, images, two)
        megabytes = 4e-6 * sum(
            int(np.prod(v.shape)) for n in (gan.generator, gan.discriminator) for v in n.trainable_variables
        )
        flops = step_flops(recipe, gan.generator, gan.discriminator) / 1e9
        ratio = ""
        if (name, shape) in CASES:
            run_one, *_ = stepper(recipe, shape, one)
            for run in (run_one, run_two):
                run(2)
            turns = [run_two(steps) / run_one(steps) for steps in [10] * rounds]
            ratio = f"{np.median(turns):.2f} ({min(turns):.2f} to {max(turns):.2f})"
        print(f"{name:14}{recipe.batch_size:6}{megabytes:17.2f}{flops:14.1f}{count:11}  {ratio}", flush=True)


if __name__ == "__main__":
    main()
