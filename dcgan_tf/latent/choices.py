"""What is asked for of a latent space, read and checked before anything is made: seeds, means, sums, pictures."""

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import check_dataset_name
from dcgan_tf.data.labels.labels import as_list
from dcgan_tf.latent.projection import read_picture
from dcgan_tf.run.sampling import LARGEST
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import expanded

SWEEP_STDS = (0.4, 0.7, 1.0, 1.5)
_MOST_STEPS = 100  # images in a strip: more have no place on a sheet
_MOST_AVERAGED = 1_000_000


class NotHere(UserError):
    """This cannot be shown of this run, for the reason in the text."""


@dataclass(frozen=True)
class Choices:
    """What is asked for; None: what suits."""

    seeds: tuple = tuple(range(8))
    means: tuple | None = None
    stds: tuple = SWEEP_STDS
    steps: int = 9
    count: int = 500
    arithmetic: list | None = None
    project: tuple = ()
    places: tuple = tuple(range(6))
    dataset: str | Dataset | None = None
    best: bool = False
    classifier: bool = True
    of_class: str | int | None = None
    having: str | tuple = ()
    without: str | tuple = ()

    def some(self, count: int) -> tuple:
        """The first so many seeds. Raises NotHere when there are fewer."""
        if len(self.seeds) < count:
            raise NotHere(f"seeds={list(self.seeds)} are too few: this needs {count}")
        return self.seeds[:count]


def choices_of(*, seeds=None, means=None, stds=None, steps: int = 9, count: int = 500, arithmetic=None, project=None,
               places=None, dataset=None, best: bool = False, classifier: bool = True, of_class=None, having=(),
               without=()) -> Choices:  # fmt: skip
    """What is asked for, checked as far as no run is needed: a notebook does it before it trains one.

    seeds: whole numbers, each a sample, as `sample --seed` draws its first; or paths of .npy latents.
    means, stds: of the latents, for the sweeps. steps: images of a strip; along a direction an odd number of at
        most 7, in the plane at most 9. count: images of an average.
    arithmetic: such as "3,4,5 - 7,8,9 + 10,11,12", by seeds. project: one picture file, or several.
    places: which of a grid's images are followed over the epochs. dataset: where the run's data are now.
    best: the best generator instead of the last. classifier: False: train none, and leave attributes out.
    of_class, having, without: what a conditional run is looked at with, a class, or attributes that all images have
        and that none has; nothing said: the first class, or the attributes most frequent together.

    Raises UserError for a value that makes no sense, and a picture that cannot be read.
    """
    if dataset is not None and not isinstance(dataset, Dataset):
        check_dataset_name(dataset)
    choices = Choices(
        means=numbers_of("means", means),
        steps=_whole("steps", steps, 2, _MOST_STEPS),
        count=_whole("count", count, 1, _MOST_AVERAGED),
        dataset=dataset,
        best=best,
        classifier=classifier,
        of_class=of_class,
        having=having if isinstance(having, str) else tuple(as_list(having)),
        without=without if isinstance(without, str) else tuple(as_list(without)),
    )
    if seeds is not None:
        choices = replace(choices, seeds=parse_seeds(seeds))
    if stds is not None:
        choices = replace(choices, stds=numbers_of("stds", stds, low=0))
    if places is not None:
        choices = replace(choices, places=tuple(_whole("places", place, 0) for place in _listed("places", places)))
    if arithmetic is not None:
        choices = replace(choices, arithmetic=parse_arithmetic(arithmetic))
    if project is not None:
        choices = replace(choices, project=_photos(project))
    for photo in choices.project:
        read_picture(photo)
    return choices


def _listed(name, values) -> list:
    """ "1, 2,3", [1, 2, 3] or 1 as a list, not empty."""
    values = values.split(",") if isinstance(values, str) else list(values) if np.iterable(values) else [values]
    values = [value.strip() if isinstance(value, str) else value for value in values]
    if not values or "" in values:
        raise UserError(
            f"{name}={','.join(map(str, values))!r} must be numbers with commas between them, such as 1,2,3"
        )
    return values


def numbers_of(name, values, low=-math.inf) -> tuple | None:
    """One or more finite numbers of at least `low`; None for None. Raises UserError for anything else."""
    if values is None:
        return None
    numbers = []
    for value in _listed(name, values):
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not (abs(number) <= LARGEST and number >= low):
            least = "" if low == -math.inf else f" of at least {low:g}"
            raise UserError(f"{name}={value!r} must be finite numbers{least}, such as {name}=0.5,1")
        numbers.append(number)
    return tuple(numbers)


def _whole(name, value, low, high=math.inf) -> int:
    try:
        number = int(value) if not isinstance(value, bool) and int(value) == float(value) else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or not low <= number <= high:
        most = f" and at most {high:,}" if high < math.inf else ""
        raise UserError(f"{name}={value!r} must be a whole number of at least {low}{most}")
    return number


def _photos(project) -> tuple:
    photos = (project,) if isinstance(project, str | Path) else tuple(project) if np.iterable(project) else ()
    if not photos or not all(isinstance(photo, str | Path) for photo in photos):
        raise UserError(f"project={project!r} must be the path of a picture, or a list of such paths")
    return tuple(map(expanded, photos))


def parse_seeds(seeds) -> tuple:
    """Seeds as whole numbers, and paths of .npy latents among them: "1,2,me.npy" or [1, 2, "me.npy"]."""
    return tuple(
        str(seed) if isinstance(seed, Path) or str(seed).lower().endswith(".npy") else _whole("seeds", seed, 0)
        for seed in _listed("seeds", seeds)
    )


def parse_arithmetic(text: str) -> list:
    """ "3,4,5 - 7,8,9 + 10" as terms (sign, seeds, ""). Raises UserError where it is no such sum.

    A minus or plus sign stands between spaces, so that file names may have one.
    """
    parts = re.split(r"(?:^|\s)([+-])\s", f" {str(text).strip()} ")
    parts = ["+", *parts] if parts[0].strip() else parts[1:]
    typed = isinstance(text, str) or type(text) is int
    if not typed or len(parts) % 2 or not parts or not all(part.strip() for part in parts):
        raise UserError(f"arithmetic={text!r} must be sums of seeds, such as '3,4,5 - 7,8,9 + 10,11,12'")
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [(1 if sign == "+" else -1, parse_seeds(seeds), "") for sign, seeds in pairs]
