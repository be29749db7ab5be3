"""A folder or zip of pictures as a dataset: prepared once into a cache, then opened at once.

The cache is under DCGAN_TF_CACHE when that is set, else in `<data>.dcgan_tf` beside the data, else (when
that place cannot be written to) in the user's cache folder. Pictures that were changed, added or removed are
prepared anew, and so are all when one that this computer could not read then can be read now; where only a file beside
them that gives their labels was changed (see labels/), the labels are.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import shutil
from pathlib import Path

import numpy as np

from dcgan_tf.data.chunks import Result, describe_left_out
from dcgan_tf.data.decoding import count_frames, decode, grayness
from dcgan_tf.data.images import resize, square
from dcgan_tf.data.labels.picture_labels import labeller_of
from dcgan_tf.data.prepared import PreparedDataset, is_prepared, read_prepared
from dcgan_tf.data.preparing import prepare
from dcgan_tf.data.sources import CACHE_SUFFIX, Frames, open_source
from dcgan_tf.data.stored import StoredSource
from dcgan_tf.data.survey.values import faint_note, levels_of, own_channels
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable
from dcgan_tf.system.places import LONGEST_NAME, cached, can_write, given_cache, short


def load_pictures(
    path: Path,
    size: int,
    channels: int | None,
    allow_changes: bool,
    stretch: bool = False,
    all_frames: bool = False,
    drop_small: bool = False,
) -> tuple[PreparedDataset, tuple]:
    """The pictures of a folder or zip, centre-cropped, size x size; and notes on what was done to them.

    channels: 1, 3, or None: colour if there is a colour picture among those first looked at.
    allow_changes: whether pictures may be enlarged, or gray ones made colour, or colour ones gray.
    stretch, all_frames, drop_small: see datasets.load_dataset.

    Raises UserError when that is needed and not allowed, or when there is no usable picture.
    """
    source = open_source(path)
    source = Frames(source) if all_frames else source
    how = {"stretched": stretch, "without_small": drop_small}
    name = "-".join([f"{size}x{size}x{channels or 'own'}", *(word for word, asked in how.items() if asked)])
    target = _cached(path, name, [source.description, source.fingerprint])
    labels = labeller_of(source)
    make = functools.partial(_prepare_cached, target, source, size, channels, stretch, drop_small, labels)
    if not is_prepared(target):
        make()
    try:
        prepared = read_prepared(target)
    except Unreadable:
        raise
    except UserError:
        shutil.rmtree(target)  # somebody tidied the cache up half-way
        make()
        prepared = read_prepared(target)
    if prepared.is_outdated(source):
        old = target.with_name(f"{target.name}.old")
        with contextlib.suppress(OSError):  # it stays where it may not be changed
            target.rename(old)
        shutil.rmtree(old, ignore_errors=True)
        if not is_prepared(target):
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


def _prepare_cached(target, source, size, channels, stretch, drop_small, labels):
    settings = {"size": size, "channels": channels or "own"}
    if drop_small:
        settings["drop_small"] = True
    if stretch:
        settings["levels"] = levels_of(source)
    transform = functools.partial(
        to_square,
        size=size,
        channels=channels or own_channels(source),
        levels=settings.get("levels"),
        drop_small=drop_small,
    )
    try:
        prepare(target, source, transform, settings=settings, labels=labels)
    except UserError:
        with contextlib.suppress(OSError):
            target.parent.rmdir()  # nothing came of it: leave no empty folder beside the data
        raise


def to_square(
    data: bytes | tuple[bytes, int], size: int, channels: int, levels=None, drop_small: bool = False
) -> Result:
    """Decode a picture, take the square in its middle, and bring it to size x size with these channels.

    data: the bytes of a file, or (bytes, number of the frame). levels: see decoding.decode. drop_small: one that would
    be enlarged is dropped.
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
        "made_gray": channels < own_channels and not grayness(image)["is_gray"],  # a palette may hold grays alone
        "has_more_frames": frames > 1,
        "frames": frames,
    }
    if drop_small and columns["enlarged"]:
        return Result(None, f"{_too_small(size)}: {width}x{height}", columns)
    return Result(with_channels(resize(square(image), size), channels), columns=columns)


def _too_small(size):
    return f"smaller than {size}x{size}"


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
    source = StoredSource(name, images, fingerprint)
    settings = {"size": size, "channels": channels}
    target = _cached(images.path.parent, f"{size or 'own'}x{channels}", [fingerprint])
    if not is_prepared(target):
        prepare(target, source, functools.partial(_convert, size=size, channels=channels), settings=settings)
    return read_prepared(target)


def _convert(image, size, channels):
    return Result(with_channels(image if size is None else resize(square(image), size), channels))


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
        small = " (--drop-small, drop_small=True: those that are too small)" if flags.get("enlarged") else ""
        advice = ["give --resize (resize=True) to convert them", *advice, f"or leave them out{small}"]
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
    small = prepared.metadata["dropped"].get(_too_small(size), 0)
    if small:
        notes.append(f"{small:,} of {counts['sources']:,} files are pictures {_too_small(size)}, and were left out")
    if skipped > small:
        first = prepared.metadata["first_dropped"] if not small else _dropped_but_small(prepared, size)
        more = f", ... (all in {str(prepared.path / 'index.csv')!r})" if skipped - small > len(first) else ""
        named = ", ".join(f"{name} ({reason})" for name, reason in first)
        notes.append(f"{skipped - small:,} of {counts['sources']:,} files were skipped: {named}{more}")
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


def _dropped_but_small(prepared, size):
    """(name, reason) of the first five files that were dropped for another reason."""
    dropped = ((row["source"], row["reason"]) for row in prepared.index() if row["kept"] != "1")
    return list(itertools.islice((one for one in dropped if not one[1].startswith(_too_small(size))), 5))


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


def _cached(path, name, identity):
    """Where what `name` describes, made from the data at `path`, lies; `identity` changes with the data."""
    path = path.resolve()
    name = f"{name}-{hashlib.sha256(repr(identity).encode()).hexdigest()[:12]}"
    fits = path.name and len(os.fsencode(path.name + CACHE_SUFFIX)) <= LONGEST_NAME
    if fits and not given_cache():
        beside = path.with_name(path.name + CACHE_SUFFIX)
        if is_prepared(beside / name) or can_write(beside if beside.exists() else beside.parent):
            return beside / name
    return cached(f"{short(path.name)}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}", name)
