"""Images from a generator: drawing latents, generating in batches, writing the result."""

import math
import shutil
import uuid
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from dcgan_tf.data.images import to_uint8
from dcgan_tf.pictures.grids import grid, save_png
from dcgan_tf.run.generators import load_generator
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, disk_errors_explained
from dcgan_tf.system.keras_backend import keras


def draw_latents(count: int, dim: int, seed: int, distribution="normal", mean=0.0, std=1.0) -> np.ndarray:
    """float32 [count, dim] from N(mean, std), or uniform over mean +- std.

    The first rows are the same whatever `count` is.
    """
    random = np.random.default_rng(seed)
    unit = random.uniform(-1, 1, (count, dim)) if distribution == "uniform" else random.standard_normal((count, dim))
    return (mean + std * unit).astype(np.float32)


class Sampler:
    """A generator, compiled once, as a function: latents float32 [N, latent_dim] -> images uint8 [N, H, W, C].

    It works in batches of one size (the last one is padded), so an image does not depend on how many
    others are drawn with it, and 50,000 images need no more memory than their own.
    """

    def __init__(self, generator: keras.Model, batch_size: int = 64):
        self.batch_size = batch_size
        function = tf.function(lambda latents: generator(latents, training=False), autograph=False)
        self._call = function.get_concrete_function(tf.TensorSpec([batch_size, generator.input_shape[1]]))

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        batches = []
        for start in range(0, len(latents), self.batch_size):
            batch = latents[start : start + self.batch_size]
            padded = np.zeros((self.batch_size, *latents.shape[1:]), np.float32)
            padded[: len(batch)] = batch
            values = self._call(tf.constant(padded))[: len(batch)].numpy()
            if not np.isfinite(values).all():
                warnings.warn("a generator made values that are no numbers: they are drawn gray", stacklevel=2)
            batches.append(to_uint8(values))
        return np.concatenate(batches)


def sample(
    run,
    count: int = 64,
    seed: int = 0,
    output=None,
    *,
    best: bool = False,
    latent_mean: float | None = None,
    latent_std: float | None = None,
) -> np.ndarray:
    """`count` images, uint8 [count, H, W, C], from a run directory or a `.keras` file; the same for the same seed.

    output: `.npy` for the array, `.png` for one grid, anything else a new folder of PNGs; None writes nothing.
    best: from the run's best_generator.keras, kept where the training was evaluated, instead of its last one.
    latent_mean, latent_std: other than those of the training, e.g. a std of 0.7 for safer images.

    Raises UserError for a run without a generator, impossible numbers, or an output that cannot be written.
    """
    if type(count) is not int or count < 1:
        raise UserError(f"count={count!r} must be a whole number of at least 1")
    if type(seed) is not int or seed < 0:
        raise UserError(f"seed={seed!r} must be a whole number of at least 0")
    for name, value, low in (("latent_mean", latent_mean, -math.inf), ("latent_std", latent_std, 0)):
        if value is not None and not (math.isfinite(value) and value >= low):
            raise UserError(f"{name}={value!r} must be a finite number" + (" of at least 0" if low == 0 else ""))
    if output is not None:
        _check_output(Path(output))
    generator, latents = load_generator(run, best)
    latents["mean"] = latents["mean"] if latent_mean is None else latent_mean
    latents["std"] = latents["std"] if latent_std is None else latent_std
    images = Sampler(generator)(draw_latents(count, generator.input_shape[1], seed, **latents))
    if output is not None:
        write_images(images, output)
    return images


def write_images(images: np.ndarray, output):
    """Write uint8 images [N, H, W, C] as `.npy`, as one grid (`.png`), or as a new folder of PNGs."""
    path = Path(output)
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            with atomic_file(path) as temporary:
                np.save(temporary, images, allow_pickle=False)
        elif path.suffix == ".png":
            save_png(path, grid(images))
        else:
            _write_folder(path, images)


def _write_folder(path, images):
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    temporary.mkdir()
    try:
        digits = max(4, len(str(len(images) - 1)))
        for index, image in enumerate(images):
            save_png(temporary / f"{index:0{digits}d}.png", image)
        if path.is_dir():
            path.rmdir()  # an empty folder may be filled; _check_output refused any other
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_output(path):
    if path.suffix in (".npy", ".png"):
        if path.is_dir():
            raise UserError(f"output {str(path)!r} is a folder: give the name of a file")
    elif path.suffix:
        raise UserError(
            f"output {str(path)!r}: cannot write {path.suffix} files: give a name ending in .npy (array) "
            "or .png (grid), or a folder's name without an ending"
        )
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"output folder {str(path)!r} exists and is not empty: choose another name")
