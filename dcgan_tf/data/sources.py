"""Where pictures come from: a folder or a zip, in an order that is the same every time.

A source is anything with these attributes; it is sent to worker processes, so it must be picklable and
light to import:

    description   one line for dataset.json
    fingerprint   changes when what it would give changes
    names         a name for each picture, in order
    ignored       how many files were passed over without a look (hidden ones, directories' housekeeping)
    read(index)   what the transform of prepared.prepare() gets: here the bytes of one file.
                  Raises ImageError when there is nothing to give.
"""

import hashlib
import os
import stat
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath

from dcgan_tf.data.images import ImageError
from dcgan_tf.system.errors import UserError

# No picture worth training on is larger; a folder may hold films and archives too.
MAX_FILE_BYTES = 256_000_000

CACHE_SUFFIX = ".dcgan_tf"  # what datasets.py puts beside a folder is not part of the folder around it


def open_source(path):
    """A FolderSource or a ZipSource. Raises UserError when `path` is neither."""
    path = Path(path)
    return FolderSource(path) if path.is_dir() else ZipSource(path)


def _is_ignored(part):
    return part.startswith(".") or part == "__MACOSX" or part.endswith(CACHE_SUFFIX) or part == "Thumbs.db"


class FolderSource:
    """All files below a folder but hidden ones, ordered by name; whether one is a picture shows when it is read."""

    def __init__(self, path):
        self.path = Path(path)
        self.description = f"folder {self.path.resolve().name}"
        self.names, self.ignored = [], 0
        found = []
        for folder, subfolders, files in os.walk(self.path, onerror=self._not_listed(found)):
            self.ignored += sum(map(_is_ignored, files))
            subfolders[:] = [name for name in subfolders if not _is_ignored(name)]
            for name in files:
                if not _is_ignored(name):
                    self._add(Path(folder, name), found)
        found.sort()
        self.names = [name for name, _, _ in found]
        digest = hashlib.sha256()
        for name, size, modified in found:
            digest.update(os.fsencode(f"{name}\0{size}\0{modified}\n"))
        self.fingerprint = digest.hexdigest()

    def _add(self, path, found):
        try:
            status = path.stat()
        except OSError:
            self.ignored += 1  # a link that leads nowhere
            return
        if stat.S_ISREG(status.st_mode):
            found.append((path.relative_to(self.path).as_posix(), status.st_size, status.st_mtime_ns))
        else:
            self.ignored += 1  # a pipe would be waited on for ever

    def _not_listed(self, found):
        def note(error):
            if Path(error.filename) == self.path:
                raise UserError(f"folder {str(self.path)!r} cannot be read: {error.strerror}") from error
            found.append((Path(error.filename).relative_to(self.path).as_posix(), 0, 0))

        return note

    def read(self, index: int) -> bytes:
        path = self.path / self.names[index]
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ImageError(f"file too large: more than {MAX_FILE_BYTES:,} bytes")
            return path.read_bytes()
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror}") from None


class ZipSource:
    """The entries of a zip file, read straight from it and ordered by name; names may occur twice."""

    def __init__(self, path):
        self.path = Path(path)
        self.description = f"zip {self.path.resolve().name}"
        try:
            status = self.path.stat()
            if not zipfile.is_zipfile(self.path):
                with open(self.path, "rb") as file:
                    start = file.read(2)
                hint = {b"": "it is empty", b"PK": "a download that was cut short?"}.get(start, "it is something else")
                raise UserError(
                    f"{str(self.path)!r} is not a whole zip file ({hint}): "
                    "give a zip or a folder of images, or a prepared dataset"
                )
        except OSError as error:
            raise UserError(f"{str(self.path)!r} cannot be read: {error.strerror}") from error
        self.fingerprint = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode()).hexdigest()

    @cached_property
    def _zip(self):
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise UserError(
                f"{str(self.path)!r} is not a whole zip file ({error}): download or pack it anew"
            ) from error

    @cached_property
    def _entries(self):
        return sorted(
            (entry for entry in self._zip.infolist() if not entry.is_dir() and not self._ignores(entry)),
            key=lambda entry: entry.filename,
        )

    @staticmethod
    def _ignores(entry):
        parts = entry.filename.replace("\\", "/").split("/")
        return any(_is_ignored(part) for part in parts if part not in (".", ".."))

    @cached_property
    def names(self):
        return [entry.filename for entry in self._entries]

    @property
    def ignored(self):
        return sum(not entry.is_dir() and self._ignores(entry) for entry in self._zip.infolist())

    def __getstate__(self):
        # A worker opens the file for itself.
        return {key: value for key, value in self.__dict__.items() if key not in ("_zip", "_entries", "names")}

    def read(self, index: int) -> bytes:
        entry = self._entries[index]
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
            raise ImageError("name leads out of the zip")  # nothing is ever extracted; but an honest zip has none
        if entry.flag_bits & 1:
            raise ImageError("encrypted")
        if entry.file_size > MAX_FILE_BYTES:
            raise ImageError(f"file too large: more than {MAX_FILE_BYTES:,} bytes")
        try:
            return self._zip.read(entry)
        except MemoryError:
            raise
        except Exception as error:
            # BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ...
            raise ImageError(f"damaged in the zip: {' '.join(str(error).split())[:80]}") from None
