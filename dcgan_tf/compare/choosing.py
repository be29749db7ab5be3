"""What can be asked of the rows of many runs: what tells them apart, which pass a filter, which is the best.

differing_settings(rows)                the settings that tell these runs apart
select(rows, ["batch_size=32"])         those with a setting, or a name that matches a pattern
best_run(rows, "frechet_distance")      of those measured by the same protocol
"""

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable
from functools import cmp_to_key

from dcgan_tf.compare.rows import RunRow, Score, runs_of
from dcgan_tf.evaluation.metrics import METRICS, is_better, place_of_best
from dcgan_tf.system.errors import UserError, in_short, nearest

LENGTHS = ("epochs", "steps", "max_seconds")
LOSSES = ("generator_loss", "discriminator_loss")

# --- the best ----------------------------------------------------------------------------------------------


def score_titles(rows: Iterable[RunRow]) -> list[str]:
    """The metrics that any of these runs has, in the order in which they are first met."""
    return list(dict.fromkeys(title for row in rows for title in row.scores))


def title_of(rows: Iterable[RunRow], metric: str) -> str:
    """What these runs call a metric: it may also be given by its name in `evaluate --metrics`, such as fid.

    Raises UserError when no run has it.
    """
    rows = list(rows)
    have, known = score_titles(rows), METRICS.get(str(metric).strip().lower())
    names = [metric, known.reference_name, known.title] if known else [metric]
    title = next((name for name in names if name in have), None)
    if title is None:
        hint = f"{nearest(metric, have)} They have: {', '.join(have)}" if have else " `evaluate` measures a run"
        raise UserError(f"none of {len(rows)} runs has the metric {metric!r}.{hint}")
    return title


def shared_protocol(rows: Iterable[RunRow], title: str) -> str | None:
    """The protocol by which most of these runs were last measured in that metric; None without any."""
    runs = [run for row in rows for run in runs_of(row)]
    protocols = Counter(run.scores[title].protocol for run in runs if title in run.scores)
    return max(protocols, key=protocols.get) if protocols else None


def yardstick(rows: Iterable[RunRow], title: str, what: str) -> float | None:
    """What "real" images, or "noise", give by the protocol that most of these runs share; None where that is not known.

    See evaluation/yardsticks.py.
    """
    if title == METRICS["bound"].title:  # each run's own D says it
        return None
    rows = list(rows)
    protocol = shared_protocol(rows, title)
    scores = [row.scores[title] for row in rows if title in row.scores and row.scores[title].protocol == protocol]
    found = [score.line.get("yardsticks", {}).get(what, {}).get(title) for score in scores]
    return next((value for value in found if value is not None), None)


def best_run(rows: Iterable[RunRow], title: str, newest: bool = True) -> tuple[RunRow, Score, list[RunRow]]:
    """The run whose newest (or best ever) score is the best: (its row, the score, rows that could not be compared).

    Only scores by one protocol are compared, the one that most of the runs share; the others come last in
    the result. Raises UserError when no run has that metric.
    """
    rows = list(rows)
    title = title_of(rows, title)
    found = [(row, (row.scores if newest else row.best_scores).get(title)) for row in rows]
    found = [(row, score) for row, score in found if score is not None]
    shared = shared_protocol(rows, title)
    compared = [(row, score) for row, score in found if score.protocol == shared]
    best = compared[place_of_best(title, [score.value for _, score in compared]) or 0]
    places = {id(row) for row, _ in compared}
    return *best, [row for row in rows if id(row) not in places]


def foremost(rows: Iterable[RunRow], most: int, metric: str | None = None, what="runs") -> tuple[list[RunRow], str]:
    """At most so many rows, in their order, and in words which these are; "" where all fit.

    The best by a metric (by default the first that any has) in its shared protocol; where too few have it, the first
    of the others, too. what: what a row is called.
    """
    rows = list(rows)
    if len(rows) <= most:
        return rows, ""
    title = metric or next(iter(score_titles(rows)), None)
    protocol = shared_protocol(rows, title)
    compared = [n for n, row in enumerate(rows) if title in row.scores and row.scores[title].protocol == protocol]

    def order(one, other):
        values = [rows[place].scores[title].value for place in (one, other)]
        return is_better(title, *values[::-1]) - is_better(title, *values)

    best = sorted(compared, key=cmp_to_key(order))
    places = list(dict.fromkeys([*best, *range(len(rows))]))[:most]
    which = f"the best by {title}" if len(best) >= most else "the first" if not best else f"the best by {title} first"
    return [rows[place] for place in sorted(places)], f"{most:,} of {len(rows):,} {what}, {which}"


# --- what tells runs apart ------------------------------------------------------------------------------


def differing_settings(rows: Iterable[RunRow]) -> list[str]:
    """The names of the settings in which these runs differ, as far as they have them."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row.settings)
    found = {name: [row.settings[name] for row in rows if name in row.settings] for name in names}
    return [name for name, values in found.items() if any(value != values[0] for value in values)]


def varied_settings(rows, among=None) -> list[str]:
    """The settings that tell these runs apart, one name of each bunch that always changes together.

    among: only these names; None: all.
    """
    names = [name for name in differing_settings(rows) if among is None or name in among]
    kept, seen = [], []
    for name in names:
        groups = _groups(rows, name)
        if groups not in seen:
            seen.append(groups)
            kept.append(name)
    return kept


def _groups(rows, name):
    """The partition of the rows by that setting, as numbers in the order of first appearance."""
    numbers = {}
    return [numbers.setdefault(repr(row.settings.get(name)), len(numbers)) for row in rows]


def setting_values(rows, name):
    """The values of a setting in these runs: numbers by size, others as they come."""
    found = {}
    for value in (row.settings.get(name) for row in rows):
        found.setdefault(repr(value) if isinstance(value, list | dict) else value, value)
    values = list(found.values())
    numbers = all(isinstance(value, int | float) for value in values)
    return sorted(values) if numbers else values


def choose_axes(rows, among=None) -> tuple[str | None, str | None, list[str]]:
    """(setting along the rows, setting along the columns, further ones): the length goes along the columns,
    the seed, where there is another choice, along neither."""
    varied = sorted(varied_settings(rows, among), key=lambda name: name == "seed")
    lengths = [name for name in varied if name in LENGTHS]
    columns = (lengths or varied or [None])[0]
    others = [name for name in varied if name != columns]
    return (others or [None])[0], columns, others[1:]


def select(rows: Iterable[RunRow], filters: Iterable[str]) -> list[RunRow]:
    """The rows that pass all filters: "setting=value", or a pattern of the run's name such as "*batch32*".

    A value may be a pattern too, and is compared as text: "learning_rate_decay=0", "dataset=mnist*".
    Raises UserError for a setting that no run has, and for what is no text.
    """
    rows = list(rows)
    filters = [filters] if isinstance(filters, str) or not isinstance(filters, Iterable) else list(filters)
    if not all(isinstance(text, str) for text in filters):
        raise UserError(f'filters={in_short(filters)} must be texts, such as "width=4"')
    names = dict.fromkeys(name for row in rows for name in row.settings) | {"status": None}
    chosen = rows
    for text in filters:
        name, equals, value = text.partition("=")
        if equals and name in names:
            chosen = [row for row in chosen if _has(row, name, value)]
        elif equals and not any(character in name for character in "*?["):
            raise UserError(f"filter {text!r}: no run has a setting {name!r}.{nearest(name, names)}")
        else:
            chosen = [row for row in chosen if fnmatch.fnmatchcase(row.name, text)]
    return chosen


def _has(row, name, pattern):
    value = row.status if name == "status" else row.settings.get(name)
    if isinstance(value, float) and not isinstance(value, bool):
        try:
            return value == float(pattern)  # 0 and 0.0, 2e-4 and 0.0002
        except ValueError:
            pass
    return fnmatch.fnmatchcase(describe_setting(value).lower(), pattern.lower())


def describe_setting(value) -> str:
    """A setting's value as a short text: 0.0002, none, 32, [3, 8]."""
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def short_names(rows: Iterable[RunRow], among=None) -> list[str]:
    """What tells each of these runs apart, in few words: 'batch_size 32, epochs 4'; else the runs' names."""
    rows = list(rows)
    varied = varied_settings(rows, among)
    names = [", ".join(f"{name} {describe_setting(row.settings.get(name))}" for name in varied) for row in rows]
    return names if 0 < len(varied) <= 4 and len(set(names)) == len(names) else [row.name for row in rows]


def natural(text: str) -> list:
    """A key to sort texts by, with the numbers inside them by size."""
    return [
        (0, float(part), "") if part[0].isdecimal() else (1, 0.0, part) for part in re.findall(r"\d+\.?\d*|\D+", text)
    ]
