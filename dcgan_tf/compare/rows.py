"""Many run directories, read into rows that can be compared: settings, losses, scores, time, status.

    rows = read_runs("results")             one RunRow per run directory below it, broken ones included

It reads run directories and nothing else, writes nothing, and does not import TensorFlow. What can be asked of
rows is in choosing.py.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from dcgan_tf.data.dataset import OPTIONS
from dcgan_tf.evaluation.metrics import is_better, paired_images
from dcgan_tf.recipe.combinations import inert
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import Reading, State
from dcgan_tf.run.reading import read_run as read_directory
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import expanded
from dcgan_tf.system.walking import walk


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
    """What a run directory says of itself; of a damaged one, what could be read."""

    run: Run
    name: str  # its path below the folder that was searched
    status: State
    problem: str | None = None
    settings: dict = field(default_factory=dict)  # every setting by its name: settings_of(); {}: it cannot be compared
    last: dict = field(default_factory=dict)  # the last row of history.csv: step, epoch, seconds, losses ...
    scores: dict[str, Score] = field(default_factory=dict)  # title -> the newest
    best_scores: dict[str, Score] = field(default_factory=dict)  # title -> the best by the newest one's protocol
    started: str | None = None  # ISO 8601, local time


def runs_of(row: RunRow) -> list[RunRow]:
    """All runs of a row, one or more: a Repeats (see repeats.py) holds several."""
    return list(getattr(row, "runs", ())) or [row]


def find_runs(folder) -> list[Path]:
    """Every run directory at or below `folder`, behind links too, sorted by path; hidden folders are passed over."""
    found = []
    for place, folders, files in walk(folder):
        if "config.json" in files:
            found.append(place)
            folders.clear()  # a run holds no other run
    return sorted(found)


def read_runs(folders) -> list[RunRow]:
    """A row for every run directory at or below a folder, or several.

    Raises UserError for a folder that is not there; a run that cannot be read is a row without settings.
    """
    folders = [expanded(folder) for folder in ([folders] if isinstance(folders, str | os.PathLike) else folders)]
    found = {}  # resolved path -> (path, its name)
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {str(folder)!r}: give one with run directories, such as results")
        for path in find_runs(folder):
            name = path.relative_to(folder).as_posix() if path != folder else path.resolve().name
            found.setdefault(path.resolve(), (path, name))
    names = [name for _, name in found.values()]
    if len(set(names)) < len(names):  # runs of several folders are named alike: say the folders, too
        try:
            above = os.path.commonpath([path.parent for path in found])
        except ValueError:  # they are on several drives
            above = "/"
        prefix = f"{Path(above).as_posix().rstrip('/')}/"
        found = {real: (path, real.as_posix().removeprefix(prefix)) for real, (path, _) in found.items()}
    return [read_run(path, name) for path, name in found.values()]


def read_run(path, name: str | None = None) -> RunRow:
    """The row of one run directory, called `name` (by default as its folder)."""
    return row_of(read_directory(path), name)


def row_of(found: Reading, name: str | None = None) -> RunRow:
    """The row of a run directory that was read. It does not keep the history: thousands would fill the memory."""
    scores, best = _newest_and_best(found.evaluations)
    return RunRow(
        found.run,
        name or found.run.path.name,
        found.state,
        "; ".join(found.problems) or None,
        settings_of(found.config) if found.config else {},
        found.last,
        scores,
        best,
        found.config.get("started"),
    )


def settings_of(config: dict) -> dict:
    """config.json flattened to name -> value: recipe, its fields, dataset, seed, length.

    Fields younger than the run, or switched off in it, have the value that changes nothing, their default. The size of
    the images is that of the data. `learning_rate` is there when both networks have the same.
    """
    known = Recipe().as_dict()
    recipe = {**known, **config["recipe"], **config.get("length", {})}
    recipe |= {name: known[name] for name in inert(recipe)}  # nothing that two runs differ by
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
        **{name: data.get(name, False) for name in OPTIONS if name != "resize"},  # which the shape tells
        "fingerprint": (data.get("fingerprint") or "")[:12] or None,  # enough to tell data apart
        "seed": config["seed"],
        "max_seconds": None,
        **({"learning_rate": rates.pop()} if len(rates) == 1 else {}),
        **({"start_from": config["start_from"]["run"]} if config.get("start_from") else {}),
        **recipe,
    }


# --- scores -----------------------------------------------------------------------------------------------


def scores_of(line: dict) -> list[Score]:
    """The scores of one line of metrics.jsonl."""
    return [
        Score(title, result["mean"], result.get("std"), line.get("step"), describe_protocol(line, title), line)
        for title, result in line["metrics"].items()
    ]


def describe_protocol(line: dict, title: str = "") -> str:
    """With what a metric of a line of metrics.jsonl was measured; numbers with the same text here can be compared."""
    counts = paired_images(line, title)
    pairs = f"; {counts[0]:,} real against {counts[1]:,}" if counts else ""
    real = line["real"]
    seeds = f" x {len(line['seeds'])} seeds" if len(line["seeds"]) > 1 else ""
    return (
        f"{line['features']['description']}; {line['samples']:,} samples{seeds}; {real['images']:,} real images of "
        f"{real['dataset']} ({real['fingerprint'][:8]}), {real['split']}; generator {line['generator']}{pairs}"
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
