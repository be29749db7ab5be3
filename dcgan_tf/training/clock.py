"""The clock of a training: it counts training alone."""

import contextlib
import time


class Clock:
    """Seconds of training, those before an interruption included.

    It stands still until the first step of a process is made, since that one compiles; while the generator is
    evaluated; and while a picture is drawn for somebody who watches. So `max_seconds` buys the same training
    on a run that is watched, evaluated or resumed as on one that is not.
    """

    def __init__(self):
        self._counted, self._started = 0.0, None

    def restore(self, seconds: float):
        """Go on from so many seconds, standing still."""
        self._counted, self._started = seconds, None

    @property
    def runs(self) -> bool:
        return self._started is not None

    def start(self):
        if not self.runs:
            self._started = time.perf_counter()

    def stop(self):
        self._counted, self._started = self.seconds(), None

    def seconds(self) -> float:
        return self._counted + (time.perf_counter() - self._started if self.runs else 0.0)

    @contextlib.contextmanager
    def stopped(self):
        """It stands still inside, and goes on afterwards if it was running."""
        was_running = self.runs
        self.stop()
        try:
            yield
        finally:
            if was_running:
                self.start()
