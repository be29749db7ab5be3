"""Generators for the tests of what is exported."""

import numpy as np

from dcgan_tf.networks.architectures import build_generator
from dcgan_tf.run.directory import Run
from dcgan_tf.run.records import HISTORY_COLUMNS

NARROW = {"width": "4", "latent_dim": "8"}


def begun_run(path, recipe) -> Run:
    """A run of noise, as train() leaves it after a row, but without networks and grids."""
    run, size = Run(path), recipe.image_size
    run.path.mkdir()
    dataset = {"name": "fake", "fingerprint": "", "image_shape": [size, size, recipe.channels or 3]}
    about = {"recipe": recipe.as_dict(), "dataset": dataset, "seed": 0}
    run.write_config({**about, "log_every": 50, "steps_per_epoch": 10, "length": {}})
    run.append_row(dict.fromkeys(HISTORY_COLUMNS, 1))
    return run


def shaken_generator(recipe, folder):
    """A narrow generator whose every weight, BatchNorm's statistics included, is far from where it begins."""
    generator = build_generator(recipe, (recipe.image_size, recipe.image_size, recipe.channels or 3))
    random = np.random.default_rng(0)
    generator.set_weights([weight + random.normal(0, 0.1, weight.shape) for weight in generator.get_weights()])
    path = folder / f"{recipe.name}.keras"
    generator.save(path)
    return path
