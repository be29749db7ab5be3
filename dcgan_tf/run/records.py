"""The records of a run directory, read so that what is damaged is noticed here, once, and not met later as a traceback.

    read_config(path)        the dict, or a UserError: without its settings a run cannot be used
    read_history(path)       Record: the whole rows, and what is wrong with the others
    read_evaluations(path)   Record: the same of metrics.jsonl
    read_alarms(path)        Record: the same of alarms.jsonl

Damaged is only what was read and is wrong. What cannot be read at the moment (a network drive that is away, missing
rights) is `Unreadable`, and nothing is concluded from it.
"""

import csv
import json
import math
import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dcgan_tf.run.shapes import AlarmLine, Config, Evaluation
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, unreadable, write_bytes

HISTORY_COLUMNS = (
    "step",
    "epoch",
    "seconds",
    "images_per_second",
    "generator_loss",
    "discriminator_loss",
    "discriminator_real",
    "discriminator_fake",
)
CONFIG_BACK = (
    "put that file back from a copy; or give the command that trained the run another run directory, stop it after its "
    "first step, and copy the config.json it has written into this one"
)
_WHOLE_NUMBERS = ("step", "epoch")
_LEVELS = 20  # of nesting: a record has at most five


class Damaged(UserError):
    """A record that was read, and is not what a run writes."""


# --- reading ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """The whole lines of a record, and what is wrong with the others in a few words, None when nothing is.

    A last line that a kill cut short is left out, and is no damage: `is_cut`.
    """

    lines: list[dict]
    problem: str | None = None
    is_cut: bool = False


def content_of(path: Path) -> bytes | None:
    """What is in a file; None when there is none.

    Raises Damaged when something else has its name, Unreadable when it cannot be read at the moment.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Damaged(f"{str(path)!r} is no file: a {'folder' if path.is_dir() else 'thing'} has its name")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from error


def read_config(path: Path) -> dict | None:
    """config.json, checked; None when there is none. Raises Damaged, Unreadable."""
    data = content_of(path)
    if data is None:
        return None
    try:
        config = _parse(data)
        Config.model_validate(config)
    except ValueError as error:
        raise Damaged(
            f"{str(path)!r} is damaged: it is not the config.json of a run ({describe(error)}); {CONFIG_BACK}"
        ) from None
    return config


def read_history(path: Path) -> Record:
    """history.csv: a dict per row, by HISTORY_COLUMNS."""
    return _read(path, _history_rows)


def read_evaluations(path: Path) -> Record:
    """metrics.jsonl: a dict per evaluation, see shapes.Evaluation."""
    return _read(path, lambda data: _json_lines(data, Evaluation))


def read_alarms(path: Path) -> Record:
    """alarms.jsonl: a dict per line, see shapes.AlarmLine."""
    return _read(path, lambda data: _json_lines(data, AlarmLine))


def _read(path, lines_of) -> Record:
    try:
        data = content_of(path)
    except Damaged as error:
        return Record([], str(error))
    if data is None:
        return Record([])
    found, wrong, is_cut = lines_of(data)
    if not wrong:
        return Record(found, None, is_cut)
    number, reason = wrong[0]
    lines = "line" if len(wrong) == 1 else "lines"
    first = f"line {number}" if len(wrong) == 1 else f"the first is line {number}"
    kept = f"the other {len(found)} can be read" if found else "none can be read"
    return Record(found, f"{path.name} has {len(wrong)} damaged {lines} ({first}: {reason}); {kept}", is_cut)


def _history_rows(data):
    lines = data.split(b"\n")
    is_cut, names, found, wrong = bool(lines.pop()), None, [], []  # half a row may look like a whole one
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            cells = _cells(line.decode("utf-8").rstrip("\r"))
            if names is None:
                names = cells
                missing = [name for name in HISTORY_COLUMNS if name not in names]
                if missing:  # then no row can be read
                    return [], [(number, f"the head has no column {missing[0]!r}")], is_cut
                continue
            if len(cells) != len(names):
                raise ValueError(f"{len(cells)} values for {len(names)} columns")
            row = dict(zip(names, cells, strict=True))
            row = {name: (int if name in _WHOLE_NUMBERS else float)(row[name]) for name in HISTORY_COLUMNS}
            if not math.isfinite(row["seconds"]):  # as a loss may be
                raise ValueError(f"seconds are {row['seconds']}")
            found.append(row)
        except (ValueError, csv.Error) as error:
            wrong.append((number, describe(error)))
    return found, wrong, is_cut


def _cells(text):
    if '"' in text or "\r" in text:
        (cells,) = csv.reader([text], strict=True)
        return cells
    return text.split(",")  # a third of the time, and a history has many lines


def _json_lines(data, shape):
    lines = data.split(b"\n")
    end, found, wrong, is_cut = len(lines), [], [], False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _parse(line)
            shape.model_validate(value)
            found.append(value)
        except ValueError as error:
            if number == end:  # no newline after it: a kill cut it short
                is_cut = True
            else:
                wrong.append((number, describe(error)))
    return found, wrong, is_cut


def _parse(data: bytes):
    """JSON from bytes. ValueError when it is none, or holds what has no place in JSON or is nested for no reason."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_inside(value, _LEVELS)
    return value


def _no_number(text):
    raise ValueError(f"{text} is no number that JSON has")


def _check_inside(value, levels):
    if levels == 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, str):
        value.encode("utf-8")  # half a character (a lone surrogate) can be written nowhere: ValueError
    elif isinstance(value, dict | list):
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_inside(inner, levels - 1)


def describe(error: Exception) -> str:
    """What is wrong, in one short line."""
    if isinstance(error, UnicodeError):
        return "it is no UTF-8 text"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("list[", "constrained", "[")))
        if first["type"] == "missing":
            return f"{place} is missing"
        said = first["msg"].removeprefix("Value error, ").replace("Input should", "should")
        said = re.sub(r"a valid dictionary( or instance of \w+)?", "a table", said)
        given = repr(first["input"])
        given = given if len(given) <= 40 else f"{given[:40]}..."
        return f"{place} is {given}, and {said}" if place else f"{said}, not {given}"
    return " ".join(str(error).split())[:120]


# --- writing ----------------------------------------------------------------------------------------------


def append_line(path: Path, text: str, head: str | None = None):
    """Add a line to a record, after `head` when it is new.

    Half a line that a kill left would run into it: it is cut off first. What else has the record's name is set aside.
    """
    with disk_errors_explained(path):
        set_aside_other(path)
        is_new = not path.exists() or path.stat().st_size == 0
        if not is_new:
            _end_with_a_whole_line(path)
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(f"{head}\n{text}\n" if is_new and head else f"{text}\n")


def _end_with_a_whole_line(path):
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read() == b"\n":
            return
    data = path.read_bytes()
    whole, _, half = data.rpartition(b"\n")
    try:
        _parse(half)
        write_bytes(path, data + b"\n")  # whole but for its end
    except ValueError:
        write_bytes(path, whole + b"\n" if whole else b"")


def rewrite(path: Path, record: Record, lines: list[str]):
    """Replace a record by these lines in one step; a damaged one is kept beside it as NAME.damaged."""
    with disk_errors_explained(path):
        if record.problem:
            keep_damaged(path)
        write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def keep_damaged(path: Path) -> Path:
    """Keep what is damaged under another name, NAME.damaged, NAME.damaged_2 ..., and return that.

    A file is copied and stays until it is replaced, so that a kill in between loses nothing.
    """
    kept, number = path.with_name(f"{path.name}.damaged"), 1
    while os.path.lexists(kept):
        number += 1
        kept = path.with_name(f"{path.name}.damaged_{number}")
    if path.is_file():
        shutil.copy2(path, kept)
    else:
        path.rename(kept)
    return kept


def set_aside_other(path: Path):
    """When something else than a file has the name of a record, give it another name."""
    if os.path.lexists(path) and not path.is_file():
        keep_damaged(path)
