"""Runs made side by side with those of other processes, on this machine and others that see the same folder."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dcgan_tf.sweeps.running import go_through
from dcgan_tf.sweeps.search.claims import Claims
from dcgan_tf.sweeps.sharing import Place

_PAUSE = 2.0  # seconds from one look at what other processes make to the next


@dataclass(frozen=True)
class Job:
    """A run that is left to make."""

    name: str
    is_over: Callable[[], bool]
    make: Callable[[Place], None]  # in this place of the executor


class Together:
    """Makes the jobs that are left; each of them once in all processes, and once more where it was left behind."""

    def __init__(self, folder: Path, executor, say: Callable[[str], None]):
        self.claims, self.executor, self.say = Claims(folder), executor, say
        self.lock, self.tried = threading.Lock(), set()

    def until_nothing_is_left(self, left: Callable[[], Iterator[Job]]):
        """Make what is left; wait for what other processes make, and go on with it where they leave it."""
        waiting = False
        while True:
            go_through(self.executor, [functools.partial(self._work, left)] * self.executor.jobs, self.say)
            others = [job for job in left() if not job.is_over() and self._may_come(job)]
            if not others:
                return
            if not waiting:
                self.say(f"waiting for what other processes make: {', '.join(job.name for job in others)}")
            waiting = True
            time.sleep(_PAUSE)

    def _may_come(self, job):
        return job.name not in self.tried or self.claims.is_held(job.name)

    def _work(self, left):
        """One run after another, while there are any."""
        while not self.executor.stopping:
            with self.executor.place() as place, contextlib.ExitStack() as held:
                job = self._claim(left, held)
                if job is None:
                    return
                job.make(place)

    def _claim(self, left, held) -> Job | None:
        """The next job that no other process has and that was not tried before; held until `held` is closed."""
        with self.lock:
            for job in left():
                if job.name in self.tried or job.is_over() or not self.claims.take(job.name, held):
                    continue
                if not job.is_over():  # nor has another process made it just before
                    self.tried.add(job.name)
                    return job
                held.close()
        return None
