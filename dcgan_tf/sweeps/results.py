"""What a sweep has so far: how long the rest will take, and a table of all its runs (sweep.csv)."""

import csv
import io
import json
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path

from dcgan_tf.compare.choosing import choose_axes, describe_setting, score_titles
from dcgan_tf.compare.rows import RunRow, read_run
from dcgan_tf.recipe.fields import FIELDS
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.asked import LENGTHS
from dcgan_tf.sweeps.plan import file_name
from dcgan_tf.sweeps.worker import FINISHED, read_outcome
from dcgan_tf.system.files import write_bytes, write_text
from dcgan_tf.training.progress import describe_seconds

_MOST_SHEETS = 12
_NOTEBOOK_SECONDS = 15.0  # what a notebook takes beside training, until one has shown it
_LAST = ("epoch", "step", "seconds", "generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")


# --- time --------------------------------------------------------------------------------------------------


class Estimate:
    """How long runs will take, judged by those of the same sweep that are finished."""

    def __init__(self, folder: Path, plan):
        self.folder, self.plan, self.known = folder, plan, {}
        self.read_again()

    def read_again(self):
        """Look for runs that have finished since."""
        for run in self.plan:
            if run.name not in self.known:
                path = Run(self.folder / run.name)
                outcome = read_outcome(path.notebook_path)
                if outcome and outcome["outcome"] == FINISHED:
                    self.known[run.name] = (run, outcome["seconds"] or 0.0, read_run(path).last.get("seconds", 0.0))

    def seconds(self, run) -> float | None:
        """Of one run, or None where nothing can be said."""
        beside = [seconds - trained for _, seconds, trained in self.known.values() if seconds > trained > 0]
        beside = statistics.median(beside) if beside else _NOTEBOOK_SECONDS
        limit = run.parameters.get("max_seconds")
        if limit is not None:
            return limit + beside
        alike = [found for found in self.known.values() if _unit(found[0]) == _unit(run)]
        if not alike:
            return None
        settings = run.settings.items()
        likeness = [sum(known.settings.get(name) == value for name, value in settings) for known, *_ in alike]
        alike = [found for found, score in zip(alike, likeness, strict=True) if score == max(likeness)]
        if run.length is None:
            return statistics.mean(seconds for _, seconds, _ in alike)
        rate = statistics.mean(trained / known.length[1] for known, _, trained in alike)
        before = [other.length[1] for other in self.plan if other.family == run.family and run.family]
        return rate * (run.length[1] - max([length for length in before if length < run.length[1]], default=0)) + beside

    def describe(self, todo, at_once: int) -> str:
        """In words, of these runs, so many at a time."""
        families = {}
        for run in todo:
            families.setdefault(run.family or run.name, []).append(self.seconds(run))
        if any(seconds is None for family in families.values() for seconds in family):
            known = "of each kind " if self.known else ""
            return f"how long that takes will be known when the first {known}has finished"
        totals = [sum(family) for family in families.values()]
        return f"about {describe_seconds(max(*totals, sum(totals) / at_once, 0))}"


def _unit(run):
    """Runs can be compared by time when they end by the same kind of length."""
    return run.length[0] if run.length else None


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
    """Write sweep.csv, in one step, and return its rows; runs of earlier calls keep theirs."""
    rows = [_read(folder, run.name, run.settings, outcomes[run.name]) for run in plan]
    rows += _earlier(folder, {run.name for run in plan})
    names = list(dict.fromkeys(name for row in rows for name in row.settings))
    titles = score_titles(row.row for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "status", *names, *_LAST, *titles, "protocol", "error"])
    for row in rows:
        scores = row.row.scores
        settings = [_cell(row.settings.get(name, row.row.settings.get(name))) for name in names]
        values = [scores[title].value if title in scores else "" for title in titles]
        protocols = " / ".join(dict.fromkeys(score.protocol for score in scores.values()))
        last = [row.row.last.get(name, "") for name in _LAST]
        writer.writerow([row.row.name, row.status, *settings, *last, *values, protocols, row.error or ""])
    write_text(folder / "sweep.csv", text.getvalue())
    return rows


def _read(folder, name, settings, outcome) -> SweepRow:
    row = read_run(folder / name, name)
    if outcome.status != FINISHED or not row.settings:
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


def write_pictures(folder: Path, rows: list[SweepRow]) -> list[Path]:
    """sheet.png (one for each combination of further settings) and curves.png of a sweep; their paths.

    rows: of all its runs, as write_table gives them. Sheets of an earlier call that are no longer drawn are removed;
    logs/pictures.txt says which those were: no other file is touched, whatever it is called.
    """
    from dcgan_tf.compare.curves import overlaid_curves

    asked = list(dict.fromkeys(name for row in rows for name in row.settings))
    rows = [row.row for row in rows]
    pictures = {path: picture for path, picture in _sheets(folder, rows, asked)}
    if any(row.last for row in rows):
        pictures[folder / "curves.png"] = overlaid_curves(rows, among=asked, title=folder.name)
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
    from dcgan_tf.compare.sheets import sheet, sheet_of_names

    row_setting, column_setting, further = choose_axes(rows, asked)
    bunches = {}
    for row in rows:
        bunches.setdefault(tuple(describe_setting(row.settings.get(name)) for name in further), []).append(row)
    cells = [(repr(row.settings.get(row_setting)), repr(row.settings.get(column_setting))) for row in rows]
    unique = all(len(bunch) == len({cells[rows.index(row)] for row in bunch}) for bunch in bunches.values())
    if not unique or len(bunches) > _MOST_SHEETS or len(bunches) * 2 > max(len(rows), 2):
        yield folder / "sheet.png", sheet_of_names(rows, title=folder.name)
        return
    for values, bunch in bunches.items():
        what = ", ".join(f"{name} = {value}" for name, value in zip(further, values, strict=True))
        name = file_name("-".join(["sheet", *(f"{n}={v}" for n, v in zip(further, values, strict=True))])) + ".png"
        yield folder / name, sheet(bunch, row_setting, column_setting, f"{folder.name}{': ' + what if what else ''}")
