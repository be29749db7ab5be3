"""The runs of a sweep as processes of this computer, which share its cores (see worker.py for what each does).

An executor is what sweep.py needs of a place where runs are made:

    with executor.place() as cores:         wait for a free place, and keep it for some runs one after another
        executor.execute(job, log, cores, should_stop)
                                        make one run, and wait for its end: worker.STATUS, or another number
    executor.stop()                         ask the runs under way to save and end, and begin no other
    executor.kill()                         without waiting for that
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading

from dcgan_tf.sweeps.sharing import share_cores, thread_settings

WORKER = [sys.executable, "-m", "dcgan_tf.sweeps.worker"]
_BETWEEN_QUESTIONS = 1.0  # seconds from one `should_stop` to the next


class LocalProcesses:
    """`jobs` processes at a time, each with its own share of the cores."""

    def __init__(self, jobs: int):
        self.jobs, self.stopping = jobs, False
        self._places = queue.SimpleQueue()
        for cores in share_cores(jobs):
            self._places.put(cores)
        self._lock, self._children = threading.Lock(), set()

    @contextlib.contextmanager
    def place(self):
        """Wait for a place; gives its cores, [] for all of them."""
        cores = self._places.get()
        try:
            yield cores
        finally:
            self._places.put(cores)

    def execute(self, job: dict, log, cores: list[int], should_stop=None) -> int | None:
        """Run the worker to its end, its output in the file `log`; its exit status, or None when all is stopping.

        job: "notebook", "output" (paths) and "parameters". should_stop: a function that is asked every second;
        where it says True, this run alone is asked to save and end.
        """
        environment = {**os.environ, **(thread_settings(len(cores)) if cores else {})}
        with self._lock:
            if self.stopping:
                return None
            child = subprocess.Popen(
                WORKER,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                **_away_from_ctrl_c(),
            )
            self._children.add(child)
            with contextlib.suppress(OSError):
                child.stdin.write(json.dumps({**job, "cores": cores}).encode() + b"\n")
                child.stdin.flush()
        try:
            return self._wait(child, should_stop)
        finally:
            with self._lock:
                self._children.discard(child)
                _ask_to_end(child)  # it has ended, unless `should_stop` went wrong

    def _wait(self, child, should_stop):
        while should_stop is not None and child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(_BETWEEN_QUESTIONS)
            if should_stop():
                with self._lock:
                    _ask_to_end(child)
                break
        return child.wait()

    def stop(self) -> int:
        """Ask every run under way to save and end; returns how many these are."""
        with self._lock:
            self.stopping = True
            for child in self._children:
                _ask_to_end(child)
            return len(self._children)

    def kill(self):
        with self._lock:
            for child in self._children:
                child.kill()


def _ask_to_end(child):
    """The end of its input is the sign (see worker.py)."""
    with contextlib.suppress(OSError):
        child.stdin.close()


def _away_from_ctrl_c() -> dict:
    """A Ctrl-C in the terminal shall reach the sweep alone, which asks its runs politely."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
