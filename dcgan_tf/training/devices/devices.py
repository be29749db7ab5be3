"""The devices of a training, in one process or in several, and what these tell one another.

`tf.distribute` does the work: MirroredStrategy inside a process, MultiWorkerMirroredStrategy between processes.
"""

import contextlib
import functools
import re

import numpy as np
import tensorflow as tf

from dcgan_tf.system.errors import ConnectionLost

# What TensorFlow raises when another process is gone, whatever the two were exchanging.
PEER_ERRORS = (
    tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError,
    tf.errors.DeadlineExceededError,
)  # fmt: skip


# ... and words of which its text has one then: an error of this process's own device is another matter.
_OF_PEERS = re.compile("collective|remote|peer|heartbeat|coordination", re.IGNORECASE)


class WorkerLost(ConnectionLost):
    """Another of the processes that train together is gone."""


class Devices:
    """The devices of a training, `replicas` in all, in one process or in several.

    strategy: of tf.distribute; None for one device, where nothing of it is needed.
    process, processes: which of those that run the same command this one is, from 0, and how many there are.
    ranks: which of all replicas are here.
    """

    def __init__(self, strategy=None, names=("1",), process=0, addresses=("",), communication=None):
        self.strategy, self.names, self.communication = strategy, tuple(names), communication
        self.process, self.processes, self.addresses = process, len(addresses), tuple(addresses)
        self.replicas = strategy.num_replicas_in_sync if strategy else 1
        here = self.replicas // self.processes
        self.ranks = range(process * here, (process + 1) * here)

    @property
    def is_chief(self) -> bool:
        return self.process == 0

    def recorded(self) -> dict:
        """What config.json says of them: with others the last bits of a training are others."""
        return {"replicas": self.replicas, "processes": self.processes, "communication": self.communication}

    def notes(self) -> list[str]:
        """What a person should be told, one line each: nothing of one device."""
        if self.replicas == 1:
            return []
        if self.processes == 1:
            return [f"each step is made by {self.replicas} devices together: {', '.join(self.names)}"]
        there = f"{self.processes} processes ({', '.join(self.addresses)})"
        return [f"each step is made by {there} together, {self.replicas} devices in all"]

    def scope(self):
        """Networks and their optimizers are made in it."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def run(self, step, parts):
        """step(*parts) on each replica, in a compiled graph; the first one's result.

        parts: tensors of this process, [number of its replicas, ...], each of which takes its own; of a single
        device, the parts themselves.
        """
        if self.strategy is None:
            return step(*parts)

        def on_replica(*parts):
            place = tf.distribute.get_replica_context().replica_id_in_sync_group - self.ranks.start
            return step(*[part[place] for part in parts])

        return self.strategy.experimental_local_results(self.strategy.run(on_replica, args=tuple(parts)))[0]

    # --- between processes ------------------------------------------------------------------------------------

    def total(self, numbers) -> np.ndarray:
        """The sums of these float64 numbers [n] over all processes."""
        numbers = np.asarray(numbers, np.float64)
        return numbers if self.processes == 1 else self._summed(tf.constant(numbers)).numpy()

    def of_chief(self, numbers) -> np.ndarray:
        """The chief's numbers [n], whatever the others have given."""
        return self.total(np.asarray(numbers, np.float64) * self.is_chief)

    def share(self, variables):
        """Give all processes the chief's values of these variables."""
        if self.processes == 1:
            return
        for variable in variables:
            mine = np.asarray(variable)
            exact = mine.astype(mine.dtype if mine.dtype.kind == "f" else np.float64) * self.is_chief
            variable.assign(self._summed(tf.constant(exact)).numpy().astype(mine.dtype))

    @functools.cached_property
    def _summed(self):
        def on_replica(numbers):
            context = tf.distribute.get_replica_context()
            speaks = context.replica_id_in_sync_group == self.ranks.start  # one for its process
            return context.all_reduce(tf.distribute.ReduceOp.SUM, numbers * tf.cast(speaks, numbers.dtype))

        @tf.function(reduce_retracing=True)
        def summed(numbers):
            return self.strategy.experimental_local_results(self.strategy.run(on_replica, args=(numbers,)))[0]

        return summed

    @contextlib.contextmanager
    def lost_ones_named(self):
        """WorkerLost, in one line, where something fails because another process is gone."""
        try:
            yield
        except PEER_ERRORS as error:
            if self.processes == 1 or not _OF_PEERS.search(str(error)):
                raise
            others = [address for place, address in enumerate(self.addresses) if place != self.process]
            named = [one for one in others if f"task:{self.addresses.index(one)}" in str(error)] or others
            raise WorkerLost(
                f"process {self.process} of {self.processes} ({self.addresses[self.process]}) has lost "
                f"{' or '.join(named)}: what it says is the reason. "
                "Start all of them again with the same command: it goes on from the newest checkpoint"
            ) from None
