"""CelebA's aligned faces, straight from the zip that was downloaded: cropped, resized, filtered, labelled.

    python -m data_prep.celeba img_align_celeba.zip OUTPUT --crop vrdl --size 64 --filter frontal

Nothing is extracted. The 40 attributes become the labels when list_attr_celeba.txt is found in the source, beside
it, in the official neighbouring folders Anno and Eval, or where --attributes says; list_eval_partition.txt (the
official splits) likewise. The .csv files of the copy on Kaggle are read too.

The face filter's detections are kept in OUTPUT.detections, so that another threshold, crop or size needs no
second look for faces (see face_filter.py, also for the sheets that show what was dropped).
"""

import csv
import functools
import hashlib
import re
from pathlib import Path, PurePosixPath

import click
import numpy as np

from data_prep.decisions import check_policy, columns_of, decide, describe
from data_prep.detections import ALIGNED_EXACT_FROM, ALIGNED_SIZE, detect
from data_prep.face_filter import DETECTIONS_FILE, min_size_option, policy_options
from dcgan_tf.commands.basics import PATH
from dcgan_tf.data.decoding import ImageError, decode
from dcgan_tf.data.folders import notes_on
from dcgan_tf.data.images import centre_crop, resize
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.preparing import Result, partial_of, prepare, with_a_name
from dcgan_tf.data.sources import check_outside, open_source
from dcgan_tf.recipe.values import plain
from dcgan_tf.system.errors import UserError, nearest, run_command
from dcgan_tf.system.saying import counted, say

PICTURES = 202_599  # in all of CelebA
CROPS = {"vrdl": 108, "radford": 178}  # the side of the square that is cut out of the middle
SPLITS = ("train", "valid", "test")  # numbered 0, 1, 2 in list_eval_partition.txt

WHERE = (
    "CelebA is at http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, for non-commercial research: take "
    "'Align&Cropped Images', img_align_celeba.zip (1.3 GB), with Anno/list_attr_celeba.txt and "
    "Eval/list_eval_partition.txt. Its Google Drive often says that the download quota is exceeded: then try a day "
    "later, copy the file into a Drive of your own and download the copy, take the page's Baidu link, or the copy "
    "on Kaggle (jessicali9530/celeba-dataset)"
)

_NAME = re.compile(r"\d{6}\.(jpg|jpeg|png)", re.IGNORECASE)
_ATTRIBUTE_FILES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
_PARTITION_FILES = ("list_eval_partition.txt", "list_eval_partition.csv")
_LISTS = re.compile(r"(list_(attr|bbox|eval|landmarks)|identity_celeba|readme).*\.(txt|csv)", re.IGNORECASE)


class CelebA:
    """The pictures in a folder or zip: a source for prepare() and detect(), without CelebA's own lists."""

    def __init__(self, path):
        path = Path(path)
        if not path.exists():
            raise UserError(f"there is nothing at {str(path)!r}. {WHERE}")
        self.files, self.path = open_source(path), path
        self.places = [n for n, name in enumerate(self.files.names) if not _LISTS.fullmatch(_base(name))]
        self.names = [self.files.names[place] for place in self.places]
        self.keys = [_base(name) if _NAME.fullmatch(_base(name)) else "" for name in self.names]
        self.description, self.fingerprint = f"CelebA, {self.files.description}", self.files.fingerprint
        self.ignored, self.left_out = self.files.ignored, self.files.left_out
        self._check()

    def _check(self):
        """UserError when these are no aligned CelebA pictures."""
        named = np.flatnonzero([bool(key) for key in self.keys])
        if len(named) == 0 or len(named) < len(self.names) / 2:
            example = next((name for name, key in zip(self.names, self.keys, strict=True) if not key), "nothing")
            raise UserError(
                f"{self.files.description} does not look like CelebA: of {len(self.names):,} files {len(named):,} are "
                f"named like 000001.jpg (there is {example!r}). For other pictures take data_prep.anime. {WHERE}"
            )
        sizes = []
        for index in named[np.unique(np.linspace(0, len(named) - 1, 20).astype(int))].tolist():
            try:
                height, width = decode(self.read(index)).shape[:2]
            except ImageError:
                continue
            sizes.append((width, height))
        wrong = [size for size in sizes if size != ALIGNED_SIZE]
        if len(wrong) > len(sizes) / 2:
            raise UserError(
                f"{self.files.description} does not look like CelebA's aligned pictures: they are of 178x218 pixels, "
                f"not {wrong[0][0]}x{wrong[0][1]}. For other pictures take data_prep.anime. {WHERE}"
            )

    def read(self, index: int) -> bytes:
        if not self.keys[index]:
            raise ImageError("not CelebA's: its name is not like 000001.jpg")
        return self.files.read(self.places[index])

    def find_list(self, names) -> tuple[str, str] | None:
        """(name, text) of one of CelebA's lists, in the source or near it; None when there is none."""
        for place, name in enumerate(self.files.names):
            if _base(name) in names:
                return name, self.files.read(place).decode("utf-8", errors="replace")
        near = self.files.path.resolve().parent
        for folder in (near, near / "Anno", near / "Eval", near.parent / "Anno", near.parent / "Eval"):
            for name in names:
                if (folder / name).is_file():
                    return _read_list(folder / name)
        return None


def _base(name):
    return PurePosixPath(name.replace("\\", "/")).name


def _read_list(path):
    try:
        return str(path), Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error.strerror}") from error


# -------------------------------------------------------------------------------------- CelebA's lists


def _cells(text: str) -> tuple[list[list[str]], bool]:
    """The lines of a list as cells, and whether it is a CSV, of any dialect: CelebA's own are separated by blanks."""
    text = text.removeprefix("\ufeff").strip()
    first = text.partition("\n")[0]
    if not any(delimiter in first for delimiter in ",;\t"):
        return [line.split() for line in text.splitlines() if line.strip()], False
    try:
        dialect = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = ([cell.strip() for cell in row] for row in csv.reader(text.splitlines(), dialect))
    return [row for row in rows if any(row)], True


def _rows(name: str, text: str) -> tuple[list[str], list[list[str]]]:
    """The heads of a list's columns, [] where there are none, and its rows, which begin with the file's name.

    What stands before that, such as the number of the row, is left out. Raises UserError when no row names a file.
    """
    rows, is_csv = _cells(text)
    first = next((number for number, row in enumerate(rows) if any(map(_NAME.fullmatch, row))), None)
    if first is None:
        raise UserError(f"{name!r} names no picture: a line for each was expected, such as '000001.jpg -1 1 ...'")
    place = next(column for column, cell in enumerate(rows[first]) if _NAME.fullmatch(cell))
    heads = rows[first - 1] if first else []
    if is_csv or heads[:1] == ["image_id"]:
        heads = heads[place + 1 :]  # there are heads over all columns; in CelebA's own only over the values
    return heads, [row[place:] for row in rows[first:]]


def parse_attributes(name: str, text: str) -> tuple[list[str], dict[str, list[int]]]:
    """The names of the attributes, and file name -> 0 or 1 for each, from list_attr_celeba.txt or .csv."""
    labels, rows = _rows(name, text)
    if not labels or len(labels) != len(rows[0]) - 1:
        raise UserError(f"{name!r} holds no attributes: a line of names, then a line for each picture, was expected")
    twice = next((label for place, label in enumerate(labels) if label in labels[:place]), None)
    if twice is not None:
        raise UserError(f"{name!r} has two attributes {twice!r}: rename one of them, so that they can be told apart")
    table = {}
    for cells in rows:
        if len(cells) != len(labels) + 1 or not set(cells[1:]) <= {"1", "-1", "0"}:
            raise UserError(f"{name!r} is damaged at {cells[:1]}: {len(labels)} numbers 1 or -1 were expected")
        _enter(table, cells[0], [int(cell == "1") for cell in cells[1:]], name)
    return labels, table


def parse_partition(name: str, text: str) -> dict[str, int]:
    """File name -> number of its split, from list_eval_partition.txt or .csv."""
    table = {}
    for cells in _rows(name, text)[1]:
        if len(cells) != 2 or cells[1] not in ("0", "1", "2"):
            raise UserError(f"{name!r} is damaged at {cells[:2]}: a file name and 0, 1 or 2 were expected")
        _enter(table, cells[0], int(cells[1]), name)
    return table


def _enter(table, picture, value, name):
    """Add what a list says of a picture. Raises UserError where a line above said otherwise."""
    if table.setdefault(picture, value) != value:
        raise UserError(
            f"{name!r} names {picture!r} twice, and says otherwise the second time: remove one of the lines"
        )


# ------------------------------------------------------------------------------------------ preparing


class _Chosen:
    """A CelebA source that also says of each picture whether another reason drops it, and its columns."""

    def __init__(self, source, dropped, splits, detections=None, decisions=None):
        self.source, self.dropped, self.splits = source, dropped, splits
        self.detections, self.decisions = detections, decisions
        self.description, self.names, self.path = source.description, source.names, source.path
        self.ignored, self.left_out = source.ignored, source.left_out
        digest = hashlib.sha256(repr((source.fingerprint, dropped, splits)).encode())
        if decisions is not None:
            digest.update(decisions.kept.tobytes())
        self.fingerprint = digest.hexdigest()

    def read(self, index):
        data = self.source.read(index)
        columns, reason = {}, self.dropped[index]
        if self.splits is not None:
            columns["split"] = self.splits[index]
        if self.decisions is not None:
            columns.update(columns_of(self.detections, self.decisions, index))
            reason = reason or self.decisions.reasons[index]
        return data, reason, columns


def _prepare_picture(item, crop, size):
    """The transform: the square of `crop` pixels in the middle, at size x size."""
    data, reason, columns = item
    if reason:
        return Result(None, reason, columns)
    image = decode(data, channels=3)
    height, width = image.shape[:2]
    if (width, height) != ALIGNED_SIZE:
        return Result(None, f"not of 178x218 pixels: {width}x{height}", columns)
    return Result(resize(centre_crop(image, crop), size), columns=columns)


def celeba(
    source,
    output,
    crop: str | int = "vrdl",
    size: int = 64,
    filter: str = "none",
    min_neighbors: int | None = None,
    profile_min_neighbors: int | None = None,
    splits=(),
    attributes=None,
    partition=None,
    detections=None,
    min_size: int | str = "auto",
    workers: int | None = None,
    progress: bool = True,
    say=print,
) -> Path:
    """Prepare CelebA's aligned pictures, or some of them, as the dataset `output`; its path.

    source: img_align_celeba.zip or a folder with its pictures. crop: "vrdl" (the middle 108x108), "radford"
    (178x178) or a number. filter: "none", or a policy of the face filter with its thresholds. splits: only the
    pictures of these official splits (train, valid, test). attributes, partition: CelebA's lists, where they are
    not found by themselves. detections: the folder for what the face filter finds (default: OUTPUT.detections).
    min_size: see detections.detect(); below 20 neighbours "auto" means no bound. The thresholds, detections and
    min_size are of the filter, and a mistake without one. say: gets the notes.

    Where the crop is larger than the size, areas are averaged (the report of `vrdl` says bilinear, which at this
    ratio looks at fewer pixels). Raises UserError for what is not CelebA, and for what prepare() does.
    """
    (crop, size), min_size = check_crop_and_size(crop, size), plain(min_size)
    if filter != "none":
        filter, min_neighbors, profile_min_neighbors = check_policy(filter, min_neighbors, profile_min_neighbors)
    else:
        of_filter = {"min_neighbors": min_neighbors, "profile_min_neighbors": profile_min_neighbors}
        of_filter |= {"detections": detections, "min_size": None if min_size == "auto" else min_size}
        _refuse_unused(of_filter)
    splits = _check_splits(splits)
    source = CelebA(source)
    check_outside(output, source)  # prepare() would say so, and the next, after an hour of looking for faces
    if not Path(output).exists():
        partial_of(Path(output), source)
    count = sum(bool(key) for key in source.keys)
    if count != PICTURES:
        say(f"note: {count:,} pictures, a part of CelebA's {PICTURES:,}")
    if size > crop:
        say(f"note: pictures are enlarged, from {crop}x{crop} to {size}x{size}")
    dropped = [""] * len(source.names)
    split_names = _splits_of(source, partition, splits, dropped)
    labels, label_names = _labels_of(source, attributes, dropped, say)
    settings = {"crop": crop, "size": size, "filter": filter, "splits": list(splits)}
    found = decisions = None
    if filter != "none":
        if min_size == "auto" and min(min_neighbors, profile_min_neighbors or min_neighbors) < ALIGNED_EXACT_FROM:
            min_size = 0
        target = with_a_name(output)
        path = Path(detections or target.with_name(f"{target.name}.detections"), DETECTIONS_FILE)
        profile = filter == "not_profile"
        found = detect(source, path, profile=profile, min_size=min_size, workers=workers, progress=progress)
        decisions = decide(found, filter, min_neighbors, profile_min_neighbors)
        say(describe(decisions))
        settings["face_filter"] = {**decisions.settings(), **found.settings}
    return prepare(
        output,
        _Chosen(source, dropped, split_names, found, decisions),
        functools.partial(_prepare_picture, crop=crop, size=size),
        settings=settings,
        labels=labels,
        label_names=label_names,
        workers=workers,
        progress=progress,
    )


def _refuse_unused(of_filter):
    """UserError when one of these options of the filter is given without one: no picture would be dropped."""
    for name, value in of_filter.items():
        if value is not None:
            raise UserError(
                f"--{name.replace('_', '-')} {value} is only of use with --filter: give --filter frontal or "
                "not_profile, or leave it out"
            )


def check_crop_and_size(crop, size) -> tuple[int, int]:
    """Both in pixels, as celeba() takes them: a notebook asks before it looks for faces. Raises UserError."""
    crop, size = CROPS.get(crop, crop) if isinstance(crop, str) else crop, plain(size)
    if isinstance(crop, bool) or not str(crop).isdecimal() or not 8 <= int(crop) <= ALIGNED_SIZE[0]:
        raise UserError(f"crop {crop!r}: expected {' or '.join(CROPS)}, or a number from 8 to {ALIGNED_SIZE[0]}")
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= 256:
        raise UserError(f"size {size!r} must be from 8 to 256, such as 32, 64 or 128")
    return int(crop), size


def _check_splits(splits):
    splits = [text.strip() for text in splits.split(",") if text.strip()] if isinstance(splits, str) else list(splits)
    for name in splits:
        if name not in SPLITS:
            raise UserError(f"unknown split {name!r}.{nearest(name, SPLITS)} Known: {', '.join(SPLITS)}")
    return splits


def _splits_of(source, partition, splits, dropped):
    """The split of each picture, or None; those of other splits than `splits` are noted in `dropped`."""
    found = _read_list(partition) if partition else source.find_list(_PARTITION_FILES)
    if found is None:
        if splits:
            raise UserError(
                f"--splits {','.join(splits)} needs {_PARTITION_FILES[0]}, in or beside the source. {WHERE}"
            )
        return None
    table = parse_partition(*found)
    names = [SPLITS[table[key]] if key in table else "" for key in source.keys]
    for index, name in enumerate(names):
        if splits and name not in splits:
            dropped[index] = f"other split: {name}" if name else "in no split"
    return names


def _labels_of(source, attributes, dropped, say):
    found = _read_list(attributes) if attributes else source.find_list(_ATTRIBUTE_FILES)
    if found is None:
        say(f"note: no labels, since {_ATTRIBUTE_FILES[0]} is neither in the source nor beside it")
        return None, None
    names, table = parse_attributes(*found)
    for index, key in enumerate(source.keys):
        if key and key not in table:
            dropped[index] = dropped[index] or "no attributes: it is not in the list"
    nothing = [0] * len(names)
    return np.array([table.get(key, nothing) for key in source.keys], np.uint8), names


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=WHERE + ".")
@click.argument("source", type=PATH)
@click.argument("output", type=PATH)
@click.option("--crop", default="vrdl", show_default=True, help="vrdl (108x108), radford (178x178) or a number.")
@click.option("--size", default=64, show_default=True, help="Pixels on each side afterwards: 32, 64, 128.")
@click.option("--filter", default="none", show_default=True, help="none, or which faces stay: frontal, not_profile.")
@policy_options
@min_size_option
@click.option("--splits", default="", help="Only these official splits: train,valid,test.  [default: all]")
@click.option("--attributes", type=PATH, help="list_attr_celeba.txt, when it is somewhere else.")
@click.option("--partition", type=PATH, help="list_eval_partition.txt, when it is somewhere else.")
@click.option("--detections", type=PATH, help="A folder of detections.  [default: OUTPUT.detections]")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one per core]")
def cli(source, output, **options):
    """Prepare CelebA: SOURCE is img_align_celeba.zip or a folder of its pictures, OUTPUT the new dataset."""
    path = celeba(source, output, say=say, **options)
    prepared = read_prepared(path)
    shape = "x".join(map(str, prepared.images.shape[1:]))
    labels = f" with {len(prepared.label_names)} labels" if prepared.label_names else ""
    pictures = counted(len(prepared.images), "picture")
    say(f"{pictures} of {shape}{labels} in {path}; each decision: {path}/index.csv")
    for reason, count in prepared.metadata["dropped"].items():
        say(f"  {count:8,} dropped: {reason}")
    for note in notes_on(prepared):
        say(note)


if __name__ == "__main__":
    run_command(cli, "python -m data_prep.celeba")
