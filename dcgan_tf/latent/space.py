"""A trained generator with what is known of its latents: what all looking into the latent space starts from."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dcgan_tf.latent import formulas as latent
from dcgan_tf.run.generators import load_generator
from dcgan_tf.run.sampling import Sampler, draw_latents
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras

_FEW = 8


@dataclass(frozen=True)
class LatentSpace:
    """A generator, and the distribution that its latents were drawn from in training.

    distribution: "normal", N(mean, std), or "uniform" over mean +- std, in each of the `dim` components.
    """

    generator: keras.Model
    distribution: str = "normal"
    mean: float = 0.0
    std: float = 1.0

    @property
    def dim(self) -> int:
        return self.generator.input_shape[1]

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
    def _many(self):
        return Sampler(self.generator)

    @cached_property
    def _few(self):
        return Sampler(self.generator, _FEW)

    def draw(self, latents: np.ndarray) -> np.ndarray:
        """The images uint8 [..., H, W, C] of latents [..., dim]; a few of them take a few hundredths of a second."""
        latents = np.asarray(latents, np.float32)
        flat = latents.reshape(-1, self.dim)
        images = (self._few if len(flat) <= 2 * _FEW else self._many)(flat)
        return images.reshape(*latents.shape[:-1], *self.image_shape)

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
            found = np.load(path, allow_pickle=False)
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


def open_space(source, best: bool = False) -> LatentSpace:
    """The latent space of a run directory, or of a `.keras` file (whose latents are taken to be N(0, 1)).

    best: the run's best_generator.keras instead of its last one.
    Raises UserError when there is no generator, or it is damaged.
    """
    generator, latents = load_generator(source, best)
    return LatentSpace(generator, **latents)
