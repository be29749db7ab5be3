"""sweep(): a grid of settings -> papermill runs, one directory each, then a table, a sheet and curves of them all.

    FOLDER/NAME/            a run directory, with its executed notebook
    FOLDER/logs/NAME.log    what its cells printed
    FOLDER/sweep.csv        a row per run: status, settings, losses, metrics, seconds, error
    FOLDER/repeats.csv      a row per setting, where runs are repeated with other seeds: n, failures, means, deviations
    FOLDER/sheet.png, curves.png
    FOLDER/.lock            held while a sweep works there: two at a time would train everything twice

A run is finished when its notebook says so; everything else is done again, or gone on with.
"""

import contextlib
import functools
import threading
import time
from collections import Counter
from pathlib import Path

from dcgan_tf.compare.moments import check_by
from dcgan_tf.compare.repeats import Repeats
from dcgan_tf.notebook.saved import saved_changes
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import only_writer
from dcgan_tf.run.place import holds_nothing
from dcgan_tf.sweeps.asked import check_settings
from dcgan_tf.sweeps.estimate import Estimate
from dcgan_tf.sweeps.executors.choose import executor_for
from dcgan_tf.sweeps.plan import FILES, plan_sweep
from dcgan_tf.sweeps.results import Table, ignored_settings, joined, other_versions, write_pictures, write_table
from dcgan_tf.sweeps.running import (
    MISSING,
    Outcome,
    go_through,
    log_path,
    make_run,
    needs_of,
    results_folder,
    standing,
)
from dcgan_tf.sweeps.sharing import copy_run, is_beginning
from dcgan_tf.sweeps.worker import FINISHED, INTERRUPTED
from dcgan_tf.system.errors import ConnectionLost, UserError, ended_as_by_ctrl_c
from dcgan_tf.system.files import disk_errors_explained
from dcgan_tf.system.saying import counted
from dcgan_tf.training.progress import describe_seconds

_MOST_LINES = 100  # about single runs, before a sweep and after it
_MOST_NAMES = 3  # of runs that were not begun


def sweep(notebook, settings=None, *, results_dir=None, named=None, jobs=None, on=None, per_run=None, cluster=None,
          repeats=1, sample=None, sample_seed=0, share=True, by="epoch", dry_run=False,
          say=print) -> list[Outcome]:  # fmt: skip
    """Run a notebook with every combination of settings, those that are finished already left out.

    notebook: its path; it declares results_dir and run_name. settings: name -> value or list of values, of its
    parameters or of fields of a recipe. named: named combinations, name -> {setting: value}.
    results_dir: the sweep's folder; None: one beside the notebook's runs, called after notebook and settings.
    on, jobs, per_run, cluster: where the runs are made, how many at a time, and what each is given there: see
    executors/choose.py; by default one at a time in processes of this computer, which share its cores.
    repeats: each combination with so many seeds.
    sample: only so many combinations, drawn with sample_seed. dry_run: show the plan and stop.
    share: let runs that differ in their length alone go on from one another, where that changes no bit.
    by: what curves.png compares at equal amounts of: "epoch", "step", "images" or "seconds".

    Returns how each run stands. Raises UserError, before anything runs or is written, for settings that cannot
    work; SweepInterrupted on Ctrl-C or SIGTERM, after all runs under way have saved; ConnectionLost when the place
    where runs are made is gone.
    """
    check_by(by)
    settings = settings or {}
    check_settings(settings)
    settings = {name: value if isinstance(value, list) else [value] for name, value in settings.items()}
    plan = plan_sweep(notebook, settings, named, repeats=repeats, sample=sample, sample_seed=sample_seed, share=share)
    folder = results_folder(results_dir, _name(notebook, settings, named), FILES)
    outcomes = {run.name: standing(folder, run) for run in plan}
    left = _families(run for run in plan if outcomes[run.name].status != FINISHED)
    executor = executor_for(on, jobs, per_run, cluster, most=len(left), say=say)
    if note := saved_changes(notebook, settings):
        say(note)
    if dry_run:
        _show_plan(folder, plan, outcomes, Estimate(folder, plan), executor.jobs, say)
        return list(outcomes.values())
    with executor if left else contextlib.nullcontext(), _only_sweep(folder):  # before anything is written
        outcomes = {run.name: standing(folder, run) for run in plan}
        estimate = Estimate(folder, plan)
        _show_plan(folder, plan, outcomes, estimate, executor.at_once if left else 1, say)
        with disk_errors_explained(folder):
            (folder / "logs").mkdir(parents=True, exist_ok=True)
        try:
            _Sweep(Path(notebook).absolute(), folder, plan, outcomes, estimate, executor, say).go()
        finally:
            _report(folder, plan, outcomes, by, say)
    return list(outcomes.values())


def _families(runs):
    """The runs that share their work, together; any other by itself."""
    families = {}
    for run in runs:
        families.setdefault(run.family or run.name, []).append(run)
    return list(families.values())


@contextlib.contextmanager
def _only_sweep(folder):
    """Be the one who works in the sweep's folder, as train() is in a run's: see run/lock.py."""
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)  # before the lock, which takes back what it has made itself
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(only_writer(Run(folder)))
        except UserError as error:
            raise UserError(
                f"a sweep is at work there, and the same command does later what it leaves: {error}"
            ) from None
        yield


def _name(notebook, settings, named):
    varied = [name for name, values in settings.items() if len(values) > 1] or list(settings)
    return "-".join([Path(notebook).stem, "sweep", *(["named"] if named else []), *varied])


def _show_plan(folder, plan, outcomes, estimate, jobs, say):
    todo = [run for run in plan if outcomes[run.name].status != FINISHED]
    families = {run.family for run in plan if run.family}
    sharing = sum(run.family is not None for run in plan) - len(families)
    done = f", {len(plan) - len(todo)} of them finished already" if todo and len(todo) < len(plan) else ""
    say(f"{counted(len(plan), 'run')} in {folder}{done}")
    for run in plan[:_MOST_LINES]:
        outcome = outcomes[run.name]
        say(f"  {outcome.status:11} {run.name}" + (f"  ({outcome.error})" if outcome.error else ""))
    if len(plan) > _MOST_LINES:
        counts = Counter(outcomes[run.name].status for run in plan[_MOST_LINES:])
        say(f"  ... and {', '.join(f'{count:,} {status}' for status, count in counts.items())}")
    if sharing:
        say(f"{sharing} of them go on from the next shorter one: the same training, made once")
    if not todo:
        say("nothing is left to do: all runs are finished")
    else:
        at_once = min(jobs, len(_families(todo)))
        say(f"to do: {len(todo)}, {at_once} at a time; {estimate.describe(todo, at_once)}")


# --- running -----------------------------------------------------------------------------------------------


class _Sweep:
    """The runs that are left to do: families side by side, the runs of a family one after another."""

    def __init__(self, notebook, folder, plan, outcomes, estimate, executor, say):
        self.notebook, self.folder, self.plan, self.outcomes = notebook, folder, plan, outcomes
        self.estimate, self.executor, self.say, self.table = estimate, executor, say, Table(folder, plan)
        self.todo = [run for run in plan if outcomes[run.name].status != FINISHED]
        self.families = _families(self.todo)
        self.lock, self.ended = threading.Lock(), set()

    def go(self):
        if self.todo:
            self.executor.begin(
                self.folder, needs_of(self.notebook, [v for run in self.todo for v in run.parameters.values()])
            )
            tasks = [functools.partial(self._run_family, family) for family in self.families]
            with ended_as_by_ctrl_c():
                go_through(self.executor, tasks, self.say)

    def _run_family(self, family):
        with self.executor.place() as place:
            for run in family:
                if not self.executor.stopping:
                    self._run(run, place)

    def _run(self, run, place):
        started = time.monotonic()
        shorter = self._go_on_from_shorter(run, place.threads)
        self._say(f"{self.executor.accepted}: {run.name}" + (f", going on from {shorter}" if shorter else ""))
        try:
            outcome = make_run(self.executor, self.notebook, self.folder, run, place)
        except ConnectionLost:
            if standing(self.folder, run).status != MISSING:
                self.outcomes[run.name] = Outcome(run, INTERRUPTED, "it was under way, and saves what it has")
            raise
        if outcome is None:  # the sweep is stopping
            return
        self.outcomes[run.name], ended, error = outcome, outcome.status, outcome.error
        with self.lock:
            self.ended.add(run.name)
            self.estimate.read(run)
            left = [other for other in self.todo if other.name not in self.ended]
            goes_on = left and not self.executor.stopping
            soon = f"; {self.estimate.describe(left, self.executor.at_once)}" if goes_on else ""
            seconds = outcome.seconds or time.monotonic() - started  # without its time in a queue
            text = f"{ended}: {run.name} after {describe_seconds(seconds)}"
            self.say(f"[{len(self.ended)}/{len(self.todo)}] {text}" + (f" ({error})" if error else "") + soon)
            self.table.write_when_due(self.outcomes)

    def _say(self, text):
        with self.lock:
            self.say(text)

    def _go_on_from_shorter(self, run, cores) -> str | None:
        """Begin a run with a copy of the longest shorter one of its family; its name, where there was one."""
        target = self.folder / run.name
        if run.family is None or not holds_nothing(target):
            return None
        family = [other for other in self.plan if other.family == run.family and other.length[1] < run.length[1]]
        for other in sorted(family, key=lambda other: -other.length[1]):
            source = Run(self.folder / other.name)
            if self.outcomes[other.name].status == FINISHED and is_beginning(source, other.length, cores):
                copy_run(source, target)
                return other.name
        return None


# --- at the end --------------------------------------------------------------------------------------------


def _report(folder, plan, outcomes, by, say):
    """The tables, the sheet and the curves; and a line for each run that did not end well."""
    rows = write_table(folder, plan, outcomes)
    say(f"table: {folder / 'sweep.csv'}")
    settings = joined(rows)
    if any(isinstance(row, Repeats) for row in settings):
        from dcgan_tf.compare.tables import RunTable

        say(f"repeats: {folder / 'repeats.csv'}\n{RunTable(settings)}")
    finished = [row.row.run for row in rows if row.status == FINISHED]
    for note in [*ignored_settings(rows), *other_versions(finished)]:
        say(note)
    try:
        for path in write_pictures(folder, rows, by):
            say(f"picture: {path}")
    except Exception as error:  # what was trained counts; the next call draws again
        say(f"the pictures could not be drawn ({type(error).__name__}: {error}); the same command draws them again")
    left = [outcome for outcome in outcomes.values() if outcome.status != FINISHED]
    wrong = [outcome for outcome in left if outcome.status != MISSING]
    for outcome in wrong[:_MOST_LINES]:
        say(f"{outcome.status}: {outcome.run.name}: {outcome.error}; log: {log_path(folder, outcome.run.name)}")
    if len(wrong) > _MOST_LINES:
        say(f"... and {len(wrong) - _MOST_LINES:,} more: see sweep.csv")
    if missing := [outcome.run.name for outcome in left if outcome.status == MISSING]:
        more = f" and {len(missing) - _MOST_NAMES:,} more" if len(missing) > _MOST_NAMES else ""
        say(f"{MISSING}: {', '.join(missing[:_MOST_NAMES])}{more}: not begun")
    if left:
        finished = len(outcomes) - len(left)
        say(f"{finished} of {len(outcomes)} runs are finished; the same command goes on with the rest")
