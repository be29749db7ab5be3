"""Conditional runs for the tests of what looks at them: nothing is trained, but labels change the images a lot."""

import keras
import numpy as np
from generators import begun_run

from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.networks.architectures import build_generator
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.directory import Run

SIZE, DIM = 16, 8
# The second class occurs in no image, the last one in most.
CLASSES = Labels(np.array([0, 0, 2, 3, 3, 3]), ("cat", "no_dog", "<owl> & 'co'", "eel"))
# Most images have Hat and Eye_Glasses; no image has the last one.
ATTRIBUTES = Labels(
    np.uint8([[1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]),
    ("Hat", "<b>Beard</b>", "Eye_Glasses", "Never"),
)


def conditional_run(path, labels: Labels, recipe="gwu", size=SIZE) -> Run:
    """A run as train() leaves it, with a generator of random weights, BatchNorm's statistics included."""
    fields = {"width": 4, "latent_dim": DIM, "image_size": size, "channels": 3, "conditional": True}
    recipe = RECIPES[recipe].with_fields(fields)
    run = begun_run(path, recipe)
    run.write_labels(labels)
    keras.utils.set_random_seed(0)
    generator = build_generator(recipe, (size, size, 3), len(labels))
    random = np.random.default_rng(0)
    generator.set_weights([weight + random.normal(0, 0.15, weight.shape) for weight in generator.get_weights()])
    generator.save(run.generator_path)
    return run
