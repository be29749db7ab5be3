"""What a run directory says, read once: how it stands, its settings, rows, evaluations and alarms, as far as they
can be read, and what is wrong with the rest.

    found = read_run("results/x")
    found.state, found.problems

The words for how a run stands are `State`; whoever shows runs uses these and no others. Nothing is written, and
TensorFlow is not imported.
"""

import enum
import json
from dataclasses import dataclass, field
from pathlib import Path

from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import is_being_written
from dcgan_tf.run.place import holds_nothing
from dcgan_tf.run.records import Damaged, content_of, read_alarms, read_evaluations, read_history
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable, looks_whole


class State(str, enum.Enum):
    """How a run stands; a text, too."""

    __str__ = str.__str__
    __format__ = str.__format__

    NOT_BEGUN = "not begun"  # nothing of a training is there
    RUNNING = "running"  # a process is writing it
    FINISHED = "finished"  # as long as was asked for, with all it leaves
    INTERRUPTED = "interrupted"  # the same command goes on from here
    DIVERGED = "diverged"  # a loss was no longer a finite number
    FAILED = "failed"  # its notebook stopped on an error
    DAMAGED = "damaged"  # a record of it was read, and is wrong; what is whole can be used
    UNREADABLE = "unreadable"  # it cannot be read at the moment


@dataclass
class Reading:
    """A run directory as far as it can be read: {} or [] for what could not, and why in `problems`."""

    run: Run
    state: State = State.NOT_BEGUN
    problems: list[str] = field(default_factory=list)
    config: dict = field(default_factory=dict)
    rows: list[dict] = field(default_factory=list)  # of history.csv
    evaluations: list[dict] = field(default_factory=list)  # of metrics.jsonl
    alarms: list[dict] = field(default_factory=list)  # of alarms.jsonl

    @property
    def last(self) -> dict:
        """The last row of the history; {} without any."""
        return self.rows[-1] if self.rows else {}


def read_run(run) -> Reading:
    """Read a run directory (a path or a Run). It raises nothing for what a run directory may hold."""
    found = Reading(run if isinstance(run, Run) else Run(run))
    run, is_away = found.run, False
    try:
        found.config = run.config
    except UserError as error:
        is_away = isinstance(error, Unreadable)
        found.problems.append(str(error))
    for name, path, read in (
        ("rows", run.history_path, read_history),
        ("evaluations", run.metrics_path, read_evaluations),
        ("alarms", run.alarms_path, read_alarms),
    ):
        try:
            record = read(path)
        except Unreadable as error:
            is_away = True
            found.problems.append(str(error))
            continue
        setattr(found, name, record.lines)
        found.problems += [record.problem] if record.problem else []
    found.state = _state(found, is_away)
    return found


def _state(found, is_away):
    run, error = found.run, notebook_error(found.run)
    if is_away:
        return State.UNREADABLE
    if not found.config:
        if error and not run.config_path.exists():
            found.problems[:1] = error
            return State.FAILED
        if holds_nothing(run.path):
            found.problems.clear()
            return State.NOT_BEGUN
        return State.DAMAGED
    if is_being_written(run):
        return State.RUNNING
    if found.problems:
        return State.DAMAGED
    if run.diverged_path.exists():
        found.problems += [_diverged(run)]
        return State.DIVERGED
    damaged = _damaged_files(run)
    found.problems += [*error, *([f"damaged: {', '.join(path.name for path in damaged)}"] if damaged else [])]
    is_presentable = run.is_presentable() and not {run.generator_path, run.gif_path} & {*damaged}
    last_step = found.last.get("step", 0)  # a kill may have left what an earlier stop made
    is_of_the_end = (found.config.get("results_step", last_step) or 0) >= last_step
    if is_long_enough(found.config, found.last) and is_presentable and is_of_the_end:
        return State.FINISHED
    return State.FAILED if error else State.INTERRUPTED


def _damaged_files(run) -> list[Path]:
    """Which of its networks, labels and films do not begin or end as they should.

    The run itself is not damaged: its records are whole, and the same command writes generator and films anew.
    """
    paths = [run.generator_path, run.best_generator_path, run.discriminator_path, run.labels_path]
    return [path for path in [*paths, run.gif_path, run.webp_path] if not looks_whole(path)]


def is_long_enough(config: dict, last: dict) -> bool:
    """Whether the last row of a history is at the end that config.json asks for."""
    length = config["length"]
    steps = length.get("steps") or (length.get("epochs") or 0) * config["steps_per_epoch"]
    if steps and last.get("step", 0) >= steps:
        return True
    most = length.get("max_seconds")
    return bool(most) and last.get("seconds", 0) + 0.001 >= most  # three decimals are written


def _diverged(run):
    try:
        return (content_of(run.diverged_path) or b"").decode("utf-8", "replace").strip()
    except UserError as error:
        return str(error)


def notebook_error(run) -> list[str]:
    """What stopped the executed notebook, if an error did: one line, or none."""
    try:
        data = content_of(run.notebook_path)
        if not data or b'"ename"' not in data:  # pictures make notebooks long
            return []
        cells = json.loads(data)["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        errors = [output for output in outputs if output.get("output_type") == "error"]
        return [f"its notebook stopped: {one['ename']}: {one['evalue']}"[:600] for one in errors[:1]]
    except (Damaged, Unreadable, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
