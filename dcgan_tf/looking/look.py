"""look(): what is in somebody's pictures, before anything is trained. TensorFlow is not imported for them.

advice.py          what a training on them has to be asked for
report.py          what was found, in words
contact_sheet.py   some of them, as a training would see them
"""

import base64
import html
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dcgan_tf.data.datasets import check_dataset_name, load_dataset, name_of
from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.data.labels.picture_labels import labeller_of
from dcgan_tf.data.prepared import is_prepared, read_prepared
from dcgan_tf.data.sources import open_source
from dcgan_tf.data.stored import StoredSource
from dcgan_tf.data.survey.survey import survey
from dcgan_tf.looking.advice import advise, not_made
from dcgan_tf.looking.contact_sheet import contact_sheet
from dcgan_tf.looking.report import findings
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.system.errors import UserError, check_count
from dcgan_tf.system.files import check_writable, disk_errors_explained, in_utf8, write_bytes
from dcgan_tf.system.places import cached, expanded, short


@dataclass(frozen=True)
class Look:
    """What was found; printed, it is the report, and a notebook shows it with the contact sheet.

    table: a row for each file (see data/survey/survey.py), with its `label` where there are classes. findings: what
    the report says, line by line. reasons: why the command is as it is. command: what trains on them; "" where
    something has to be mended first, which the reasons say. sheet: the contact sheet.
    """

    name: str
    table: pd.DataFrame
    findings: dict[str, str]
    reasons: tuple[str, ...]
    command: str
    sheet: Picture

    def __str__(self):
        width = max(map(len, self.findings)) + 2
        lines = [self.name, ""]
        for name, text in self.findings.items():
            name = "" if name.startswith("left out ") else name
            lines += _wrapped(text, name.ljust(width), " " * width)
        if self.reasons:
            lines += ["", *(line for reason in self.reasons for line in _wrapped(reason, "- ", "  "))]
        if self.command:
            lines += ["", "To train on them:", "", f"    {self.command}"]
        return in_utf8("\n".join(lines))

    def _repr_html_(self):
        picture = base64.b64encode(self.sheet.png()).decode()
        return f'<pre>{html.escape(str(self))}</pre><img src="data:image/png;base64,{picture}" width="800">'


def _wrapped(text, first, others):
    return textwrap.wrap(text, 110, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def look(
    dataset: str | os.PathLike,
    *,
    image_size: int | None = None,
    output: str | os.PathLike | None = None,
    workers: int | None = None,
) -> Look:
    """Look at all pictures of a folder or zip, or of what is prepared or has a name, and say what is in them.

    Nothing is prepared, and nothing is written but `output`, the contact sheet as a PNG, where it is asked for.

    image_size: height and width that the images are to have; None: what suits most of them.
    workers: processes; None: one per core this process may use.

    Raises UserError when there is no picture that can be used, and for an output that would lie among the pictures.
    """
    image_size = None if image_size is None else check_count("image_size", image_size)
    workers = None if workers is None else check_count("workers", workers)
    path = expanded(dataset)
    if output is not None:
        output = expanded(output)
        check_output(output, path)
    source, labels, note = _open(dataset, path)
    found = survey(source, workers)
    if not len(found.usable):
        first = ", ".join(f"{row.name} ({row.reason})" for row in found.table.head(3).itertuples(index=False))
        raise UserError(
            f"no usable picture in {str(dataset)!r}: "
            + (f"none of its {len(found.table):,} files is one: {first}" if first else "there are no files in it")
        )
    table, mend = found.table, None
    if labels is None:
        labels, note, mend = _labels_of(source, found)
    if labels is not None and labels.are_classes:
        table = table.assign(label="")
        table.loc[table["reason"] == "", "label"] = [labels.names[number] for number in labels.rows.tolist()]
    classes = labels.names if labels is not None and labels.are_classes else ()
    advice = advise(found, image_size, isinstance(source, StoredSource), classes)
    mend = mend or not_made(advice.size)
    reasons = [*advice.reasons, *_more(labels, table)]
    if mend:
        reasons.insert(0, f"first: {mend}")
    title = f"{in_utf8(Path(dataset).name)}: {len(found.usable):,}"
    sheet = contact_sheet(source, found, advice.size, labels, title=title)
    if output is not None:
        with disk_errors_explained(output):
            output.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(output, sheet.png())
    command = "" if mend else advice.command(os.fspath(dataset))
    return Look(str(dataset), table, findings(found, source, advice.size, note), tuple(reasons), command, sheet)


def usual_output(dataset) -> Path:
    """Where the contact sheet goes when nothing is said: into results/, or a cache where that lies in the folder."""
    path = expanded(dataset)
    name = path.resolve().name if path.exists() else path.name
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
    output = Path("results", f"look-{short(name)}.png")
    return cached("look", output.name) if _is_in(output, path) else output


def _is_in(output, folder):
    return folder.is_dir() and folder.resolve() in output.resolve().parents


def check_output(output, path: Path):
    """UserError unless a picture can be written there, which is not among those that are looked at."""
    output = Path(output)
    if output.is_dir() or output.suffix.lower() != ".png":
        raise UserError(f"--output {str(output)!r} must be the name of a PNG file, such as look.png")
    if _is_in(output, path):
        raise UserError(f"--output {str(output)!r} would lie among the pictures, as one of them: give another place")
    check_writable(output)


def _open(dataset, path):
    """(a source, the Labels that are known already or None, a note on them)."""
    if name_of(dataset) is None and path.exists() and not is_prepared(path):
        return open_source(path), None, ""
    if name_of(dataset) is None and not path.exists():
        check_dataset_name(str(dataset))
    if is_prepared(path):
        prepared = read_prepared(path)
        name, images, rows, names = str(path), prepared.images, prepared.labels, prepared.label_names
    else:
        loaded = load_dataset(dataset)
        name, images, rows, names = loaded.name, loaded.images, loaded.labels, loaded.label_names
    if rows is None:
        return StoredSource(name, images), None, ""
    count = int(rows.max()) + 1 if rows.ndim == 1 else rows.shape[1]
    labels = Labels(rows, names or tuple(map(str, range(count))))
    return StoredSource(name, images), labels, labels.described()


def _labels_of(source, found):
    """(the Labels of the usable pictures or None, a note on them, what has to be mended first or None)."""
    if isinstance(source, StoredSource):
        return None, "", None
    try:
        rows, names, note = labeller_of(source)([source.names[place] for place in found.usable.index])
    except UserError as error:
        return None, "cannot be read, see below", str(error)
    return (None if rows is None else Labels(rows, tuple(names))), note, None


def _more(labels, table):
    """What else can be done."""
    if labels is not None:
        yield "--set conditional=true makes images that can be asked for by their labels"
    if (table["near_duplicate_of"] != "").any():
        yield "near-duplicates count twice, and are what is copied first: the contact sheet shows some, take them out"
