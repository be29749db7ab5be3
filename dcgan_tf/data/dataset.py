"""A dataset: images, labels where there are any, and batches whose order follows from (seed, epoch) alone.

It knows nothing of GANs; a run on another machine with the same fingerprint sees the same batches.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from dcgan_tf.data.labels.labels import labels_of
from dcgan_tf.data.stored import StoredImages, fingerprint_of
from dcgan_tf.system.errors import UserError, in_short
from dcgan_tf.system.exit_guard import exit_guard
from dcgan_tf.system.saying import counted

# Batches are gathered several at a time, since a call from TensorFlow into Python costs more than the copying.
_BATCHES_PER_CALL = 16
_BYTES_PER_CALL = 4_000_000

# A network has inputs for all class numbers up to the last: of more than so many, a tenth at least are to be in use.
_MANY_CLASSES = 10_000


# By which options of load_dataset pictures become what they are.
OPTIONS = ("resize", "stretch", "all_frames", "drop_small")


class Dataset:
    """Images, labels where there are any, and what is known of them. It does not change once it is made.

    name: of the data, for people; for what is read from disk, the absolute path.
    images: uint8 [N, H, W, 1 or 3], an array in memory or StoredImages on disk (see prepared.py); both take a
        number, a slice or an array of row numbers in square brackets.
    labels: whole numbers [N], or uint8 [N, number of attributes] of 0 and 1, or None.
    label_names: the name of each class, or of each attribute, in their order; or None.
    fingerprint: follows from the images and labels alone: same data, same fingerprint, on any machine. When it is
        not given, it is computed as soon as it is asked for.
    images_fingerprint: the same of the images without their labels.
    notes: what a person should be told about these data, one line each.
    options: those of OPTIONS by which the images became what they are: a training writes them down, so that the same
        images are found again.
    picked: the numbers of the classes, or attributes, by which load_dataset picked these images of more.

    Raises UserError when the images are no such pixels, or the labels do not fit them.
    """

    def __init__(
        self, name, images, labels=None, label_names=None, fingerprint=None, notes=(), images_fingerprint=None,
        options=(), picked=(),
    ):  # fmt: skip
        self.name, self.notes, self.options, self.picked = name, tuple(notes), tuple(options), tuple(picked)
        self.images = images if isinstance(images, StoredImages) else _checked_pixels(name, images)
        self.label_names = None if label_names is None else _checked_names(name, label_names)
        self.labels = None if labels is None else _checked_labels(name, labels, len(self.images), self.label_names)
        if labels is None and label_names is not None:
            raise UserError(f"dataset {name!r} has label_names but no labels: give both, or leave both out")
        if fingerprint:
            self.fingerprint = fingerprint
        if images_fingerprint:
            self.images_fingerprint = images_fingerprint

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.images, self.labels)

    @cached_property
    def images_fingerprint(self) -> str:
        return self.fingerprint if self.labels is None else fingerprint_of(self.images, None)

    def is_what_had(self, fingerprint: str | None) -> bool:
        """Whether these are the data of that recorded fingerprint: with their labels, or before they had any.

        What was recorded as "" came from a version that did not look, and tells nothing apart.
        """
        return fingerprint in ("", self.fingerprint) or fingerprint == self.images_fingerprint

    def changed(self, **changes) -> "Dataset":
        """The same but for these changes, by the names of the constructor; other images have another fingerprint."""
        parts = {name: getattr(self, name) for name in ("name", "images", "labels", "label_names", "notes", "options")}
        if "labels" not in changes:
            parts["picked"] = self.picked
        if not {"images", "labels"} & set(changes):
            parts |= {name: self.__dict__.get(name) for name in ("fingerprint", "images_fingerprint")}
        return Dataset(**{**parts, **changes})

    def __repr__(self):
        return f"Dataset({self.name!r}, {counted(len(self), 'image')} of {'x'.join(map(str, self.image_shape))})"

    def __len__(self):
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return tuple(int(n) for n in self.images.shape[1:])

    @property
    def label_count(self) -> int:
        """Of its classes or attributes; 0 where there are no labels."""
        return 0 if self.labels is None else len(labels_of(self))

    def steps_per_epoch(self, batch_size: int) -> int:
        """Whole batches in one pass over the data. Raises UserError when there is not even one."""
        if not 1 <= batch_size <= len(self):
            raise UserError(
                f"batch size {batch_size} does not fit {self.name!r}, which has {counted(len(self), 'image')}: "
                f"give one from 1 to {len(self)}"
            )
        return len(self) // batch_size

    def batches(self, batch_size: int, seed: int, start_step: int = 0, labelled: bool = False, ranks=None):
        """An endless tf.data.Dataset of uint8 [batch_size, H, W, C], beginning with the batch of `start_step`.

        labelled: of pairs instead, these images and their labels as a network is told them, float32 [batch_size, K].
        ranks: (which of several replicas, of how many): their rows of each batch alone, [replicas, rows, ...] for
            [batch_size, ...]: of n replicas every n-th row.

        Each epoch is a new order of all images, drawn from (seed, epoch) alone, so that a resumed training
        goes on with exactly the batches an uninterrupted one would see. The remainder that does not fill a
        batch is dropped. Some batches are gathered ahead in the background.
        """
        import tensorflow as tf

        steps_per_epoch = self.steps_per_epoch(batch_size)
        rows_shape = (batch_size,) if ranks is None else (len(ranks[0]), batch_size // ranks[1])
        shape = (*rows_shape, *self.image_shape)
        together = min(_BATCHES_PER_CALL, max(1, _BYTES_PER_CALL // int(np.prod(shape))))
        orders = {}  # of the newest epoch only

        def rows_of(step):
            epoch, place = divmod(step, steps_per_epoch)
            if epoch not in orders:
                orders.clear()
                orders[epoch] = np.random.default_rng([seed, epoch]).permutation(len(self))
            rows = orders[epoch][place * batch_size : (place + 1) * batch_size]
            return rows if ranks is None else np.concatenate([rows[rank :: ranks[1]] for rank in ranks[0]])

        parts = [(lambda rows: self.images[rows], np.uint8, (together, *shape))]
        if labelled:
            labels = labels_of(self)
            told = lambda rows: labels.told(labels.rows[rows])  # noqa: E731
            parts.append((told, np.float32, (together, *rows_shape, len(labels))))

        def gather(call):
            first = start_step + int(call) * together
            with exit_guard as closing:
                if closing:
                    return [np.zeros(of_all, kind) for _, kind, of_all in parts]
                rows = np.concatenate([rows_of(step) for step in range(first, first + together)])
                return [part(rows).reshape(of_all) for part, _, of_all in parts]

        def gather_in_graph(call):
            found = tf.numpy_function(gather, [call], [kind for _, kind, _ in parts])
            found = tuple(tf.ensure_shape(one, of_all) for one, (_, _, of_all) in zip(found, parts, strict=True))
            return found if labelled else found[0]

        # No autotuning: nothing is left to it here, and its thread, which looks less and less often, at times does
        # not hear that it is to end. Then the end of a training waited for its next look, up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        # (`Dataset.counter` would leave a graph behind, for good, at each call.)
        endless = tf.data.Dataset.range(2**62)
        batches = endless.map(gather_in_graph).prefetch(1).unbatch().prefetch(2)
        return batches.with_options(options)


# ------------------------------------------------------------------------------------- what is taken for data


def _as_array(values):
    try:
        return np.asarray(values)
    except (ValueError, TypeError):  # images of several sizes, rows of several lengths
        return np.zeros(0, object)


def _checked_pixels(name, images):
    """`images` as an array, uint8 [N, H, W, 1 or 3]; UserError, with what to do, when it is anything else."""
    images = _as_array(images)
    found = f"images of dataset {name!r} are {images.dtype} {list(images.shape)}, not uint8 [N, H, W, 1 or 3]"
    if images.dtype.kind == "f":
        raise UserError(f"{found}: {_whole_numbers_of(images)}")
    if images.dtype.kind not in "iu":
        raise UserError(f"{found}: give one array of pixels, with all images of one size")
    if images.ndim == 3:
        raise UserError(f"{found}: of gray images without an axis for it give images[..., None]")
    if images.ndim != 4 or 0 in images.shape:
        raise UserError(f"{found}: give at least one image, with axes for height, width and channels")
    if images.shape[-1] not in (1, 3):
        hint = "images[..., :3] leaves the fourth channel out" if images.shape[-1] == 4 else "channels come last"
        raise UserError(f"{found}: {hint}")
    if images.dtype != np.uint8:
        if images.min() < 0 or images.max() > 255:
            raise UserError(f"{found}: {_out_of_range(images)}")
        images = images.astype(np.uint8)
    return images


def _whole_numbers_of(images):
    """How these floats become pixels, by the range they seem to be of: the way of another would ruin them."""
    low, high = (images.min(), images.max()) if images.size else (0, 1)
    if low >= -1 and high <= 1:
        pixels = "(255 * images)" if low >= 0 else "(127.5 * (images + 1))"
    elif low >= 0 and 2 < high <= 255:  # up to 1.02 are those of 0 to 1, resized
        pixels = "images"
    else:
        return _out_of_range(images)
    return f"give whole numbers from 0 to 255, such as {pixels}.round().astype('uint8')"


def _out_of_range(images):
    return f"their values, {images.min()} to {images.max()}, must be brought to 0 to 255"


def _checked_names(name, names):
    """`names` as texts; UserError, with what to do, for what has no order, or names two alike."""
    is_list = isinstance(names, Iterable) and not isinstance(names, str | bytes | Mapping | set | frozenset)
    if not is_list or getattr(names, "ndim", 1) != 1:
        hint = "; of a dict of their numbers give sorted(d, key=d.get)" if isinstance(names, Mapping) else ""
        raise UserError(
            f"label_names={in_short(names)} of dataset {name!r} must be a list of names, in the order of their "
            f"numbers{hint}"
        )
    names = tuple(map(str, names))
    for one, count in Counter(names).most_common(1):
        if count > 1:
            raise UserError(f"dataset {name!r} has {one!r} twice in its label_names: name each otherwise")
    return names


def _checked_labels(name, labels, count, names):
    """`labels` as whole numbers [N] or [N, attributes]; UserError, with what to do, when they are anything else."""
    labels = _as_array(labels)
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    found = f"labels of dataset {name!r} are {labels.dtype} {list(labels.shape)}"
    if labels.ndim not in (1, 2) or len(labels) != count or 0 in labels.shape:
        raise UserError(f"{found}, not whole numbers [{count}] or [{count}, attributes]: one for each image")
    if labels.dtype.kind not in "iu":
        raise UserError(f"{found}, not whole numbers: number the classes from 0, and give their names as label_names")
    if labels.ndim == 2 and (labels.min() < 0 or labels.max() > 1):
        one_column = labels.shape[1] == 1 and labels.min() >= 0
        as_attributes = "give 1 where an image has it and else 0, such as (labels > 0)"
        hint = "of a column of classes give labels[:, 0]" if one_column else as_attributes
        raise UserError(
            f"{found} with values from {labels.min()} to {labels.max()}, and an attribute is 0 or 1: {hint}"
        )
    needed = int(labels.max()) + 1 if labels.ndim == 1 else labels.shape[1]
    if names is not None and (len(names) < needed if labels.ndim == 1 else len(names) != needed):
        raise UserError(
            f"dataset {name!r} has {len(names)} label_names for {needed} {_what(labels)}: name each of them"
        )
    if labels.min() < 0:
        raise UserError(f"{found} with values from {labels.min()}: number the classes from 0")
    is_many = labels.ndim == 1 and names is None and needed > _MANY_CLASSES
    if is_many and needed > 10 * (used := len(np.unique(labels))):
        raise UserError(
            f"{found} with values up to {needed - 1} for {used} classes: number those 0, 1, 2 ..., such as by "
            "np.unique(labels, return_inverse=True)[1]"
        )
    return labels


def _what(labels):
    return "classes" if labels.ndim == 1 else "attributes"
