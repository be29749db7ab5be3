"""What the gallery's page shows of one run directory, as plain data.

Whatever is damaged or missing is said in `problems`; the rest is shown all the same.
"""

import csv
import json
import math
import os
import re
import shlex
import urllib.parse
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from dcgan_tf.alarm_log import looks_of
from dcgan_tf.alarms import alarms_of
from dcgan_tf.comparison import BROKEN, UNFINISHED, RunRow, describe_setting, scores_of, settings_of
from dcgan_tf.errors import UserError
from dcgan_tf.metrics import metric_of
from dcgan_tf.repeat import changed_fields, repeat_command
from dcgan_tf.runs import HISTORY_COLUMNS

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
_DAMAGE = (UserError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, csv.Error)


@dataclass
class Shown:
    """A run for the page: `card` for the overview, `details` for its own page."""

    path: Path
    card: dict
    details: dict
    problems: list[str] = field(default_factory=list)


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
    shown = Shown(run.path, {}, {})
    try:
        config = run.config
    except UserError:
        config = {}
    settings = _try(shown, lambda: settings_of(config), {}) if config else {}
    history = _try(shown, run.rows, [], "history.csv")
    lines = _try(shown, lambda: _lines(run), [], "metrics.jsonl")
    if not history and not shown.problems and _has_rows(run):
        shown.problems.append("history.csv has no row that can be read")
    scores = _try(shown, lambda: [score for line in lines for score in scores_of(line)], [], "metrics.jsonl")
    status = _status(row, shown, config)
    grids = _try(shown, lambda: _grids(run, config, history), [], "grids")
    found = _try(shown, lambda: _alarms(run, config, history, lines), [], "alarms.jsonl")
    last = history[-1] if history else {}
    name = readable(relative) if relative != Path() else readable(run.path.resolve().name)
    pictures = [[address(path), *rest] for path, *rest in grids]
    shown.card = {
        "id": quoted(relative),
        "name": name.rpartition("/")[2],
        "folder": name.rpartition("/")[0],
        "status": status,
        "recipe": settings.get("recipe"),
        "dataset": settings.get("dataset"),
        "seed": settings.get("seed"),
        "started": _moment(config.get("started")) or _changed(run.path),
        "step": last.get("step"),
        "epoch": last.get("epoch"),
        "seconds": last.get("seconds"),
        "still": pictures[-1][0] if pictures else None,
        "gif": address(run.gif_path) if run.gif_path.is_file() else None,
        "alarms": sum(alarm["over"] is None for alarm in found),
        "scores": {(score.title, score.protocol): _finite(score.value) for score in scores},
        "problems": shown.problems,
    }
    shown.details = {
        "settings": {key: describe_setting(value) for key, value in settings.items()},
        "changed": _try(shown, lambda: sorted(changed_fields(config) or {}), []) if settings else [],
        "machine": _machine(config),
        "length": config.get("length"),
        "grids": pictures,
        "history": _curves(history),
        "evaluations": _evaluations(lines, shown),
        "alarms": found,
        "commands": _try(shown, lambda: _commands(run, config, lines, status, relative, typed), []) if settings else [],
        "samples": [[readable(path.relative_to(run.path)), address(path)] for path in _samples(run)],
        "files": _files(run, relative),
    }
    return shown


def _try(shown, read, otherwise, what=None):
    """What `read` gives; when it cannot, that is noted as a problem."""
    try:
        return read()
    except _DAMAGE as error:
        said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        said = f"{what} cannot be read ({said})" if what else said
        if said not in shown.problems:
            shown.problems.append(said)
        return otherwise


def _status(row, shown, config):
    """finished, running, interrupted, diverged, failed or broken; with the reason among the problems."""
    run = row.run
    if not config:
        error = _notebook_error(run)
        there = "is damaged" if run.config_path.exists() else "is missing"
        shown.problems[:0] = error or [f"config.json, which says what was trained, {there}"]
        return "failed" if error else "broken"
    if row.status == BROKEN or (shown.problems and row.status == UNFINISHED):
        shown.problems.extend([row.problem] if not shown.problems else [])
        return "broken"
    if row.status != UNFINISHED:
        shown.problems.extend([row.problem] if row.problem else [])
        return row.status
    error = _notebook_error(run)
    shown.problems.extend(error)
    return "failed" if error else "interrupted"


def _has_rows(run):
    """Whether history.csv is there with more than its first line."""
    return run.history_path.is_file() and run.history_path.read_bytes().count(b"\n") > 1


def _notebook_error(run) -> list[str]:
    """What stopped the executed notebook, if an error did."""
    try:
        cells = json.loads(run.notebook_path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        errors = [output for output in outputs if output.get("output_type") == "error"]
        return [f"its notebook stopped: {one['ename']}: {one['evalue']}"[:600] for one in errors[:1]]
    except _DAMAGE:
        return []


def _lines(run):
    return [line for line in run.metrics() if isinstance(line, dict)]


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
        paths = sorted(run.grids_path.glob("*_*.png"))
        return [(path, _number_in(path) if path.stem.startswith("step") else None,
                 _number_in(path) if path.stem.startswith("epoch") else None, None) for path in paths]  # fmt: skip
    last, found = max(rows, default=0), []
    for path in run.grids():
        step = _number_in(path) * (1 if config["recipe"]["grid_every"] else config["steps_per_epoch"])
        row = rows.get(min(step, last), {})
        found.append((path, min(step, last), row.get("epoch"), row.get("seconds")))
    return found


def _number_in(path):
    digits = re.search(r"\d+", path.stem)
    return int(digits.group()) if digits else 0


def pictures_in(folder) -> list[Path]:
    """The pictures that lie in a folder, by name; none where there is no such folder."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in found if path.suffix.lower() in PICTURES and not path.name.startswith(".")]


def _samples(run):
    """Pictures beside the run's own: what `sample` and `explore` wrote, or anybody put there."""
    found = [path for folder in ("", "samples", "latent") for path in pictures_in(run.path / folder)]
    return [path for path in found if path != run.gif_path][:_SAMPLES]


# --- numbers ----------------------------------------------------------------------------------------------


def _curves(history) -> dict:
    """The columns of history.csv; of a long one, means over neighbouring rows, so many that POINTS remain."""
    together = -(-len(history) // POINTS) or 1
    parts = [history[start : start + together] for start in range(0, len(history), together)]
    curves = {"rows_per_point": together}
    for column in HISTORY_COLUMNS:
        if column in ("step", "epoch", "seconds"):
            curves[column] = [_finite(part[-1][column]) for part in parts]
        else:
            curves[column] = [_finite(sum(row[column] for row in part) / len(part)) for part in parts]
    return curves


def _alarms(run, config, history, lines):
    """The alarms that are on at the end, and those of the training that were over before ("over": at which step)."""
    if not config or not history:
        return []
    columns = {name: np.array([row[name] for row in history]) for name in HISTORY_COLUMNS}
    on = alarms_of(columns, looks_of(lines), config["recipe"].get("loss", "bce"))
    past, written = [], run.alarms()
    for number, line in enumerate(written):
        over = [later["step"] for later in written[number:] if later["alarm"] == line["alarm"] and not later["on"]]
        if line["on"] and over:
            past.append(
                {**{key: line[key] for key in ("since", "seen", "remedies")}, "name": line["alarm"], "over": over[0]}
            )
    return [{**alarm.as_dict(), "over": None} for alarm in on] + past


def _evaluations(lines, shown):
    """Every evaluation: when, with what, and what was found."""
    found = []
    for line in lines:
        scores = _try(shown, lambda line=line: scores_of(line), [], "metrics.jsonl")
        metrics = [
            {
                "title": score.title,
                "value": _finite(score.value),
                "std": _finite(score.std),
                "better": metric_of(score.title).better if metric_of(score.title) else "",
                "protocol": score.protocol,
            }
            for score in scores
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


def _commands(run, config, lines, status, relative, typed):
    """(what it does, the command): train it again, go on, draw samples, measure."""
    place = readable(Path(typed) / relative)
    monitored = [line["step"] for line in lines if line.get("while_training") and line.get("step")]
    how = {"evaluate_every": min(monitored, default=None)}
    how |= {"keep_samples": run.samples_path.is_dir(), "tensorboard": run.tensorboard_path.is_dir()}
    found = [("Train it again", repeat_command(config, f"{place}-again", **how))]
    if status in ("interrupted", "failed"):
        found.insert(0, ("Go on from where it stopped", repeat_command(config, place, **how)))
    if run.generator_path.is_file():
        program, target = "python -m dcgan_tf", shlex.quote(place)
        sheet = shlex.quote(f"{place}/samples.png")
        found.append(("Draw new samples", f"{program} sample {target} --count 64 --seed 1 --output {sheet}"))
        found.append(("Measure it", f"{program} evaluate {target}"))
    return found


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
