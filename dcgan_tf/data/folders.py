"""A folder or zip of pictures as a dataset: prepared once into a cache, then opened at once.

The cache is under DCGAN_TF_CACHE when that is set, else in `<data>.dcgan_tf` beside the data, else (when
that place cannot be written to) in the user's cache folder. Pictures that were changed, added or removed are
prepared anew.
"""

import contextlib
import functools
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np

from dcgan_tf.data.images import ImageError, decode, resize, square
from dcgan_tf.data.prepared import PreparedDataset, Result, is_prepared, prepare, read_prepared
from dcgan_tf.data.sources import CACHE_SUFFIX, open_source
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import cached, can_write, given_cache


def load_pictures(path: Path, size: int, channels: int | None, allow_changes: bool) -> tuple[PreparedDataset, tuple]:
    """The pictures of a folder or zip, centre-cropped, size x size; and notes on what was done to them.

    channels: 1, 3, or None: colour if there is a colour picture among those first looked at.
    allow_changes: whether pictures may be enlarged, or gray ones made colour, or colour ones gray.

    Raises UserError when that is needed and not allowed, or when there is no usable picture.
    """
    source = open_source(path)
    settings = {"size": size, "channels": channels or "own"}
    target = _cached(path, f"{size}x{size}x{channels or 'own'}", [source.description, source.fingerprint])
    if not is_prepared(target):
        _prepare_cached(target, source, size, channels, settings)
    try:
        prepared = read_prepared(target)
    except UserError:
        shutil.rmtree(target)  # somebody tidied the cache up half-way
        _prepare_cached(target, source, size, channels, settings)
        prepared = read_prepared(target)
    if not allow_changes:
        _refuse_changes(path, size, prepared, channels_asked=channels is not None)
    return prepared, _notes(path, size, prepared)


def _prepare_cached(target, source, size, channels, settings):
    transform = functools.partial(to_square, size=size, channels=channels or _own_channels(source))
    try:
        prepare(target, source, transform, settings=settings)
    except UserError:
        with contextlib.suppress(OSError):
            target.parent.rmdir()  # nothing came of it: leave no empty folder beside the data
        raise


def to_square(data: bytes, size: int, channels: int) -> Result:
    """Decode a picture, take the square in its middle, and bring it to size x size with these channels."""
    image = decode(data)
    height, width, own_channels = image.shape
    columns = {
        "height": height,
        "width": width,
        "enlarged": min(height, width) < size,
        "made_colour": channels > own_channels,
        "made_gray": channels < own_channels,
    }
    return Result(with_channels(resize(square(image), size), channels), columns=columns)


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [..., C] with 1 or 3 channels: gray is repeated, colour weighted to gray as in images.decode."""
    if channels == image.shape[-1]:
        return image
    if channels == 3:
        return image.repeat(3, axis=-1)
    return np.rint(image @ np.array([[0.299], [0.587], [0.114]])).astype(np.uint8)


def convert_stored(name: str, images, fingerprint: str, size: int | None, channels: int) -> PreparedDataset:
    """Images on disk (StoredImages) at another size or with other channels: prepared anew beside the old ones.

    size: of the new, square images; None: as they are.
    """
    source = _StoredSource(name, images, fingerprint)
    settings = {"size": size, "channels": channels}
    target = _cached(images.path.parent, f"{size or 'own'}x{channels}", [fingerprint])
    if not is_prepared(target):
        prepare(target, source, functools.partial(_convert, size=size, channels=channels), settings=settings)
    return read_prepared(target)


class _StoredSource:
    ignored = 0

    def __init__(self, name, images, fingerprint):
        self.description, self.images, self.fingerprint = f"prepared dataset {Path(name).name}", images, fingerprint
        self.names = [str(row) for row in range(len(images))]

    def read(self, index):
        return self.images[index]


def _convert(image, size, channels):
    return Result(with_channels(image if size is None else resize(square(image), size), channels))


def _own_channels(source):
    """3 when any of some pictures spread over the source is a colour picture, else 1."""
    count = len(source.names)
    for index in np.unique(np.linspace(0, count - 1, min(count, 50)).astype(int)).tolist():
        try:
            if decode(source.read(index)).shape[2] == 3:
                return 3
        except ImageError:
            continue
    return 1


def _refuse_changes(path, size, prepared, channels_asked):
    """UserError when pictures were changed in a way nobody asked for."""
    flags, changes = prepared.metadata["flags"], []
    if flags.get("enlarged"):
        sides = (min(int(row["height"]), int(row["width"])) for row in prepared.index() if row["kept"] == "1")
        changes.append(f"{flags['enlarged']:,} are smaller than {size}x{size} (the smallest allows {min(sides)})")
    if flags.get("made_colour") and channels_asked:
        changes.append(f"{flags['made_colour']:,} are gray, not colour")
    if flags.get("made_gray") and channels_asked:
        changes.append(f"{flags['made_gray']:,} are colour, not gray")
    if changes:
        raise UserError(
            f"of the {len(prepared.images):,} images in {str(path)!r} {' and '.join(changes)}: "
            "give --resize (resize=True) to convert them, or other images"
        )


def _notes(path, size, prepared):
    counts, flags = prepared.metadata["counts"], prepared.metadata["flags"]
    notes = [f"images of {str(path)!r} are centre-cropped and resized to {size}x{size}, in {str(prepared.path)!r}"]
    skipped = counts["sources"] - counts["kept"]
    if skipped:
        named = [f"{name} ({reason})" for name, reason in prepared.metadata["first_dropped"]]
        more = f", ... (all in {str(prepared.path / 'index.csv')!r})" if skipped > len(named) else ""
        notes.append(f"{skipped:,} of {counts['sources']:,} files were skipped: {', '.join(named)}{more}")
    if counts["ignored"]:
        notes.append(f"{counts['ignored']:,} hidden files were passed over")
    for flag, what in (("enlarged", "enlarged"), ("made_colour", "gray and made colour"), ("made_gray", "made gray")):
        if flags.get(flag):
            notes.append(f"{flags[flag]:,} of {counts['kept']:,} images were {what}")
    return tuple(" ".join(note.split()) for note in notes)


def _cached(path, name, identity):
    """Where what `name` describes, made from the data at `path`, lies; `identity` changes with the data."""
    path = path.resolve()
    name = f"{name}-{hashlib.sha256(repr(identity).encode()).hexdigest()[:12]}"
    if path.name and not given_cache():
        beside = path.with_name(path.name + CACHE_SUFFIX)
        if is_prepared(beside / name) or can_write(beside if beside.exists() else beside.parent):
            return beside / name
    return cached(f"{path.name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}", name)
