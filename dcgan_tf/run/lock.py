"""Who writes a run directory: one process at a time, wherever it runs.

Two things say so. `.lock` is locked by the operating system, which frees it when the process ends, however it ends.
`.writer.json` is a lease: it names the host and the process, and is touched every few seconds while that lives. The
lease decides where a lock does not: on file systems without locks, on those whose locks other hosts do not see, and
where a host died and its lock was never freed.
"""

import contextlib
import errno
import json
import os
import shutil
import socket
import tempfile
import threading
import time
import uuid
from pathlib import Path

import filelock

from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, write_json

WAIT = 1.0  # seconds to wait for the lock: whoever only looks holds it for a moment
BEAT = 5.0  # seconds between two signs of life
STALE = 30.0  # a lease without a sign of life for so long is nobody's
ABANDONED = 600.0  # and for so long: a lock that still stands was left by a host that died

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


@contextlib.contextmanager
def only_writer(run):
    """Be the one who writes this run: gives its Lease. Raises UserError, naming who does, when another process does."""
    with disk_errors_explained(run.path):
        created = not run.path.exists()
        run.path.mkdir(parents=True, exist_ok=True)
        lock = _take_lock(run)
        try:
            lease = Lease(run.lease_path)
            lease.take(run, is_locked=lock is not None)
        except BaseException:
            _release(lock)
            raise
    try:
        yield lease
    except UserError:
        if created and not run.config_path.exists() and lease.is_held():
            shutil.rmtree(run.path, ignore_errors=True)  # it refused before it began: leave nothing behind
        raise
    finally:
        lease.give_back()
        _release(lock)


def is_being_written(run) -> bool:
    """Whether a process writes this run. Nothing is written to find out, so an archive may be read-only."""
    locked = _is_locked(run.lock_path)
    if locked:
        return True
    holder = _read_lease(run.lease_path, look_only=True)
    # On its own host a lock that is free tells that the writer is gone; elsewhere it may not be seen. No sign of life
    # comes from the future: a clock was wrong.
    return holder is not None and (locked is None or holder.host != socket.gethostname()) and abs(holder.age) < STALE


# --- the system's lock ------------------------------------------------------------------------------------


def _take_lock(run):
    """The lock, held; None on a file system that has none. UserError when another process holds it."""
    lock = filelock.FileLock(run.lock_path)
    for attempt in ("first", "second"):
        try:
            lock.acquire(timeout=WAIT, poll_interval=0.02)
            return lock
        except filelock.Timeout:
            holder = _read_lease(run.lease_path)
            # On this host the lock tells the truth, however long a process has been suspended.
            is_left = holder is not None and holder.host != socket.gethostname() and holder.age > ABANDONED
            if attempt == "second" or not is_left:
                raise UserError(_refusal(run, holder)) from None
            run.lock_path.unlink(missing_ok=True)  # a lock belongs to the file: a new one is free
        except NotImplementedError:
            return None
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return None
            raise


def _release(lock):
    if lock is not None:
        with contextlib.suppress(OSError):
            lock.release()


def _is_locked(path) -> bool | None:
    """Whether another process holds the lock; None when this system or file system cannot tell."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file is closed
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return False


def _refusal(run, holder):
    if holder is None:
        try:
            since = f", {_spoken(_clock_of(run.path) - run.lock_path.stat().st_mtime)} old"
        except OSError:
            since = ""
        return (
            f"run directory {str(run.path)!r} is being written by another process: wait for it, or choose another; "
            f"when you know that none is left on any host, remove {str(run.lock_path)!r}{since}"
        )
    return (
        f"run directory {str(run.path)!r} is being written by another process (number {holder.process} on "
        f"{holder.host}, last sign of life {_spoken(holder.age)} ago): wait for it, or choose another; when you know "
        f"that it is gone, remove {str(run.lock_path)!r} and {str(run.lease_path)!r}"
    )


def _spoken(seconds):
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"


# --- the lease --------------------------------------------------------------------------------------------


def _identity(folder) -> tuple | str:
    """What tells a folder from another one of the same name; "unknown" where its disk cannot be asked."""
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        return "gone"
    except OSError:
        return "unknown"
    return found.st_dev, found.st_ino


class _Holder:
    """Who a lease says is writing, and how long ago the last sign of life was, by the clock of the file's disk."""

    def __init__(self, host, process, mark, beat, age):
        self.host, self.process, self.mark, self.beat, self.age = host, process, mark, beat, age


def _read_lease(path, look_only=False) -> _Holder | None:
    """None when there is no lease, or what is there is none. look_only: write nothing, and trust this host's clock."""
    try:
        with open(path, encoding="utf-8") as file:  # opening it makes a network drive look again
            beat, told = os.fstat(file.fileno()).st_mtime, json.load(file)
        now = time.time() if look_only else _clock_of(path.parent)
        return _Holder(str(told["host"]), int(told["process"]), str(told["mark"]), beat, now - beat)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _clock_of(folder) -> float:
    """The time by the clock of the folder's disk, which may be another host's."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock.", suffix=".partial.json") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


class Lease:
    """This process's lease on a run, kept alive by a thread."""

    def __init__(self, path: Path):
        self.path, self.mark, self.ended = path, uuid.uuid4().hex, threading.Event()

    def take(self, run, is_locked: bool):
        """Write the lease, unless somebody has one that lives: then UserError.

        Whether one lives is seen by its next sign of life, or by its absence for STALE seconds, by the file's time or
        by those waited here: one that is dated ahead is waited for no longer. is_locked: whether the system's lock is
        held; then one of this host is nobody's.
        """
        found, ends = _read_lease(self.path), time.monotonic() + STALE
        while found is not None and found.age < STALE and time.monotonic() < ends:
            if is_locked and found.host == socket.gethostname():
                break
            time.sleep(BEAT / 10)
            now = _read_lease(self.path)
            if now is not None and (now.mark, now.beat) != (found.mark, found.beat):
                raise UserError(_refusal(run, now))
            found = now
        write_json(self.path, {"host": socket.gethostname(), "process": os.getpid(), "mark": self.mark})
        self.folder = _identity(self.path.parent)
        if not is_locked:  # two may have found it free at once: the later one has it
            time.sleep(BEAT / 10)
            now = _read_lease(self.path)
            if now is not None and now.mark != self.mark:
                raise UserError(_refusal(run, now))
        threading.Thread(target=self._beat, name="run lease", daemon=True).start()

    def is_held(self) -> bool:
        """Whether the run's folder is still the one that this lease is on, and the lease this process's.

        A folder can be moved away and another run begun in its place; and another host takes over what a process that
        was suspended for long had.
        """
        found = _read_lease(self.path, look_only=True)
        if found is not None:
            return found.mark == self.mark
        return _identity(self.path.parent) in (self.folder, "unknown")  # it was removed, with the folder or alone

    def check(self):
        """UserError when it is not held any more: what is there now is nobody's to overwrite."""
        if not self.is_held():
            raise UserError(
                f"run directory {str(self.path.parent)!r} was moved away, or another process took it over, while it "
                "was being written: nothing more is written there; where it was moved, the command that trained it "
                "goes on from its last checkpoint"
            )

    def _beat(self):
        while not self.ended.wait(BEAT):
            with contextlib.suppress(OSError):
                if self.is_held():
                    os.utime(self.path)

    def give_back(self):
        """End the lease; one that somebody else has taken over stays."""
        self.ended.set()
        found = _read_lease(self.path, look_only=True)
        if found is not None and found.mark == self.mark:
            with contextlib.suppress(OSError):
                self.path.unlink()
