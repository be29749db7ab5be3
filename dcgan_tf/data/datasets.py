"""From a name or a path to a Dataset: the images as they are asked for, some classes of them, or only so many."""

import hashlib
import os
from pathlib import Path

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.folders import convert_stored, load_pictures, notes_on, with_channels
from dcgan_tf.data.images import resize as resize_image
from dcgan_tf.data.images import square
from dcgan_tf.data.labels.labels import as_list, number_of
from dcgan_tf.data.named import FAKE, NAMED, SPLITS, fake, without_test_images
from dcgan_tf.data.prepared import is_prepared, prepared_already, read_prepared
from dcgan_tf.data.stored import StoredImages, value_range
from dcgan_tf.data.survey.values import faint_note
from dcgan_tf.system.errors import UserError, check_count, in_short, nearest
from dcgan_tf.system.files import in_utf8
from dcgan_tf.system.places import expanded

BY_NAME = "named:"  # before a name that is also a folder's


def load_dataset(
    dataset: str | os.PathLike | Dataset,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    folder_size: int = 64,
    classes=None,
    resize: bool = False,
    stretch: bool = False,
    all_frames: bool = False,
    drop_small: bool = False,
    limit: int | None = None,
    split: str = "train",
) -> Dataset:
    """Find the dataset of that name (NAMED, or "fake") or at that path (a Path is never a name); or take that Dataset.

    The pictures of a folder or zip are labelled by a labels.csv or metadata.csv at its top (file names, then one column
    of classes, or columns of 0 and 1: see labels/label_files.py); where there is none, by one subfolder per class.

    image_size, channels: what is needed; None: as the data are.
    folder_size: the size of a folder's or zip's images when no image_size is asked for.
    classes: keep only these, given by number or label name: "cat", "3,7", ["cat", 5]; a text that is one name,
        commas and all, is that one. Of data with attributes: keep the images that have all of these.
    resize: allow what changes the pictures' nature: enlarging, making gray ones colour or colour ones gray,
        and bringing images that have a fixed size to another one.
    stretch: of a folder or zip, spread the values in use over 0 to 255: the darkest 0.1% of what some of the pictures
        hold becomes 0, the brightest 255. For 12-bit pictures in 16-bit files, and others that are nearly black.
    all_frames: of a folder or zip, take all frames of animations and all pages of TIFF files, not only the first.
    drop_small: of a folder or zip, leave out the pictures that are smaller than the images are to be, instead of
        refusing them (or, with `resize`, of enlarging them).
    limit: keep only this many images, spread evenly over the data.
    split: "train", or "test" of named data that have test images (WITH_TEST_IMAGES).

    Raises UserError for anything that cannot be found, read or made to fit.
    """
    _check_whole_numbers(image_size=image_size, folder_size=folder_size, limit=limit)
    if channels not in (None, 1, 3):
        raise UserError(f"channels={channels!r} must be 1 (gray) or 3 (colour)")
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}.{nearest(split, SPLITS)} Known are {', '.join(SPLITS)}")
    options = {"stretch": stretch, "all_frames": all_frames, "drop_small": drop_small}
    changes = {option: True for option, asked in options.items() if asked}
    if not isinstance(dataset, Dataset):
        dataset = _find(dataset, image_size, channels, folder_size, resize, split, changes)
    elif (new := [option for option in changes if option not in dataset.options]) or split != "train":
        raise UserError(f"dataset {dataset.name!r} is in memory: {' and '.join(new) or 'split'} cannot be had of it")
    elif not dataset.notes:  # numbers from 0 to 1 that were made whole, for example
        dataset = dataset.changed(notes=faint_note(value_range(dataset.images)))
    if classes is not None:
        dataset = _pick_classes(dataset, classes)
    if limit is not None and limit < len(dataset):
        dataset = _subset(dataset, np.arange(limit) * len(dataset) // limit, dataset.picked)
    fitted = _fit(dataset, image_size, channels, resize)
    asked = [*changes, *(["resize"] if resize else [])]
    new = [option for option in asked if option not in fitted.options]
    return fitted.changed(options=(*fitted.options, *new)) if new else fitted


def _find(name_or_path, image_size, channels, folder_size, resize, split, changes):
    """The dataset of that name or at that path, whole; its images as they are, or, of a folder, of the size asked."""
    check_is_name(name_or_path)
    path, name = expanded(name_or_path), name_of(name_or_path)
    if split != "train" and name not in NAMED and (name == FAKE or path.exists()):
        raise without_test_images(name or str(path))
    if changes and (name or is_prepared(path)):
        raise prepared_already(changes, name or str(path))
    if name == FAKE:
        return Dataset(name, fake(image_size, channels))
    if name:
        images, labels, label_names = NAMED[name](split)
        return Dataset(name, images, labels.astype(np.int64), label_names)
    return _load_path(os.fspath(name_or_path), path, image_size or folder_size, channels, resize, changes)


def check_is_name(name_or_path):
    """UserError unless that can be the name of a dataset, or a path, whether there is such a one or not."""
    if not isinstance(name_or_path, str | os.PathLike):
        raise UserError(
            f"dataset={in_short(name_or_path)} must be a name or a path, such as 'mnist5k'; images in memory are given "
            "as Dataset('mine', images) or Dataset('mine', images, labels)"
        )


def _check_whole_numbers(**values):
    for name, value in values.items():
        if value is not None:
            check_count(name, value)


def name_of(name_or_path: str | os.PathLike) -> str | None:
    """The name of a dataset of NAMED, or FAKE; None for what is a path. "named:mnist" is always a name.

    Raises UserError for a name that a folder beside you has, too.
    """
    if not isinstance(name_or_path, str):
        return None
    name = name_or_path.removeprefix(BY_NAME)
    if name not in (FAKE, *NAMED):
        return None
    if name == name_or_path and Path(name).is_dir() and any(Path(name).iterdir()):
        raise UserError(
            f"{name!r} is a dataset's name, and there is a folder of that name, {str(Path(name).absolute())!r}: give "
            f"'./{name}' for the folder, or '{BY_NAME}{name}' for the dataset"
        )
    return name


def check_dataset_name(name: str):
    """Raise UserError unless `name` is that of a dataset, or of a file or folder that is there."""
    check_is_name(name)
    path = expanded(name)
    if name_of(name) is None and (not name or not path.exists()):
        looks_like_a_path = path.suffix or len(path.parts) > 1
        raise UserError(
            (f"there is nothing at {str(name)!r}." if looks_like_a_path else f"unknown dataset {str(name)!r}.")
            + f"{nearest(name, [*NAMED, FAKE])} Known are {', '.join([*NAMED, FAKE])}; "
            "or give the path of a folder of images, a zip of images, or a prepared dataset"
        )


def _load_path(given, path, size, channels, resize, changes):
    if not given or not path.exists():
        check_dataset_name(given)
    if is_prepared(path):
        prepared = read_prepared(path)
        notes = notes_on(prepared)
    else:
        prepared, notes = load_pictures(path, size, channels, resize, **changes)
    return Dataset(
        in_utf8(str(path.absolute())),
        prepared.images,
        prepared.labels,
        prepared.label_names,
        prepared.fingerprint,
        notes,
        prepared.metadata.get("images_fingerprint"),
    )


def _subset(dataset, rows, picked):
    labels = None if dataset.labels is None else dataset.labels[rows]
    if isinstance(dataset.images, StoredImages):
        images = dataset.images.select(rows)
        chosen = hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8")).hexdigest()
        fingerprint = _joined(dataset.fingerprint, chosen)  # not to read them all, their numbers stand for them
        return dataset.changed(images=images, labels=labels, fingerprint=fingerprint, picked=picked)
    return dataset.changed(images=dataset.images[rows], labels=labels, picked=picked)


def _joined(*fingerprints):
    return hashlib.sha256(" ".join(fingerprints).encode()).hexdigest()


# ----------------------------------------------------------------------------------------------- classes


def _pick_classes(dataset, classes):
    if dataset.labels is None:
        raise UserError(
            f"dataset {dataset.name!r} has no labels, so classes={classes!r} cannot be picked from it; a folder or zip "
            "has them when each class is a subfolder, with no pictures beside those, or there is a labels.csv"
        )
    numbers = sorted({_class_number(dataset, one) for one in as_list(classes, dataset.label_names or ())})
    if not numbers:
        raise UserError(f"classes={classes!r} names no class: give one or more of {_known_classes(dataset)}")
    if dataset.picked == tuple(numbers):  # by a notebook that looked at them first: the fingerprint is to stay theirs
        return dataset
    if dataset.labels.ndim == 1:
        rows = np.flatnonzero(np.isin(dataset.labels, numbers))
    else:
        rows = np.flatnonzero((dataset.labels[:, numbers] > 0).all(axis=1))
    if len(rows) == 0:
        raise UserError(f"dataset {dataset.name!r} has no images of classes={classes!r}: choose others")
    return _subset(dataset, rows, numbers)


def _known_classes(dataset):
    names = dataset.label_names or [str(number) for number in np.unique(dataset.labels)]
    return ", ".join(names)


def _class_number(dataset, one):
    """The number of a class (or the column of an attribute) that was given as a number or a name."""
    names = dataset.label_names or ()
    known = range(dataset.labels.shape[1]) if dataset.labels.ndim == 2 else np.unique(dataset.labels).tolist()
    text, number = str(one).strip(), number_of(one, names, known)
    if number is not None:
        return number
    raise UserError(
        f"dataset {dataset.name!r} has no class {text!r}.{nearest(text, names or known)} "
        f"Its classes are {_known_classes(dataset)}"
    )


# ---------------------------------------------------------------------------------- making images fit


def _fit(dataset, image_size, channels, resize):
    """The dataset at the size and with the channels asked for; refused unless `resize` when they differ."""
    height, width, own_channels = dataset.image_shape
    size = None if height == width == image_size else image_size
    channels = channels or own_channels
    if size is None and channels == own_channels:
        return dataset
    own, asked = f"{height}x{width}x{own_channels}", f"{size or height}x{size or width}x{channels}"
    if not resize:
        raise UserError(
            f"images of dataset {dataset.name!r} are {own}, not {asked}: give --resize (resize=True) to convert them, "
            "or take a recipe that makes images like these, such as quick"
        )
    if isinstance(dataset.images, StoredImages):
        converted = convert_stored(dataset.name, dataset.images, dataset.fingerprint, size, channels)
        images, fingerprint = converted.images, _joined(converted.fingerprint, dataset.fingerprint)
    else:
        images = [image if size is None else resize_image(square(image), size) for image in dataset.images]
        images, fingerprint = with_channels(np.stack(images), channels), None
    note = f"images of {dataset.name!r} were converted from {own} to {asked}"
    return dataset.changed(images=images, fingerprint=fingerprint, notes=(*dataset.notes, note))
