"""What was read of many runs for a gallery, kept in the cache: a run that has not changed need not be read again.

What is kept of a run is used only while every entry of its folders has the size, the times and the number it had, no
process writes the run, and this package's code is the same; the file as a whole only when its checksum is right.
It can be removed at any time.

    gallery/NUMBER.gz    a head in JSON, then a line per run: its place, its mark, and its parts in JSON, between tabs
"""

import contextlib
import gzip
import hashlib
import json
import os
import time
import zlib
from importlib import resources
from pathlib import Path

from dcgan_tf import __version__
from dcgan_tf.gallery_page.run_pictures import READ_IN
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import is_being_written
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file
from dcgan_tf.system.places import cached

_SETTLED = 2.0  # seconds: a file may change once more without another time stamp, where a disk counts in such steps


class Kept:
    """What is kept of the runs below a folder: `find` it for each of them, `keep` what was read anew, then `write`."""

    def __init__(self, folder: Path, typed: str, say):
        self.head = json.dumps({"code": _code(), "folder": os.path.realpath(folder), "typed": typed})
        name = hashlib.sha256(os.path.realpath(folder).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = cached("gallery", f"{name}.gz", say=say)
        self.known, self.lines, self.is_new = self._read(), [], False

    def find(self, path: Path, place: str) -> list[str] | None:
        """The parts (JSON texts) of the run at `path`, called `place`; None when it must be read."""
        known = self.known.pop(place, None)
        if not known or known[0] != _mark(path)[0] or _is_being_written(path):
            return None
        self.lines.append((place, *known))
        return known[1:]

    def keep(self, place: str, mark: str | None, parts: list[str]):
        """Keep these parts; mark: what read_marked() gave with them."""
        if mark and place.isprintable():
            self.lines.append((place, mark, *parts))
            self.is_new = True

    def write(self):
        """Keep what was handed out. A cache that takes nothing costs time, and ends nothing."""
        if not self.is_new and not self.known:  # it is what the file holds already
            return
        with contextlib.suppress(UserError, OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(self.path) as temporary, gzip.open(temporary, "wb", compresslevel=1) as file:
                file.write(f"{self.head}\n".encode())
                for line in self.lines:
                    file.write(("\t".join(line) + "\n").encode())

    def _read(self) -> dict[str, list[str]]:
        """Place -> [mark, part, ...]; nothing of a file that is damaged, or of another folder or code."""
        try:
            with gzip.open(self.path) as file:
                if file.readline() != f"{self.head}\n".encode():
                    return {}
                lines = [line.decode("utf-8")[:-1].split("\t") for line in file]
            return {place: rest for place, *rest in lines}  # read to its end: the checksum was right
        except (OSError, EOFError, ValueError, zlib.error):
            return {}


def read_marked(path: Path, read) -> tuple[str | None, list[str]]:
    """What read(path) returns of a run, and its mark; None instead of a mark where it may soon be something else."""
    started, is_written = time.time(), _is_being_written(path)
    before, _ = _mark(path)
    parts = read(path)
    mark, newest = _mark(path)
    is_settled = mark == before and newest < started - _SETTLED
    return mark if is_settled and not is_written and not _is_being_written(path) else None, parts


def _code() -> str:
    """A number of this package's code: what another version has read is not what this one shows."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(str(resources.files("dcgan_tf"))).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _mark(path: Path) -> tuple[str | None, float]:
    """(a number that changes with anything in the run's folders, when its newest file was written).

    None instead of the number where something cannot be looked at.
    """
    found, newest = [], 0.0
    for name in READ_IN:
        try:
            with os.scandir(path / name) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    one = _status(entry)
                    found.append(
                        (name, entry.name, one.st_mode, one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino)
                    )
                    newest = max(newest, one.st_mtime)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None, newest
    return hashlib.sha256(repr(found).encode("utf-8", "surrogateescape")).hexdigest(), newest


def _is_being_written(path):
    run = Run(path) if any(os.path.exists(os.path.join(path, name)) for name in (".lock", ".writer.json")) else None
    return run is not None and is_being_written(run)


def _status(entry):
    try:
        return entry.stat()
    except FileNotFoundError:
        return entry.stat(follow_symlinks=False)  # a link to nowhere
