"""A generator that is to be exported, and the comparison that every export must stand."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan_tf import __version__
from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.networks.layers import given
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import is_conditional, is_generator_file, latent_dim_of, load_with_moment
from dcgan_tf.run.sampling import draw_latents, labels_of_generator
from dcgan_tf.run.wishes import most_frequent
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import in_utf8
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.training.progress import epochs_over

# Largest difference of any value in [-1, 1] that an export may show: one step of a pixel is 80 times as large.
TOLERANCE = 1e-4
COMPARED_IMAGES = 16


class Original(NamedTuple):
    """A generator to be exported, and what is known of it."""

    generator: keras.Model
    latents: dict  # distribution, mean, std
    about: dict  # for the export's own records: name, recipe, dataset, ...
    labels: Labels | None = None  # of a conditional generator

    def images(self, latents: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """float32 [N, H, W, C] in [-1, 1], computed on the CPU: GPUs round multiplications (TF32).

        labels: float32 [N, K], where the generator is conditional.
        """
        with tf.device("CPU:0"):
            return self.generator(given(latents, labels), training=False).numpy()

    def random_inputs(self, count: int) -> list[np.ndarray]:
        """What `images` takes: latents as in training, and any labels where there are labels, each class as often."""
        inputs = [draw_latents(count, self.about["latent_dim"], 0, **self.latents)]
        if self.labels is None:
            return inputs
        random, each = np.random.default_rng(0), len(self.labels)
        rows = np.arange(count) % each if self.labels.are_classes else random.integers(0, 2, (count, each))
        return [*inputs, self.labels.told(rows)]

    @property
    def usual_labels(self) -> np.ndarray | None:
        """The labels that most images have, float32 [K]; None where there are no labels."""
        return None if self.labels is None else most_frequent(self.labels)

    def space(self) -> LatentSpace:
        """Its latent space, under the usual labels."""
        return LatentSpace(self.generator, **self.latents, labels=self.labels, told=self.usual_labels)


def load_original(source, best: bool = False) -> Original:
    """The generator that `sample` draws from, of a run directory or a `.keras` or `.h5` file, ready to be exported.

    best: the run's best_generator.keras instead of its last one.
    """
    path = Path(source)
    run = None if is_generator_file(source) else Run(path)
    generator, latents, moment = load_with_moment(source, best)
    generator = in_float32(generator)
    about = {
        "name": in_utf8(path.resolve().name if run else path.resolve().stem),
        "generator": "best" if best else "last",
        "image_shape": list(generator.output_shape[1:]),
        "latent_dim": latent_dim_of(generator),
        "latents": latents,
        "versions": {"dcgan_tf": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
    }
    labels = labels_of_generator(source, generator) if is_conditional(generator) else None
    if labels is not None:
        shares = [round(float(share), 6) for share in labels.shares]
        about["labels"] = {"kind": labels.what, "names": list(labels.names), "shares": shares}
    if run is None:
        return Original(generator, latents, about, labels)
    step = moment.get("step", 0)
    about["recipe"] = run.config["recipe"]["name"]
    about["dataset"] = Path(run.config["dataset"].get("name") or "unnamed data").name
    about["epochs"], about["steps"] = epochs_over(step, run.config["steps_per_epoch"]), step
    return Original(generator, latents, about, labels)


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
    """The largest difference between what the original and an exported function make of the same latents and labels.

    exported: called as Original.images is. Raises UserError when the original makes no numbers, RuntimeError when they
    differ by more than TOLERANCE.
    """
    inputs = original.random_inputs(max(COMPARED_IMAGES, len(original.labels or ())))
    wanted, got = original.images(*inputs), np.asarray(exported(*inputs))
    if not np.isfinite(wanted).all():
        raise UserError(f"the generator of {original.about['name']!r} makes values that are not numbers: train it anew")
    difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else np.inf
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"the exported generator's images {got.shape} differ from the original's {wanted.shape} by "
            f"{difference:.1e}, more than {TOLERANCE:.0e}: nothing was written"
        )
    return difference
