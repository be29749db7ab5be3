"""Runs made by an executor: one to its end, many side by side, and how each of them stands afterwards.

FOLDER/NAME/            a run directory, with its executed notebook
FOLDER/logs/NAME.log    what its cells printed
"""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from dcgan_tf.notebook.paths import run_directory
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.plan import PlannedRun, file_name
from dcgan_tf.sweeps.worker import FAILED, FINISHED, KILLED, STATUS, note_outcome, read_outcome
from dcgan_tf.system.errors import UserError

MISSING = "missing"  # the outcome of a run that has not begun


@dataclass
class Outcome:
    """How one run stands."""

    run: PlannedRun
    status: str  # FINISHED, FAILED, INTERRUPTED, KILLED or MISSING
    error: str | None = None


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C: every run that was under way has saved what it had."""


# --- the folder --------------------------------------------------------------------------------------------


def results_folder(results_dir, name: str) -> Path:
    """The folder of many runs: as given, or called `name` among the project's results. UserError for a run's own."""
    if results_dir is not None:
        folder = Path(results_dir).absolute()
    else:
        folder = run_directory("results", file_name(name), None, None, None, None)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"results directory {str(folder)!r} is a file: choose another name")
    if (folder / "config.json").exists():
        raise UserError(f"results directory {str(folder)!r} is a run: choose a folder for the runs")
    return folder


def standing(folder: Path, run: PlannedRun) -> Outcome:
    """What an earlier call has left of this run. UserError when the place is taken by another."""
    found = read_outcome(Run(folder / run.name).notebook_path)
    if found is None:
        return Outcome(run, MISSING)
    then = {name: value for name, value in found["parameters"].items() if name not in ("results_dir", "run_name")}
    if found["parameters"] and then != json.loads(json.dumps(run.parameters)):
        raise UserError(
            f"run {str(folder / run.name)!r} was made with other parameters ({_difference(then, run.parameters)}): "
            "choose another --results-dir, or another name for it"
        )
    return Outcome(run, found["outcome"], found["error"])


def _difference(then, now):
    names = sorted(name for name in {**then, **now} if then.get(name) != now.get(name))
    return "; ".join(f"{name}: {then.get(name)!r} then, {now.get(name)!r} now" for name in names)


# --- one run -----------------------------------------------------------------------------------------------


def log_path(folder: Path, name: str) -> Path:
    return folder / "logs" / f"{name}.log"


def make_run(executor, notebook: Path, folder: Path, run: PlannedRun, cores, should_stop=None) -> Outcome | None:
    """Make one run in a place of the executor and wait for its end: its Outcome, or None when all is stopping.

    should_stop: asked about once a second while it runs; True: it shall save and end.
    """
    path, log = Run(folder / run.name), log_path(folder, run.name)
    parameters = {**run.parameters, "results_dir": str(folder), "run_name": run.name}
    job = {"notebook": str(notebook), "output": str(path.notebook_path), "parameters": parameters}
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {json.dumps(run.settings)}\n")
        file.flush()
        status = executor.execute(job, file, cores, should_stop)
    if status is None:
        return None
    ended = {number: name for name, number in STATUS.items()}.get(status, KILLED)
    found = read_outcome(path.notebook_path) or {"outcome": FAILED, "error": None}
    error = None if ended == FINISHED else found["error"] or f"see {log}"
    if found["outcome"] != ended:  # the process was killed, or never came to write a notebook
        error = "the run's process was killed" if ended == KILLED else f"see {log}"
        note_outcome(path.notebook_path, ended, error)
    return Outcome(run, ended, error)


# --- many --------------------------------------------------------------------------------------------------


def go_through(executor, tasks: list[Callable[[], None]], say: Callable[[str], None]):
    """Call all tasks, so many at a time as the executor has places, which each task takes itself.

    Raises what a task raises, or SweepInterrupted on Ctrl-C, when all runs under way have saved and ended.
    """
    with ThreadPoolExecutor(executor.jobs) as pool:
        futures = {pool.submit(task) for task in tasks}
        try:
            while futures:
                finished, futures = wait(futures, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
        except BaseException as error:
            _stop(executor, say)
            with contextlib.suppress(KeyboardInterrupt):  # a second one: no longer politely
                wait(futures)
            executor.kill()
            if isinstance(error, KeyboardInterrupt):
                raise SweepInterrupted from None
            raise


def _stop(executor, say):
    """Ask every run under way to save and end; let none begin."""
    count = executor.stop()
    runs = "1 run saves what it has" if count == 1 else f"{count} runs save what they have"
    say(f"stopping: {runs} (Ctrl-C again: without waiting)")


@contextlib.contextmanager
def sigterm_as_ctrl_c():
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
