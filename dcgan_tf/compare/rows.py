"""Many run directories, read into rows that can be compared: settings, losses, scores, time, status.

    rows = read_runs("results")             one RunRow per run directory below it, broken ones included
    differing_settings(rows)                the settings that tell these runs apart
    select(rows, ["batch_size=32"])         those with a setting, or a name that matches a pattern
    best_run(rows, "frechet_distance")      of those measured by the same protocol

It reads run directories and nothing else, writes nothing, and does not import TensorFlow.
"""

import csv
import fnmatch
import os
import re
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

from dcgan_tf.evaluation.metrics import is_better
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError, nearest

LENGTHS = ("epochs", "steps", "max_seconds")
LOSSES = ("generator_loss", "discriminator_loss")
# What a status can be.
FINISHED, RUNNING, UNFINISHED, DIVERGED, BROKEN = "finished", "running", "unfinished", "diverged", "broken"


@dataclass(frozen=True)
class Score:
    """A metric of one evaluation. Scores can be compared when their `protocol` is the same."""

    title: str
    value: float
    std: float | None  # over several seeds
    step: int | None  # of the training
    protocol: str  # with what it was measured: features, samples, real images, averaged generator or not
    line: dict = field(repr=False, compare=False)  # of metrics.jsonl


@dataclass(frozen=True)
class RunRow:
    """What a run directory says of itself; of a broken one only `run`, `name`, `status` and `problem` are known."""

    run: Run
    name: str  # its path below the folder that was searched
    status: str  # FINISHED, RUNNING (a process is writing it), UNFINISHED, DIVERGED or BROKEN
    problem: str | None = None
    settings: dict = field(default_factory=dict)  # every setting by its name: settings_of()
    last: dict = field(default_factory=dict)  # the last row of history.csv: step, epoch, seconds, losses ...
    scores: dict[str, Score] = field(default_factory=dict)  # title -> the newest
    best_scores: dict[str, Score] = field(default_factory=dict)  # title -> the best by the newest one's protocol
    started: str | None = None  # ISO 8601, local time


def find_runs(folder) -> list[Path]:
    """Every run directory at or below `folder`, sorted by path; hidden folders are passed over."""
    found = []
    for place, folders, files in os.walk(folder):
        if "config.json" in files:
            found.append(Path(place))
            folders.clear()  # a run holds no other run
        folders[:] = [name for name in folders if not name.startswith(".")]
    return sorted(found)


def read_runs(folders) -> list[RunRow]:
    """A row for every run directory at or below a folder, or several.

    Raises UserError for a folder that is not there; a run that cannot be read is a row with status BROKEN.
    """
    rows = {}
    for folder in [folders] if isinstance(folders, str | os.PathLike) else folders:
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"there is no folder {str(folder)!r}: give one with run directories, such as results")
        for path in find_runs(folder):
            name = path.relative_to(folder).as_posix() if path != folder else path.resolve().name
            rows.setdefault(path.resolve(), read_run(path, name))
    return list(rows.values())


def read_run(path, name: str | None = None) -> RunRow:
    """The row of one run directory, called `name` (by default as its folder)."""
    run = path if isinstance(path, Run) else Run(path)
    name = name or run.path.name
    try:
        settings, history, lines = settings_of(run.config), run.rows(), run.metrics()
        last = history[-1] if history else {}
        scores, best = _newest_and_best(lines)
        status = _status(run, last)
        problem = run.diverged_path.read_text(encoding="utf-8").strip() if status == DIVERGED else None
        started = run.config.get("started")
    except (UserError, OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return RunRow(run, name, BROKEN, said)
    return RunRow(run, name, status, problem, settings, last, scores, best, started)


def settings_of(config: dict) -> dict:
    """config.json flattened to name -> value: recipe, its fields, dataset, seed, length.

    Fields younger than the run have the value that changes nothing, their default. The size of the images
    is that of the data. `learning_rate` is there when both networks have the same.
    """
    known = {f.name: f.default for f in fields(Recipe) if f.default is not MISSING}
    recipe = {**known, **config["recipe"], **config.get("length", {})}
    for name in ("source", "summary", "image_size"):
        recipe.pop(name, None)
    data = config["dataset"]
    rates = {recipe[f"{network}_learning_rate"] for network in ("generator", "discriminator")}
    return {
        "recipe": recipe.pop("name"),
        "dataset": data.get("name"),
        "images": data.get("images"),
        "image_shape": "x".join(str(size) for size in data["image_shape"]),
        "classes": data.get("classes"),
        "seed": config["seed"],
        "max_seconds": None,
        **({"learning_rate": rates.pop()} if len(rates) == 1 else {}),
        **recipe,
    }


def _status(run, last):
    if _is_being_written(run):
        return RUNNING
    if run.diverged_path.exists():
        return DIVERGED
    length = run.config["length"]
    steps = length["steps"] or (length["epochs"] or 0) * run.config["steps_per_epoch"]
    is_long_enough = steps and last.get("step", 0) >= steps
    is_late_enough = length["max_seconds"] and last.get("seconds", 0) + 0.001 >= length["max_seconds"]  # 3 decimals
    whole = run.generator_path.is_file() and run.gif_path.is_file()
    return FINISHED if (is_long_enough or is_late_enough) and whole else UNFINISHED


def _is_being_written(run):
    """Whether a process holds the run's lock. The lock file is only read, so an archive may be read-only."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system: it looks unfinished
        return False
    try:
        with open(run.lock_path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file is closed
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


# --- scores -----------------------------------------------------------------------------------------------


def scores_of(line: dict) -> list[Score]:
    """The scores of one line of metrics.jsonl."""
    protocol = describe_protocol(line)
    return [
        Score(title, result["mean"], result.get("std"), line.get("step"), protocol, line)
        for title, result in line["metrics"].items()
    ]


def describe_protocol(line: dict) -> str:
    """With what a line of metrics.jsonl was measured; numbers with the same text here can be compared."""
    real = line["real"]
    seeds = f" x {len(line['seeds'])} seeds" if len(line["seeds"]) > 1 else ""
    return (
        f"{line['features']['description']}; {line['samples']:,} samples{seeds}; {real['images']:,} real images of "
        f"{real['dataset']} ({real['fingerprint'][:8]}), {real['split']}; generator {line['generator']}"
    )


def _newest_and_best(lines):
    scores = [score for line in lines for score in scores_of(line)]
    newest = {score.title: score for score in scores}
    best = dict(newest)
    for score in scores:
        held = best[score.title]
        if score.protocol == held.protocol and is_better(score.title, score.value, held.value):
            best[score.title] = score
    return newest, best


def score_titles(rows: Iterable[RunRow]) -> list[str]:
    """The metrics that any of these runs has, in the order in which they are first met."""
    return list(dict.fromkeys(title for row in rows for title in row.scores))


def shared_protocol(rows: Iterable[RunRow], title: str) -> str | None:
    """The protocol by which most of these runs were last measured in that metric; None without any."""
    protocols = [row.scores[title].protocol for row in rows if title in row.scores]
    return max(protocols, key=protocols.count) if protocols else None


def best_run(rows: Iterable[RunRow], title: str, newest: bool = True) -> tuple[RunRow, Score, list[RunRow]]:
    """The run whose newest (or best ever) score is the best: (its row, the score, rows that could not be compared).

    Only scores by one protocol are compared, the one that most of the runs share; the others come last in
    the result. Raises UserError when no run has that metric.
    """
    rows = list(rows)
    found = [(row, (row.scores if newest else row.best_scores).get(title)) for row in rows]
    found = [(row, score) for row, score in found if score is not None]
    if not found:
        have = score_titles(rows)
        hint = f"{nearest(title, have)} They have: {', '.join(have)}" if have else " `evaluate` measures a run"
        raise UserError(f"none of {len(rows)} runs has the metric {title!r}.{hint}")
    shared = shared_protocol(rows, title)
    compared = [(row, score) for row, score in found if score.protocol == shared]
    best = compared[0]
    for row, score in compared[1:]:
        if is_better(title, score.value, best[1].value):
            best = (row, score)
    places = {id(row) for row, _ in compared}
    return *best, [row for row in rows if id(row) not in places]


# --- differences and choices ------------------------------------------------------------------------------


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
    values = []
    for row in rows:
        if row.settings.get(name) not in values:
            values.append(row.settings.get(name))
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
    Raises UserError for a setting that no run has.
    """
    rows = list(rows)
    filters = [filters] if isinstance(filters, str) else list(filters)
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
        (0, float(part), "") if part[0].isdigit() else (1, 0.0, part) for part in re.findall(r"\d+\.?\d*|\D+", text)
    ]
