"""Images from a generator: drawing latents, generating in batches, writing the result."""

import contextlib
import numbers
import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from dcgan_tf.data.images import to_uint8
from dcgan_tf.data.labels.labels import Labels, as_list
from dcgan_tf.networks.layers import given
from dcgan_tf.pictures.grids import grid, save_png
from dcgan_tf.recipe.fields import MOST
from dcgan_tf.run import wishes
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import is_conditional, is_generator_file, latent_dim_of, load_generator
from dcgan_tf.system.errors import UserError, check_count, in_short
from dcgan_tf.system.files import atomic_file, check_writable, contents, disk_errors_explained, whole_folder
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.system.places import expanded

LARGEST = float(np.finfo(np.float32).max)  # latents are float32
_USUAL = 64  # images, where nothing is said


def draw_latents(count: int, dim: int, seed: int, distribution="normal", mean=0.0, std=1.0) -> np.ndarray:
    """float32 [count, dim] from N(mean, std), or uniform over mean +- std.

    The first rows are the same whatever `count` is.
    """
    random, shape = np.random.default_rng(seed), (count, dim)
    with _memory_enough(count):
        unit = random.uniform(-1, 1, shape) if distribution == "uniform" else random.standard_normal(shape)
        return (mean + std * unit).astype(np.float32)


@contextlib.contextmanager
def _memory_enough(count):
    """Turn a MemoryError into a UserError."""
    try:
        yield
    except MemoryError:
        raise UserError(
            f"{count:,} images are more than the memory holds: ask for fewer at a time, with other seeds"
        ) from None


class Sampler:
    """A generator, compiled once, as a function: latents float32 [N, latent_dim] -> images uint8 [N, H, W, C].

    A conditional one takes labels float32 [N, K], too; where `labels` of its data are known and none are given, it
    draws them as they are there, the same every time. It works in batches of one size (the last one is padded), so an
    image does not depend on how many others are drawn with it, and 50,000 images need no more memory than their own.
    """

    def __init__(self, generator: keras.Model, batch_size: int = 64, labels: Labels | None = None):
        self.batch_size, self.labels = batch_size, labels
        takes = [tf.TensorSpec([batch_size, tensor.shape[1]]) for tensor in generator.inputs]
        function = tf.function(lambda *inputs: generator(given(*inputs), training=False), autograph=False)
        self._call = function.get_concrete_function(*takes)

    def __call__(self, latents: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        if labels is None and self.labels is not None:
            labels = wishes.as_in_the_data(self.labels, len(latents), 0)
        batches, inputs = [], [latents] if labels is None else [latents, labels]
        for start in range(0, len(latents), self.batch_size):
            batch = [tf.constant(self._padded(rows[start : start + self.batch_size])) for rows in inputs]
            values = self._call(*batch)[: len(latents) - start].numpy()
            if not np.isfinite(values).all():
                warnings.warn("a generator made values that are no numbers: they are drawn gray", stacklevel=2)
            batches.append(to_uint8(values))
        return np.concatenate(batches)

    def _padded(self, rows):
        padded = np.zeros((self.batch_size, *rows.shape[1:]), np.float32)
        padded[: len(rows)] = rows
        return padded


def sample(
    run,
    count: int | None = None,
    seed: int = 0,
    output=None,
    *,
    best: bool = False,
    latent_mean: float | None = None,
    latent_std: float | None = None,
    of_class=None,
    having=(),
    without=(),
    labels=None,
) -> np.ndarray:
    """`count` images, uint8 [count, H, W, C], from a run directory, a Run or a `.keras` file; the same for the seed.

    count: None: 64, or as many as there are `labels`.
    output: `.npy` for the array, `.png` for one grid, anything else a new folder of PNGs; None writes nothing.
    best: from the run's best_generator.keras, kept where the training was evaluated, instead of its last one.
    latent_mean, latent_std: other than those of the training, e.g. a std of 0.7 for safer images.

    Of a conditional run (nothing said: labels as frequent as in its data):
    of_class: a class, by name or number. having, without: attributes that all images have, or that none has, a list or
        "Eyeglasses,Smiling". labels: the path of a CSV file with a row for each image, or an array [N, K] of 0 and 1,
        with a single 1 in a row of classes.

    Raises UserError for a run without a generator, impossible numbers or wishes, or an output that cannot be written.
    """
    asked, count = count, check_count("count", _USUAL if count is None else count, 1, MOST)
    seed = check_count("seed", seed, 0)
    for name, value, low in (("latent_mean", latent_mean, -LARGEST), ("latent_std", latent_std, 0)):
        if value is not None and not (isinstance(value, numbers.Real) and low <= value <= LARGEST):
            raise UserError(f"{name}={in_short(value)} must be a number from {low:.2g} to {LARGEST:.2g}")
    run = expanded(run)
    if output is not None:
        output = expanded(output)
        _check_output(output)
    generator, latents = load_generator(run, best)
    latents["mean"] = latents["mean"] if latent_mean is None else latent_mean
    latents["std"] = latents["std"] if latent_std is None else latent_std
    with _memory_enough(count):
        told = _labels_for(run, generator, count, seed, of_class, having, without, labels)
        if told is not None and asked not in (None, len(told)):
            raise UserError(f"count={count} is given, and labels of {len(told):,} images: leave one of the two out")
        count = count if told is None else len(told)
        images = Sampler(generator)(draw_latents(count, latent_dim_of(generator), seed, **latents), told)
    if output is not None:
        write_images(images, output)
    return images


def _labels_for(run, generator, count, seed, of_class, having, without, labels):
    """The labels float32 [N, K] of what is asked for; None where the generator takes none."""

    def is_asked():
        return of_class is not None or as_list(having) or as_list(without)

    if not is_conditional(generator):
        if labels is not None or is_asked():
            raise not_conditional(run)
        return None
    if labels is not None and is_asked():
        raise UserError("--labels says what each image is to show: leave --class, --with and --without out")
    known = labels_of_generator(run, generator)
    if isinstance(labels, str | os.PathLike):
        return wishes.from_file(known, labels)
    if labels is not None:
        return wishes.from_array(known, labels)
    return wishes.wished(known, count, seed, of_class, having, without)


def not_conditional(source) -> UserError:
    """What to raise when labels are wished of a generator that takes none."""
    return UserError(
        f"{str(source)!r} is not conditional: it cannot be asked for a class or for attributes; train one that "
        "can be with --set conditional=true"
    )


def labels_of_generator(source, generator) -> Labels:
    """What the labels of a conditional generator are, from the run it lies in; elsewhere classes by their numbers.

    Raises UserError when the run's record of them is gone, damaged, or of other labels.
    """
    run, count = Run(Path(source).parent if is_generator_file(source) else source), generator.inputs[1].shape[1]
    if is_generator_file(source) and not run.config_path.is_file():
        return Labels(np.arange(count), tuple(map(str, range(count))))
    if run.labels is None or len(run.labels) != count:
        known = "none" if run.labels is None else f"{len(run.labels)} of them"
        raise UserError(
            f"the generator in {str(run.path)!r} takes {count} labels, and the run knows {known}: it is of another run"
        )
    return run.labels


def write_images(images: np.ndarray, output):
    """Write uint8 images [N, H, W, C] as `.npy`, as one grid (`.png`), or as a new folder of PNGs."""
    path = Path(output)
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".npy":
            with atomic_file(path) as temporary, temporary.open("wb") as file:  # of a name, NumPy makes x.NPY.npy
                np.save(file, images, allow_pickle=False)
        elif path.suffix.lower() == ".png":
            save_png(path, grid(images))
        else:
            _write_folder(path, images)


def _write_folder(path, images):
    with whole_folder(path) as folder:  # an empty one may be filled; _check_output refused any other
        digits = max(4, len(str(len(images) - 1)))
        for index, image in enumerate(images):
            save_png(folder / f"{index:0{digits}d}.png", image)


def _check_output(path):
    if path.suffix.lower() in (".npy", ".png"):
        if path.is_dir():
            raise UserError(f"output {str(path)!r} is a folder: give the name of a file")
    elif path.suffix:
        raise UserError(
            f"output {str(path)!r}: cannot write {path.suffix} files: give a name ending in .npy (array) "
            "or .png (grid), or a folder's name without an ending"
        )
    elif path.exists() and (not path.is_dir() or contents(path)):
        raise UserError(f"output folder {str(path)!r} exists and is not empty: choose another name")
    check_writable(path)
