"""A folder or zip of pictures as a dataset: prepared once into a cache, then opened at once.

The cache is under DCGAN_TF_CACHE when that is set, else in `<data>.dcgan_tf` beside the data, else (when
that place cannot be written to) in the user's cache folder. Pictures that were changed, added or removed are
prepared anew; where only a file beside them that gives their labels was (see labels/), the labels are.
"""

import contextlib
import functools
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np

from dcgan_tf.data.chunks import Result, describe_left_out
from dcgan_tf.data.decoding import ImageError, count_frames, decode, histogram
from dcgan_tf.data.images import resize, square
from dcgan_tf.data.labels.picture_labels import labeller_of
from dcgan_tf.data.prepared import PreparedDataset, is_prepared, read_prepared
from dcgan_tf.data.preparing import prepare
from dcgan_tf.data.sources import CACHE_SUFFIX, Frames, open_source
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import cached, can_write, given_cache

FAINT = 64  # images whose values span less of 0 to 255 are hard to see, and to learn from
_LOOKED_AT = 200  # pictures, spread over the source, that say which values are in use


def load_pictures(
    path: Path, size: int, channels: int | None, allow_changes: bool, stretch: bool = False, all_frames: bool = False
) -> tuple[PreparedDataset, tuple]:
    """The pictures of a folder or zip, centre-cropped, size x size; and notes on what was done to them.

    channels: 1, 3, or None: colour if there is a colour picture among those first looked at.
    allow_changes: whether pictures may be enlarged, or gray ones made colour, or colour ones gray.
    stretch, all_frames: see datasets.load_dataset.

    Raises UserError when that is needed and not allowed, or when there is no usable picture.
    """
    source = open_source(path)
    source = Frames(source) if all_frames else source
    name = f"{size}x{size}x{channels or 'own'}" + ("-stretched" if stretch else "")
    target = _cached(path, name, [source.description, source.fingerprint])
    labels = labeller_of(source)
    make = functools.partial(_prepare_cached, target, source, size, channels, stretch, labels)
    if not is_prepared(target):
        make()
    try:
        prepared = read_prepared(target)
    except UserError:
        shutil.rmtree(target)  # somebody tidied the cache up half-way
        make()
        prepared = read_prepared(target)
    other_file = prepared.metadata.get("labels_key") != getattr(labels, "key", None)
    of_old_version = "labels_note" not in prepared.metadata  # which did not know labels
    if other_file or (of_old_version and any("/" in name.replace("\\", "/") for name in source.names)):
        make()  # it writes only the labels anew
        prepared = read_prepared(target)
    if not allow_changes:
        _refuse_changes(path, size, prepared, channels_asked=channels is not None)
    return prepared, _notes(path, size, prepared, source)


def _prepare_cached(target, source, size, channels, stretch, labels):
    settings = {"size": size, "channels": channels or "own"}
    if stretch:
        settings["levels"] = levels_of(source)
    transform = functools.partial(
        to_square, size=size, channels=channels or _own_channels(source), levels=settings.get("levels")
    )
    try:
        prepare(target, source, transform, settings=settings, labels=labels)
    except UserError:
        with contextlib.suppress(OSError):
            target.parent.rmdir()  # nothing came of it: leave no empty folder beside the data
        raise


def to_square(data: bytes | tuple[bytes, int], size: int, channels: int, levels=None) -> Result:
    """Decode a picture, take the square in its middle, and bring it to size x size with these channels.

    data: the bytes of a file, or (bytes, number of the frame). levels: see decoding.decode.
    """
    data, frame = data if isinstance(data, tuple) else (data, None)
    image = decode(data, frame=frame or 0, levels=levels)
    height, width, own_channels = image.shape
    frames = count_frames(data) if frame is None else 1
    columns = {
        "height": height,
        "width": width,
        "enlarged": min(height, width) < size,
        "made_colour": channels > own_channels,
        "made_gray": channels < own_channels,
        "has_more_frames": frames > 1,
        "frames": frames,
    }
    return Result(with_channels(resize(square(image), size), channels), columns=columns)


def levels_of(source) -> list[float]:
    """Between which values nearly all pixels of some of a source's pictures lie, as parts of the whole range.

    Left out is the thousandth that is darkest, and the one that is brightest: single hot pixels, letters.
    Raises UserError when all pixels are of one value.
    """
    counts = np.zeros(65536, np.int64)
    for index in _spread_over(source, _LOOKED_AT):
        with contextlib.suppress(ImageError):
            data = source.read(index)
            counts += histogram(data[0] if isinstance(data, tuple) else data)
    shares = np.cumsum(counts) / max(1, counts.sum())
    low, high = (int(np.searchsorted(shares, share, side="right")) for share in (0.001, 0.999))
    if counts.sum() and low >= high:
        raise UserError(f"pictures of {source.description!r} are of one gray, which cannot be stretched: leave it out")
    return [low / 65535, high / 65535] if counts.sum() else [0.0, 1.0]


def _spread_over(source, count):
    total = len(source.names)
    return np.unique(np.linspace(0, total - 1, min(total, count)).astype(int)).tolist()


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [..., C] with 1 or 3 channels: gray is repeated, colour weighted to gray as in decoding.decode."""
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
    for index in _spread_over(source, 50):
        with contextlib.suppress(ImageError):
            data = source.read(index)
            if decode(data[0] if isinstance(data, tuple) else data).shape[2] == 3:
                return 3
    return 1


def _refuse_changes(path, size, prepared, channels_asked):
    """UserError when pictures were changed in a way nobody asked for."""
    flags, changes, advice = prepared.metadata["flags"], [], []
    kept = [row for row in prepared.index() if row["kept"] == "1"] if any(map(flags.get, _CHANGES)) else []

    def examples(flag):
        rows = sorted((row for row in kept if row[flag] == "1"), key=lambda row: _side(row))
        shown = ", ".join(f"{row['source']} of {row['width']}x{row['height']}" for row in rows[:3])
        return f"{len(rows):,} {_IS[len(rows) == 1]} {_CHANGES[flag].format(size=size)} ({shown}" + (
            ", ...)" if len(rows) > 3 else ")"
        )

    if flags.get("enlarged"):
        changes.append(examples("enlarged"))
        advice.append(f"--set image_size=N with N at most {min(map(_side, kept))}")
    changes += [examples(flag) for flag in ("made_colour", "made_gray") if flags.get(flag) and channels_asked]
    if changes:
        advice = ["give --resize (resize=True) to convert them", *advice, "or leave them out"]
        raise UserError(
            f"of the {len(prepared.images):,} images in {str(path)!r} {' and '.join(changes)}: {', '.join(advice)}"
        )


_CHANGES = {  # a column of index.csv: what is wrong with the picture
    "enlarged": "smaller than {size}x{size}",
    "made_colour": "gray, not colour",
    "made_gray": "colour, not gray",
}
_IS = {True: "is", False: "are"}


def _side(row):
    return min(int(row["height"]), int(row["width"]))


def _notes(path, size, prepared, source):
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
    if flags.get("has_more_frames"):
        rows = [row for row in prepared.index() if row["has_more_frames"] == "1" and row["kept"] == "1"]
        left = sum(int(row["frames"]) - 1 for row in rows)
        notes.append(
            f"of {len(rows):,} animations or stacks of pages the first picture was taken, and {left:,} were left, "
            f"such as of {rows[0]['source']}: --all-frames (all_frames=True) takes them"
        )
    notes += notes_on(prepared, "--stretch (stretch=True)", source.left_out)
    return tuple(" ".join(note.split()) for note in notes)


def notes_on(prepared: PreparedDataset, how_to_stretch: str = "", left_out=None) -> list[str]:
    """What a person should know of a prepared dataset, one line each: its classes, what was left out, faint images.

    how_to_stretch: the option that mends the last, where there is one. left_out: now, where that is known; the
    folder may have come to hold more than when it was prepared.
    """
    notes, counts = [], prepared.metadata["counts"]
    count = counts.get("left_out") if left_out is None else len(left_out)
    left_out = prepared.metadata.get("first_left_out") if left_out is None else left_out
    if prepared.metadata.get("labels_note"):
        notes.append(prepared.metadata["labels_note"])
    if left_out:
        notes.append(f"left out: {describe_left_out(left_out, count)}")
    return notes + faint_note(prepared.value_range, how_to_stretch)


def faint_note(values: tuple[int, int], how_to_stretch: str = "") -> list[str]:
    """What to say of images of that range (see stored.value_range) when they use little of 0 to 255, or nothing."""
    if values[1] - values[0] >= FAINT:
        return []
    note = f"these images use little of the range 0 to 255: nearly all pixels are from {values[0]} to {values[1]}"
    return [f"{note}; {how_to_stretch} spreads what is in use over all of it" if how_to_stretch else note]


def _cached(path, name, identity):
    """Where what `name` describes, made from the data at `path`, lies; `identity` changes with the data."""
    path = path.resolve()
    name = f"{name}-{hashlib.sha256(repr(identity).encode()).hexdigest()[:12]}"
    if path.name and not given_cache():
        beside = path.with_name(path.name + CACHE_SUFFIX)
        if is_prepared(beside / name) or can_write(beside if beside.exists() else beside.parent):
            return beside / name
    return cached(f"{path.name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}", name)
