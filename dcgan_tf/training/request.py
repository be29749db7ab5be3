"""What is asked of train(): every argument checked and made plain, before anything is read or written."""

import math
import numbers
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.networks.architectures import ARCHITECTURES, check_image_shape
from dcgan_tf.recipe.catalogue import changed_recipe
from dcgan_tf.recipe.fields import LAST_SEED, MOST, Recipe
from dcgan_tf.system.errors import UserError, check_count, check_dict, check_switch, in_short
from dcgan_tf.training.monitor import check_options


class Length(NamedTuple):
    """When to stop: at the first of these that is given."""

    epochs: int | None
    steps: int | None
    max_seconds: float | None

    def total_steps(self, steps_per_epoch: int) -> int | None:
        return self.steps or (self.epochs and self.epochs * steps_per_epoch)


@dataclass(frozen=True)
class Request:
    """The arguments of train(), by the same names, each of the plain type that config.json can hold."""

    recipe: Recipe
    length: Length
    seed: int
    devices: str
    classes: int | str | list | None
    resize: bool
    stretch: bool
    all_frames: bool
    drop_small: bool
    log_every: int
    checkpoint_seconds: float
    evaluate_every: int | None
    evaluation: dict
    keep_samples: bool
    tensorboard: bool
    stop_on_alarm: bool
    show_nearest: bool
    start_from: str | None


def resolve(recipe, *, epochs, steps, max_seconds, batch_size, learning_rate, overrides, seed, classes, resize,
            stretch, all_frames, drop_small, log_every, checkpoint_seconds, evaluate_every, evaluation, keep_samples,
            tensorboard, stop_on_alarm, show_nearest=False, devices="1", start_from=None,
            channels=None) -> Request:  # fmt: skip
    """The request; NumPy's numbers are taken. Raises UserError for the first argument that makes no sense.

    channels: of the images, once they are known; some recipes are another in colour.
    """
    recipe, length = recipe_and_length(
        recipe, epochs, steps, max_seconds, batch_size, learning_rate, overrides, channels
    )
    return Request(
        recipe,
        length,
        seed=_whole_number("seed", seed, 0, LAST_SEED),
        devices=str(devices),
        classes=_plain_classes(classes),
        resize=check_switch("resize", resize),
        stretch=check_switch("stretch", stretch),
        all_frames=check_switch("all_frames", all_frames),
        drop_small=check_switch("drop_small", drop_small),
        log_every=_whole_number("log_every", log_every, 1, MOST),
        checkpoint_seconds=_seconds("checkpoint_seconds", checkpoint_seconds),
        evaluate_every=None if evaluate_every is None else _whole_number("evaluate_every", evaluate_every, 0, MOST),
        evaluation=_evaluation(evaluation),
        keep_samples=check_switch("keep_samples", keep_samples),
        tensorboard=check_switch("tensorboard", tensorboard),
        stop_on_alarm=check_switch("stop_on_alarm", stop_on_alarm),
        show_nearest=check_switch("show_nearest", show_nearest),
        start_from=None if start_from is None else _path("start_from", start_from),
    )


def load_images_for(
    recipe,
    dataset,
    size_is_asked=False,
    classes=None,
    resize=False,
    stretch=False,
    all_frames=False,
    drop_small=False,
) -> Dataset:
    """The dataset of that name or path, or that Dataset, as the recipe needs it; see datasets.load_dataset.

    A recipe with one image size only, or a size that was asked for, is insisted on; any other recipe takes
    named data as they are, and a folder's or zip's images at its own usual size.
    """
    if size_is_asked:  # a size that cannot be made is said before any image is read
        check_image_shape(recipe, (recipe.image_size, recipe.image_size, recipe.channels or 3))
    size_is_asked = size_is_asked or ARCHITECTURES[recipe.architecture].fixed_size
    return load_dataset(
        dataset,
        image_size=recipe.image_size if size_is_asked else None,
        folder_size=recipe.image_size,
        channels=recipe.channels,
        classes=classes,
        resize=resize,
        stretch=stretch,
        all_frames=all_frames,
        drop_small=drop_small,
    )


def recipe_and_length(recipe, epochs, steps, max_seconds, batch_size, learning_rate, overrides, channels=None):
    """The recipe with all changes in it, and the length of the training."""
    changes = _plain_dict("overrides", overrides, {"width": 32})
    named = {"batch_size": batch_size, "learning_rate": learning_rate, "epochs": epochs, "steps": steps}
    for name, value in named.items():
        if value is not None and name in changes:
            raise UserError(f"{name} is given twice, as {value!r} and as {changes[name]!r}: give it once")
        if value is not None:
            changes[name] = _plain(value)
    recipe = recipe.with_fields(changes) if isinstance(recipe, Recipe) else changed_recipe(recipe, changes, channels)
    if max_seconds is None:
        if recipe.epochs is None and recipe.steps is None:
            raise UserError("epochs=None and steps=None: nothing says when to stop, give one of them or max_seconds")
        return recipe, Length(recipe.epochs, recipe.steps, None)
    max_seconds = _seconds("max_seconds", max_seconds, above=True)
    if "epochs" in changes or "steps" in changes:
        return recipe, Length(recipe.epochs, recipe.steps, max_seconds)
    return recipe, Length(None, None, max_seconds)  # the clock alone decides


def _plain(value):
    """NumPy's numbers and texts as Python's, which print as what they are and which JSON can hold."""
    return value.item() if isinstance(value, np.generic) else value


def _plain_dict(name, values, example) -> dict:
    if values is not None:
        check_dict(name, values, f"such as {example}")
    return {key: _plain(value) for key, value in (values or {}).items()}


def _evaluation(options) -> dict:
    options = _plain_dict("evaluation", options, {"metrics": "fid"})
    check_options(options)  # asked for or not: a long training is evaluated unasked
    return options


def _whole_number(name, value, low, high) -> int:
    return check_count(name, _plain(value), low, high)


def _seconds(name, value, above=False) -> float:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if is_number and math.isfinite(value) and (value > 0 or (value == 0 and not above)):
        return float(value)
    raise UserError(
        f"{name}={in_short(_plain(value))} must be a number of seconds {'above 0' if above else 'of at least 0'}"
    )


def _path(name, value) -> str:
    if isinstance(value, str | os.PathLike) and os.fspath(value):
        return os.fspath(value)
    raise UserError(f"{name}={in_short(value)} must be the path of a run directory, such as 'results/NAME'")


def _plain_classes(classes):
    """A name, a number, or a list of them, from whatever holds them: a tuple, an array, a set, a pandas column."""
    if classes is None or isinstance(classes, str):
        return None if classes is None else str(classes)
    if isinstance(classes, np.ndarray):
        classes = classes.tolist()
    several = sorted(classes, key=str) if isinstance(classes, set | frozenset) else classes
    plain = [_plain(one) for one in (several if isinstance(several, Iterable) else [several])]
    for one in plain:
        if isinstance(one, bool) or not isinstance(one, int | str):
            raise UserError(
                f"classes={in_short(classes)}: {in_short(one)} is no class, give names or whole numbers, such as [3, 7]"
            )
    return plain if isinstance(several, Iterable) else plain[0]
