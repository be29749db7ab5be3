"""What a search says: a line for each run that ends, and at the end its tables, its pictures and the winner."""

import csv
import io
import shlex
import threading
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.compare.repeats import describe_spread
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.results import other_versions
from dcgan_tf.sweeps.search.pictures import write_pictures
from dcgan_tf.sweeps.search.space import typed
from dcgan_tf.sweeps.search.standing import Finalist, Row, Search, trial_name
from dcgan_tf.system.files import write_text
from dcgan_tf.system.saying import counted
from dcgan_tf.system.text_tables import as_text
from dcgan_tf.training.progress import describe_seconds

_IN_TABLE = 10


@dataclass(frozen=True)
class SearchResult:
    """What a search has found so far."""

    folder: Path
    rows: list[Row]  # of all its runs
    finalists: list[Finalist]  # the best first
    winner: dict | None  # its settings, with those that all trials have; None when the search was stopped
    is_whole: bool  # whether all runs that were asked for are over


class Report:
    """Tells of a search, in words and files."""

    def __init__(self, search: Search, say):
        self.search, self.space, self.objective = search, search.space, search.objective
        self._say, self.lock, self.repeats, self.repeats_left = say, threading.Lock(), 0, 0

    def say(self, text: str):
        with self.lock:
            self._say(text)

    def begin(self, jobs: int, prune: bool):
        trials, over = self.search.trials, self.search.count_over()
        so_far = f", {over} of them over already" if over else ""
        self.say(f"a search of {counted(trials, 'trial')} in {self.search.folder}{so_far}, {jobs} at a time")
        if (begun := len(self.search.study.trials())) > trials:
            self.say(
                f"note: {counted(begun, 'trial')} were begun here by an earlier call: what they came to counts, too"
            )
        self.say(f"by {self.objective.in_words}")
        width = max(len(one.name) for one in self.space.dimensions)
        for one in self.space.dimensions:
            self.say(f"  {one.name:{width}}  {one}")
        if self.space.size <= trials:
            self.say(f"note: there are {self.space.size:.0f} combinations: a sweep would try each of them once")
        stops = "; one that is worse than half of those before it were by then is stopped early" if prune else ""
        if prune and self.objective.name != "fid":
            stops = f"; none is stopped early, unless the notebook measures {self.objective.title} while it trains"
        self.say(f"each trains {self._length()}{stops}")

    def _length(self):
        fixed = self.space.fixed
        given = [counted(fixed[f"{name}s"], name) for name in ("epoch", "step") if fixed.get(f"{name}s")]
        given += [describe_seconds(fixed["max_seconds"])] if fixed.get("max_seconds") else []
        return " or ".join(given) or "as long as the notebook says"

    def trial(self, number: int, text: str, settings: dict):
        """One is over."""
        count = f"[{self.search.count_over()}/{self.search.trials}]"
        self.say(f"{count} {trial_name(number)}: {text} ({in_words(settings)})")

    def begin_repeats(self, best: list[Row], jobs: list):
        self.repeats, self.repeats_left = len(jobs), sum(not job.is_over() for job in jobs)
        if self.repeats_left:
            seeds = counted(len(self.search.seeds), "seed")
            self.say(f"the best {len(best)} with {seeds} each: {counted(self.repeats_left, 'more run')}")

    def repeat(self, name: str, text: str):
        """One is over."""
        with self.lock:
            self.repeats_left -= 1
            self._say(f"[{self.repeats - self.repeats_left}/{self.repeats}] {name}: {text}")

    # --- the end ----------------------------------------------------------------------------------------------

    def end(self, went_through: bool) -> SearchResult:
        """Write the table and the pictures; name the winner, when all that could be made was, and what is missing."""
        search, rows = self.search, self.search.rows()
        repeated = search.repeated_rows(rows)
        finalists = search.over_seeds(rows, repeated)
        self._write_table([*rows, *repeated])
        self._show(rows, finalists)
        for note in other_versions([Run(search.folder / row.name) for row in [*rows, *repeated]]):
            self.say(note)
        self._draw()
        winner = {**self.space.fixed, **finalists[0].row.settings} if went_through and finalists else None
        if winner is not None:
            self._name(finalists[0], winner)
        asked = {row.number for row in search.best(rows=rows)}
        seeds = sum(max(0, len(search.seeds) - one.seeds_over) for one in finalists if one.row.number in asked)
        left = {"trial": search.trials - search.count_over(), "further seed": seeds}
        left = [counted(count, what) for what, count in left.items() if count > 0]
        if left:
            self.say(f"not over: {', '.join(left)}; the same command goes on with them")
        return SearchResult(search.folder, [*rows, *repeated], finalists, winner, not left)

    def _write_table(self, rows):
        names = [one.name for one in self.space.dimensions]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["run", "status", self.objective.title, "step", "seed", *names, "note"])
        for row in rows:
            settings = [describe_setting(row.settings[name]) if name in row.settings else "" for name in names]
            seed = self.search.seeds[0] if row.seed is None else row.seed
            writer.writerow([row.name, row.status, _cell(row.value), _cell(row.step), seed, *settings, row.note])
        write_text(self.search.folder / "search.csv", text.getvalue())

    def _show(self, rows, finalists):
        """The best trials as a table, the finalists first."""
        among = {one.row.number for one in finalists}
        others = [row for row in self.search.best(len(rows), rows) if row.number not in among]
        found = [*finalists, *(Finalist(row, [row.value]) for row in others)][:_IN_TABLE]
        if found:
            columns = {"trial": [one.row.name for one in found], self.objective.title: list(map(spread, found))}
            columns["seeds"] = [one.counted for one in found]
            for one in self.space.dimensions:
                columns[one.name] = [describe_setting(other.row.settings[one.name]) for other in found]
            self.say(as_text(pd.DataFrame(columns)))
        self.say(f"table: {self.search.folder / 'search.csv'}")

    def _draw(self):
        try:
            for line in write_pictures(self.search.folder, self.search.study, self.objective):
                self.say(line)
        except Exception as error:  # what was trained counts; the next call draws again
            self.say(f"the pictures could not be drawn ({type(error).__name__}: {error})")

    def _name(self, winner, settings):
        diverged = f" ({winner.diverged} of {winner.seeds_over} seeds diverged)" if winner.diverged else ""
        self.say(
            f"winner: {winner.row.name}, {self.objective.title} {spread(winner)} over {len(winner.values)} "
            f"seed{'s' * (len(winner.values) > 1)}{diverged}: {in_words(winner.row.settings)}; its run: "
            f"{self.search.folder / winner.row.name}"
        )
        self.say(f"train it: {command(self.space.notebook, settings, self.search.folder / 'winner')}")


def spread(finalist: Finalist) -> str:
    """A value, or mean ± standard deviation."""
    return describe_spread(finalist.mean, finalist.std)


def in_words(settings: dict) -> str:
    return ", ".join(f"{name} {describe_setting(value)}" for name, value in settings.items())


def command(notebook: str, settings: dict, folder: Path) -> str:
    """What a terminal takes to train one run with these settings."""
    settings = [f"{name}={typed(value)}" for name, value in settings.items()]
    return shlex.join(["python", "-m", "dcgan_tf", "sweep", notebook, *settings, "--results-dir", str(folder)])


def _cell(value):
    return "" if value is None else value
