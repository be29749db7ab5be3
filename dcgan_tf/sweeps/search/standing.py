"""What a search was asked for, and how its runs stand: a row for each, from Optuna's journal and run directories."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from dcgan_tf.compare.repeats import Spread
from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import read_run
from dcgan_tf.sweeps.running import MISSING
from dcgan_tf.sweeps.search.objective import Objective
from dcgan_tf.sweeps.search.space import Space
from dcgan_tf.sweeps.search.study import Study
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
    diverged: int = 0  # further seeds that are over without a value

    @property
    def mean(self) -> float:
        return Spread.of(self.values).mean

    @property
    def std(self) -> float | None:
        return Spread.of(self.values).std

    @property
    def seeds_over(self) -> int:
        return len(self.values) + self.diverged

    @property
    def counted(self) -> str:
        """How many seeds are over, and how many of them count: '3', or '2 of 3, 1 diverged', as repeats of a sweep."""
        count = str(len(self.values))
        return f"{count} of {self.seeds_over}, {self.diverged} diverged" if self.diverged else count


def trial_name(number: int) -> str:
    return f"trial-{number:04d}"


@dataclass(frozen=True)
class Search:
    """One search, in its folder."""

    folder: Path
    space: Space
    study: Study
    objective: Objective
    declared: dict  # the parameters of its notebook
    trials: int  # how many settings are tried
    finalists: int  # how many of the best are trained with further seeds; 0: none
    repeats: int  # with how many seeds in all

    @property
    def seeds(self) -> range:
        """Those of a finalist; the first one is that of all trials."""
        _, default = self.declared.get("seed", (None, None))
        first = self.space.fixed.get("seed", default) or 0
        return range(first, first + (self.repeats if self.finalists else 1))

    def count_over(self) -> int:
        """How many of the trials that are asked for are over."""
        return sum(one.state.is_finished() for one in self.study.trials()[: self.trials])

    def rows(self) -> list[Row]:
        """A row for every trial, in order."""
        return [self._row(trial) for trial in self.study.trials()]

    def best(self, count: int | None = None, rows: list[Row] | None = None) -> list[Row]:
        """The best finished trials, the best first; by default those that are trained with further seeds.

        Trials of the same settings, which were under way at the same time, are one: the better.
        """
        finished = [row for row in rows or self.rows() if row.status == FINISHED and row.value is not None]
        distinct = {}
        for row in sorted(finished, key=lambda row: self.objective.order(row.value)):
            distinct.setdefault(repr(sorted(row.settings.items())), row)
        best = list(distinct.values())
        return best[: max(self.finalists, 1) if count is None else count]

    def repeated_rows(self, rows: list[Row]) -> list[Row]:
        """The further runs of trials that are or were among the best, also those that an earlier call asked for."""
        found, values = [], self.study.repeats()
        names = {*values, *(path.name for path in self.folder.glob("trial-*-seed=*") if path.is_dir())}
        seeds = {tuple(name.split("-seed=", 1)) for name in names}
        for row in (row for row in rows if row.status == FINISHED):
            for seed in sorted(int(seed) for name, seed in seeds if name == row.name and seed.isdecimal()):
                name = f"{row.name}-seed={seed}"
                found.append(self._row_of_run(name, row.number, row.settings, seed, values.get(name)))
        diverged = {name for name, value in values.items() if value is None}
        return [replace(row, status="diverged") if row.name in diverged else row for row in found]

    def over_seeds(self, rows: list[Row], repeated: list[Row]) -> list[Finalist]:
        """The best trials, and all that were measured with further seeds before, by their means.

        Those with fewer seeds than are asked for, where others have them, come after these.
        """
        values, diverged = defaultdict(list), Counter(row.number for row in repeated if row.status == "diverged")
        for row in repeated:
            if row.value is not None:
                values[row.number].append(row.value)
        best = self.best(rows=rows)
        measured = {*values, *diverged} - {row.number for row in best}
        found = [
            Finalist(row, [row.value, *values[row.number]], diverged[row.number])
            for row in [*best, *(row for row in rows if row.number in measured)]
        ]
        return sorted(found, key=lambda one: (-min(len(one.values), self.repeats), self.objective.order(one.mean)))

    def _row(self, trial):
        name, noted, settings = trial_name(trial.number), trial.user_attrs, self.space.settings(trial.params)
        if not trial.state.is_finished():
            return self._row_of_run(name, trial.number, settings)
        status = noted.get("status", FINISHED if trial.state.name == "COMPLETE" else "pruned")
        return Row(name, trial.number, settings, status, noted.get("value"), noted.get("step"), noted.get("note") or "")

    def _row_of_run(self, name, number, settings, seed=None, value=None):
        found = read_outcome(Run(self.folder / name).notebook_path) or {"outcome": MISSING, "error": None}
        step = read_run(self.folder / name).last.get("step")
        return Row(name, number, settings, found["outcome"], value, step, found["error"] or "", seed)
