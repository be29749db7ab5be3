"""What a sweep has so far: a table of all its runs (sweep.csv), one of its settings where runs are repeated with other
seeds (repeats.csv), sheets of their grids, their curves."""

import contextlib
import csv
import io
import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from dcgan_tf.compare.choosing import choose_axes, describe_setting, score_titles
from dcgan_tf.compare.repeats import Repeats, Spread, among_settings, by_setting, repeats_table
from dcgan_tf.compare.rows import RunRow, read_run, runs_of
from dcgan_tf.recipe.fields import FIELDS
from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import State
from dcgan_tf.sweeps.asked import LENGTHS
from dcgan_tf.sweeps.plan import file_name
from dcgan_tf.sweeps.worker import FINISHED, read_outcome
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import write_bytes, write_text
from dcgan_tf.system.saying import counted

_MOST_SHEETS = 12
_SHARE = 0.01  # of a sweep's time, at most, goes into writing its table while it runs
_LAST = ("epoch", "step", "seconds", "generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")


# --- the table ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SweepRow:
    """One run of a sweep: how it stands, what it was asked for, and what its directory says."""

    status: str
    error: str | None
    settings: dict  # as asked for
    row: RunRow  # its settings are those of the run, and what was asked for by the same names
    ignored: dict = field(default_factory=dict)  # what was asked for and is not so: name -> what the run has


def write_table(folder: Path, plan, outcomes) -> list[SweepRow]:
    """Write sweep.csv (and repeats.csv), each in one step, and return its rows; runs of earlier calls keep theirs."""
    return Table(folder, plan).write(outcomes)


class Table:
    """sweep.csv of a sweep at work: written again and again, while the directory of a finished run is read once."""

    def __init__(self, folder: Path, plan):
        self.folder, self.plan = folder, plan
        self.rows, self.earlier = {}, None  # by name; those of earlier calls
        self.next_time = 0.0

    def write_when_due(self, outcomes):
        """Write it, unless that was done just now: with thousands of runs it takes a while, and they end all the time.

        The last runs are for write() at the end of the sweep.
        """
        started = time.monotonic()
        if started >= self.next_time:
            self.write(outcomes)
            ended = time.monotonic()
            self.next_time = ended + (ended - started) / _SHARE

    def write(self, outcomes) -> list[SweepRow]:
        if self.earlier is None:
            self.earlier = list(_earlier(self.folder, {run.name for run in self.plan}))
        rows = [*(self._row(run, outcomes[run.name]) for run in self.plan), *self.earlier]
        _write_rows(self.folder, rows)
        return rows

    def _row(self, run, outcome):
        row = self.rows.get(run.name)
        is_known = row is not None and row.status == outcome.status
        if not is_known or (outcome.status != FINISHED and (self.folder / run.name).exists()):  # one that is under way
            row = self.rows[run.name] = _read(self.folder, run.name, run.settings, outcome)
        return row


def _write_rows(folder, rows):
    names = list(dict.fromkeys(name for row in rows for name in row.settings))
    titles = score_titles(row.row for row in rows)
    settings = joined(rows)
    is_repeated = any(isinstance(row, Repeats) for row in settings)
    spreads = {id(run): _spreads(row) for row in settings for run in runs_of(row)} if is_repeated else {}
    of_repeats = (
        ["repeats", *(f"{title} {what}" for title in titles for what in ("mean", "std"))] if is_repeated else []
    )
    lines = [["run", "status", *names, *_LAST, *titles, "protocol", "error", *of_repeats]]
    for row in rows:
        scores = row.row.scores
        asked = [_cell(row.settings.get(name, row.row.settings.get(name))) for name in names]
        values = [scores[title].value if title in scores else "" for title in titles]
        protocols = " / ".join(dict.fromkeys(score.protocol for score in scores.values()))
        last = [row.row.last.get(name, "") for name in _LAST]
        line = [row.row.name, row.status, *asked, *last, *values, protocols, row.error or ""]
        if is_repeated:
            count, found = spreads[id(row.row)]
            of_each = [found.get(title, (None, None))[:2] for title in titles]
            line += [count, *("" if value is None else value for pair in of_each for value in pair)]
        lines.append(line)
    _write_csv(folder / "sweep.csv", lines)
    if is_repeated:
        table = repeats_table(settings, names)
        head = [name for name in names if name != "seed"]
        texts = [[_cell(v) if k in head else "" if v is None else v for k, v in line.items()] for line in table]
        _write_csv(folder / "repeats.csv", [list(table[0]), *texts])


def _write_csv(path, lines):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_text(path, text.getvalue())


def joined(rows: list[SweepRow]) -> list[RunRow]:
    """The runs, those that were asked for the same but for their seed as one Repeats; see compare/repeats.py."""
    return by_setting([row.row for row in rows], [row.settings for row in rows])


def _spreads(row):
    """(how many runs of it have finished, the Spread of each metric)."""
    if isinstance(row, Repeats):
        return len(row.finished), row.spreads
    is_over = row.status == FINISHED
    return int(is_over), {title: Spread.of([score.value]) for title, score in row.scores.items() if is_over}


def _read(folder, name, settings, outcome) -> SweepRow:
    row = read_run(folder / name, name)
    if outcome.status != FINISHED or row.status == State.NOT_BEGUN:  # its notebook may train nothing there
        row = replace(row, status=outcome.status, problem=outcome.error or "not begun")
    ignored = _ignored(row.settings, settings) if outcome.status == FINISHED else {}
    row = replace(row, settings={**row.settings, **settings})
    return SweepRow(outcome.status, outcome.error, settings, row, ignored)


def _ignored(made, asked):
    """The settings of a recipe that were asked for and are others in the run: the notebook has its own mind."""
    known = {name: made[name] for name in (*FIELDS, "seed") if name in made}
    return {name: known[name] for name, value in asked.items() if value is not None and known.get(name, value) != value}


def ignored_settings(rows: list[SweepRow]) -> list[str]:
    """A line for each setting that the notebook overruled: what was asked for, and what the runs have instead."""
    lines = []
    for name in dict.fromkeys(name for row in rows for name in row.ignored):
        found = [row for row in rows if name in row.ignored]
        asked = ", ".join(dict.fromkeys(describe_setting(row.settings[name]) for row in found))
        made = ", ".join(dict.fromkeys(describe_setting(row.ignored[name]) for row in found))
        clock = {row.row.settings.get("max_seconds") for row in found} - {None} if name in LENGTHS else ()
        why = f" (max_seconds {', '.join(map(describe_setting, sorted(clock)))} decides)" if clock else ""
        lines.append(f"note: {name}={asked} was asked for, but the notebook trained with {name}={made}{why}")
    return lines


def other_versions(runs: list[Run]) -> list[str]:
    """A line where several versions of this package made these runs: a recipe may be another in each."""
    made = Counter()
    for run in runs:
        with contextlib.suppress(UserError):  # of a damaged one all that can be said is said elsewhere
            made[run.version or "unknown"] += 1
    if len(made) < 2:
        return []
    each = ", ".join(f"{counted(count, 'run')} by {version}" for version, count in sorted(made.items()))
    return [f"note: several versions of dcgan_tf made these ({each}): where a recipe changed between, so did the runs"]


@dataclass(frozen=True)
class _Noted:
    status: str
    error: str | None


def _earlier(folder, planned):
    """The runs that sweep.csv holds from other calls, as their notebooks tell of them."""
    try:
        with open(folder / "sweep.csv", newline="", encoding="utf-8") as file:
            names = [row["run"] for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, csv.Error):
        return
    for name in names:
        found = None if name in planned or Path(name).name != name else read_outcome(Run(folder / name).notebook_path)
        if found:
            parameters = {key: v for key, v in found["parameters"].items() if key not in ("results_dir", "run_name")}
            fields = parameters.pop("overrides", None) or {}
            yield _read(folder, name, {**parameters, **fields}, _Noted(found["outcome"], found["error"]))


def _cell(value):
    if value is None:
        return "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


# --- the pictures -----------------------------------------------------------------------------------------


def write_pictures(folder: Path, rows: list[SweepRow], by: str = "epoch") -> list[Path]:
    """sheet.png (one for each combination of further settings) and curves.png of a sweep; their paths.

    rows: of all its runs, as write_table gives them. by: what curves.png compares at equal amounts of. Sheets of an
    earlier call that are no longer drawn are removed; logs/pictures.txt says which those were: no other file is
    touched, whatever it is called.
    """
    from dcgan_tf.compare.curves import overlaid_curves

    asked = list(dict.fromkeys(name for row in rows for name in row.settings))
    rows = joined(rows)
    pictures = {path: picture for path, picture in _sheets(folder, rows, asked)}
    if any(run.last for row in rows for run in runs_of(row)):
        pictures[folder / "curves.png"] = overlaid_curves(rows, by, among=asked, title=folder.name)
    for path, picture in pictures.items():
        write_bytes(path, picture.png())
    drawn = folder / "logs" / "pictures.txt"
    for name in _lines(drawn):
        if Path(name).name == name and folder / name not in pictures:
            (folder / name).unlink(missing_ok=True)
    drawn.parent.mkdir(exist_ok=True)
    write_text(drawn, "".join(f"{path.name}\n" for path in pictures))
    return list(pictures)


def _lines(path):
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _sheets(folder, rows, asked):
    """(path, picture): one sheet where two settings vary, else one for each combination of the further ones."""
    from dcgan_tf.compare.sheets import MOST_CELLS, sheet, sheet_of_names

    row_setting, column_setting, further = choose_axes(rows, among_settings(rows, asked))
    bunches = {}
    for row in rows:
        bunches.setdefault(tuple(describe_setting(row.settings.get(name)) for name in further), []).append(row)

    def cell(row):
        return repr(row.settings.get(row_setting)), repr(row.settings.get(column_setting))

    unique = all(len(bunch) == len(set(map(cell, bunch))) <= MOST_CELLS for bunch in bunches.values())
    if not unique or len(bunches) > _MOST_SHEETS or len(bunches) * 2 > max(len(rows), 2):
        yield folder / "sheet.png", sheet_of_names(rows, title=folder.name)
        return
    for values, bunch in bunches.items():
        what = ", ".join(f"{name} = {value}" for name, value in zip(further, values, strict=True))
        name = file_name("-".join(["sheet", *(f"{n}={v}" for n, v in zip(further, values, strict=True))])) + ".png"
        yield folder / name, sheet(bunch, row_setting, column_setting, f"{folder.name}{': ' + what if what else ''}")
