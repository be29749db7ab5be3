"""Worker processes: by pipes and threads alone, as every system has them."""

import functools
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from dcgan_tf.system import workers
from dcgan_tf.system.workers import available_cores, run_in_workers


@pytest.fixture(params=["this system", "Windows"])
def system(request, monkeypatch):
    """Here, and without what Windows has not."""
    if request.param == "Windows":
        monkeypatch.delattr(selectors, "DefaultSelector")
        monkeypatch.delattr(os, "sched_getaffinity")
        names = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIG_IGN", "signal")}
        monkeypatch.setattr(workers, "signal", types.SimpleNamespace(**names))
        monkeypatch.setitem(sys.modules, "fcntl", None)
        monkeypatch.setitem(sys.modules, "resource", None)


def test_answers_come_in_any_order_and_all_of_them(system):
    assert sorted(run_in_workers(functools.partial(pow, 2), range(10), 3)) == [2**n for n in range(10)]
    assert list(run_in_workers(functools.partial(pow, 2), range(3), 1)) == [1, 2, 4]
    assert list(run_in_workers(functools.partial(pow, 2), [], 2)) == []
    assert available_cores() >= 1


def test_numbers_are_asked_for_as_answers_are_taken(system):
    given = []
    answers = run_in_workers(functools.partial(pow, 2), (given.append(n) or n for n in range(10**9)), 2)
    for taken in range(1, 9):
        next(answers)
        assert len(given) <= taken + 4
    before = threading.active_count()
    answers.close()
    for _ in range(200):
        if threading.active_count() == before - 2:
            break
        time.sleep(0.01)
    assert threading.active_count() == before - 2  # the threads of the two workers have ended


def test_a_mistake_of_the_task_or_of_the_numbers_is_raised(system):
    with pytest.raises(ZeroDivisionError):
        list(run_in_workers(functools.partial(divmod, 1), range(3), 2))

    def numbers():
        yield 1
        raise KeyError("a mistake")

    with pytest.raises(KeyError, match="a mistake"):
        list(run_in_workers(functools.partial(divmod, 1), numbers(), 2))


def test_a_worker_that_dies_is_an_error(system):
    with pytest.raises(RuntimeError, match="ended with status 3"):
        list(run_in_workers(os._exit, [3], 2))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes the Linux way")
def test_ctrl_c_and_a_closed_terminal_are_left_to_the_parent():
    hits = [int(signal.SIGINT), int(signal.SIGHUP)]
    assert list(run_in_workers(signal.raise_signal, hits, 2)) == [None, None]


def test_a_parent_that_was_killed_leaves_no_orphans():
    code = (
        "import os, functools; from dcgan_tf.system.workers import run_in_workers\n"
        "answers = run_in_workers(functools.partial(pow, 2), iter(range(10**9)), 2)\n"
        "next(answers), print(os.getpid(), flush=True)\n"
        "os.kill(os.getpid(), 9) if input() else None\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    number = int(parent.stdout.readline())
    started = [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    for thread in Path(f"/proc/{number}/task").iterdir():
        started += [int(child) for child in (thread / "children").read_text().split()]
    assert len(set(started)) == 2
    parent.stdin.write(b"die\n")
    parent.stdin.close()
    assert parent.wait() == -9
    for worker in set(started):
        for _ in range(500):
            if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split(")")[1]:
                break
            time.sleep(0.01)
        else:
            pytest.fail(f"worker {worker} outlived its parent by five seconds")
