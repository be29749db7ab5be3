"""Writing files so that nobody ever sees half of one, and saying clearly when a disk refuses."""

import contextlib
import errno
import fnmatch
import glob
import json
import os
import re
import shutil
import tempfile
import time
import uuid
import zipfile
from pathlib import Path

from dcgan_tf.system.errors import UserError

# What a disk answers when it cannot take any more, or not from this user: mistakes a person can mend.
_ELSEWHERE = "choose another place"
_REASONS = {  # by name: not every system has all of them
    "ENOSPC": f"the disk is full: free some space, or {_ELSEWHERE}",
    "EDQUOT": f"your disk quota is used up: free some space, or {_ELSEWHERE}",
    "EFBIG": f"the file is larger than this disk or your limits allow: {_ELSEWHERE}",
    "EROFS": f"the disk is read-only: {_ELSEWHERE}",
    "EACCES": "permission denied: choose a place you can write to",
    "EPERM": "permission denied: choose a place you can write to",
    "ENOENT": f"a folder on the way there is missing and cannot be made: {_ELSEWHERE}",
    "ENOTDIR": f"a part of that path is a file: {_ELSEWHERE}",
    "EEXIST": f"a file of that name is in the way: {_ELSEWHERE}",
    "EISDIR": f"a folder of that name is in the way: move it, or {_ELSEWHERE}",
    "ENOTEMPTY": f"a folder of that name is in the way: move it, or {_ELSEWHERE}",
    "ENAMETOOLONG": "the name is too long: choose a shorter one",
    "EINVAL": "this disk takes no such name or file: choose another name or place",
    "ELOOP": f"links on the way there lead in a circle: {_ELSEWHERE}",
    "EMLINK": f"the folder holds too many files: {_ELSEWHERE}",
    "EIO": f"the disk reports an error: look after it, or {_ELSEWHERE}",
    "ESTALE": f"the network drive has lost it: try again, or {_ELSEWHERE}",
    "ENODEV": f"the disk is gone: {_ELSEWHERE}",
    "ENXIO": f"the disk is gone: {_ELSEWHERE}",
    "EBUSY": f"another program is using it: close that, or {_ELSEWHERE}",
    "ETXTBSY": f"another program is using it: close that, or {_ELSEWHERE}",
    "EMFILE": "too many files are open: close some programs, or raise the limit (ulimit -n)",
    "ENFILE": "too many files are open: close some programs",
    "ENOTSUP": f"this disk cannot do that: {_ELSEWHERE}",
}
_MENDABLE = {getattr(errno, name): reason for name, reason in _REASONS.items() if hasattr(errno, name)}
# What NumPy and Pillow say when a disk took a part only; they keep its own reason to themselves.
_CUT_SHORT = re.compile(r"requested and \d+ written|encoder error -2 when writing")
_MARK = f"{'[0-9a-f]' * 8}.partial"  # how the names of whole_folder's temporary folders end
_LONG = 24 * 3600  # seconds; nobody is at work in such a folder that has not changed for so long


class DiskError(UserError):
    """A disk refuses what is to be written; the text says what a person can do."""


@contextlib.contextmanager
def disk_errors_explained(path):
    """Turn the OSErrors that a person can mend into a DiskError naming `path`."""
    try:
        yield
    except Exception as error:
        reason = _mendable(error)
        if reason is None:
            raise
        raise DiskError(f"cannot write {str(path)!r}: {reason}") from error


def _mendable(error) -> str | None:
    """What a person can do about an OSError, or one of TensorFlow's that was one: where TensorFlow writes, the
    number is lost and the system's words are left."""
    if isinstance(error, OSError):
        if error.errno is None and _CUT_SHORT.search(str(error)):
            return f"not all of it could be written, so the disk is probably full: free some space, or {_ELSEWHERE}"
        return _MENDABLE.get(error.errno)
    if type(error).__module__.startswith("tensorflow."):
        return next((reason for number, reason in _MENDABLE.items() if os.strerror(number) in str(error)), None)
    return None


def check_writable(path):
    """DiskError unless a file or folder `path` can be written; nothing is left behind. For before a long work.

    It is tried in that folder, or in the nearest one above that is there: rights do not tell all.
    """
    path = Path(path).absolute()
    with disk_errors_explained(path):
        folder = path if path.is_dir() else next(above for above in path.parents if above.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass


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


def paths_in(folder, pattern: str = "*") -> list[Path]:
    """What lies in a folder under such names, in their order; nothing when there is no folder.

    Raises Unreadable when it cannot be listed, as behind a link to a disk that is away, where Path.glob finds nothing.
    """
    try:
        return [Path(folder, name) for name in sorted(fnmatch.filter(os.listdir(folder), pattern))]
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not os.path.lexists(folder):
            return []
        raise unreadable(folder, error) from error


def check_not_others(paths, beside: str):
    """UserError when one of these, which are to be written, is there: without `beside`, it is somebody else's."""
    for path in paths:
        if path.exists():
            raise UserError(
                f"{str(path)!r} is there, and no {beside} beside it: move it away, or choose another folder, and "
                "nothing is lost"
            )


def looks_whole(path: Path, otherwise: bool = True) -> bool:
    """Whether a file begins and ends as its kind does: .keras, .npz, .gif or .webp.

    No more of it is read, for of hundreds of runs that would take minutes. otherwise: the answer for one that is not
    there or cannot be read, which is not judged.
    """
    try:
        if path.suffix in (".keras", ".npz"):
            with zipfile.ZipFile(path):  # its table of contents is at its end
                return True
        with open(path, "rb", buffering=0) as file:
            begin, size = file.read(8), file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 8))
            end = file.read()
    except (IsADirectoryError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    except OSError:
        return otherwise
    if path.suffix == ".webp":
        return begin[:4] == b"RIFF" and int.from_bytes(begin[4:], "little") + 8 == size
    return begin.startswith(b"GIF8") and end.endswith(b";")


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
            replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def whole_folder(path, earlier=(), about=None):
    """Give a temporary folder; when the block ends well, what is in it is what is in `path` (see put_in_place).

    When the block fails, the temporary folder is removed, and an older `path` stays as it was. One that a kill left is
    in nobody's way, and removed after a day: before that, somebody may be at work in it.
    """
    real = Path(os.path.realpath(path))  # "." has no name to write beside
    mark = f"{uuid.uuid4().hex[:8]}.partial"
    temporary = real / f".{mark}" if real.is_dir() else real.with_name(f".{real.name}.{mark}")
    with disk_errors_explained(path):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            put_in_place(temporary, real, earlier, about)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    with contextlib.suppress(OSError):
        for left in (*real.glob(f".{_MARK}"), *real.parent.glob(f".{glob.escape(real.name)}.{_MARK}")):
            if time.time() - left.stat().st_mtime > _LONG:
                shutil.rmtree(left, ignore_errors=True)


def contents(folder: Path) -> list[Path]:
    """What lies in a folder, but where whole_folder() is at work, or was when it was killed."""
    return [path for path in folder.iterdir() if not re.fullmatch(rf"\.{_MARK}", path.name)]


def put_in_place(made: Path, path: Path, earlier=(), about=None):
    """Let the folder `made` become `path`, in one step where there is none.

    One that is there stays itself, for a shell may stand in it, or a disk be mounted there, and is filled; all is moved
    back when something cannot be. earlier: the names in it that may give way, and go to `made`/.old: whoever removes
    `made` removes them. Raises OSError (ENOTEMPTY) for others.
    about: the name of the file that says what is in such a folder. It goes last and comes first, so that after a kill
    in between, too, it knows all that is there, if not all that was to be.
    """
    if not path.is_dir():
        os.replace(made, path)
        return
    there = sorted(contents(path), key=lambda one: one.name == about)
    if any(one.name not in earlier for one in there):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
    old, new = made / ".old", sorted(made.iterdir(), key=lambda one: one.name != about)
    moves = [*((one, old / one.name) for one in there), *((one, path / one.name) for one in new)]
    old.mkdir()
    with contextlib.ExitStack() as back:
        for source, target in moves:
            os.rename(source, target)
            back.callback(os.rename, target, source)
        back.pop_all()


def replace(source, target):
    """os.replace, tried for a second where somebody reads the target: Windows refuses it for that moment."""
    for _ in range(20 if os.name == "nt" else 0):
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(0.05)
    return os.replace(source, target)


def write_bytes(path, data: bytes):
    """Write `data` to `path` in one step."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def write_text(path, text: str, durable: bool = False):
    """Write `text` (UTF-8) to `path` in one step."""
    with atomic_file(path, durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


def in_utf8(name: str) -> str:
    """The name of a file as UTF-8 can write it: bytes of it that are no text become \\udce9."""
    return name.encode("utf-8", "backslashreplace").decode()


def write_json(path, value):
    """Write `value` as readable JSON to `path` in one step. NaN has no place in JSON: ValueError."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
