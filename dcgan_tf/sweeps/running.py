"""Runs made by an executor: one to its end, many side by side, and how each of them stands afterwards.

FOLDER/NAME/            a run directory, with its executed notebook
FOLDER/logs/NAME.log    what its cells printed
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from dcgan_tf.notebook.parameters import declared_parameters
from dcgan_tf.notebook.paths import find_path, run_directory
from dcgan_tf.run.directory import Run
from dcgan_tf.run.place import check_outside_of_runs
from dcgan_tf.sweeps.asked import GIVEN_BY_SWEEP
from dcgan_tf.sweeps.plan import PlannedRun, file_name
from dcgan_tf.sweeps.worker import FAILED, FINISHED, KILLED, STATUS, note_outcome, read_outcome
from dcgan_tf.system.errors import ConnectionLost, UserError
from dcgan_tf.system.files import check_not_others
from dcgan_tf.system.places import expanded

_BETWEEN_QUESTIONS = 1.0  # seconds from one `should_stop` to the next
MISSING = "missing"  # the outcome of a run that has not begun


@dataclass
class Outcome:
    """How one run stands."""

    run: PlannedRun
    status: str  # FINISHED, FAILED, INTERRUPTED, KILLED or MISSING
    error: str | None = None
    seconds: float | None = None  # that its notebook took, where it says


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C: every run that was under way has saved what it had."""


# --- the folder --------------------------------------------------------------------------------------------


def results_folder(results_dir, name: str, files) -> Path:
    """The folder of many runs: as given, or called `name` among the project's results.

    UserError for a run's own, for a new one inside of a run, and for one where somebody else has put one of the
    `files` that are to be written.
    """
    if results_dir is not None:
        folder = expanded(results_dir).absolute()
    else:
        folder = run_directory("results", file_name(name), None, None, None, None)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"results directory {str(folder)!r} is a file: choose another name")
    if (folder / "config.json").exists():
        raise UserError(f"results directory {str(folder)!r} is a run: choose a folder for the runs")
    if not folder.exists():
        check_outside_of_runs(folder)
    if not (folder / "logs").is_dir() and not any(folder.glob("*/notebook.ipynb")):
        check_not_others([folder / file for file in files], "runs")
    return folder


def standing(folder: Path, run: PlannedRun) -> Outcome:
    """What an earlier call has left of this run. UserError when the place is taken by another."""
    found = read_outcome(Run(folder / run.name).notebook_path)
    if found is None:
        return Outcome(run, MISSING)
    if found["parameters"] and (differences := _differences(found, run)):
        what = "from another notebook" if "notebook" in differences else "with other parameters"
        listed = "; ".join(f"{name}: {then!r} then, {now!r} now" for name, (then, now) in differences.items())
        raise UserError(
            f"run {str(folder / run.name)!r} was made {what} ({listed}): "
            "choose another --results-dir, or another name for it"
        )
    return Outcome(run, found["outcome"], found["error"])


def _differences(found, run) -> dict[str, tuple]:
    """What the run that was found was made from and this one is not: name -> (then, now).

    The executed notebook holds its own defaults. Those that only one of the two declares are no difference: a
    parameter that a newer notebook has was not there to be chosen.
    """
    declared = {name: default for name, (_, default) in declared_parameters(found["declared"])[0].items()}
    both = [{**declared, **found["parameters"]}, {**run.defaults, **run.parameters}]
    then, now = json.loads(json.dumps(both, default=str))
    names = {*found["parameters"], *run.parameters, *(declared.keys() & run.defaults.keys())} - {*GIVEN_BY_SWEEP}
    differences = {name: (then.get(name), now.get(name)) for name in sorted(names) if then.get(name) != now.get(name)}
    if found["notebook"] and run.notebook and found["notebook"] != run.notebook:
        return {"notebook": (found["notebook"], run.notebook), **differences}
    return differences


# --- one run -----------------------------------------------------------------------------------------------


def log_path(folder: Path, name: str) -> Path:
    return folder / "logs" / f"{name}.log"


def make_run(executor, notebook: Path, folder: Path, run: PlannedRun, place, should_stop=None) -> Outcome | None:
    """Make one run in a place of the executor and wait for its end: its Outcome, or None when it was not begun.

    should_stop: asked about once a second while it runs; True: it shall save and end. Raises ConnectionLost when the
    place where runs are made is gone.
    """
    path, log = Run(folder / run.name), log_path(folder, run.name)
    parameters = {**run.parameters, "results_dir": str(folder), "run_name": run.name}
    job = {"notebook": str(notebook), "output": str(path.notebook_path), "parameters": parameters}
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {json.dumps(run.settings)}\n")
    refusal = None
    try:
        with _asked_every_second(should_stop) as stop:
            status = executor.execute({**job, "folder": os.getcwd()}, log, place, stop)
    except UserError as error:
        status, refusal = STATUS[FAILED], str(error)
    if status is None:
        return None
    ended = {number: name for name, number in STATUS.items()}.get(status, KILLED)
    found = read_outcome(path.notebook_path) or {"outcome": FAILED, "error": None}
    error = None if ended == FINISHED else refusal or found["error"] or f"see {log}"
    if found["outcome"] != ended:  # the process was killed, or never came to write a notebook
        error = refusal or ("the run's process was killed" if ended == KILLED else f"see {log}")
        note_outcome(path.notebook_path, ended, error)
    return Outcome(run, ended, error, found.get("seconds"))


@contextlib.contextmanager
def _asked_every_second(should_stop):
    """An event that is set once should_stop() is true, or fails, which is raised at the end; None without one."""
    if should_stop is None:
        yield None
        return
    stop, over, failed = threading.Event(), threading.Event(), []

    def ask():
        while not over.wait(_BETWEEN_QUESTIONS):
            try:
                if should_stop():
                    break
            except BaseException as error:
                failed.append(error)
                break
        stop.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield stop
    finally:
        over.set()
        asking.join()
    if failed:
        raise failed[0]


def needs_of(notebook: Path, values: Iterable) -> list[Path]:
    """What all machines must see: the notebook, the folder to work in, and what paths there are among these values."""
    given = {value for value in values if isinstance(value, str) and value}
    return [notebook, Path.cwd(), *filter(os.path.exists, map(_path, sorted(given)))]


def _path(text):
    """Where a notebook finds what this text names, if anything."""
    try:
        return find_path(text)
    except UserError:  # there are two, which the notebook will say
        return Path(text)


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
        except ConnectionLost:  # nobody can be asked to stop
            raise
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
