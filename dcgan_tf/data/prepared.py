"""Prepared datasets: pictures decoded once, then read straight from one file.

    images.npy     uint8 [N, H, W, C]
    labels.npy     int64 [N], or uint8 [N, attributes]; only where there are labels
    index.csv      one row per source picture: its name, whether it was kept, why not, its row in images.npy
    dataset.json   source, settings, counts, shape, fingerprint

prepare() writes one, in worker processes; read_prepared() opens one. What is prepared does not depend on the
number of workers, nor on how often it was interrupted. TensorFlow is not imported.
"""

import contextlib
import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_tf.data.chunks import Chunks, DamagedChunk, Result
from dcgan_tf.data.stored import StoredImages, finish_fingerprint
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, write_json

__all__ = ["PreparedDataset", "Result", "is_prepared", "prepare", "read_prepared"]

FORMAT = 1
_FIRST_DROPPED = 5  # this many are named in dataset.json; all of them are in index.csv


# ----------------------------------------------------------------------------------------------- writing


def prepare(
    target: str | os.PathLike,
    source,
    transform: Callable[..., Result],
    *,
    settings: dict,
    labels: np.ndarray | None = None,
    label_names: Iterable[str] | None = None,
    drop: Callable[[Iterable[dict]], dict[int, str]] | None = None,
    workers: int | None = None,
    progress: bool = True,
    chunk_size: int = 256,
) -> Path:
    """Write the prepared dataset `target` from `source` (see sources.py) and return its path.

    transform: what source.read(index) gives -> Result; a picklable function of a module, or a
        functools.partial of one. An ImageError it raises becomes the row's reason. All images it gives have
        one shape.
    settings: all that decides what the transform does; anything JSON can hold.
    labels: one row per source picture; whole numbers [N], or [N, attributes] of 0 and 1.
    drop: given all rows of index.csv in order (only once, without `row`), says which kept ones are to be
        dropped after all: {index of the source: reason}. For what cannot be decided picture by picture.
    workers: processes; None: one per core this process may use.
    chunk_size: pictures per unit of work, which is what a kill loses of each worker's work.

    The work goes on in a folder `<target>.partial`. Killed and called again with the same arguments, it goes
    on with what is missing; the target appears under its name when it is whole. Called again after that, it
    returns at once.

    Raises UserError when the target exists with other settings or cannot be written, or when no picture can
    be used; then nothing is left behind.
    """
    target = Path(target)
    key = _key(source, transform, settings, labels, label_names, drop)
    if _is_done(target, key):
        return target
    partial = target.with_name(target.name + ".partial")
    with disk_errors_explained(target), only_preparer(partial):
        if not _is_done(target, key):  # another process may just have finished it
            chunks = Chunks(partial, key, source, transform, chunk_size)
            try:
                _make_whole(target, chunks, labels, label_names, drop, settings, workers, progress)
            except (UserError, OSError):
                shutil.rmtree(partial, ignore_errors=True)
                raise
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _key(source, transform, settings, labels, label_names, drop):
    """A hash of all that decides the result."""
    functions = [getattr(function, "func", function) for function in (transform, drop)]
    functions = [getattr(function, "__qualname__", type(function).__qualname__) for function in functions]
    names = None if label_names is None else list(label_names)
    text = json.dumps([FORMAT, source.description, source.fingerprint, settings, functions, names], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    if labels is not None:
        digest.update(np.ascontiguousarray(labels, dtype="<i8"))
    return digest.hexdigest()


def _is_done(target, key):
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    try:
        if json.loads((target / "dataset.json").read_text(encoding="utf-8"))["key"] == key:
            return True
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UserError(
        f"{str(target)!r} exists already and was not prepared from this source with these settings: "
        "choose another name, or remove it"
    )


@contextlib.contextmanager
def only_preparer(partial):
    """Hold the lock in the folder `partial`; wait while another process holds it."""
    import filelock

    said = False
    while True:
        partial.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(partial / "lock")
        # The process that holds it removes the folder in the end, and the lock with it: then begin again.
        with contextlib.suppress(filelock.Timeout, FileNotFoundError):
            lock.acquire(timeout=1 if said else 0)
            if (partial / "lock").exists():
                break
            lock.release()
        if not said and (partial / "lock").exists():
            print(f"waiting for another process, which is preparing {partial.with_suffix('')}", flush=True)
            said = True
    try:
        yield
    finally:
        lock.release()


def _make_whole(target, chunks, labels, label_names, drop, settings, workers, progress):
    """Prepare what is missing, put it together in `partial`, and give it its name."""
    whole = chunks.partial / "whole"
    for _ in range(3):
        chunks.complete(workers, progress)
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        try:
            kept, description = _write_index(whole / "index.csv", chunks, drop)
            digest, shape = _write_images(whole / "images.npy", chunks, kept)
            break
        except DamagedChunk:
            continue  # it has been removed: prepare it again
    else:
        raise UserError(f"cannot write {str(target)!r}: what is written there comes back damaged: try another disk")
    if labels is not None:
        labels = np.asarray(labels)[kept]
        labels = labels.astype(np.int64 if labels.ndim == 1 else np.uint8)
        np.save(whole / "labels.npy", labels)
    write_json(
        whole / "dataset.json",
        {
            "format": FORMAT,
            "source": chunks.source.description,
            "settings": settings,
            **description,
            "image_shape": list(shape[1:]),
            "label_names": None if label_names is None else list(label_names),
            "fingerprint": finish_fingerprint(digest, shape, labels),
            "key": chunks.key,
        },
    )
    for path in whole.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())  # the name must not outlive its content in a power cut
    os.rename(whole, target)


def _write_index(path, chunks, drop):
    """Write index.csv; which pictures are kept, bool [number of sources], and what dataset.json says of them."""
    names = chunks.source.names

    def rows():
        for name, (kept, reason, columns) in zip(names, chunks.rows(), strict=True):
            # A name may hold bytes that are no text in any encoding.
            name = name.encode("utf-8", "backslashreplace").decode()
            yield {"source": name, "kept": kept, "reason": reason, **columns}

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
                if len(first_dropped) < _FIRST_DROPPED:
                    first_dropped.append([row["source"], row["reason"]])
            writer.writerow({column: _cell(value) for column, value in row.items()})
    if count == 0:
        examples = ", ".join(f"{name} ({reason})" for name, reason in first_dropped[:3])
        raise UserError(
            f"no usable picture in {chunks.source.description!r}: "
            + (f"all of its {len(names):,} files were dropped: {examples}" if names else "there are no files in it")
        )
    return kept, {
        "counts": {"sources": len(names), "kept": count, "ignored": chunks.source.ignored},
        "dropped": dict(sorted(reasons.items())),
        "first_dropped": first_dropped,
        "flags": dict(sorted(flags.items())),
    }


def _cell(value):
    """What a CSV cell holds: True and False as 1 and 0, lists as JSON, nothing for None."""
    if isinstance(value, bool):
        return int(value)
    return json.dumps(value) if isinstance(value, list | dict) else value


def _write_images(path, chunks, kept):
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


# ----------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class PreparedDataset:
    """A prepared dataset that was opened.

    images: uint8 [N, H, W, C] on disk; labels: int64 [N], uint8 [N, attributes], or None;
    label_names: of the classes or attributes, or None; metadata: dataset.json.
    """

    path: Path
    images: StoredImages
    labels: np.ndarray | None
    label_names: tuple[str, ...] | None
    metadata: dict

    @property
    def fingerprint(self) -> str:
        return self.metadata["fingerprint"]

    def index(self) -> list[dict[str, str]]:
        """index.csv: a dict of texts for each source picture."""
        with open(self.path / "index.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def names(self) -> list[str]:
        """The source's name of each image."""
        return [row["source"] for row in self.index() if row["kept"] == "1"]

    def verify(self) -> None:
        """Read everything once and compare with the fingerprint. Raises UserError when it differs."""
        digest = hashlib.sha256()
        for first in range(0, len(self.images), 1000):
            digest.update(self.images[first : first + 1000])
        if finish_fingerprint(digest, self.images.shape, self.labels) != self.fingerprint:
            raise UserError(f"{str(self.path)!r} is damaged (its content has changed): prepare it again")


def is_prepared(path: str | os.PathLike) -> bool:
    """Whether there is a prepared dataset at `path`."""
    return (Path(path) / "dataset.json").is_file()


def read_prepared(path: str | os.PathLike) -> PreparedDataset:
    """Open a prepared dataset; only sizes and shapes are checked, not every pixel (see verify()).

    Raises UserError when it is none, or something of it is missing, cut short or does not fit together.
    """
    path = Path(path)
    if not is_prepared(path):
        raise UserError(f"{str(path)!r} is not a prepared dataset: there is no dataset.json in it")
    part = "dataset.json"
    try:
        metadata = json.loads((path / part).read_text(encoding="utf-8"))
        if metadata["format"] != FORMAT:
            raise ValueError(f"its format is {metadata['format']!r}, not {FORMAT}")
        count, shape = metadata["counts"]["kept"], metadata["image_shape"]
        names = metadata["label_names"]
        if not isinstance(metadata["fingerprint"], str):
            raise ValueError("its fingerprint is no text")
        part = "images.npy"
        images = StoredImages(path / part)
        if list(images.shape) != [count, *shape]:
            raise ValueError(f"its shape is {list(images.shape)}, not {[count, *shape]}")
        part, labels = "labels.npy", None
        if names is not None or (path / part).exists():
            labels = np.load(path / part, allow_pickle=False)
            if labels.ndim not in (1, 2) or len(labels) != count or labels.dtype.kind not in "iu":
                raise ValueError(f"it holds {labels.dtype} {list(labels.shape)}, not whole numbers [{count}, ...]")
    except FileNotFoundError:
        raise UserError(f"prepared dataset {str(path)!r} is not whole: {part} is missing; prepare it again") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"prepared dataset {str(path)!r} is damaged, {part}: {reason}; prepare it again") from None
    return PreparedDataset(path, images, labels, None if names is None else tuple(names), metadata)
