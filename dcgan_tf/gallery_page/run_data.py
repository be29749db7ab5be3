"""What the gallery's page shows of one run directory, as plain data."""

import math
import os
import re
import shlex
import urllib.parse
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.compare.rows import RunRow, scores_of
from dcgan_tf.evaluation.alarms import alarms_of, looks_of
from dcgan_tf.evaluation.metrics import metric_of
from dcgan_tf.pictures.even_rows import even_rows
from dcgan_tf.run.reading import State
from dcgan_tf.run.records import HISTORY_COLUMNS
from dcgan_tf.run.repeat import changed_fields, repeat_command
from dcgan_tf.system.errors import UserError

POINTS = 240  # of a curve, at most: more than the page has pixels for
PICTURES = (".png", ".gif", ".jpg", ".jpeg", ".webp")
_SAMPLES = 60  # pictures that lie in a run's folder, at most
_FILES = {
    "notebook.ipynb": "executed notebook",
    "config.json": "settings",
    "history.csv": "history",
    "metrics.jsonl": "evaluations",
    "alarms.jsonl": "alarms",
    "generator.keras": "generator",
    "best_generator.keras": "best generator",
    "discriminator.keras": "discriminator",
}
_FURTHER = {".ipynb": "notebook", ".html": "page", ".onnx": "for other programs", ".log": "what was said"}


@dataclass
class Shown:
    """A run for the page: `card` for the overview, `details` for its own page."""

    path: Path
    card: dict
    details: dict


def quoted(path) -> str:
    """A relative path as a relative address, whatever bytes its names hold."""
    return urllib.parse.quote(os.fsencode(Path(path).as_posix()), safe="/")


def readable(path) -> str:
    """A path as text; bytes that are no text become the sign for that."""
    return os.fsencode(Path(path).as_posix()).decode("utf-8", "replace")


def show_run(row: RunRow, base: Path, address, typed: str) -> Shown:
    """What the page shows of a run.

    base: the folder of the page. address: path of a picture -> its address in the page. typed: how the user
    called that folder, for the commands.
    """
    run, relative = row.run, Path(os.path.relpath(row.run.path, base))
    found = row.reading
    config, history = found.config, found.rows
    grids = _grids(run, config, history)
    alarms = _alarms(found)
    last, scores = found.last, [score for line in found.evaluations for score in scores_of(line)]
    name = readable(relative) if relative != Path() else readable(run.path.resolve().name)
    pictures = [[address(path), *rest] for path, *rest in grids]
    card = {
        "id": quoted(relative),
        "name": name.rpartition("/")[2],
        "folder": name.rpartition("/")[0],
        "status": found.state,
        "recipe": row.settings.get("recipe"),
        "dataset": row.settings.get("dataset"),
        "seed": row.settings.get("seed"),
        "started": _moment(config.get("started")) or _changed(run.path),
        "step": last.get("step"),
        "epochs": _epochs(config, last),
        "seconds": last.get("seconds"),
        "still": pictures[-1][0] if pictures else None,
        "gif": address(run.gif_path) if run.gif_path.is_file() else None,
        "alarms": sum(alarm["over"] is None for alarm in alarms),
        "scores": {(score.title, score.protocol): _finite(score.value) for score in scores},
        "problems": found.problems,
    }
    details = {
        "settings": {key: describe_setting(value) for key, value in row.settings.items()},
        "changed": sorted(changed_fields(config) or {}) if config else [],
        "machine": _machine(config),
        "length": config.get("length"),
        "grids": pictures,
        "shown": _shown_in_grids(run) if config else None,
        "history": _curves(history),
        "evaluations": _evaluations(found.evaluations),
        "alarms": alarms,
        "commands": _commands(found, relative, typed) if config else [],
        "samples": [[readable(path.relative_to(run.path)), address(path)] for path in _samples(run)],
        "files": _files(run, relative),
    }
    return Shown(run.path, card, details)


def _epochs(config, last):
    """Passes over the data that were made, a part of one included."""
    return round(last["step"] / config["steps_per_epoch"], 2) if config and last else None


def _moment(text):
    """ISO 8601 as milliseconds since 1970, as JavaScript counts; None for anything else."""
    try:
        return round(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def _changed(path):
    try:
        return round(path.stat().st_mtime * 1000)
    except OSError:
        return None


def _finite(value):
    """A number as JSON can hold it, to six digits."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.6g}")


# --- pictures ---------------------------------------------------------------------------------------------


def _grids(run, config, history):
    """(path, step, epoch, seconds) of every recorded grid, in order; of a damaged run, all that are there."""
    rows = {row["step"]: row for row in history}
    if not config or not rows:
        paths = [path for path in run.grids_path.glob("*_*.png") if path.is_file()]
        paths.sort(key=lambda path: (not path.stem.startswith("step"), path))  # of the first epoch, where both are
        return [(path, _number_in(path) if path.stem.startswith("step") else None,
                 _number_in(path) if path.stem.startswith("epoch") else None, None) for path in paths]  # fmt: skip
    steps = run.grid_steps()
    epochs = [-(-step // config["steps_per_epoch"]) for step in steps]
    return list(zip(run.grids(), steps, epochs, run.seconds_at(steps), strict=True))


def _shown_in_grids(run):
    """What the images of a conditional run's grids were to show; None for other runs, and where it is not known."""
    try:
        labels = run.labels
    except UserError:
        return None
    if labels is None:
        return None
    if not labels.are_classes:
        return "with attributes as in the data"
    names = [labels.names[number] for number in labels.seen]
    return f"a row for each class, from above: {', '.join(names[:20])}" + (", ..." if len(names) > 20 else "")


def _number_in(path):
    digits = re.search(r"\d+", path.stem)
    return int(digits.group()) if digits else 0


def files_in(folder, endings) -> list[Path]:
    """The files with these endings in a folder, by name; none where there is no such folder."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in found if path.suffix.lower() in endings and path.name[0] != "." and path.is_file()]


def _samples(run):
    """Pictures beside the run's own: what `sample` and `explore` wrote, or anybody put there."""
    found = [path for folder in ("", "samples", "latent") for path in files_in(run.path / folder, PICTURES)]
    return [path for path in found if path != run.gif_path][:_SAMPLES]


# --- numbers ----------------------------------------------------------------------------------------------


def _curves(history) -> dict:
    """The columns of history.csv; of a long one, means over neighbouring rows, so many that POINTS remain."""
    columns = even_rows({name: np.array([row[name] for row in history]) for name in HISTORY_COLUMNS})
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    history = [dict(zip(columns, row, strict=True)) for row in rows]
    together = -(-len(history) // POINTS) or 1
    parts = [history[start : start + together] for start in range(0, len(history), together)]
    curves = {"rows_per_point": together}
    for column in HISTORY_COLUMNS:
        if column in ("step", "epoch", "seconds"):
            curves[column] = [_finite(part[-1][column]) for part in parts]
        else:
            curves[column] = [_finite(sum(row[column] for row in part) / len(part)) for part in parts]
    return curves


def _alarms(found):
    """The alarms that are on at the end, and those of the training that were over before ("over": at which step)."""
    if not found.config or not found.rows:
        return []
    columns = {name: np.array([row[name] for row in found.rows]) for name in HISTORY_COLUMNS}
    recipe = found.config["recipe"]
    on = alarms_of(columns, looks_of(found.evaluations), recipe.get("loss", "bce"), recipe)
    past, written = [], found.alarms
    for number, line in enumerate(written):
        over = [later["step"] for later in written[number:] if later["alarm"] == line["alarm"] and not later["on"]]
        if line["on"] and over:
            past.append(
                {**{key: line[key] for key in ("since", "seen", "remedies")}, "name": line["alarm"], "over": over[0]}
            )
    return [{**alarm.as_dict(), "over": None} for alarm in on] + past


def _evaluations(lines):
    """Every evaluation: when, with what, and what was found."""
    found = []
    for line in lines:
        metrics = [
            {
                "title": score.title,
                "value": _finite(score.value),
                "std": _finite(score.std),
                "better": metric_of(score.title).better if metric_of(score.title) else "",
                "protocol": score.protocol,
            }
            for score in scores_of(line)
        ]
        about = {key: line.get(key) for key in ("step", "epoch", "missing_classes")}
        found.append({**about, "while_training": bool(line.get("while_training")), "metrics": metrics})
    return found


# --- around it --------------------------------------------------------------------------------------------


def _machine(config):
    hardware, versions = config.get("hardware") or {}, config.get("versions") or {}
    parts = {"steps per epoch": config.get("steps_per_epoch"), "log_every": config.get("log_every")}
    parts["fingerprint"] = config.get("dataset", {}).get("fingerprint")
    parts |= {name: hardware.get(name) for name in ("system", "cores")}
    parts["GPUs"] = ", ".join(map(str, hardware.get("gpus") or [])) or "none"
    return {name: str(value) for name, value in {**parts, **versions}.items() if value is not None} if config else {}


def _commands(found, relative, typed):
    """(what it does, the command): train it again, go on, draw samples, measure."""
    run, config, place = found.run, found.config, readable(Path(typed) / relative)
    monitored = [line["step"] for line in found.evaluations if line.get("while_training") and line.get("step")]
    how = {"evaluate_every": min(monitored, default=None)}
    how |= {"keep_samples": run.samples_path.is_dir(), "tensorboard": run.tensorboard_path.is_dir()}
    try:
        commands = [("Train it again", repeat_command(config, f"{place}-again", **how))]
    except UserError as error:
        found.problems.append(str(error))
        return []
    if found.state in (State.INTERRUPTED, State.FAILED):
        commands.insert(0, ("Go on from where it stopped", repeat_command(config, place, **how)))
    if run.generator_path.is_file():
        program, target = "python -m dcgan_tf", shlex.quote(place)
        sheet = shlex.quote(f"{place}/samples.png")
        commands.append(("Draw new samples", f"{program} sample {target} --count 64 --seed 1 --output {sheet}"))
        commands.append(("Measure it", f"{program} evaluate {target}"))
    return commands


def _files(run, relative):
    """(what, name, address, bytes) of what is there to be opened."""
    if not run.path.is_dir():
        return []
    names = [path.name for path in sorted(run.path.iterdir()) if path.suffix in _FURTHER]
    found = []
    for name in dict.fromkeys([*_FILES, *names]):
        path = run.path / name
        if path.is_file():
            found.append(
                [
                    _FILES.get(name) or _FURTHER[path.suffix],
                    readable(name),
                    quoted(relative / name),
                    path.stat().st_size,
                ]
            )
    return found
