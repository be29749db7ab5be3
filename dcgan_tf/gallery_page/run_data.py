"""What the gallery's page shows of one run directory, as plain data."""

import hashlib
import math
import os
import shlex
import urllib.parse
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.compare.repeats import setting_key
from dcgan_tf.compare.rows import scores_of, settings_of
from dcgan_tf.data.dataset import OPTIONS
from dcgan_tf.evaluation.alarms import alarms_of, looks_of
from dcgan_tf.evaluation.metrics import metric_of
from dcgan_tf.gallery_page.run_pictures import grids_of, samples_of, shown_in_grids
from dcgan_tf.pictures.even_rows import even_rows
from dcgan_tf.run.reading import Reading, State
from dcgan_tf.run.records import HISTORY_COLUMNS
from dcgan_tf.run.repeat import changed_fields, repeat_command
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import epochs_over

POINTS = 240  # of a curve, at most: more than the page has pixels for
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
class Seen:
    """A run for the page: `card` for the overview, `details` for its own page."""

    card: dict
    details: dict


def quoted(path) -> str:
    """A relative path as a relative address, whatever bytes its names hold."""
    return urllib.parse.quote(os.fsencode(Path(path).as_posix()), safe="/")


def readable(path) -> str:
    """A path as text; bytes that are no text become the sign for that."""
    return os.fsencode(Path(path).as_posix()).decode("utf-8", "replace")


def show_run(found: Reading, base: Path, address, typed: str) -> Seen:
    """What the page shows of a run.

    base: the folder of the page. address: path of a picture -> its address in the page. typed: how the user
    called that folder, for the commands.
    """
    run, relative = found.run, Path(os.path.relpath(found.run.path, base))
    settings = settings_of(found.config) if found.config else {}
    config, history = found.config, found.rows
    grids = grids_of(run, config, history)
    alarms = _alarms(found)
    last, scores = found.last, [score for line in found.evaluations for score in scores_of(line)]
    name = readable(relative) if relative != Path() else readable(run.path.resolve().name)
    pictures = [[address(path), *rest] for path, *rest in grids]
    card = {
        "id": quoted(relative),
        "name": name.rpartition("/")[2],
        "folder": name.rpartition("/")[0],
        "status": found.state,
        "recipe": settings.get("recipe"),
        "dataset": settings.get("dataset"),
        "seed": settings.get("seed"),
        "started": _moment(config.get("started")) or _changed(run.path),
        "step": last.get("step"),
        "epochs": epochs_over(last["step"], config["steps_per_epoch"]) if config and last else None,
        "seconds": last.get("seconds"),
        "still": pictures[-1][0] if pictures else None,
        "film": address(run.film_path) if run.film_path else None,
        "alarms": sum(alarm["over"] is None for alarm in alarms),
        "alike": hashlib.sha256(key.encode()).hexdigest()[:16] if (key := setting_key(settings)) else None,
        "scores": [[score.title, score.protocol, _finite(score.value)] for score in scores],
        "problems": found.problems,
    }
    details = {
        "settings": {
            key: describe_setting(value)
            for key, value in settings.items()
            if value is not False or key not in OPTIONS  # a search for "small" finds runs that have dropped some
        },
        "changed": sorted(changed_fields(config) or {}) if config else [],
        "machine": _machine(config),
        "length": config.get("length"),
        "grids": pictures,
        "shown": shown_in_grids(run) if config else None,
        "history": _curves(history),
        "evaluations": _evaluations(found.evaluations),
        "alarms": alarms,
        "commands": _commands(found, relative, typed) if config else [],
        "samples": [[readable(path.relative_to(run.path)), address(path)] for path in samples_of(run)],
        "files": _files(run, relative),
    }
    return Seen(card, details)


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
    if type(value) is float:  # by far the most
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value if isinstance(value, int) else None


# --- numbers ----------------------------------------------------------------------------------------------


def _curves(history) -> dict:
    """The columns of history.csv; of a long one, means over neighbouring rows, so many that POINTS remain."""
    columns = even_rows({name: np.array([row[name] for row in history]) for name in HISTORY_COLUMNS})
    count = len(columns["step"])
    together = -(-count // POINTS) or 1
    firsts = np.arange(0, count, together)
    ends = np.minimum(firsts + together, count)
    curves = {"rows_per_point": together}
    for column, values in columns.items():
        if column in ("step", "epoch", "seconds"):
            points = values[ends - 1]
        else:
            points = np.add.reduceat(values, firsts) / (ends - firsts) if count else values
        curves[column] = list(map(_finite, points.tolist()))
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
        beside = line.get("yardsticks")
        metrics = [
            {
                "title": score.title,
                "value": _finite(score.value),
                "std": _finite(score.std),
                "better": metric_of(score.title).better if metric_of(score.title) else "",
                "protocol": score.protocol,
                **({what: _finite(beside[what].get(score.title)) for what in ("real", "noise")} if beside else {}),
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
    gpus = hardware.get("gpus") or "none"
    parts["GPUs"] = ", ".join(map(str, gpus)) if isinstance(gpus, list) else gpus
    return {name: str(value) for name, value in {**parts, **versions}.items() if value is not None} if config else {}


def _commands(found, relative, typed):
    """(what it does, the command): train it again, go on, draw samples, measure."""
    run, config, place = found.run, found.config, readable(Path(typed) / relative)
    place = f"./{place}" if place.startswith("-") else place  # else it would be taken for an option
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
    names = [path.name for path in sorted(run.path.iterdir()) if path.suffix.lower() in _FURTHER]
    found = []
    for name in dict.fromkeys([*_FILES, *names]):
        path = run.path / name
        if path.is_file():
            found.append(
                [
                    _FILES.get(name) or _FURTHER[path.suffix.lower()],
                    readable(name),
                    quoted(relative / name),
                    path.stat().st_size,
                ]
            )
    return found
