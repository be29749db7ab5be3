"""Writing a prepared dataset (see prepared.py) from a source of pictures (see sources.py), in worker processes.

What is prepared does not depend on the number of workers, nor on how often it was interrupted. TensorFlow is not
imported.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from dcgan_tf.data.chunks import Chunks, DamagedChunk, NothingUsable, Result, write_images, write_index
from dcgan_tf.data.prepared import FORMAT, labels_are_noted, read_prepared
from dcgan_tf.data.sources import check_outside
from dcgan_tf.data.stored import StoredImages, fingerprint_of, finish_fingerprint, labels_digest, value_range
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import DiskError, atomic_file, disk_errors_explained, in_utf8, put_in_place, write_json
from dcgan_tf.system.saying import say

__all__ = ["Result", "prepare"]

# What a preparation leaves in its folder when it is killed, and what systems put into any.
_LEFT = re.compile(
    r"lock|whole(/\.old|/(index\.csv|images\.npy|labels\.npy|dataset\.json|\.dataset\.\d+\.partial\.json))?"
    r"|[0-9a-f]{16}-\d+-\d+\.npz|\.[0-9a-f]{16}-\d+-\d+\.\d+\.partial\.npz|(.*/)?(\.DS_Store|Thumbs\.db|\.nfs\w+)"
)


def prepare(
    target: str | os.PathLike,
    source,
    transform: Callable[..., Result],
    *,
    settings: dict,
    labels: np.ndarray | Callable[[list[str]], tuple] | None = None,
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
    labels: one row per source picture; whole numbers [N], or [N, attributes] of 0 and 1. Or a function: given the
        names of the pictures that are kept, it gives (their labels or None, the label names or None, a note). It may
        have a `key`, a text that changes with what it would give, and check(), which raises before the work begins.
    drop: given all rows of index.csv in order (only once, without `row`), says which kept ones are to be
        dropped after all: {index of the source: reason}. For what cannot be decided picture by picture.
    workers: processes; None: one per core this process may use.
    chunk_size: pictures per unit of work, which is what a kill loses of each worker's work.

    The work goes on in a folder `<target>.partial`. Killed, or stopped by a full disk, and called again with the
    same arguments, it goes on with what is missing; the target appears under its name when it is whole. Called again
    after that, it returns at once; where labels are given and only they are other ones, they are written anew.

    Raises UserError when the target lies in the folder of the source, exists with other settings or cannot be
    written, when anything else lies in `<target>.partial`, or when no picture can be used: then nothing is left behind.
    """
    target = with_a_name(target)
    check_outside(target, source)
    keys = _keys(source, transform, settings, labels, label_names, drop)
    if _is_done(target, keys, source, labels, label_names):
        return target
    getattr(labels, "check", lambda: None)()
    partial = partial_of(target, source)
    with only_preparer(partial, target):
        if not _is_done(target, keys, source, labels, label_names):  # another process may just have finished it
            # Without the labels: pictures stay done when a mistake in the labels is found behind them, and mended.
            chunks = Chunks(partial, keys[1], source, transform, chunk_size)
            with work_kept(chunks, target):
                _make_whole(target, chunks, keys, labels, label_names, drop, settings, workers, progress)
        shutil.rmtree(partial, ignore_errors=True)
    return target


def with_a_name(target) -> Path:
    """The folder that is prepared, as a path whose name others can be made of: "." has none."""
    return Path(target) if Path(target).name else Path.cwd()


def _keys(source, transform, settings, labels, label_names, drop):
    """Hashes of all that decides the result: with the labels, and without them."""
    functions = [getattr(function, "func", function) for function in (transform, drop)]
    functions = [getattr(function, "__qualname__", type(function).__qualname__) for function in functions]
    decides = [FORMAT, source.description, source.fingerprint, settings, functions]

    def key(labels, names):
        names = None if names is None else list(names)
        digest = hashlib.sha256(json.dumps([*decides, names], sort_keys=True).encode())
        if callable(labels):
            digest.update((getattr(labels, "key", None) or labels.__qualname__).encode())
        elif labels is not None:
            digest.update(np.ascontiguousarray(labels, dtype="<i8"))
        return digest.hexdigest()

    return key(labels, label_names), key(None, None)


def _is_done(target, keys, source, labels, label_names):
    """Whether the target is there as it is wanted; its labels are brought to that if only they are not."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    try:
        found = json.loads((target / "dataset.json").read_text(encoding="utf-8"))
        are_whole = labels_are_noted(target, found)
        if found["key"] == keys[0] and are_whole:
            return True
        # Datasets of older versions have one key: it is the second where they were prepared without labels.
        if keys[1] in (found["key"], found.get("key_without_labels")):
            if labels is not None or not (are_whole or found.get("labels_digest", True)):  # else those that it has stay
                _label_anew(target, found, keys, source, labels, label_names)
            return True
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, UserError):
            raise
    raise UserError(
        f"{str(target)!r} exists already and was not prepared from this source with these settings: "
        "choose another name, or remove it"
    )


def _label_anew(target, metadata, keys, source, labels, label_names):
    """Give a prepared dataset other labels; its images stay as they are."""
    prepared = read_prepared(target, check_labels=False)  # a kill may have left them half anew
    rows = prepared.index()
    kept = np.array([row["kept"] == "1" for row in rows])
    named = {in_utf8(name): name for name in source.names}
    names = [named.get(row["source"], row["source"]) for row in rows]  # as `labels` had them at first
    labels, changed = _labels_of_kept(labels, label_names, names, kept)
    changed |= {  # images are read for it: until then all is as it was
        "fingerprint": fingerprint_of(prepared.images, labels),
        "images_fingerprint": fingerprint_of(prepared.images, None),
        "key": keys[0],
        "key_without_labels": keys[1],
    }
    with disk_errors_explained(target):
        if labels is not None:
            with atomic_file(target / "labels.npy") as temporary:
                np.save(temporary, labels)
        else:
            (target / "labels.npy").unlink(missing_ok=True)
        write_json(target / "dataset.json", {**metadata, **changed})


def partial_of(target: Path, source) -> Path:
    """The folder that `target` is prepared in, which is removed in the end: UserError when it holds anything else."""
    partial = target.with_name(target.name + ".partial")
    path = Path(getattr(source, "path", target)).resolve()
    other = "the source" if partial.resolve() in (path, *path.parents) else _other_in(partial)
    if other:
        raise UserError(
            f"{str(target)!r} would be prepared in {str(partial)!r}, which is removed in the end, and {other} is "
            "there: rename that folder, or choose another name"
        )
    return partial


def _other_in(partial):
    """The first thing in the folder that no preparation put there, quoted; None where all is from one."""
    for place, folders, files in os.walk(partial):
        for name in sorted(folders + files):
            path = Path(place, name).relative_to(partial).as_posix()
            if not _LEFT.fullmatch(path):
                return repr(path)
    return None


@contextlib.contextmanager
def work_kept(chunks, target):
    """What was done stays on disk when the block fails, and an error of the disk says so; else nothing stays."""
    try:
        with disk_errors_explained(target):
            yield
    except (UserError, OSError) as error:
        shutil.rmtree(chunks.partial / "whole", ignore_errors=True)  # a second copy; it is put together again
        done, mean = chunks.done()
        if done == 0 or isinstance(error, NothingUsable):
            shutil.rmtree(chunks.partial, ignore_errors=True)
            raise
        if not isinstance(error, DiskError):
            raise
        # Each piece is there twice when the whole is put together.
        missing = mean * (2 * len(chunks.source.names) - done) / 1e6
        raise DiskError(
            f"{error}; {done:,} of {len(chunks.source.names):,} pictures are done and kept in {str(chunks.partial)!r}, "
            f"the same command goes on from there; it needs about {max(1, missing):,.0f} MB more"
        ) from error


@contextlib.contextmanager
def only_preparer(partial, target):
    """Hold the lock in the folder `partial`; wait while another process holds it."""
    import filelock

    said = False
    with disk_errors_explained(target):
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
                say(f"waiting for another process, which is preparing {in_utf8(str(partial.with_suffix('')))}")
                said = True
    try:
        yield
    finally:
        lock.release()


def _make_whole(target, chunks, keys, labels, label_names, drop, settings, workers, progress):
    """Prepare what is missing, put it together in `partial`, and give it its name."""
    whole = chunks.partial / "whole"
    for _ in range(3):
        chunks.complete(workers, progress)
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        try:
            kept, description = write_index(whole / "index.csv", chunks, drop)
            digest, shape = write_images(whole / "images.npy", chunks, kept)
            break
        except DamagedChunk:
            continue  # it has been removed: prepare it again
    else:
        raise UserError(f"cannot write {str(target)!r}: what is written there comes back damaged: try another disk")
    labels, about_labels = _labels_of_kept(labels, label_names, chunks.source.names, kept)
    if labels is not None:
        np.save(whole / "labels.npy", labels)
    write_json(
        whole / "dataset.json",
        {
            "format": FORMAT,
            "source": chunks.source.description,
            "settings": settings,
            **description,
            "image_shape": list(shape[1:]),
            "value_range": list(value_range(StoredImages(whole / "images.npy"))),
            **about_labels,
            "fingerprint": finish_fingerprint(digest.copy(), shape, labels),
            "images_fingerprint": finish_fingerprint(digest, shape, None),
            "key": keys[0],
            "key_without_labels": keys[1],
        },
    )
    for path in whole.iterdir():
        with open(path, "r+b") as file:
            os.fsync(file.fileno())  # the name must not outlive its content in a power cut
    put_in_place(whole, target)


def _labels_of_kept(labels, label_names, names, kept):
    """The labels of the kept pictures as they are stored, or None, and what dataset.json says of them."""
    note, key = "", getattr(labels, "key", None)
    if callable(labels):
        labels, label_names, note = labels([name for name, keep in zip(names, kept, strict=True) if keep])
    elif labels is not None:
        labels = np.asarray(labels)[kept]
    if labels is not None:
        labels = labels.astype(np.int64 if labels.ndim == 1 else np.uint8)
    return labels, {
        "label_names": None if label_names is None else list(label_names),
        "labels_note": note,
        "labels_key": key,
        "labels_digest": labels_digest(labels),
    }
