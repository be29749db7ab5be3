"""The workers of a Dask scheduler, as a sweep sees them: which of them fit, and what it is that runs wait for."""

import contextlib
import threading
import time

from dcgan_tf.sweeps.executors import dask_task
from dcgan_tf.system.errors import UserError

_MOMENT = 1.0  # seconds between two looks at the scheduler's workers
_AGAIN = 30.0  # ... and at those that are left out: a folder may have been mounted since
_PATIENCE = 5.0  # seconds that a run waits before it is said what for


class Workers:
    """Which workers may make runs; those that may not are named, with the reason, once."""

    def __init__(self, client, resources: dict[str, int], how_to_start: str, say):
        self.client, self.resources, self.how_to_start, self.say = client, resources, how_to_start, say
        self.needed = {"versions": dask_task.versions(), "token": None, "paths": []}  # of each: see dask_task.misfit
        self.present, self.misfits, self._checked = {}, {}, set()
        self._lock, self._told, self._left_out = threading.Lock(), None, {}

    def check(self):
        """Look which workers there are, and whether they fit. UserError when there are some and none does."""
        self._checked = set()
        self._look()
        if self.allowed() or not self.misfits:
            self._say_who_is_left_out()
        else:
            alike = {}
            for address, reason in self.misfits.items():
                alike.setdefault(reason, []).append(self._title(address))
            told = [
                f"{titles[0]}{f' and {len(titles) - 1} more' if titles[1:] else ''}: {reason}"
                for reason, titles in alike.items()
            ]
            raise UserError(f"no Dask worker can make runs of this sweep: {'; '.join(told)}")

    def allowed(self) -> set[str]:
        """The addresses of workers that may make runs. One that was not looked at may not: a task dies of a worker
        that cannot import what it is made of, and the worker of the task."""
        with self._lock:
            return self._checked - set(self.misfits)

    def is_outdated(self, allowed: set[str]) -> bool:
        """Whether a run that may be made on these workers alone could be made on others by now, or on none of them."""
        now = self.allowed()
        return bool(now - allowed) or not now & allowed

    def room(self) -> int:
        """How many runs have room on the workers that fit."""
        return sum(self._room(worker) for worker in self._fitting())

    def _say_who_is_left_out(self):
        with self._lock:
            new = {address: reason for address, reason in self.misfits.items() if self._left_out.get(address) != reason}
            self._left_out.update(new)
        for address, reason in new.items():
            self.say(f"Dask worker {self._title(address)} is left out: {reason}")

    def watch(self, waiting, is_over):
        """Keep looking until is_over(); waiting(): whether runs wait for a worker, and whether others are under way."""
        since = checked = time.monotonic()
        while not is_over():
            with contextlib.suppress(Exception):  # a scheduler that is lost is noticed by those who wait for runs
                if time.monotonic() > checked + _AGAIN:
                    checked, self._checked = time.monotonic(), self._checked - set(self.misfits)
                self._look()
                self._say_who_is_left_out()
            are_waiting, are_under_way = waiting()
            if not are_waiting:
                since = time.monotonic()
            elif time.monotonic() > since + _PATIENCE:
                self._tell(self._lack(are_under_way))
            time.sleep(_MOMENT)

    def _look(self):
        # Not client.scheduler_info(): that asks, and then returns what the client has kept, which a refresh of its
        # own, every two seconds, may have replaced meanwhile by an answer that names no workers.
        present = self.client.sync(self.client.scheduler.identity)["workers"]
        with self._lock:
            self.present = dict(present)
            self._checked &= set(present)
            self.misfits = {address: reason for address, reason in self.misfits.items() if address in self._checked}
            new = set(present) - self._checked
        found = self.client.run(dask_task.misfit, self.needed, workers=list(new), on_error="return") if new else {}
        for address, reason in found.items():
            if isinstance(reason, OSError):
                continue  # it is gone again
            if isinstance(reason, Exception):
                version = self.needed["versions"]["dcgan_tf"]
                reason = f"dcgan_tf {version} cannot be used there ({reason})"
            with self._lock:
                self._checked.add(address)
                self.misfits.update({address: reason} if reason else {})

    def _title(self, address):
        name = str(self.present.get(address, {}).get("name", address))
        return address if name == address else f"{name} ({address})"

    # --- what runs wait for ----------------------------------------------------------------------------------

    def _tell(self, lack):
        if lack and lack != self._told:
            self.say(lack)
        self._told = lack

    def _lack(self, are_under_way) -> str | None:
        """Why no worker takes a run; None when they are busy with others of the sweep."""
        fitting = self._fitting()
        if not fitting:
            left_out = f" but {len(self.misfits)} that are left out" if self.misfits else ""
            return f"waiting for workers: the scheduler has none{left_out}; {self.how_to_start}"
        if not any(map(self._room, fitting)):
            most = {name: max(worker["resources"].get(name, 0) for worker in fitting) for name in self.resources}
            asked, there = (
                " ".join(f"{name}={count:g}" for name, count in part.items()) for part in (self.resources, most)
            )
            return f"waiting for a worker with {asked}: the most that there is is {there}; {self.how_to_start}"
        return None if are_under_way else "waiting: all workers are busy with what others have asked for"

    def _fitting(self):
        with self._lock:
            fitting = self._checked - set(self.misfits)
            return [worker for address, worker in self.present.items() if address in fitting]

    def _room(self, worker) -> int:
        shares = [int(worker["resources"].get(name, 0) // count) for name, count in self.resources.items()]
        return min([worker["nthreads"], *shares])
