"""Ending Python while TensorFlow may still be calling into it."""

import atexit
import math
import threading
import time


class ExitGuard:
    """Lets Python end only when TensorFlow has stopped calling into it.

    An iterator that is still alive at exit goes on filling its buffer; a call caught by Python's end never
    returns, and TensorFlow waits for it for ever. So at exit calls are answered at once, and Python goes on
    when none came for a while: the buffers are full, and nobody empties them any more.

        with exit_guard as closing:
            if closing:
                return anything, quickly
    """

    QUIET_SECONDS = 0.2

    def __init__(self):
        self.inside, self.last_left, self.closing = 0, -math.inf, False
        self.lock = threading.Lock()

    def __enter__(self):
        with self.lock:
            self.inside += 1
        return self.closing

    def __exit__(self, *exception):
        with self.lock:
            self.inside, self.last_left = self.inside - 1, time.monotonic()

    def close(self):
        self.closing = True
        while self.inside or time.monotonic() - self.last_left < self.QUIET_SECONDS:
            time.sleep(0.01)


exit_guard = ExitGuard()
atexit.register(exit_guard.close)
