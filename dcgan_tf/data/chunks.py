"""A source prepared in pieces: each is some hundred pictures, and becomes one file when it is done.

Pieces are what worker processes share, and what a kill does not undo. See prepared.py for the whole.
"""

import contextlib
import csv
import functools
import hashlib
import json
import sys
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dcgan_tf.data.decoding import ImageError
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, in_utf8
from dcgan_tf.system.saying import say
from dcgan_tf.system.workers import available_cores, run_in_workers

_FIRST_NAMED = 5  # of those dropped or left out so many are named in dataset.json; all that were dropped, in index.csv


@dataclass(frozen=True)
class Result:
    """What became of one source picture: `image` uint8 [H, W, C], or None and the `reason`.

    `columns` go into index.csv; of those that are True or False, dataset.json counts the kept pictures.
    """

    image: np.ndarray | None
    reason: str = ""
    columns: dict = field(default_factory=dict)


class DamagedChunk(Exception):
    """A chunk on disk is not what was written: the power failed, or the disk does."""


class NothingUsable(UserError):
    """No picture of the source can be used."""


class Chunks:
    """The files in the folder `partial`: `size` source pictures each, transformed; `key` tells settings apart."""

    def __init__(self, partial: Path, key: str, source, transform: Callable[..., Result], size: int, doing="preparing"):
        self.doing = doing  # what a person is told
        self.partial, self.key, self.source, self.transform, self.size = partial, key, source, transform, size
        self.prefix = f"{key[:16]}-{size}-"  # a killed process of other settings may have left its own here
        self.count = -(-len(source.names) // size)

    def path(self, number):
        return self.partial / f"{self.prefix}{number:06d}.npz"

    def complete(self, workers, progress):
        """Prepare the chunks that are missing."""
        for path in self.partial.glob("*.npz"):
            if not path.name.startswith(self.prefix):
                path.unlink(missing_ok=True)
        missing = [number for number in range(self.count) if not self.path(number).exists()]
        total = len(self.source.names)
        done = total - sum(min(self.size, total - number * self.size) for number in missing)
        workers = min(workers or available_cores(), len(missing))
        prepared = run_in_workers(functools.partial(_prepare_chunk, self), missing, workers)
        show_progress(prepared, done, total, progress, f"{self.doing} {self.source.description}")

    def done(self) -> tuple[int, float]:
        """How many source pictures are done, and the bytes on disk for each of them."""
        sizes = [self.path(number).stat().st_size for number in range(self.count) if self.path(number).exists()]
        pictures = min(len(sizes) * self.size, len(self.source.names))
        return pictures, sum(sizes) / max(1, pictures)

    def rows(self):
        """(kept, reason, columns) of every source picture, in order."""
        for number in range(self.count):
            with self._open(number) as file:
                yield from json.loads(file["rows"].tobytes())

    def images(self):
        """Of every chunk in order: the pictures it kept, uint8 [K, H, W, C]."""
        for number in range(self.count):
            with self._open(number) as file:
                yield file["images"]

    @contextlib.contextmanager
    def _open(self, number):
        try:
            with np.load(self.path(number), allow_pickle=False) as file:
                yield file
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            self.path(number).unlink(missing_ok=True)
            raise DamagedChunk from error


def _prepare_chunk(chunks: Chunks, number: int) -> int:
    """Make and write one chunk; how many source pictures it covers."""
    images, rows = [], []
    first = number * chunks.size
    for index in range(first, min(first + chunks.size, len(chunks.source.names))):
        try:
            result = chunks.transform(chunks.source.read(index))
        except ImageError as error:
            result = Result(None, str(error))
        if result.image is not None:
            _check_image(result.image, images)
            images.append(result.image)
        rows.append([result.image is not None, result.reason, result.columns])
    text = json.dumps(rows, default=lambda value: value.tolist()).encode()  # tolist: of NumPy's numbers and arrays
    images = np.stack(images) if images else np.zeros((0, 0, 0, 0), np.uint8)
    with atomic_file(chunks.path(number)) as temporary:
        np.savez(temporary, rows=np.frombuffer(text, np.uint8), images=images)
    return len(rows)


def _check_image(image, others):
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(f"the transform gave {image.dtype} {list(image.shape)} instead of uint8 [H, W, C]")
    if others and image.shape != others[0].shape:
        raise ValueError(f"the transform gave images of different shapes: {others[0].shape} and {image.shape}")


def show_progress(counts, done, total, progress, what):
    """Take all of `counts`, showing a bar where somebody watches a terminal, and now and then a line elsewhere.

    what: what is being done with what, such as "preparing faces.zip".
    """
    if not progress:
        for _ in counts:
            pass
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=what, total=total, initial=done, unit="image") as bar:
            for count in counts:
                bar.update(count)
        return
    started = said = time.monotonic()
    before = done
    for count in counts:
        done += count
        now = time.monotonic()
        if now - said >= 10:
            said, rate = now, (done - before) / (now - started)
            left = (total - done) / rate
            say(f"{what}: {done:,} of {total:,} images, {rate:,.0f} per second, {left / 60:.1f} minutes left")


def write_index(path, chunks, drop):
    """Write index.csv; which pictures are kept, bool [number of sources], and what dataset.json says of them."""
    names = chunks.source.names

    def rows():
        for name, (kept, reason, columns) in zip(names, chunks.rows(), strict=True):
            yield {"source": in_utf8(name), "kept": kept, "reason": reason, **columns}

    dropped = drop(rows()) if drop else {}
    header = dict.fromkeys(("source", "kept", "reason", "row"))
    for row in rows():
        header.update(dict.fromkeys(row))
    kept = np.zeros(len(names), bool)
    count, reasons, flags, first_dropped = 0, Counter(), Counter(), []
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        for index, row in enumerate(rows()):
            if row["kept"] and index in dropped:
                row.update(kept=False, reason=dropped[index])
            if row["kept"]:
                kept[index] = True
                flags.update(column for column, value in row.items() if value is True and column != "kept")
                row["row"] = count
                count += 1
            else:
                reasons[row["reason"].split(":")[0]] += 1
                if len(first_dropped) < _FIRST_NAMED:
                    first_dropped.append([row["source"], row["reason"]])
            writer.writerow({column: _cell(value) for column, value in row.items()})
    left_out = list(getattr(chunks.source, "left_out", ()))
    if count == 0:
        examples = ", ".join(f"{name} ({reason})" for name, reason in first_dropped[:3])
        raise NothingUsable(
            f"no usable picture in {chunks.source.description!r}: "
            + (f"all of its {len(names):,} files were dropped: {examples}" if names else "there are no files in it")
            + (f"; left out: {describe_left_out(left_out)}" if left_out else "")
        )
    return kept, {
        "counts": {
            **{"sources": len(names), "kept": count},
            **{"ignored": chunks.source.ignored, "left_out": len(left_out)},
        },
        "first_left_out": [[in_utf8(name), reason] for name, reason in left_out[:_FIRST_NAMED]],
        "dropped": dict(sorted(reasons.items())),
        "first_dropped": first_dropped,
        "flags": dict(sorted(flags.items())),
    }


def describe_left_out(left_out, count: int | None = None) -> str:
    """Of what a source leaves out, (name, reason) each: the first by name; count: of all, when these are some."""
    shown = ", ".join(f"{in_utf8(name)} ({reason})" for name, reason in left_out[:_FIRST_NAMED])
    more = (count or len(left_out)) - min(len(left_out), _FIRST_NAMED)
    return f"{shown} and {more:,} more" if more else shown


def _cell(value):
    """What a CSV cell holds: True and False as 1 and 0, lists as JSON, nothing for None."""
    if isinstance(value, bool):
        return int(value)
    return json.dumps(value) if isinstance(value, list | dict) else value


def write_images(path, chunks, kept):
    """Write images.npy chunk by chunk; the SHA-256 of its pixels so far, and its shape [N, H, W, C]."""
    count, shape, digest, done = int(kept.sum()), None, hashlib.sha256(), 0
    transformed = (keep for keep, _, _ in chunks.rows())
    with open(path, "wb") as file:
        for images in chunks.images():
            # Those the transform kept are in the chunk; of these, the ones that were not dropped afterwards.
            flags = [next(transformed) for _ in range(min(chunks.size, len(kept) - done))]
            images = images[kept[done : done + len(flags)][flags]]
            done += len(flags)
            if len(images) == 0:
                continue
            if shape is None:
                shape = (count, *images.shape[1:])
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            if images.shape[1:] != shape[1:]:
                raise ValueError(f"the transform gave images of different shapes: {shape[1:]} and {images.shape[1:]}")
            file.write(images)
            digest.update(images)
    return digest, shape
