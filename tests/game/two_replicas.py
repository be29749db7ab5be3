"""Run by test_replicas.py in a process of its own: steps of one device beside those of two parts of the processor.

Writes a JSON file: for each case, how far apart the two end.
"""

import json
import sys

import numpy as np
import tensorflow as tf
from tiny_gan import assert_no_long_sums

from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.training.devices.choosing import choose_devices

COUNT, LABELS = 8, 3
SMALL = {"width": 4, "latent_dim": 8, "batch_size": COUNT}
DRAWN = {"augment": "translation,cutout,color", "horizontal_flips": True, "label_noise": 0.1}
FOLLOWED = {"instance_noise": 0.2, "instance_noise_images": 100, "instance_noise_target": 0.6, "ema_images": 100}
LAZY = {"r1_gamma": 1.0, "r2_gamma": 1.0, "r1_every": 2, "penalty_share": 0.5, "discriminator_batch": "together"}
CRITIC = {"loss": "wasserstein", "gradient_penalty": 10.0, "discriminator_steps": 2, "discriminator_batch_norm": False}
SOON_TOGETHER = {"discriminator_batch": "first_apart", "first_apart_images": 2 * COUNT}
# From weights of 0.002 come gradients that float16 rounds to next to nothing, and Adam makes whole steps of what is
# left: weights of another size, and an epsilon by which steps are as large as the gradients.
SHORT_FLOATS = {"precision": "float16", "initial_std": 0.1, "adam_epsilon": 0.01, **SOON_TOGETHER}
# name: (recipe, its changes, shape of the images, steps). `gwu` has BatchNorm in G and in D, `tutorial` in G, and in D
# dropout.
CASES = {
    "no BatchNorm": ("radford", {"batch_norm": "none", **DRAWN, **FOLLOWED}, (8, 8, 3), 20),
    "gated, float16": ("gwu", {**SHORT_FLOATS, "update_rule": "loss_gated"}, (8, 8, 3), 3),
    "feature matching": ("gwu", {"discriminator_batch": "together", "feature_matching": 2.0}, (8, 8, 3), 3),
    "critic": ("gwu", {**CRITIC, "update_rule": "alternating"}, (8, 8, 3), 4),
    "labels, lazy penalties": ("tutorial", {"conditional": True, "spectral_norm": True, **LAZY}, (28, 28, 1), 3),
}


def batches(shape, steps, conditional):
    rng = np.random.default_rng(5)
    for _ in range(steps):
        images = rng.integers(0, 256, (COUNT, *shape), dtype=np.uint8)
        labels = np.eye(LABELS, dtype=np.float32)[rng.integers(0, LABELS, COUNT)]
        yield [images, labels] if conditional else [images]


def trained(recipe, shape, steps, devices=None):
    """The GAN after so many steps, and the metrics of each."""
    labels = LABELS if recipe.conditional else 0
    if devices is None:
        gan = GAN(recipe, shape, 3, labels)
        step = gan.train_step if steps < 5 else tf.function(gan.train_step)  # tracing takes longer than some steps
        return gan, [step(*map(tf.constant, batch)).numpy() for batch in batches(shape, steps, recipe.conditional)]
    with devices.scope():
        gan = GAN(recipe, shape, 3, labels)
    step = tf.function(lambda *parts: devices.run(gan.train_step, parts))
    metrics = []
    for batch in batches(shape, steps, recipe.conditional):
        parts = [tf.constant(np.stack([one[rank :: devices.replicas] for rank in devices.ranks])) for one in batch]
        metrics.append(step(*parts).numpy())
    assert_no_long_sums(step.get_concrete_function(*parts).graph)
    return gan, metrics


def distance(one, other):
    """The largest difference, relative to the largest value."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return float(np.abs(one - other).max(initial=0) / max(np.abs(one).max(initial=0), 1e-3))


def bits_of_replicas(variable):
    value = getattr(variable, "value", variable)
    copies = (value if hasattr(value, "values") else variable).values
    return {np.asarray(copy).tobytes() for copy in copies}


def main(path, names=()):
    devices, found = choose_devices("cpu:2"), {}
    for name in names or CASES:
        recipe, changes, shape, steps = CASES[name]
        recipe = get_recipe(recipe).with_fields({**SMALL, **changes})
        one, metrics = trained(recipe, shape, steps)
        two, metrics_of_two = trained(recipe, shape, steps, devices)
        pairs = zip(one.variables.items(), two.variables.values(), strict=True)
        found[name] = {
            "metrics": distance(metrics, metrics_of_two),
            "variables": {key: distance(value, other) for (key, value), other in pairs},
            "replicas": max(len(bits_of_replicas(variable)) for variable in two.variables.values()),
        }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
