"""Alarms as they come and go in a training: said at once, and written to the run's alarms.jsonl.

What is written follows from the history and from the evaluations made while training alone, so a training
that was killed and resumed writes the same lines. One line when an alarm begins, one when it is over:

    {"step": 900, "alarm": "the discriminator has won", "on": true, "since": 400, "seen": ..., "remedies": ...}
    {"step": 1200, "alarm": "the discriminator has won", "on": false}
"""

from collections.abc import Callable

import numpy as np

from dcgan_tf.evaluation.alarms import Alarm, alarms_of, looks_of
from dcgan_tf.run.directory import Run
from dcgan_tf.run.records import HISTORY_COLUMNS


class AlarmLog:
    """Of one training: its history and looks so far, and which alarms are on."""

    def __init__(self, run: Run, say: Callable = print):
        self.run, self.say = run, say
        self.rows, self.looks, self.on = [], [], set()

    def restore(self, step: int):
        """Forget what is later than `step`; after the history and the evaluations have forgotten it."""
        self.run.keep_alarms(lambda line: line["step"] <= step)
        self.on = alarms_on(self.run.alarms())
        self.rows = self.run.rows()
        evaluations = (line for line in self.run.metrics() if line.get("while_training"))
        self.looks = looks_of(line for line in evaluations if line["step"] <= step)

    def update(self, row: dict, evaluation: dict | None) -> list[Alarm]:
        """Take in the newest row (if it is one that is recorded) and evaluation; the alarms that are new."""
        due = self.run.row_is_due(row["step"])
        self.rows += [row] if due else []
        self.looks += looks_of([evaluation] if evaluation else [])
        if not due and evaluation is None:
            return []
        history = {name: np.array([old[name] for old in self.rows]) for name in HISTORY_COLUMNS}
        recipe = self.run.config["recipe"]
        alarms = alarms_of(history, self.looks, recipe.get("loss", "bce"), recipe)
        found = {alarm.name: alarm for alarm in alarms}
        new = [alarm for name, alarm in found.items() if name not in self.on]
        for alarm in new:
            self.say(str(alarm))
            what = {"since": alarm.since, "seen": alarm.seen, "remedies": alarm.remedies}
            self.run.append_alarm({"step": row["step"], "alarm": alarm.name, "on": True, **what})
        for name in sorted(self.on - found.keys()):
            self.say(f"alarm over at step {row['step']:,}: {name}")
            self.run.append_alarm({"step": row["step"], "alarm": name, "on": False})
        self.on = set(found)
        return new


def alarms_on(lines: list[dict]) -> set[str]:
    """The names of the alarms that are on after these lines of alarms.jsonl."""
    newest = {line["alarm"]: line["on"] for line in lines}
    return {name for name, on in newest.items() if on}


def alarm_report(run: Run) -> str:
    """The alarms of a run's training for people, a line each: what was seen, since when, and when it was over."""
    lines = run.alarms()
    texts = []
    for number, line in enumerate(lines):
        if not line["on"]:
            continue
        over = [later["step"] for later in lines[number:] if later["alarm"] == line["alarm"] and not later["on"]]
        end = f"over at step {over[0]:,}" if over else "still on at the end"
        text = str(Alarm(line["alarm"], line["seen"], line["since"], line["remedies"]))
        texts.append(f"{text} ({end})")
    if texts:
        return "\n".join(texts)
    if looks_of(run.metrics()):
        return "no alarm in this training"
    return "nothing alarming in the losses so far; collapse and copies show in evaluations only, and none was made yet"
