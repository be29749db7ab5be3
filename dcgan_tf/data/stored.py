"""Images on disk that are used like an array, and the fingerprint of images wherever they are."""

import hashlib
import os
import threading
import weakref
from pathlib import Path

import numpy as np

from dcgan_tf.system.errors import UserError


class StoredImages:
    """The images of an images.npy, uint8 [N, H, W, C], read from the file row by row as they are asked for.

    Use it like an array: len(), .shape, .dtype, and [number], [slice], [array of numbers], [array of bools]
    all give arrays in memory. Plain reads take the place of a memory map, whose pages count as this process's
    memory once they are touched: a training that visits every image would seem to hold all of them.
    They are as fast, and what is read again comes from the system's file cache either way.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, path: str | os.PathLike, rows: np.ndarray | None = None):
        """`rows`: only these of the file's images, in this order."""
        self.path, self._rows = Path(path), rows
        with open(self.path, "rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_{version[1]}")
            shape, fortran_order, dtype = read_header(file)
            self._start = file.tell()
        if dtype != np.uint8 or len(shape) != 4 or fortran_order or 0 in shape:
            raise ValueError(f"it holds {dtype} {list(shape)} instead of uint8 [N, H, W, C]")
        self._in_file, self._bytes = shape[0], int(np.prod(shape[1:]))
        wanted, there = self._start + self._in_file * self._bytes, self.path.stat().st_size
        if there != wanted:
            raise ValueError(f"it has {there:,} bytes instead of {wanted:,}")
        self.shape = (shape[0] if rows is None else len(rows), *shape[1:])
        self._file = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._turn = threading.Lock()  # for reading where a descriptor has one place only, which readers share
        weakref.finalize(self, os.close, self._file)

    def __len__(self):
        return self.shape[0]

    def select(self, rows: np.ndarray) -> "StoredImages":
        """Only these images, still on disk."""
        return StoredImages(self.path, self._numbers(rows))

    def __getitem__(self, key) -> np.ndarray:
        if isinstance(key, int | np.integer):
            return self[np.array([key])][0]
        numbers = self._numbers(key)
        images = np.empty((len(numbers), self._bytes), np.uint8)
        if len(numbers) and self._rows is None and isinstance(key, slice) and key.step in (None, 1):
            self._read(images, int(numbers[0]))
        else:
            for image, number in zip(images, numbers.tolist(), strict=True):
                self._read(image, number)
        return images.reshape(-1, *self.shape[1:])

    def __reduce__(self):
        return StoredImages, (self.path, self._rows)  # another process opens the file for itself

    def __array__(self, dtype=None, copy=None):
        images = self[:]
        return images if dtype is None else images.astype(dtype)

    def _numbers(self, key):
        """The rows in the file that `key` means; IndexError when it leads out of it."""
        if isinstance(key, slice):
            numbers = np.arange(*key.indices(len(self)))
        else:
            numbers = np.asarray(key)
            if numbers.dtype == bool:
                if numbers.shape != (len(self),):
                    raise IndexError(f"{len(numbers)} bools cannot choose among {len(self)} images")
                numbers = np.flatnonzero(numbers)
            elif len(numbers) == 0:
                numbers = np.zeros(0, np.int64)
            elif numbers.min() < -len(self) or numbers.max() >= len(self):
                raise IndexError(f"there are {len(self)} images, no number {numbers.min()} to {numbers.max()}")
            numbers = np.where(numbers < 0, numbers + len(self), numbers)
        return numbers if self._rows is None else self._rows[numbers]

    def _read(self, into, number):
        """Fill `into` from the file, beginning with image `number`."""
        view, place = memoryview(into).cast("B"), self._start + number * self._bytes
        while view:
            count = self._read_at(view, place)
            if count == 0:
                raise UserError(f"{str(self.path)!r} became shorter while it was read: prepare it again")
            view, place = view[count:], place + count

    def _read_at(self, view, place):
        """Read into `view` what lies at `place`, wherever other threads read; how many bytes came."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [view], place)
        with self._turn:  # Windows has no positional read
            os.lseek(self._file, place, os.SEEK_SET)
            data = os.read(self._file, len(view))
        view[: len(data)] = data
        return len(data)


class StoredSource:
    """Images that are prepared, or in memory, as a source (see sources.py): read() gives uint8 [H, W, C]."""

    ignored, left_out = 0, ()

    def __init__(self, name: str, images, fingerprint: str = ""):
        self.description, self.images, self.fingerprint = f"prepared dataset {Path(name).name}", images, fingerprint
        self.names = [str(row) for row in range(len(images))]

    def read(self, index: int) -> np.ndarray:
        return self.images[index]


def fingerprint_of(images, labels: np.ndarray | None) -> str:
    """The SHA-256 of pixels, labels and shapes: the same for the same data, in memory or on disk."""
    digest = hashlib.sha256()
    for first in range(0, len(images), 1000):
        digest.update(np.ascontiguousarray(images[first : first + 1000]))
    return finish_fingerprint(digest, images.shape, labels)


def finish_fingerprint(digest, shape, labels) -> str:
    """Add to the SHA-256 of all pixels what is only known at the end: the shape [N, H, W, C] and the labels."""
    digest.update(f"images {tuple(int(n) for n in shape)}".encode())
    if labels is not None:
        digest.update(f"labels {labels.shape}".encode())
        digest.update(np.ascontiguousarray(labels, dtype="<i8"))
    return digest.hexdigest()


def labels_digest(labels: np.ndarray | None) -> str | None:
    """The SHA-256 of labels and their shape; None without labels."""
    return None if labels is None else finish_fingerprint(hashlib.sha256(), (), labels)


def value_range(images) -> tuple[int, int]:
    """Between which values of 0 to 255 nearly all pixels of uint8 [N, H, W, C] lie: all but one in 1,000 at each end.

    Looked at are 1,000 images, spread over the data.
    """
    rows = np.unique(np.linspace(0, len(images) - 1, min(len(images), 1000)).astype(int))
    shares = np.cumsum(np.bincount(images[rows].ravel(), minlength=256))
    return tuple(int(np.searchsorted(shares, share * shares[-1], side="right")) for share in (0.001, 0.999))
