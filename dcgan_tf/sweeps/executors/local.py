"""The runs of a sweep as processes of this computer, which share its cores (see worker.py for what each does).

An executor is what sweep.py needs of a place where runs are made:

    with executor:                          reach it: UserError when it cannot be, and nothing is written yet
        executor.begin(folder, needs)       the runs will be in this folder, and read the files and folders in `needs`
        with executor.place() as place:     wait for a free place, and keep it for some runs one after another
            executor.execute(job, log, place, stop)    make one run, and wait for its end: worker.STATUS, or another
                                            number; None when it was not begun. stop: an event that asks this run alone
                                            to save and end. UserError when it cannot be made, ConnectionLost when
                                            none can be any more
        executor.stop()                     ask the runs under way to save and end, and begin no other
        executor.kill()                     without waiting for that

`jobs`: how many runs may be handed over at once; `at_once`: how many of them there is room for at the moment.
`stopping`: whether stop() was called. `accepted`: what has become of a run when execute() has it.
"""

import contextlib
import queue
import threading
from pathlib import Path

from dcgan_tf.sweeps.executors.child import ask_to_end, start
from dcgan_tf.sweeps.sharing import Place

_MOMENT = 0.2  # seconds between two looks at the event that stops one run


class LocalProcesses:
    """A process at a time for each of the places."""

    accepted = "begins"

    def __init__(self, places: list[Place]):
        self.jobs = self.at_once = len(places)
        self.stopping = False
        self._places = queue.SimpleQueue()
        for place in places:
            self._places.put(place)
        self._lock, self._children = threading.Lock(), set()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def begin(self, folder: Path, needs: list[Path]):
        """What the sweep sees, its processes see."""

    @contextlib.contextmanager
    def place(self):
        """Wait for a place."""
        place = self._places.get()
        try:
            yield place
        finally:
            self._places.put(place)

    def execute(self, job: dict, log: Path, place: Place, stop: threading.Event | None = None) -> int | None:
        """Run the worker to its end; its exit status, or None when all is stopping."""
        with self._lock:
            if self.stopping:
                return None
            child = start(job, log, place)
            self._children.add(child)
        try:
            if stop is not None:
                threading.Thread(target=self._end_when, args=(stop, child), daemon=True).start()
            return child.wait()
        finally:
            with self._lock:
                self._children.discard(child)

    def _end_when(self, stop, child):
        while child.poll() is None:
            if stop.wait(_MOMENT):
                ask_to_end(child)
                return

    def stop(self) -> int:
        """Ask every run under way to save and end; returns how many these are."""
        with self._lock:
            self.stopping = True
            for child in self._children:
                ask_to_end(child)
            return len(self._children)

    def kill(self):
        with self._lock:
            for child in self._children:
                child.kill()
