"""The runs of a sweep on the workers of a Dask scheduler (see local.py for what an executor is).

    dask scheduler                                                        on one machine
    dask worker tcp://HOST:8786 --nthreads 4 --resources "cores=4 GPU=1"  on each that shall make runs

A run takes a thread of a worker, and of its resources `cores` and `GPU` what `per_run` says; without `cores` it
computes with one thread, so that it is the same run on every worker. Workers whose versions differ from the sweep's,
or that do not see its folder, its notebook or its data, are left out. What Dask sends is pickled: whoever reaches
the scheduler's port can run what they like on its workers, so only trusted networks will do.
"""

import contextlib
import logging
import threading
import time
import uuid
import warnings
from concurrent.futures import CancelledError
from pathlib import Path

from dcgan_tf.sweeps.executors import dask_task
from dcgan_tf.sweeps.executors.dask_workers import Workers
from dcgan_tf.sweeps.sharing import Place
from dcgan_tf.sweeps.worker import KILLED, STATUS
from dcgan_tf.system.errors import ConnectionLost, UserError
from dcgan_tf.system.files import disk_errors_explained, write_text

_CONNECT = 10.0  # seconds to wait for the scheduler
_CLOSE = 5.0  # ... and for its farewell
_MOMENT = 0.5  # seconds between two looks at a run
_RETRIES = 2  # of a task whose worker could not even take it
_NAMES = {"cores": "cores", "gpus": "GPU"}  # of resources: as `per_run` has them, and as Dask does


class DaskCluster:
    """Runs as tasks of a scheduler that is there already; it queues what its workers have no room for."""

    accepted = "queued"

    def __init__(self, address: str, jobs: int, given: dict[str, int], say=print):
        self.address, self.jobs, self.stopping, self.say = address, jobs, False, say
        self._place = Place(given.get("cores", 1), (), None)
        self._gpus = given.get("gpus")
        self.resources = {_NAMES[name]: count for name, count in given.items() if count}
        self._name = f"dcgan_tf-{uuid.uuid4().hex[:8]}"  # of this sweep, among others that the scheduler has
        self._tasks, self._token, self._closed = set(), None, threading.Event()

    # --- the cluster -----------------------------------------------------------------------------------------

    def __enter__(self):
        with contextlib.ExitStack() as opened:
            opened.enter_context(_silent_dask())
            self.address = self._reach(opened)
            self.client = _connect(self.address)
            opened.callback(self._close)
            self.workers = Workers(self.client, self.resources, self._how_to_start(), self.say)
            self.workers.check()
            if link := self.client.dashboard_link:
                self.say(f"progress of all runs: {link}")
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error):
        self._opened.close()

    def _reach(self, opened) -> str:
        """The scheduler's address; what is to be closed at the end goes into `opened`, an ExitStack."""
        return self.address

    def _how_to_start(self) -> str:
        asked = " ".join(f"{name}={count}" for name, count in self.resources.items())
        options = f' --resources "{asked}"' if asked else ""
        return f"start some with `dask worker {self.address}{options}`"

    def _close(self):
        self._closed.set()
        if self._token:
            self._token.unlink(missing_ok=True)
        with contextlib.suppress(Exception):
            self.client.close(timeout=_CLOSE)

    def begin(self, folder: Path, needs: list[Path]):
        self._token = folder / "logs" / f".{self._name}"
        with disk_errors_explained(folder):
            write_text(self._token, self._name)
        self.workers.needed.update(token=(str(self._token), self._name), paths=list(map(str, needs)))
        self.workers.check()
        self.client.subscribe_topic(self._name, self._has_begun)
        threading.Thread(target=self.workers.watch, args=(self._waiting, self._closed.is_set), daemon=True).start()

    @property
    def at_once(self) -> int:
        return max(1, min(self.jobs, self.workers.room()))

    # --- runs ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def place(self):
        """There is always one: the scheduler queues."""
        yield self._place

    def execute(self, job: dict, log: Path, place: Place, stop: threading.Event | None = None) -> int | None:
        order = {"job": job, "log": str(log), "cores": place.cores, "gpus": self._gpus, "topic": self._name}
        task = _Task(Path(job["output"]).parent.name)

        def is_over():
            self._check_connection()
            return self.stopping or (stop is not None and stop.is_set())

        self._tasks.add(task)
        try:
            while not is_over():
                allowed = self.workers.allowed()
                if not allowed:
                    time.sleep(_MOMENT)
                    continue
                answer = self._make(task, order, allowed, is_over)
                if "error" in answer:
                    raise UserError(answer["error"])
                if "status" in answer:
                    return answer["status"]
            return None
        finally:
            self._tasks.remove(task)

    def _make(self, task, order, allowed, is_over) -> dict:
        """The answer of a task (see dask_task.make_run); {} when it was not begun, and may be submitted again."""
        task.renew()
        task.future = self.client.submit(
            dask_task.make_run,
            order,
            key=task.key,
            pure=False,
            retries=_RETRIES,
            resources=self.resources,
            workers=sorted(allowed),
        )
        asked = None
        while not task.future.done():
            over, address = is_over(), self._address(task)
            if address is None and (over or self.workers.is_outdated(allowed)):
                self._cancel(task)
                return {}
            if over and asked != address:
                asked = address
                self._end([task], at_once=False)
            time.sleep(_MOMENT)
        return self._answer(task.future)

    def _answer(self, future) -> dict:
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=_CONNECT)
        except KilledWorker:
            return {"status": STATUS[KILLED]}
        except (CancelledError, FutureCancelledError):
            raise self._lost() from None
        except Exception as error:  # a full disk, for example
            self._check_connection()
            return {"error": f"its Dask worker failed: {type(error).__name__}: {' '.join(str(error).split())}"}

    def _check_connection(self):
        if self.client.status != "running":
            raise self._lost()

    def _lost(self):
        return ConnectionLost(
            f"the Dask scheduler at {self.address!r} is lost; the runs under way save what they have, and the same "
            "command goes on when there is a scheduler again"
        )

    # --- what is under way -----------------------------------------------------------------------------------

    def _has_begun(self, event):
        """Called when the scheduler tells of a task that a worker has begun."""
        told = event[1]
        if task := next((task for task in list(self._tasks) if task.key == told["key"]), None):
            again = " again" if task.has_begun else ""
            task.worker, task.has_begun = told["address"], True
            self.say(f"begins{again}: {task.name} on Dask worker {told['title']}")

    def _address(self, task) -> str | None:
        """The worker that makes this run, if it is there still."""
        return task.worker if task.worker in self.workers.present else None

    def _waiting(self) -> tuple[bool, bool]:
        """Whether there are runs that wait for a worker, and whether there are some under way."""
        begun = [self._address(task) is not None for task in list(self._tasks)]
        return not all(begun), any(begun)

    def stop(self) -> int:
        self.stopping = True  # which every execute() sees
        return sum(self._address(task) is not None for task in list(self._tasks))

    def kill(self):
        self._end(list(self._tasks), at_once=True)

    def _end(self, tasks, at_once):
        addresses = sorted({task.worker for task in tasks if self._address(task)})
        if addresses:
            with contextlib.suppress(Exception):
                keys = [task.key for task in tasks]
                self.client.run(dask_task.end, keys, at_once, workers=addresses, on_error="ignore")

    def _cancel(self, task):
        with contextlib.suppress(Exception):
            task.future.cancel()


class _Task:
    """A run as the scheduler has it."""

    def __init__(self, name):
        self.name, self.has_begun = name, False
        self.renew()

    def renew(self):
        """Another key: Dask may not be done with an earlier one."""
        self.key, self.future = f"{self.name}-{uuid.uuid4().hex[:8]}", None
        self.worker = None  # the address of the one that has begun it


def _connect(address):
    from distributed import Client

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions are looked at by ourselves
            return Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError):
        raise UserError(
            f"no Dask scheduler answers at {address!r}: start one there with `dask scheduler`, or give another --on"
        ) from None


@contextlib.contextmanager
def _silent_dask():
    """What Dask logs about what goes wrong is said in one line here."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    loud = [logger for logger in loggers if not logger.disabled]
    for logger in loud:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loud:
            logger.disabled = False
