"""A trained generator with what is known of its latents: what all looking into the latent space starts from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from dcgan_tf.data.labels.labels import Labels, as_list
from dcgan_tf.latent import formulas as latent
from dcgan_tf.networks.layers import given
from dcgan_tf.run.generators import is_conditional, latent_dim_of, load_generator
from dcgan_tf.run.sampling import Sampler, draw_latents, labels_of_generator, not_conditional
from dcgan_tf.run.wishes import one_row
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.system.places import expanded

_FEW, _MANY = 8, 64


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """A generator, and the distribution that its latents were drawn from in training.

    distribution: "normal", N(mean, std), or "uniform" over mean +- std, in each of the `dim` components.
    labels, told: of a conditional generator what its labels are, and those that all its images have here,
        float32 [K]; `under` gives the same space with others. None elsewhere.
    """

    generator: keras.Model
    distribution: str = "normal"
    mean: float = 0.0
    std: float = 1.0
    labels: Labels | None = None
    told: np.ndarray | None = None

    def __post_init__(self):
        known = [self.labels is not None, self.told is not None]
        if known != 2 * [is_conditional(self.generator)]:
            raise ValueError("labels and told belong to a conditional generator, and such a one needs both")
        if self.told is not None and np.shape(self.told) != (self.generator.inputs[1].shape[1],):
            raise ValueError(
                f"told is {np.shape(self.told)}, one number for each of {len(self.labels)} labels is needed"
            )

    def under(self, told) -> "LatentSpace":
        """The same space where all images have other labels, float32 [K]; nothing is compiled anew."""
        other = replace(self, told=np.asarray(told, np.float32))
        other.__dict__["_samplers"] = self._samplers
        return other

    def titled(self, title: str) -> str:
        """The title of a sheet, with the labels that its images have, where they have some."""
        return title if self.told is None else f"{title} ({self.labels.in_words(self.told)})"

    @property
    def dim(self) -> int:
        return latent_dim_of(self.generator)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return tuple(self.generator.output_shape[1:])

    @property
    def is_normal(self) -> bool:
        return self.distribution == "normal"

    @property
    def unit(self) -> float:
        """The standard deviation of a component: what directions are walked in."""
        return self.std if self.is_normal else self.std / np.sqrt(3)

    @cached_property
    def _samplers(self):
        return {}  # by the size of their batches

    def draw(self, latents: np.ndarray, told: np.ndarray | None = None) -> np.ndarray:
        """The images uint8 [..., H, W, C] of latents [..., dim]; a few of them take a few hundredths of a second.

        told: other labels than the space's, float32 [..., K], for each latent its own.
        """
        latents = np.asarray(latents, np.float32)
        flat = latents.reshape(-1, self.dim)
        batch = _FEW if len(flat) <= 2 * _FEW else _MANY
        if batch not in self._samplers:
            self._samplers[batch] = Sampler(self.generator, batch)
        told = self.told if told is None else np.asarray(told, np.float32)
        if told is not None:
            told = np.broadcast_to(told, (*latents.shape[:-1], told.shape[-1])).reshape(len(flat), -1)
        return self._samplers[batch](flat, told).reshape(*latents.shape[:-1], *self.image_shape)

    def values(self, latents: tf.Tensor) -> tf.Tensor:
        """The images in [-1, 1] of latents [N, dim], with the space's labels, as TensorFlow can differentiate them."""
        told = None if self.told is None else tf.repeat(self.told[None], tf.shape(latents)[0], axis=0)
        return self.generator(given(latents, told), training=False)

    def random(self, count: int, seed: int, mean: float | None = None, std: float | None = None) -> np.ndarray:
        """float32 [count, dim], as `sample` draws them: from the training's distribution, or with another mean, std."""
        mean, std = self.mean if mean is None else mean, self.std if std is None else std
        return draw_latents(count, self.dim, seed, self.distribution, mean, std)

    def of_seeds(self, seeds: Iterable) -> np.ndarray:
        """One latent per seed: that of the first image which `sample --seed` gives. float32 [N, dim].

        In a seed's place may stand the path of a `.npy` file that holds a latent, as projection writes it.
        """
        return np.stack([self.of_file(s) if isinstance(s, str | Path) else self.random(1, s)[0] for s in seeds])

    def of_file(self, path) -> np.ndarray:
        """The latent in a `.npy` file, float32 [dim]. Raises UserError when it holds none of this generator's."""
        try:
            found = np.load(expanded(path), allow_pickle=False)
            found = np.asarray(found, np.float32).reshape(-1)
        except (OSError, ValueError, TypeError, EOFError):
            raise UserError(
                f"{str(path)!r} cannot be read as a latent: give a .npy file of {self.dim} numbers"
            ) from None
        if len(found) != self.dim or not np.isfinite(found).all():
            raise UserError(f"{str(path)!r} holds {len(found)} numbers: a latent of this generator has {self.dim}")
        return found

    def way(self, start, end, t) -> np.ndarray:
        """The path between two latents that stays where the generator was trained.

        Round for a normal distribution, whose latents lie on a shell. Straight for a uniform one: that stays
        in the box, which a round way may leave.
        """
        return latent.spherical(start, end, t, self.mean) if self.is_normal else latent.linear(start, end, t)

    def inside(self, latents: np.ndarray) -> np.ndarray:
        """The latents, those of a uniform distribution brought back into its box."""
        if self.is_normal:
            return latents
        return np.clip(latents, self.mean - self.std, self.mean + self.std)

    def walk(self, latents: np.ndarray, direction: np.ndarray, amounts) -> np.ndarray:
        """Latents moved along a direction by amounts in standard deviations, see latent.move; never out of the box."""
        return self.inside(latent.move(latents, direction, self.unit * np.asarray(amounts, np.float64)))


def open_space(source, best: bool = False, of_class=None, having=(), without=()) -> LatentSpace:
    """The latent space of a run directory, or of a `.keras` file (whose latents are taken to be N(0, 1)).

    best: the run's best_generator.keras instead of its last one.
    of_class, having, without: the labels of all images of a conditional generator there; nothing said: see
        wishes.one_row.
    Raises UserError when there is no generator, it is damaged, or it was not trained on what is asked for.
    """
    generator, latents = load_generator(source, best)
    if not is_conditional(generator):
        if of_class is not None or as_list(having) or as_list(without):
            raise not_conditional(source)
        return LatentSpace(generator, **latents)
    labels = labels_of_generator(source, generator)
    return LatentSpace(generator, **latents, labels=labels, told=one_row(labels, of_class, having, without))
