"""search(): settings that Optuna draws -> trials, one run directory each, then the best few with further seeds.

    FOLDER/trial-0007/          a trial: a run directory, with its executed notebook
    FOLDER/trial-0007-seed=1/   the same settings with another seed: one of the best few
    FOLDER/search.journal       what was drawn and measured (see study.py)
    FOLDER/search.csv           a row per run
    FOLDER/importances.png, parallel.png

What is over is never made again; everything else is gone on with, by the same command, here or on another machine.
"""

import numbers
from pathlib import Path

from dcgan_tf.notebook.saved import saved_changes
from dcgan_tf.sweeps.asked import GIVEN_BY_SWEEP, check_settings, read_parameters
from dcgan_tf.sweeps.executors.choose import executor_for
from dcgan_tf.sweeps.running import needs_of, results_folder
from dcgan_tf.sweeps.search.objective import Objective
from dcgan_tf.sweeps.search.report import Report, SearchResult
from dcgan_tf.sweeps.search.runs import Runs
from dcgan_tf.sweeps.search.space import read_space, typed
from dcgan_tf.sweeps.search.standing import Search
from dcgan_tf.sweeps.search.study import Study, import_optuna
from dcgan_tf.sweeps.search.together import Together
from dcgan_tf.system.errors import UserError, check_count, ended_as_by_ctrl_c
from dcgan_tf.system.files import disk_errors_explained

_FILES = ("search.csv", "importances.png", "parallel.png")
_REPEATS = 3  # seeds of each finalist, where nothing is said
_AT_ONCE = 4  # trials on other machines, where nothing is said


def search(notebook, settings, *, metric="frechet", trials=40, minutes=None, finalists=3, repeats=_REPEATS, prune=True,
           jobs=None, on=None, per_run=None, cluster=None, results_dir=None, seed=0,
           say=print) -> SearchResult:  # fmt: skip
    """Search for the settings with which a notebook trains best.

    notebook: its path; it declares results_dir and run_name. settings: name -> what to try, as text
    ("1e-4..2e-3:log", "16,32,64") or as a list of values; one value is the same in all trials.
    metric: what counts, of the names that evaluate has; frechet is fid. trials: how many settings are tried.
    minutes: of training for each; None: as `settings` or the notebook say. finalists: so many of the best are trained
    with `repeats` seeds, before one is named. prune: stop a trial that is worse, while it trains, than half of those
    before it. on, jobs, per_run, cluster: where the runs are made, how many at a time, and what each is given there, as
    in sweep(); by default one at a time here, and four at a time elsewhere: a trial learns from those that have ended.
    results_dir: the search's folder; None: called after notebook and settings. seed: of the draws.

    Returns what was found. Raises UserError, before anything runs or is written, for what cannot work;
    SweepInterrupted on Ctrl-C or SIGTERM, after all runs under way have saved; ConnectionLost when the place where runs
    are made is gone.
    """
    trials, finalists = check_count("trials", trials), check_count("finalists", finalists, 0)
    repeats, seed = check_count("repeats", repeats), check_count("seed", seed, 0)
    check_settings(settings)
    objective = Objective(metric)
    declared = read_parameters(notebook)
    if repeats > 1 and finalists and "seed" not in declared:
        raise UserError(f"repeats={repeats} needs a notebook with a parameter seed: give --repeats 1 for this one")
    space = read_space(notebook, _with_length(settings, minutes, declared))
    import_optuna()
    executor = executor_for(on, jobs, per_run, cluster, most=jobs or _AT_ONCE, say=say)
    name = "-".join([Path(notebook).stem, "search", *(one.name for one in space.dimensions)])
    folder = results_folder(results_dir, name, _FILES)
    asked = {"notebook": Path(notebook).name, "metric": objective.title, "seed of the draws": str(seed)}
    asked |= {one.name: str(one) for one in space.dimensions} | {n: typed(value) for n, value in space.fixed.items()}
    defaults = {name: repr(value) for name, (_, value) in declared.items() if name not in (*asked, *GIVEN_BY_SWEEP)}
    with executor:
        with disk_errors_explained(folder):
            (folder / "logs").mkdir(parents=True, exist_ok=True)
        study = Study(folder, objective.direction, asked, defaults, seed, prune)
        if note := saved_changes(notebook, settings):
            say(note)
        asked_for = Search(folder, space, study, objective, declared, trials, finalists, repeats)
        report = Report(asked_for, say)
        report.begin(executor.jobs, prune)
        if not finalists and repeats != _REPEATS:
            say(f"note: repeats={repeats} has no effect, since finalists={finalists}: no trial is repeated")
        went_through = False
        try:
            executor.begin(folder, needs_of(Path(notebook).absolute(), space.fixed.values()))
            with ended_as_by_ctrl_c():
                _go(asked_for, executor, report)
            went_through = True
        finally:
            found = report.end(went_through)
    return found


def _with_length(settings, minutes, declared):
    if minutes is None:
        return settings
    if isinstance(minutes, bool) or not isinstance(minutes, numbers.Real) or not 0 < minutes < 1e6:
        raise UserError(f"minutes={minutes!r} must be a number above 0")
    if "max_seconds" in settings:
        raise UserError(f"minutes={minutes} and max_seconds={settings['max_seconds']} are both given: give one of them")
    if "max_seconds" not in declared:
        raise UserError(f"minutes={minutes} needs a notebook with a parameter max_seconds: give its own length instead")
    return {**settings, "max_seconds": [60.0 * float(minutes)]}


def _go(asked_for: Search, executor, report: Report):
    """All trials, then the best few with further seeds."""
    runs, together = Runs(asked_for, report, executor), Together(asked_for.folder, executor, report.say)
    together.until_nothing_is_left(runs.trials_left)
    best = asked_for.best()
    jobs = [runs.repeat(row, seed) for seed in asked_for.seeds[1:] for row in best]
    report.begin_repeats(best, jobs)
    together.until_nothing_is_left(lambda: iter(jobs))
