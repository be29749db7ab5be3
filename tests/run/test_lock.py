"""One writer to a run, on every kind of file system; whoever only looks is in nobody's way."""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time

import filelock
import pytest
from written_runs import write_run

from dcgan_tf.run import lock
from dcgan_tf.run.lock import is_being_written, only_writer
from dcgan_tf.system.errors import UserError


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "x")


@pytest.fixture
def hasty(monkeypatch):
    """The same in a tenth of a second."""
    for name, seconds in (("WAIT", 0.05), ("BEAT", 0.05), ("STALE", 0.3)):
        monkeypatch.setattr(lock, name, seconds)


def leave_lease(run, host="another", age=0.0):
    run.lease_path.write_text(json.dumps({"host": host, "process": 77, "mark": "m"}))
    os.utime(run.lease_path, (time.time() - age,) * 2)


@pytest.fixture(params=["system locks", errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, "filelock's word"])
def file_system(request, monkeypatch):
    """One with locks, and those that have none."""
    if request.param != "system locks":
        error = NotImplementedError() if isinstance(request.param, str) else OSError(request.param, "no locks")

        def acquire(*arguments, **options):
            raise error

        monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
        monkeypatch.setattr(lock, "_is_locked", lambda path: None)
    return request.param


def test_there_is_one_writer_and_it_is_named(run, file_system, hasty):
    assert not is_being_written(run)
    with only_writer(run):
        assert is_being_written(run)
        with (
            pytest.raises(UserError, match=rf"number {os.getpid()} on {socket.gethostname()}.*\.lock"),
            only_writer(run),
        ):
            pass
        assert is_being_written(run)
    assert not is_being_written(run) and not run.lease_path.exists()
    with only_writer(run):
        pass


def test_a_writer_that_was_killed_is_no_writer(run, file_system, hasty):
    leave_lease(run, socket.gethostname(), age=0.0 if file_system == "system locks" else 1.0)
    assert not is_being_written(run)
    with only_writer(run):
        assert is_being_written(run)


def test_a_writer_on_another_host_is_seen_where_its_lock_is_not(run, hasty):
    leave_lease(run)
    ended = threading.Event()

    def beat():
        while not ended.wait(0.02):
            os.utime(run.lease_path)

    living = threading.Thread(target=beat)
    living.start()
    try:
        assert is_being_written(run)
        with pytest.raises(UserError, match="number 77 on another"), only_writer(run):
            pass
    finally:
        ended.set()
        living.join()
    with only_writer(run):  # no sign of life any more: waited for, then taken over
        assert json.loads(run.lease_path.read_text())["host"] == socket.gethostname()


def test_a_lease_from_the_future_is_waited_for_no_longer_than_another(run, hasty):
    """As a host leaves it whose clock was wrong."""
    leave_lease(run, age=-3600)
    assert not is_being_written(run)
    with only_writer(run):
        assert json.loads(run.lease_path.read_text())["host"] == socket.gethostname()


def hold(run):
    """Another process that holds the lock, as a host does that died on a network drive."""
    code = (
        "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); "
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(run.lock_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_that_a_dead_host_left_is_taken_over(run, hasty):
    with hold(run) as holder:
        leave_lease(run, age=3 * 86400)
        with only_writer(run):
            assert is_being_written(run)
        leave_lease(run, socket.gethostname(), age=3 * 86400)  # here it may be suspended: the lock tells the truth
        holder.stdin.close()
    with hold(run) as holder:
        named = r"last sign of life 3 days ago.*remove '.*\.lock' and '.*\.writer\.json'"
        with pytest.raises(UserError, match=named), only_writer(run):
            pass
        run.lease_path.unlink()  # as earlier versions held it
        named = r"being written by another process.*remove '.*\.lock', \d+ \w+ old"
        with pytest.raises(UserError, match=named), only_writer(run):
            pass
        holder.stdin.close()


def test_a_run_that_was_moved_or_taken_over_is_held_no_more(run, hasty, tmp_path):
    other = write_run(tmp_path / "other", seed=1)
    with only_writer(run) as lease:
        lease.check()
        run.lease_path.rename(tmp_path / "lease")  # somebody tidied up: it is the same run
        lease.check()
        (tmp_path / "lease").rename(run.lease_path)
        run.path.rename(tmp_path / "moved")
        gone = lease.is_held()
        other.path.rename(run.path)
        with pytest.raises(UserError, match=r"x' was moved away, or another process took it over, while .* last check"):
            lease.check()
        leave_lease(run, age=100.0)
        time.sleep(3 * lock.BEAT)
        beats = run.lease_path.stat().st_mtime
        with pytest.raises(UserError, match="was moved away"):
            lease.check()
    assert not gone and time.time() - beats > 50  # another one's lease is not kept alive
    assert run.lease_path.exists()


def test_looking_does_not_keep_anybody_from_starting(run):
    """A thousand looks while another thread starts again and again."""
    ended, refused = threading.Event(), []

    def start():
        while not ended.is_set():
            try:
                with only_writer(run):
                    pass
            except UserError as error:
                refused.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    for _ in range(1000):
        is_being_written(run)
    ended.set()
    starting.join()
    assert refused == []


def test_a_look_writes_nothing(run):
    before = sorted(path.name for path in run.path.iterdir())
    leave_lease(run)
    run.path.chmod(0o500)
    try:
        assert is_being_written(run)
    finally:
        run.path.chmod(0o700)
    assert sorted(path.name for path in run.path.iterdir()) == sorted([*before, run.lease_path.name])


def test_a_system_without_such_locks_goes_by_the_lease(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # Windows
    assert not is_being_written(run)
    leave_lease(run, socket.gethostname())
    assert is_being_written(run)
    leave_lease(run, socket.gethostname(), age=60)
    assert not is_being_written(run)
