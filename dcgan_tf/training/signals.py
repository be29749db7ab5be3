"""Ctrl-C, SIGTERM and a closed terminal while a training runs: noted, so that the loop can save before it ends."""

import signal
import threading

from dcgan_tf.system.errors import end_signals

_OTHERS = ("SIGINT", "SIGBREAK")  # the last is Windows' own, from Ctrl-Break or another process


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM: everything is saved, and the same command goes on from here."""

    def _render_traceback_(self):  # in Jupyter, what was said is enough
        return ["TrainingInterrupted: everything is saved; run the cell again to go on"]


class Signals:
    """Notes Ctrl-C, SIGTERM and SIGHUP instead of being stopped by them; a second Ctrl-C stops at once.

    Only the main thread can do so; in another one, signals do what they did before.
    """

    def __init__(self):
        self.received, self._old = None, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            numbers = [*end_signals(), *(getattr(signal, name) for name in _OTHERS if hasattr(signal, name))]
            self._old = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def _note(self, number, frame):
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)

    def __exit__(self, *exception):
        for number, handler in self._old.items():
            signal.signal(number, handler)
