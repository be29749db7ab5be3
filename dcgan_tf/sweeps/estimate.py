"""How long a sweep will take, judged by those of its runs that are finished."""

import random
import statistics
from pathlib import Path

from dcgan_tf.compare.rows import read_run
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.worker import FINISHED, read_outcome
from dcgan_tf.training.progress import describe_seconds

_NOTEBOOK_SECONDS = 15.0  # what a notebook takes beside training, until one has shown it
_TELLING = 100  # finished runs that are read to judge others by, and families left that are judged: more tell no more


class Estimate:
    """How long runs will take, judged by those of the same sweep that are finished."""

    def __init__(self, folder: Path, plan):
        self.folder, self.known, self.lengths = folder, {}, {}  # known: the newest _TELLING that are finished
        for run in plan:
            if run.family:
                self.lengths.setdefault(run.family, []).append(run.length[1])
        for run in random.Random(0).sample(plan, len(plan)):  # those of all settings, not of the first
            if len(self.known) < _TELLING:
                self.read(run)

    def read(self, run):
        """Look whether a run has finished."""
        path = Run(self.folder / run.name)
        outcome = read_outcome(path.notebook_path)
        if outcome and outcome["outcome"] == FINISHED:
            self.known[run.name] = (run, outcome["seconds"] or 0.0, read_run(path).last.get("seconds", 0.0))
        if len(self.known) > _TELLING:
            del self.known[next(iter(self.known))]

    def seconds(self, run) -> float | None:
        """Of one run, or None where nothing can be said."""
        beside = [seconds - trained for _, seconds, trained in self.known.values() if seconds > trained > 0]
        beside = statistics.median(beside) if beside else _NOTEBOOK_SECONDS
        limit = run.parameters.get("max_seconds")
        if limit is not None:
            return limit + beside
        alike = [found for found in self.known.values() if _unit(found[0]) == _unit(run)]
        if not alike:
            return None
        settings = run.settings.items()
        likeness = [sum(known.settings.get(name) == value for name, value in settings) for known, *_ in alike]
        alike = [found for found, score in zip(alike, likeness, strict=True) if score == max(likeness)]
        if run.length is None:
            return statistics.mean(seconds for _, seconds, _ in alike)
        rate = statistics.mean(trained / known.length[1] for known, _, trained in alike)
        before = self.lengths.get(run.family, ())
        return rate * (run.length[1] - max([length for length in before if length < run.length[1]], default=0)) + beside

    def describe(self, todo, at_once: int) -> str:
        """In words, of these runs, so many at a time."""
        families = {}
        for run in todo:
            families.setdefault(run.family or run.name, []).append(run)
        judged = list(families.values())
        judged = [[self.seconds(run) for run in family] for family in judged[:: -(-len(judged) // _TELLING) or 1]]
        if any(seconds is None for family in judged for seconds in family):
            known = "of each kind " if self.known else ""
            return f"how long that takes will be known when the first {known}has finished"
        totals = [sum(family) for family in judged]
        all_of_them = statistics.mean(totals) * len(families) if totals else 0
        return f"about {describe_seconds(max(*totals, all_of_them / at_once, 0))}"


def _unit(run):
    """Runs can be compared by time when they end by the same kind of length."""
    return run.length[0] if run.length else None
