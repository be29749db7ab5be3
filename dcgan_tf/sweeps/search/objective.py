"""What a search makes better: one metric, as runs note it in metrics.jsonl."""

import math

from dcgan_tf.evaluation.metrics import METRICS, Metric
from dcgan_tf.run.reading import read_run
from dcgan_tf.system.errors import UserError, nearest

_PLAIN_WORDS = {"frechet": "fid"}  # a metric of evaluate by the name that people know it by


class Objective:
    """A metric by its name in `evaluate --metrics`; `frechet` is the plain word for fid."""

    def __init__(self, name):
        names = {**_PLAIN_WORDS, **{name: name for name in METRICS}}
        self.name = names.get(str(name).strip().lower())
        if self.name is None:
            raise UserError(f"unknown metric {name!r}.{nearest(name, names)} Known are {', '.join(names)}")
        self.metric: Metric = METRICS[self.name]

    @property
    def title(self) -> str:
        return self.metric.title

    @property
    def in_words(self) -> str:
        return f"{self.title}, {self.metric.better} {'is better' if self.metric.better != 'nearest 1' else 'is best'}"

    @property
    def direction(self) -> str:
        """Of `cost`, as Optuna calls it."""
        return "maximize" if self.metric.better == "larger" else "minimize"

    def cost(self, value: float) -> float:
        """What Optuna is told: the value itself, or its distance from 1 where that is best (see is_better)."""
        return abs(math.log(max(value, 1e-12))) if self.metric.better == "nearest 1" else value

    def order(self, value: float) -> float:
        """A key to sort values by, the best first."""
        return -value if self.direction == "maximize" else self.cost(value)

    def in_line(self, line: dict) -> float | None:
        """The value in a line of metrics.jsonl, by whichever of its two names."""
        found = line["metrics"].get(self.metric.title) or line["metrics"].get(self.metric.reference_name)
        return None if found is None else found["mean"]

    def of_run(self, path) -> float | None:
        """The newest value of a run: of the generator that it ends with."""
        evaluations = read_run(path).evaluations
        values = [value for value in map(self.in_line, evaluations) if value is not None]
        return values[-1] if values else None
