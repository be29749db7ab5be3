"""Repeats: runs that differ in nothing but their seed, as one row with mean, standard deviation and n.

    by_setting(rows)        the same rows, of each setting's repeats one Repeats; a run without any stays as it is

A Repeats is a row like any other, whose numbers are means: what takes rows takes it, too. Only finished runs count for
its numbers; the others are counted beside them, and said. Copies of a run, with the same seed, are no repeats.
"""

import json
import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from dcgan_tf.compare.choosing import LOSSES, score_titles, shared_protocol
from dcgan_tf.compare.rows import RunRow, Score
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.run.reading import State


class Spread(NamedTuple):
    """Mean and sample standard deviation (with n - 1; None of a single value) of n values."""

    mean: float
    std: float | None
    n: int

    @classmethod
    def of(cls, values) -> "Spread | None":
        """That of these values; None without any. Those that are no finite numbers make the mean one, too."""
        values = [float(value) for value in values]
        if not values:
            return None
        if not all(map(math.isfinite, values)):
            return cls(math.nan, None, len(values))
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))

    def __str__(self):
        return f"{describe_spread(self.mean, self.std)} ({self.n})"


def describe_spread(mean: float, std: float | None) -> str:
    """A value, or mean ± standard deviation, to two digits of the deviation: what comes behind says nothing."""
    if not std or not math.isfinite(std):
        return (describe_value(mean) if math.isfinite(mean) else str(mean)) + (" ± 0" if std == 0 else "")
    decimals = max(0, 1 - math.floor(math.log10(std)))
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


@dataclass(frozen=True)
class Repeats(RunRow):
    """The runs of one setting as a row: numbers are means over those that have finished.

    `run` is that of the first seed that has finished, `settings` are those they share, without a seed.
    """

    runs: tuple[RunRow, ...] = ()  # by their seeds, all of them
    spreads: dict[str, Spread] = field(default_factory=dict)  # of both losses, and of each metric in one protocol

    @property
    def finished(self) -> list[RunRow]:
        """Those that count."""
        return [row for row in self.runs if row.status == State.FINISHED]

    @property
    def failures(self) -> dict[str, list]:
        """How the others stand, and their seeds: {"diverged": [3]}."""
        found = {}
        for row in self.runs:
            if row.status != State.FINISHED:
                found.setdefault(str(row.status), []).append(row.settings.get("seed"))
        return found

    @property
    def counted(self) -> str:
        """How many there are, and how many of them count: '3', or '2 of 3, 1 diverged'."""
        others = "".join(f", {len(seeds)} {status}" for status, seeds in self.failures.items())
        return f"{len(self.finished)} of {len(self.runs)}{others}" if others else str(len(self.runs))

    @property
    def standing(self) -> str:
        """How its runs stand, in words: 'finished', or '2 of 3 finished, 1 diverged'."""
        return self.counted.replace(",", " finished,", 1) if self.failures else str(self.status)


def by_setting(rows: Iterable[RunRow], asked: Iterable[dict] | None = None) -> list[RunRow]:
    """These rows, with the repeats of each setting joined to a Repeats, where the first of them stood.

    asked: for each row the settings that count, such as those that a sweep was asked for; None: all that it has.
    """
    rows = list(rows)
    asked = [row.settings for row in rows] if asked is None else list(asked)
    keys = [None if isinstance(row, Repeats) else setting_key(one) for row, one in zip(rows, asked, strict=True)]
    groups = [[rows[place] for place in places] for places in alike(keys, [row.settings.get("seed") for row in rows])]
    protocols = {title: shared_protocol(rows, title) for title in score_titles(rows)}
    return [group[0] if len(group) == 1 else _joined(group, protocols) for group in groups]


def alike(keys: Iterable[str | None], seeds: Iterable) -> list[list[int]]:
    """The places of what has the same key, in groups in which no seed is twice; what has no key is by itself."""
    groups, copies = {}, Counter()
    for place, (key, seed) in enumerate(zip(keys, seeds, strict=True)):
        turn = place if key is None else copies[key, seed]
        groups.setdefault((key, turn), []).append(place)
        copies[key, seed] += 1
    return list(groups.values())


def setting_key(settings: dict) -> str | None:
    """What runs that differ in nothing but `seed` have in common; None where nothing is known of a run.

    Data are known by their fingerprint, wherever they lie.
    """
    but = {"seed", "dataset"} if settings.get("fingerprint") else {"seed"}
    others = {name: value for name, value in settings.items() if name not in but}
    return json.dumps(others, sort_keys=True, default=str) if settings else None


def first_run(row: RunRow) -> RunRow:
    """The row of the run that stands for a setting in pictures: the first seed that has finished, else the first."""
    return next(iter(row.finished), row.runs[0]) if isinstance(row, Repeats) else row


def among_settings(rows: Iterable[RunRow], among=None):
    """The settings that may tell these rows apart, of `among` (None: of all): no seed where some are repeats."""
    rows = list(rows)
    if not any(isinstance(row, Repeats) for row in rows):
        return among
    return [name for name in (dict.fromkeys(n for row in rows for n in row.settings) if among is None else among)
            if name != "seed"]  # fmt: skip


def called(rows: Iterable[RunRow]) -> str:
    """What these rows are: runs, or settings where some of them are repeated."""
    return "settings" if any(isinstance(row, Repeats) for row in rows) else "runs"


def shared_name(names: list[str], seeds: list) -> str:
    """What names of repeats say beside the seed: 'loss=bce' of 'loss=bce-seed=0' and 'loss=bce-seed=1'."""
    left = {
        re.sub(rf"(^|[-_ /]?)seed[=_ ]?{re.escape(str(seed))}(?!\d)", lambda found: "/" * ("/" in found[0]), name)
        for name, seed in zip(names, seeds, strict=True)
    }
    if len(left) == 1:
        return left.pop().strip("-_ /") or "all seeds"
    return f"{names[0]} and {len(names) - 1} more"


def _joined(group, protocols):
    group = tuple(sorted(group, key=lambda row: row.settings.get("seed") or 0))
    finished = [row for row in group if row.status == State.FINISHED]
    first = (finished or group)[0]
    whole = max(group, key=lambda row: len(row.settings))  # of one that never began only what was asked for is known
    spreads, scores = {name: Spread.of(row.last[name] for row in finished if row.last) for name in LOSSES}, {}
    for title in score_titles(finished):
        held = [row.scores[title] for row in finished if title in row.scores]
        own = Counter(score.protocol for score in held)
        protocol = protocols[title] if protocols[title] in own else max(own, key=own.get)
        held = [score for score in held if score.protocol == protocol]
        spreads[title] = found = Spread.of(score.value for score in held)
        steps = {score.step for score in held}
        step = steps.pop() if len(steps) == 1 else None
        scores[title] = Score(title, found.mean, found.std, step, protocol, held[0].line)
    last = [row.last for row in finished if row.last]
    return Repeats(
        first.run,
        shared_name([row.name for row in group], [row.settings.get("seed") for row in group]),
        State.FINISHED if finished else first.status,
        None if len(finished) == len(group) else "; ".join(row.problem for row in group if row.problem) or None,
        {name: value for name, value in whole.settings.items() if name != "seed"},
        {name: statistics.fmean(row[name] for row in last) for name in last[0]} if last else {},
        scores,
        scores,
        first.started,
        runs=group,
        spreads={name: found for name, found in spreads.items() if found is not None},
    )


# --- as a table -------------------------------------------------------------------------------------------


def repeats_table(rows: Iterable[RunRow], names: Iterable[str]) -> list[dict]:
    """A line per setting, all with the same columns in order: its settings, n, those that do not count, numbers.

    rows: as by_setting() gives them. names: of the settings to show. n is how many runs have finished, `failed` how
    many have not, `failures` which ("seed 3 diverged"); then mean and sample standard deviation of each loss and
    metric, and of a metric how many of the runs have it by the same protocol. None for what there is not.
    """
    rows, names = list(rows), [name for name in names if name != "seed"]
    titles, lines = score_titles(rows), []
    for row in rows:
        joined = row if isinstance(row, Repeats) else _alone(row)
        line = {"setting": row.name, **{name: row.settings.get(name) for name in names}}
        line |= {"n": len(joined.finished), "failed": len(joined.runs) - len(joined.finished)}
        failures = [f"seed {seed} {status}" for status, seeds in joined.failures.items() for seed in seeds]
        line["failures"] = "; ".join(failures)
        for title in (*LOSSES, *titles):
            found = joined.spreads.get(title)
            line[f"{title} mean"], line[f"{title} std"] = (found.mean, found.std) if found else (None, None)
            if title in titles:
                line[f"{title} n"] = found.n if found else 0
        lines.append(line)
    return lines


def _alone(row):
    """A single run as a Repeats of one, under its own name."""
    return replace(_joined([row], {title: score.protocol for title, score in row.scores.items()}), name=row.name)
