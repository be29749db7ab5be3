"""Generators for the tests of what is exported."""

import numpy as np

from dcgan_tf.networks.architectures import build_generator

NARROW = {"width": "4", "latent_dim": "8"}


def shaken_generator(recipe, folder):
    """A narrow generator whose every weight, BatchNorm's statistics included, is far from where it begins."""
    generator = build_generator(recipe, (recipe.image_size, recipe.image_size, recipe.channels or 3))
    random = np.random.default_rng(0)
    generator.set_weights([weight + random.normal(0, 0.1, weight.shape) for weight in generator.get_weights()])
    path = folder / f"{recipe.name}.keras"
    generator.save(path)
    return path
