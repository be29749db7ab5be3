"""What a Dask worker does for a sweep: it makes one run in a process of its own, and waits for it.

So TensorFlow never lives in a Dask worker, and when that is killed, the run sees the end of its standard input and
saves.
"""

import importlib.metadata
import os
import platform
import socket
import subprocess
import threading
import time
from pathlib import Path

from distributed import Reschedule, get_worker

import dcgan_tf
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import is_being_written
from dcgan_tf.sweeps.executors import child
from dcgan_tf.sweeps.sharing import Place, visible_gpus

_LONGEST_SAVE = 60.0  # seconds that a run which was lost elsewhere may take to save, before it is begun again
_MOMENT = 0.5  # seconds between two looks at the world

_children: dict[str, subprocess.Popen] = {}  # of this Dask worker, by the key of their task
_gpus = {"all": None, "free": []}  # of this Dask worker, by the names that CUDA_VISIBLE_DEVICES gives them
_lock = threading.Lock()


def versions() -> dict[str, str]:
    """What decides which numbers a run computes, without importing TensorFlow."""
    found = {"dcgan_tf": dcgan_tf.__version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("tensorflow", "keras", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def misfit(needed: dict) -> str | None:
    """Why no run of this sweep can be made here; None when it can.

    needed: "versions"; "token", a path and the text that is there, or None; "paths", what must be seen here.
    """
    here = versions()
    other = [name for name, version in needed["versions"].items() if here[name] != version]
    if other:
        ours = ", ".join(f"{name} {here[name]}" for name in other)
        return f"it has {ours} where the sweep has {', '.join(needed['versions'][name] for name in other)}"
    if needed["token"]:
        path, text = needed["token"]
        try:
            is_seen = Path(path).read_text(encoding="utf-8") == text
        except (OSError, ValueError):
            is_seen = False
        if not is_seen:
            return f"it does not see the sweep's folder {str(Path(path).parents[1])!r}, which all machines must share"
    unseen = next((path for path in needed["paths"] if not os.path.exists(path)), None)
    return f"it does not see {unseen!r}, which the runs need" if unseen else None


def make_run(order: dict) -> dict:
    """Make one run: {"status": its exit status}, or {"error": why it cannot be made}.

    order: "job" and "log", as child.start() takes them, "cores" and "gpus" of the run, and "topic", under which the
    scheduler is told when it begins.
    """
    worker, key = get_worker(), get_worker().get_current_task()
    run = Run(Path(order["job"]["output"]).parent)
    if not _wait_for_writer(run):
        seconds = f"{_LONGEST_SAVE:.0f} seconds"
        return {"error": f"run directory {str(run.path)!r} is still being written by another process after {seconds}"}
    if not _is_wanted(worker, key):
        raise Reschedule
    gpus = _take_gpus(worker, order["gpus"])
    try:
        return {"status": _make(order, Place(order["cores"], (), gpus), worker, key)}
    finally:
        _give_back(gpus)


def end(keys: list[str], at_once: bool = False):
    """Ask the runs of these tasks that are under way here to save and end; at_once: without saving."""
    for key in keys:
        if process := _children.get(key):
            process.kill() if at_once else child.ask_to_end(process)


def _make(order, place, worker, key):
    with open(order["log"], "a", encoding="utf-8") as log:
        log.write(f"--- on {socket.gethostname()}, Dask worker {worker.name}\n")
    process = _children[key] = child.start(order["job"], Path(order["log"]), place)
    worker.log_event(order["topic"], {"key": key, "title": str(worker.name), "address": worker.address})
    try:
        wanted = True
        while True:
            try:
                status = process.wait(_MOMENT)
                break
            except subprocess.TimeoutExpired:
                if not _is_wanted(worker, key):
                    wanted = False
                    child.ask_to_end(process)
    finally:
        _children.pop(key, None)
    if status and not wanted:
        raise Reschedule  # another worker, if there is one, goes on with it
    return status


def _is_wanted(worker, key) -> bool:
    """Whether somebody waits for this task: not when the sweep or the scheduler is gone, or when this worker closes."""
    task = worker.state.tasks.get(key)
    return worker.status.name in ("running", "paused") and task is not None and task.state == "executing"


def _wait_for_writer(run) -> bool:
    """Wait until nobody writes the run directory: a run that was lost may still be saving. Whether it comes to that."""
    latest = time.monotonic() + _LONGEST_SAVE
    while is_being_written(run):
        if time.monotonic() > latest:
            return False
        time.sleep(_MOMENT)
    return True


# --- GPUs ----------------------------------------------------------------------------------------------------


def _take_gpus(worker, count) -> tuple[str, ...] | None:
    """So many GPUs of this worker, which no other run of it has; None where runs ask for none."""
    if count is None:
        return None
    with _lock:
        if _gpus["all"] is None and count:
            offered = int(worker.state.total_resources.get("GPU", 0))
            _gpus["all"] = (visible_gpus() or tuple(map(str, range(offered))))[:offered]
            _gpus["free"] = list(_gpus["all"])
        taken, _gpus["free"] = _gpus["free"][:count], _gpus["free"][count:]
        return tuple(taken)


def _give_back(gpus):
    with _lock:
        _gpus["free"] += gpus or ()
