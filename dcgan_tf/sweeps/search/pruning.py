"""What a run measures while it trains, told to Optuna, which says when the run is not worth its time.

Trials are compared where they have come equally far, in tenths of their length, whether that is counted in seconds or
in steps. A tenth in which nothing was measured has the value of the next evaluation.
"""

import statistics

import numpy as np

from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import read_run

_EVALUATIONS = 8  # of a trial, about
_IMAGES_PER_SECOND = 200  # with one core, until a trial has shown it: small networks, small images
_IMAGES_PER_EPOCH = 5000  # the same
_SECONDS = 120  # of a notebook that decides itself how long it trains
_TENTHS = 10


def evaluate_every(asked: dict, seen: list[tuple[int, int]], cores: int) -> int:
    """The steps from one evaluation of a trial to the next, so that it has some eight of them.

    asked: what the trial will train, PlannedRun.resolved. seen: (steps, batch size) of each trial that is finished;
    the first ones begin with a guess.
    """
    batch_size = asked["batch_size"]
    steps = [steps for steps, size in seen if size == batch_size] or [n * size / batch_size for n, size in seen]
    steps = statistics.median(steps) if steps else _guessed_images(asked, cores) / batch_size
    return max(1, round(steps / _EVALUATIONS))


def _guessed_images(asked, cores):
    if asked.get("steps"):
        return asked["steps"] * asked["batch_size"]
    if asked.get("epochs"):
        return asked["epochs"] * _IMAGES_PER_EPOCH
    return (asked.get("max_seconds") or _SECONDS) * _IMAGES_PER_SECOND * cores


class Watcher:
    """Asked every second while a run trains; says whether it shall end, being worse than others were by then.

    reported: the tenths that Optuna was told of before, where the run is gone on with.
    """

    def __init__(self, trial, run: Run, objective, reported):
        self.trial, self.run, self.objective = trial, run, objective
        self.size = -1  # of metrics.jsonl when it was last read
        self.reported = max(reported, default=0)
        self.pruned_at = None  # (step, tenth, value)

    def __call__(self) -> bool:
        size = self.run.metrics_path.stat().st_size if self.run.metrics_path.exists() else 0
        if size and size != self.size and self.pruned_at is None:
            self.size = size
            self.pruned_at = self._look()
        return self.pruned_at is not None

    def _look(self):
        """Report what is new; where it stands, when that is not good enough."""
        found, here = read_run(Run(self.run.path)), None
        for line in found.evaluations if found.config else []:
            value = self.objective.in_line(line)
            if value is not None and line.get("while_training"):
                here = (line["step"], tenths_of_length(found, line["step"]), value)
                for passed in range(self.reported + 1, here[1] + 1):
                    self.trial.report(self.objective.cost(value), passed)
                self.reported = max(self.reported, here[1])
        return here if here and self.trial.should_prune() else None


def tenths_of_length(found, step: int) -> int:
    """How far a run had come by a step: whole tenths of the length that it was asked for."""
    length, rows = found.config["length"], [{"step": 0, "seconds": 0.0}, *found.rows]
    steps = length.get("steps") or (length.get("epochs") or 0) * found.config["steps_per_epoch"]
    shares = [step / steps] if steps else []
    if length.get("max_seconds"):
        seconds = np.interp(step, [row["step"] for row in rows], [row["seconds"] for row in rows])
        shares.append(seconds / length["max_seconds"])
    return min(_TENTHS, int(_TENTHS * max(shares, default=0)))
