"""Figures that a notebook takes itself, noted in the run's metrics.jsonl: sweep.csv has a column for each."""

import math

from dcgan_tf.evaluation.evaluate import append_line
from dcgan_tf.evaluation.metrics import METRICS
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError

_PROTOCOL = ("step", "epoch", "generator", "samples", "seeds", "real")


def record_figures(run: Run, figures: dict[str, float], description: str, line: dict) -> dict:
    """Add figures of your own to the run's metrics.jsonl, and return the line that was added.

    figures: name -> number. description: how they were measured, in a few words; it stands in the column `protocol`.
    line: the evaluation, as evaluate() returns it, whose images they are of.

    Raises UserError for a figure that is no finite number, or has the name of a metric.
    """
    known = {name for metric in METRICS.values() for name in (metric.title, metric.reference_name) if name}
    for name, value in figures.items():
        if name in known:
            raise UserError(f"{name!r} is a metric of evaluate(): call your own figure otherwise")
        if not math.isfinite(value):
            raise UserError(f"figure {name}={value!r} must be a finite number")
    noted = {name: {"mean": float(value), "values": [float(value)]} for name, value in figures.items()}
    own = {"metrics": noted, **{name: line[name] for name in _PROTOCOL if name in line}}
    own["features"] = {"name": "own", "description": description, "key": ""}
    append_line(run, own)
    return own
