"""A generator that is to be exported, and the comparison that every export must stand."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan_tf import __version__
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import is_generator_file, load_generator
from dcgan_tf.run.sampling import draw_latents
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras

# Largest difference of any value in [-1, 1] that an export may show: one step of a pixel is 80 times as large.
TOLERANCE = 1e-4
COMPARED_IMAGES = 16


class Original(NamedTuple):
    """A generator to be exported, and what is known of it."""

    generator: keras.Model
    latents: dict  # distribution, mean, std
    about: dict  # for the export's own records: name, recipe, dataset, ...

    def images(self, latents: np.ndarray) -> np.ndarray:
        """float32 [N, H, W, C] in [-1, 1], computed on the CPU: GPUs round multiplications (TF32)."""
        with tf.device("CPU:0"):
            return self.generator(tf.constant(latents), training=False).numpy()


def load_original(source, best: bool = False) -> Original:
    """The generator that `sample` draws from, of a run directory or a `.keras` or `.h5` file, ready to be exported.

    best: the run's best_generator.keras instead of its last one.
    """
    path = Path(source)
    generator, latents = load_generator(source, best=best)
    generator = in_float32(generator)
    about = {
        "name": path.resolve().stem if is_generator_file(source) else path.resolve().name,
        "generator": "best" if best else "last",
        "image_shape": list(generator.output_shape[1:]),
        "latent_dim": generator.input_shape[1],
        "latents": latents,
        "versions": {"dcgan_tf": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
    }
    if is_generator_file(source):
        return Original(generator, latents, about)
    run = Run(path)
    rows = run.rows()
    about["recipe"], about["dataset"] = run.config["recipe"]["name"], Path(run.config["dataset"]["name"]).name
    about["epochs"], about["steps"] = (rows[-1]["epoch"], rows[-1]["step"]) if rows else (0, 0)
    return Original(generator, latents, about)


def in_float32(generator: keras.Model) -> keras.Model:
    """The same network with the same weights, computing in float32: itself, if it was not trained in half precision.

    Browsers and ONNX Runtime on CPUs know no bfloat16. Half precision's images differ from these by its rounding.
    """
    if all(layer.compute_dtype == "float32" for layer in _layers(generator)):
        return generator
    clone = keras.models.clone_model(
        generator,
        clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float32"}),
        recursive=True,
    )
    clone.set_weights(generator.get_weights())
    return clone


def _layers(network):
    """All layers of a network, those of networks in it included."""
    for layer in network.layers:
        yield from _layers(layer) if isinstance(layer, keras.Model) else [layer]


def compare(original: Original, exported) -> float:
    """The largest difference between what the original and an exported function make of the same latents.

    Raises UserError when the original makes no numbers, RuntimeError when they differ by more than TOLERANCE.
    """
    latents = draw_latents(COMPARED_IMAGES, original.about["latent_dim"], 0, **original.latents)
    wanted, got = original.images(latents), np.asarray(exported(latents))
    if not np.isfinite(wanted).all():
        raise UserError(f"the generator of {original.about['name']!r} makes values that are not numbers: train it anew")
    difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else np.inf
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"the exported generator's images {got.shape} differ from the original's {wanted.shape} by "
            f"{difference:.1e}, more than {TOLERANCE:.0e}: nothing was written"
        )
    return difference
