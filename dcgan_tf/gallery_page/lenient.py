"""A run directory read so that what is whole can be shown, whatever is damaged: that is said in `problems`."""

import csv
import json
from dataclasses import dataclass, field

from dcgan_tf.compare.rows import BROKEN, FINISHED, RUNNING, UNFINISHED, RunRow, Score, scores_of, settings_of
from dcgan_tf.run.directory import HISTORY_COLUMNS, Run
from dcgan_tf.system.errors import UserError

_DAMAGE = (UserError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, csv.Error)


@dataclass
class Reading:
    """What could be read of a run, with its types checked; {} or [] for what could not."""

    run: Run
    status: str = ""  # finished, running, interrupted, diverged, failed or broken
    problems: list[str] = field(default_factory=list)
    config: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)  # comparison.settings_of
    history: list[dict] = field(default_factory=list)  # rows that have all columns
    lines: list[dict] = field(default_factory=list)  # of metrics.jsonl
    scores: list[Score] = field(default_factory=list)

    def attempt(self, read, otherwise, what=None):
        """What `read()` gives; when it cannot, that is noted as a problem of `what`, and `otherwise` is given."""
        try:
            return read()
        except _DAMAGE as error:
            said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            said = f"{what} cannot be read ({said})" if what else said
            if said not in self.problems:
                self.problems.append(said)
            return otherwise


def read_leniently(row: RunRow) -> Reading:
    """The run of that row, as far as it can be read; it raises nothing for what a run directory may hold."""
    run = row.run
    found = Reading(run, config=_config(run))
    if found.config:
        found.settings = found.attempt(lambda: settings_of(found.config), {}, "config.json")
    found.history = found.attempt(lambda: _rows(run), [], "history.csv")
    found.lines = found.attempt(lambda: _lines(run), [], "metrics.jsonl")
    found.scores = [score for line in found.lines for score in scores_of(line)]
    if not found.history and not found.problems and found.attempt(lambda: _has_rows(run), False, "history.csv"):
        found.problems.append("history.csv has no row that can be read")
    found.status = _status(row, found)
    return found


def _status(row, found):
    """finished, running, interrupted, diverged, failed or broken; with the reason among the problems."""
    run, error = row.run, _notebook_error(row.run)
    if not found.config:
        there = "is damaged" if run.config_path.exists() else "is missing"
        found.problems[:0] = error or [f"config.json, which says what was trained, {there}"]
        return "failed" if error else "broken"
    if row.status == BROKEN or (found.problems and row.status != RUNNING):
        found.problems.extend([row.problem] if not found.problems else [])
        return "broken"
    if row.status != UNFINISHED:
        found.problems.extend([row.problem] if row.problem else error if row.status == FINISHED else [])
        return row.status
    found.problems.extend(error)
    return "failed" if error else "interrupted"


def _has_rows(run):
    """Whether history.csv is there with more than its first line."""
    return run.history_path.is_file() and run.history_path.read_bytes().count(b"\n") > 1


def _notebook_error(run) -> list[str]:
    """What stopped the executed notebook, if an error did."""
    try:
        text = run.notebook_path.read_text(encoding="utf-8")
        if '"ename"' not in text:  # pictures make notebooks long
            return []
        cells = json.loads(text)["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        errors = [output for output in outputs if output.get("output_type") == "error"]
        return [f"its notebook stopped: {one['ename']}: {one['evalue']}"[:600] for one in errors[:1]]
    except _DAMAGE:
        return []


def _config(run) -> dict:
    """config.json, or {} when it is missing or is not what train() writes."""
    try:
        config = run.config
    except UserError:
        return {}
    kinds = {"recipe": dict, "dataset": dict, "length": dict, "versions": dict, "hardware": dict}
    numbers = (config["seed"], config.get("steps_per_epoch"), config.get("log_every"))
    parts = all(isinstance(config.get(name, {}), kind) for name, kind in kinds.items())
    named = parts and all(isinstance(config[name].get("name"), str) for name in ("recipe", "dataset"))
    return config if named and all(_is_whole(number) for number in numbers) and numbers[1] > 0 else {}


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _rows(run):
    """The rows of history.csv that have all their columns."""
    return [row for row in run.rows() if all(isinstance(row.get(name), int | float) for name in HISTORY_COLUMNS)]


def _lines(run):
    """The lines of metrics.jsonl; ValueError or the like when one is not what evaluate() writes."""
    lines = run.metrics()
    for line in lines:
        steps = [line[name] for name in ("step", "epoch") if line.get(name) is not None]
        values = [value for score in scores_of(line) for value in (score.value, score.std) if value is not None]
        if not all(map(_is_whole, steps)) or not all(isinstance(value, int | float) for value in values):
            raise ValueError("a step or a value in it is no number")
        if not all(isinstance(name, str) for name in line.get("missing_classes", [])):
            raise ValueError("missing_classes are no names")
    return lines
