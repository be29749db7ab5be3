"""How the runs of a search stand: a row for each, read from Optuna's journal and the run directories."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import read_run
from dcgan_tf.sweeps.running import MISSING
from dcgan_tf.sweeps.worker import FINISHED, read_outcome


@dataclass(frozen=True)
class Row:
    """A run of a search: a trial, or one of the best with another seed."""

    name: str
    number: int  # of the trial
    settings: dict  # as drawn
    status: str  # of worker.py, or MISSING; of what was given up: "pruned", "diverged", "impossible"; "same"
    value: float | None = None
    step: int | None = None
    note: str = ""
    seed: int | None = None  # None: that of all trials


@dataclass(frozen=True)
class Finalist:
    """One of the best, over its seeds."""

    row: Row
    values: list[float]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def std(self) -> float | None:
        return statistics.stdev(self.values) if len(self.values) > 1 else None


def trial_name(number: int) -> str:
    return f"trial-{number:04d}"


def trial_rows(folder: Path, space, study) -> list[Row]:
    """A row for every trial, in order."""
    return [_trial_row(folder, space, trial) for trial in study.trials()]


def _trial_row(folder, space, trial):
    name, noted, settings = trial_name(trial.number), trial.user_attrs, space.settings(trial.params)
    if trial.state.is_finished():
        status = noted.get("status", FINISHED)
        return Row(name, trial.number, settings, status, noted.get("value"), noted.get("step"), noted.get("note") or "")
    return _row_of_run(folder, name, trial.number, settings)


def _row_of_run(folder, name, number, settings, seed=None, value=None):
    found = read_outcome(Run(folder / name).notebook_path) or {"outcome": MISSING, "error": None}
    step = read_run(folder / name).last.get("step")
    return Row(name, number, settings, found["outcome"], value, step, found["error"] or "", seed)


def best_of(rows: list[Row], count: int, objective) -> list[Row]:
    """The best finished trials, the best first."""
    finished = [row for row in rows if row.status == FINISHED and row.value is not None]
    return sorted(finished, key=lambda row: objective.order(row.value))[:count]


def repeat_rows(folder: Path, best: list[Row], seeds, objective) -> list[Row]:
    """The further runs of the best few that were begun."""
    rows = []
    for row in best:
        for seed in seeds:
            name = f"{row.name}-seed={seed}"
            found = _row_of_run(folder, name, row.number, row.settings, seed, objective.of_run(folder / name))
            rows += [found] if found.status != MISSING else []
    return rows
