"""Trainings that are alike, compiled once in a process of pytest: most of a tiny one is building and tracing its GAN.

train() gets the GAN that was compiled before, with all that its checkpoints save as it was when it was new. A compiled
step that knows anything else that changes is refused here; test_kill.py looks for the rest of what this could hide,
such as a number that was another one when the step was compiled, with GANs and processes of their own.
"""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import tensorflow as tf

from dcgan_tf.game.gan import GAN
from dcgan_tf.run.sampling import Sampler
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.training import recorder, train
from dcgan_tf.training.devices import steps

# Fields that neither the networks nor a step depend on: what is recorded, how long, and what it is called.
_BESIDE = {"name", "source", "summary", "epochs", "steps", "grid_images", "grid_every", "gif_thinned"}
_made, _traced, _samplers = {}, {}, {}
_traced_anew = steps.traced


@contextmanager
def compiled_once():
    """train() meanwhile builds and traces no GAN that was there before."""
    with (
        patch.object(train, "GAN", _gan),
        patch.object(steps, "traced", _steps),
        patch.object(recorder, "Sampler", _sampler),
    ):
        yield


def _gan(recipe, image_shape, seed=0, label_count=0):
    fields = tuple(sorted((name, repr(value)) for name, value in recipe.as_dict().items() if name not in _BESIDE))
    key = fields, tuple(image_shape), seed, label_count
    if key not in _made:
        gan = GAN(recipe, image_shape, seed, label_count)
        _made[key] = gan, {name: np.asarray(variable).copy() for name, variable in gan.variables.items()}
    gan, values = _made[key]
    keras.utils.set_random_seed(seed)
    gan.recipe = recipe
    for name, variable in gan.variables.items():
        variable.assign(values[name])
    return gan


def _steps(gan, totals, batches, devices):
    """Its call has totals of its own, which are given those of this training."""
    key = id(gan), repr(batches.element_spec)  # _made keeps all GANs, so that no number is given again
    if key not in _traced:
        own = tf.Variable(totals)
        compiled = _traced_anew(gan, own, batches, devices)
        known = [own, *(v.value if isinstance(v, keras.Variable) else v for v in gan.variables.values())]
        changing = {id(found) for found in compiled.captured_inputs if found.dtype == tf.resource}
        assert changing <= {id(variable.handle) for variable in known}  # else it would survive from run to run
        _traced[key] = own, compiled
    own, compiled = _traced[key]

    def call(batches, count):
        own.assign(totals)
        return totals.assign(compiled(batches, count))

    return call


def _sampler(generator):
    if id(generator) not in _samplers:
        _samplers[id(generator)] = Sampler(generator)
    return _samplers[id(generator)]
