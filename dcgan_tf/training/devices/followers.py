"""Training in several processes: the chief leads (loop.py), the others follow it, step by step.

Only the chief knows when rows, grids, evaluations and checkpoints are due, and when it is enough; only it writes.
Before each call of the compiled steps the processes agree on how many: that is all a follower needs.
"""

import contextlib
import hashlib
import json

import numpy as np
import tensorflow as tf

from dcgan_tf.game.gan import METRICS
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.devices.devices import PEER_ERRORS, Devices
from dcgan_tf.training.devices.steps import compile_steps
from dcgan_tf.training.signals import Signals, TrainingInterrupted


class Leader:
    """The chief's side; with one process it leads nobody, and costs nothing.

    stop_wanted: whether another process was asked to stop.
    """

    def __init__(self, devices: Devices):
        self.devices, self.stop_wanted, self.leads = devices, False, devices.processes > 1

    def begin(self, variables):
        """Let the others begin, with the chief's state."""
        if self.leads:
            self.next_call(1)
            self.devices.share(variables)

    def next_call(self, count: int) -> int:
        """Tell the others how many steps come now; 0 is the end."""
        if self.leads:
            stops = self.devices.total([count, 0])[1]
            self.stop_wanted = self.stop_wanted or stops > 0
        return count


@contextlib.contextmanager
def leading(devices: Devices):
    """A Leader; at the end, whatever it was, the others are let go, where they are still there."""
    leader = Leader(devices)
    try:
        yield leader
    except PEER_ERRORS:
        raise
    except BaseException:
        leader.next_call(0)
        raise
    leader.next_call(0)


def follow(gan, dataset, devices: Devices, say):
    """Make this process's share of the steps that the chief asks for, until it says that it was the last.

    Raises TrainingInterrupted when this process was asked to stop, after the chief has saved everything.
    """
    with Signals() as signals:
        if not devices.total([0, 0])[0]:
            say(f"process {devices.process}: the chief has found nothing to train, and says why")
            return
        devices.share(gan.variables.values())
        totals = tf.Variable(tf.zeros([len(METRICS) + 1], tf.float64))
        run_steps = compile_steps(gan, totals, dataset, devices)
        while count := int(devices.total([0, signals.received is not None])[0]):
            run_steps(count)
    if signals.received is not None:
        say(f"process {devices.process}: stopped by {signals.received.name}; the chief has saved everything")
        raise TrainingInterrupted


def see_that_all_train_the_same(devices: Devices, config: dict):
    """UserError, in every process, where one was given other settings, data or versions than the chief."""
    if devices.processes == 1:
        return
    told = {
        "recipe and settings": [config["recipe"], config["seed"], config["log_every"], config.get("start_from")],
        "data": config["dataset"]["fingerprint"],
        "versions of the software": config["versions"],
    }
    mine = np.array([_number_of(one) for one in told.values()])
    differs = devices.total(mine != devices.of_chief(mine))
    if differs.any():
        names = " and ".join(name for name, number in zip(told, differs, strict=True) if number)
        raise UserError(
            f"the {devices.processes} processes do not train the same: {names} differ between them: "
            "start each with the same command, on the same data and versions"
        )


def _number_of(anything) -> float:
    """A whole number that follows from what JSON can hold, small enough to be exact in float64."""
    digest = hashlib.sha256(json.dumps(anything, sort_keys=True).encode()).digest()
    return float(int.from_bytes(digest[:6], "big"))
