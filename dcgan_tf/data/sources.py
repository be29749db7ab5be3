"""Where pictures come from: a folder or a zip, in an order that is the same every time.

A source is anything with these attributes; it is sent to worker processes, so it must be picklable and
light to import:

    description   one line for dataset.json
    fingerprint   changes when what it would give changes
    names         a name for each picture, in order
    ignored       how many files were passed over without a look (hidden ones, directories' housekeeping)
    left_out      (name, reason) of whatever else is there and is not taken; may be missing
    label_files   names of files that label the pictures, of which they are none (see labels/); the fingerprint does
                  not change with them. Only what open_source() gives has them; its read() takes their names, too
    path          the folder or zip that is read; missing where there is none
    read(index)   what the transform of prepare() gets: here the bytes of one file.
                  Raises ImageError when there is nothing to give.
"""

import hashlib
import os
import stat
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath

from dcgan_tf.data.decoding import UNREADABLE, ImageError, count_frames
from dcgan_tf.data.labels.label_files import label_files_among
from dcgan_tf.data.left_by_runs import without_runs
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import in_utf8

# No picture worth training on is larger; a folder may hold films and archives too.
MAX_FILE_BYTES = 256_000_000

CACHE_SUFFIX = ".dcgan_tf"  # what datasets.py puts beside a folder is not part of the folder around it

_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 98: "PPMd"}  # that zipfile does not know


def open_source(path):
    """A FolderSource or a ZipSource. Raises UserError when `path` is neither."""
    path = Path(path)
    return FolderSource(path) if path.is_dir() else ZipSource(path)


def _sort_out(files, names):
    """(the files with pictures, what is left out and why, the names of label files) of files with these names."""
    taken, left_out = without_runs(names)
    labels = label_files_among([name for name, take in zip(names, taken, strict=True) if take])
    pictures = zip(files, names, taken, strict=True)
    return [file for file, name, take in pictures if take and name not in labels], left_out, labels


def check_outside(target, source):
    """UserError where `target` would lie among the pictures of a folder: what is made of them would change them."""
    folder = getattr(source, "path", target)
    place, around = Path(target).resolve(), Path(folder).resolve()
    if around in place.parents and not any(map(_is_ignored, place.relative_to(around).parts)):
        raise UserError(
            f"{str(target)!r} lies in {str(folder)!r}, and would count among the pictures it is made from: "
            "choose a place outside of it"
        )


def _is_ignored(part):
    return part.startswith(".") or part == "__MACOSX" or part.endswith(CACHE_SUFFIX) or part == "Thumbs.db"


class FolderSource:
    """All files below a folder but hidden ones, ordered by name; whether one is a picture shows when it is read.

    Links are followed, to files and to folders; a folder that two ways lead to is taken once, the way without
    links first, so that no link leads round in a circle.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.description = f"folder {in_utf8(self.path.resolve().name)}"
        self.ignored, self.left_out = 0, []
        found = sorted(self._walk())
        found, of_runs, self.label_files = _sort_out(found, [name for name, _, _ in found])
        self.left_out = sorted(self.left_out + of_runs)
        self.names = [name for name, _, _ in found]
        digest = hashlib.sha256()
        for name, size, modified in found:
            digest.update(os.fsencode(f"{name}\0{size}\0{modified}\n"))
        self.fingerprint = digest.hexdigest()

    def _walk(self):
        """(name, size, time of change) of every file."""
        around = set(map(str, self.path.resolve().parents))
        folders, links, seen = [(self.path, "")], [], set()
        while folders or links:
            folder, name = folders.pop() if folders else links.pop(0)
            place = os.path.realpath(folder)
            if place in seen or place in around:
                self.left_out.append((name, f"a folder {'taken already' if place in seen else 'around this one'}"))
                continue
            seen.add(place)
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                if not name:
                    raise UserError(f"folder {str(self.path)!r} cannot be read: {error.strerror}") from error
                yield name, 0, 0  # reading it says why
                continue
            for entry in entries:
                inner = f"{name}/{entry.name}" if name else entry.name
                if _is_ignored(entry.name):
                    self.ignored += not entry.is_dir()
                elif entry.is_dir():
                    (links if entry.is_symlink() or _is_junction(entry) else folders).append((entry.path, inner))
                else:
                    yield from self._file(entry, inner)
            links.sort(key=lambda link: link[1])

    def _file(self, entry, name):
        try:
            status = entry.stat()
        except OSError:
            self.left_out.append((name, "a link that leads nowhere" if entry.is_symlink() else "cannot be read"))
            return
        if stat.S_ISREG(status.st_mode):
            yield name, status.st_size, status.st_mtime_ns
        else:
            self.left_out.append((name, "no file but a pipe, socket or device"))  # it would be waited on for ever

    def read(self, index: int | str) -> bytes:
        path = self.path / (index if isinstance(index, str) else self.names[index])
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ImageError(f"file too large: more than {MAX_FILE_BYTES:,} bytes")
            return path.read_bytes()
        except OSError as error:
            raise ImageError(f"{UNREADABLE}: {error.strerror}") from None


def _is_junction(entry):  # what Windows has besides links
    return hasattr(entry, "is_junction") and entry.is_junction()


class ZipSource:
    """The entries of a zip file, read straight from it and ordered by name; names may occur twice."""

    def __init__(self, path):
        self.path = Path(path)
        self.description = f"zip {in_utf8(self.path.resolve().name)}"
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
        self._stamp = f"{status.st_size} {status.st_mtime_ns}"

    @cached_property
    def fingerprint(self):
        # With a label file: of the entries, since a zip that is packed anew for its labels has the same pictures.
        entries = [(entry.filename, entry.CRC, entry.file_size) for entry in self._chosen[0]]
        return hashlib.sha256((repr(entries) if self.label_files else self._stamp).encode()).hexdigest()

    @cached_property
    def _zip(self):
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise UserError(
                f"{str(self.path)!r} is not a whole zip file ({error}): download or pack it anew"
            ) from error

    @cached_property
    def _chosen(self):
        """As _sort_out() gives them."""
        entries = sorted(
            (entry for entry in self._zip.infolist() if not entry.is_dir() and not self._ignores(entry)),
            key=lambda entry: entry.filename,
        )
        return _sort_out(entries, [entry.filename for entry in entries])

    @staticmethod
    def _ignores(entry):
        parts = entry.filename.replace("\\", "/").split("/")
        return any(_is_ignored(part) for part in parts if part not in (".", ".."))

    @cached_property
    def names(self):
        return [entry.filename for entry in self._chosen[0]]

    @property
    def left_out(self):
        return self._chosen[1]

    @property
    def label_files(self):
        return self._chosen[2]

    @property
    def ignored(self):
        return sum(not entry.is_dir() and self._ignores(entry) for entry in self._zip.infolist())

    def __getstate__(self):
        # A worker opens the file for itself.
        return {key: value for key, value in self.__dict__.items() if key not in ("_zip", "_chosen", "names")}

    def read(self, index: int | str) -> bytes:
        entry = self._zip.getinfo(index) if isinstance(index, str) else self._chosen[0][index]
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if not path.parts:
            raise ImageError("name of a folder")
        if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
            raise ImageError("name leads out of the zip")  # nothing is ever extracted; but an honest zip has none
        if entry.flag_bits & 1:
            raise ImageError("encrypted")
        if entry.file_size > MAX_FILE_BYTES:
            raise ImageError(f"file too large: more than {MAX_FILE_BYTES:,} bytes")
        if entry.compress_type in _METHODS:
            raise ImageError(f"packed in the zip by {_METHODS[entry.compress_type]}: unpack it, and give the folder")
        try:
            # Not all at once: what the zip says of an entry's size need not be true.
            data = bytearray()
            with self._zip.open(entry) as file:
                while piece := file.read(1 << 16):
                    data += piece
                    if len(data) > MAX_FILE_BYTES:
                        raise ImageError(f"file too large: more than {MAX_FILE_BYTES:,} bytes")
            return bytes(data)
        except (MemoryError, ImageError):
            raise
        except Exception as error:
            # BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ...
            raise ImageError(f"damaged in the zip: {' '.join(str(error).split())[:80]}") from None


class Frames:
    """All frames of the animations and stacks of pages in another source; of each, read() gives (bytes, frame).

    Every file is looked into once, to count them; one that cannot be read counts as one.
    """

    def __init__(self, source):
        self.source, self.path, self.description = source, source.path, f"all frames of {source.description}"
        self.fingerprint = hashlib.sha256(f"frames {source.fingerprint}".encode()).hexdigest()
        self.ignored, self.left_out = source.ignored, getattr(source, "left_out", [])
        self.names, self.places = [], []
        for index, name in enumerate(source.names):
            count = self._count(index)
            self.names += [name] if count == 1 else [f"{name}#{frame:04d}" for frame in range(count)]
            self.places += [(index, frame) for frame in range(count)]

    def _count(self, index):
        try:
            return count_frames(self.source.read(index))
        except ImageError:
            return 1

    def read(self, index: int) -> tuple[bytes, int]:
        place, frame = self.places[index]
        return self.source.read(place), frame
