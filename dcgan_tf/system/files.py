"""Writing files so that nobody ever sees half of one, and saying clearly when a disk refuses."""

import contextlib
import errno
import json
import os
from pathlib import Path

from dcgan_tf.system.errors import UserError

# What a disk answers when it cannot take any more, or not from this user: mistakes a person can mend.
_MENDABLE = {
    errno.ENOSPC: "the disk is full: free some space, or choose another place",
    errno.EDQUOT: "your disk quota is used up: free some space, or choose another place",
    errno.EFBIG: "the file is larger than this disk or your limits allow: choose another place",
    errno.EROFS: "the disk is read-only: choose another place",
    errno.EACCES: "permission denied: choose a place you can write to",
    errno.EPERM: "permission denied: choose a place you can write to",
    errno.ENOTDIR: "a part of that path is a file: choose another place",
    errno.EEXIST: "a file of that name is in the way: choose another place",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


@contextlib.contextmanager
def disk_errors_explained(path):
    """Turn the OSErrors that a person can mend into a UserError naming `path`."""
    try:
        yield
    except Exception as error:
        reason = _mendable(error)
        if reason is None:
            raise
        raise UserError(f"cannot write {str(path)!r}: {reason}") from error


def _mendable(error) -> str | None:
    """What a person can do about an OSError, or one of TensorFlow's that was one: where TensorFlow writes, the
    number is lost and the system's words are left."""
    if isinstance(error, OSError):
        return _MENDABLE.get(error.errno)
    if type(error).__module__.startswith("tensorflow."):
        return next((reason for number, reason in _MENDABLE.items() if os.strerror(number) in str(error)), None)
    return None


class Unreadable(UserError):
    """A file that is there and cannot be read at the moment; that says nothing about its content."""


def unreadable(path, error: OSError) -> Unreadable:
    """The error to raise when a file cannot be read, which is no sign of damage."""
    return Unreadable(
        f"{str(path)!r} cannot be read at the moment ({error.strerror or error}): try again when its disk is there "
        "and you may read it; nothing was changed"
    )


def check_readable(path):
    """Raise Unreadable when the bytes of the file cannot be had.

    For after a library could not make sense of a file: its error may come from the disk, or from what is in the file.
    """
    try:
        with open(path, "rb") as file:
            while file.read(1 << 20):
                pass
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return
    except OSError as error:
        raise unreadable(path, error) from error


@contextlib.contextmanager
def atomic_file(path, durable: bool = False):
    """Give a temporary path beside `path`; when the block ends well, it becomes `path` in one step.

    `durable` also waits until the disk has it, for what must survive a power cut. When the block fails,
    the temporary file is removed and an older `path` stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    with disk_errors_explained(path):
        try:
            yield temporary
            if durable:
                with open(temporary, "r+b") as written:  # for writing: Windows syncs nothing else
                    os.fsync(written.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()


def write_bytes(path, data: bytes):
    """Write `data` to `path` in one step."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def write_text(path, text: str, durable: bool = False):
    """Write `text` (UTF-8) to `path` in one step."""
    with atomic_file(path, durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write `value` as readable JSON to `path` in one step. NaN has no place in JSON: ValueError."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
