"""A labels.csv or metadata.csv beside pictures: where it lies, and what its columns are.

Which picture a row is of, picture_labels.py finds. TensorFlow is not imported.
"""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import in_utf8

LABEL_FILES = ("labels.csv", "metadata.csv")
CLASS_HEADERS = ("label", "class", "category", "target")  # of a single column that is classes, whatever is in it
MAX_CLASSES = 1000
_FEW = 20  # so many different values may be classes even where nearly each row has its own

_PAIRS = (("0", "1", "false", "true"), ("-1", "1"), ("no", "yes"))  # what an attribute's column holds
_MISSING = ("", "nan", "NaN")  # pandas calls a cell so that was empty
_WHOLE = re.compile(r"([+-]?[0-9]+)(\.0*)?")  # pandas writes 3.0 where another row was empty once
_PICTURE = re.compile(r".*\.(jpe?g|png|gif|bmp|tiff?|webp|avif|hei[cf]|jp2|tga|p[gnp]m)", re.IGNORECASE)


def as_text(name: str) -> str:
    """A name as labels have it, however it is written: macOS writes é as two characters, and bytes may be no text."""
    return name if name.isascii() else unicodedata.normalize("NFC", in_utf8(name))


def split_name(name: str) -> tuple[str, ...]:
    """The parts of a file's name, however it is written: ./cats/1.png, cats\\1.png."""
    name = as_text(name)
    # Of pathlib, a million names would take seconds.
    return tuple(part for part in name.strip().replace("\\", "/").split("/") if part not in ("", "."))


def common_folder(folders: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The innermost folder around all of these, each given by its parts."""
    first, last = min(folders), max(folders)
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return first[:depth]


def label_files_among(names: list[str]) -> list[str]:
    """Of a source's files, those that label the others: LABEL_FILES in the folder that holds everything."""
    found = [name for name in names if name.lower().endswith(LABEL_FILES)]
    found = [name for name in found if split_name(name)[-1].lower() in LABEL_FILES]
    top = common_folder([split_name(name)[:-1] for name in names]) if found else ()
    return list(dict.fromkeys(name for name in found if split_name(name)[:-1] == top))


@dataclass(frozen=True)
class LabelTable:
    """What a label file says. R: its rows.

    rows: the file's name, as "/".join(split_name(name)) -> its row.
    classes: the class of each row, a text [R]; or None. attributes: uint8 [R, attributes] of 0 and 1; or None.
    attribute_names: their headers. left_out: columns that are no labels, each with the reason.
    header: what stands above the file names.
    """

    rows: dict[str, int]
    classes: list[str] | None
    attributes: np.ndarray | None
    attribute_names: tuple[str, ...]
    left_out: tuple[str, ...]
    header: str


def read_labels(data: bytes, where: str, files: Iterable[str] = ()) -> LabelTable:
    """Read a label file. where: what it is called in errors. files: those that it may name, as the source calls them.

    Cells are separated by commas, semicolons or tabs, as the header is. File names are in the column `file_name`
    (Hugging Face's name for it), else in the first, or in the one that names pictures where the first does not. Row
    numbers without a header, which pandas puts in front, are passed over. Of the other columns:

    - one alone is classes: names, or whole numbers. But if it holds only 0 and 1 (or true and false, -1 and 1, yes
      and no) it is an attribute, unless its header is one of CLASS_HEADERS;
    - several are attributes, and hold only such pairs;
    - before that, columns of free text are left out: more than MAX_CLASSES different values, or nearly as many
      as there are rows.

    Raises UserError, which names the line and the value, for anything else.
    """
    lines, header, columns = _columns(_text(data, where), where)
    place = _place_of_names(header, columns, where, files)
    names = columns[place]
    if _PICTURE.fullmatch(header[place]):
        raise no_header(where, header[place])
    if "" in names:
        raise UserError(f"{where}, line {lines[names.index('')]}: there is no file name: give one, or remove the line")
    numbered = not header[0] and len(set(columns[0])) == len(names) and all(map(_WHOLE.fullmatch, columns[0]))
    apart = {place, 0} if numbered else {place}
    columns = [(name, cells) for n, (name, cells) in enumerate(zip(header, columns, strict=True)) if n not in apart]
    columns = [(name, cells) for name, cells in columns if name or any(cells)]  # a comma at the end of each line
    if not columns:
        raise UserError(
            f"{where} has no labels, only the column {header[place]!r}: add a column of classes, or {_ADVICE}"
        )
    _check_headers([name for name, _ in columns], where)
    columns, left_out = _without_text(columns)
    classes = attributes = None
    if len(columns) == 1 and (columns[0][0].casefold() in CLASS_HEADERS or _odd_value(columns[0][1]) is not None):
        classes = _classes(*columns[0], lines, where)
    elif columns:
        attributes = np.stack([_attribute(*column, lines, where) for column in columns], axis=1)
    labels = classes if attributes is None else [row.tobytes() for row in attributes]
    rows = _rows(names, labels, lines, where)
    return LabelTable(rows, classes, attributes, tuple(name for name, _ in columns), left_out, header[place])


_ADVICE = "move the file away to train without labels"


def no_header(where: str, first: str) -> UserError:
    return UserError(f"{where} has no header, its first line begins with the file {first!r}: add one, as file,label")


# ---------------------------------------------------------------------------------------- from bytes to columns


def _text(data, where):
    try:
        text = data.decode("utf-8-sig")  # with the mark that Excel puts in front, and without
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{where} is not UTF-8, in line {line} there is the byte 0x{data[error.start]:02x}: save it as UTF-8 text"
        ) from None
    if not text.strip():
        raise UserError(f"{where} is empty: give a header and a line for each picture, as file,label; or {_ADVICE}")
    return text


def _columns(text, where):
    """(the line in which each row begins, the header, the cells of each column)."""
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    lines, rows, line = [], [], 1
    try:
        for row in reader:
            row = list(map(str.strip, row))
            if any(row):
                lines.append(line)
                rows.append(row)
                if len(row) != len(rows[0]):
                    raise UserError(
                        f"{where}, line {line}: it has {len(row)} cells ({','.join(row)[:60]!r}), the header has "
                        f"{len(rows[0])}: put texts that hold a comma in double quotes, or add what is missing"
                    )
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{where}, line {line}: it is no CSV ({error}): look for a double quote too many") from None
    if len(rows) < 2:
        raise UserError(f"{where} has no line below its header {','.join(rows[0])[:60]!r}: add one for each picture")
    return lines[1:], rows[0], [list(column) for column in zip(*rows[1:], strict=True)]


def _place_of_names(header, columns, where, files):
    """Which column has the file names. Raises UserError where two may."""
    for place, name in enumerate(header):
        if name.casefold() == "file_name":
            return place
    pictures = [place for place, cells in enumerate(columns) if any(map(_PICTURE.fullmatch, set(cells)))]
    if 0 in pictures or (not pictures and (header[0] or len(header) < 3)):
        return 0
    # The first may be row numbers, and files be called 0.png, too; or it has names, and another one tells of URLs.
    ways = {"/".join(parts[depth:]) for parts in map(split_name, files) for depth in range(len(parts))}
    if pictures:
        there = [place for place in pictures if any("/".join(split_name(cell)) in ways for cell in set(columns[place]))]
        found = there or ([] if header[0] else pictures)
    else:
        ways = {way.rpartition(".")[0] for way in ways}
        found = [n for n, cells in enumerate(columns) if len(set(cells)) == len(cells) and not ways.isdisjoint(cells)]
    if len(found) > 1:
        first, second = (header[place] for place in found[:2])
        raise UserError(f"{where}: its columns {first!r} and {second!r} may both name files: call one file_name")
    return found[0] if found else 0


def _check_headers(names, where):
    name, count = Counter(map(str.casefold, names)).most_common(1)[0]
    if count > 1 or "" in names:
        what = f"{count} columns are called {name!r}" if count > 1 and name else "a column has labels, but no header"
        raise UserError(f"{where}: {what}: give each a header of its own, or remove the column")


def _rows(names, labels, lines, where):
    """The row of each file. Raises UserError when a file has two rows that say different things."""
    found = {}
    for row, name in enumerate(names):
        first = found.setdefault("/".join(split_name(name)), row)
        if labels is not None and labels[first] != labels[row]:
            raise UserError(
                f"{where}: {name!r} is there twice with different labels, in lines {lines[first]} and {lines[row]}: "
                "remove one"
            )
    return found


# -------------------------------------------------------------------------------------- what a column holds


def _without_text(columns):
    """(the columns that may be labels, what is to be said of each other one)."""
    taken, left_out = [], []
    for name, cells in columns:
        count = len(set(cells))
        if count > min(MAX_CLASSES, max(_FEW, 0.9 * len(cells))):
            left_out.append(f"{name} ({count:,} different values in {len(cells):,} rows)")
        else:
            taken.append((name, cells))
    return taken, tuple(left_out)


def _plain(value):
    whole = _WHOLE.fullmatch(value)
    return whole[1] if whole else value.casefold()


def _odd_value(cells):
    """The first value that does not belong in a column of an attribute, as the most others are; None if all do."""
    counts = Counter(cells)
    pair = max(_PAIRS, key=lambda pair: sum(count for value, count in counts.items() if _plain(value) in pair))
    return next((value for value in counts if _plain(value) not in pair), None)


def _attribute(name, cells, lines, where):
    odd = _odd_value(cells)
    if odd is not None:
        raise UserError(
            f"{where}, line {lines[cells.index(odd)]}: {name!r} is {odd!r}, and an attribute is 0 or 1 (-1 or 1, true "
            "or false, yes or no) in all rows, while classes are one column alone: correct it, or remove "
            f"{name!r} or the other columns; or {_ADVICE}"
        )
    is_set = {value: _plain(value) in ("1", "true", "yes") for value in set(cells)}
    return np.array([is_set[cell] for cell in cells], np.uint8)


def _classes(name, cells, lines, where):
    """The class of each row; whole numbers as 3, not 3.0, and where 3 is written in two ways, not 03."""
    missing = next((cell for cell in cells if cell in _MISSING), None)
    if missing is not None:
        raise UserError(
            f"{where}, line {lines[cells.index(missing)]}: {name!r} is {missing or 'empty'}, not a class: give one, or "
            "remove the line and the picture"
        )
    whole = [_WHOLE.fullmatch(cell) for cell in cells]
    count = sum(map(bool, whole))
    if 0 < count < len(cells):
        row = next(row for row, found in enumerate(whole) if bool(found) == (2 * count < len(cells)))
        is_whole = {True: "a whole number", False: "a name"}
        raise UserError(
            f"{where}, line {lines[row]}: {name!r} is {cells[row]!r}, {is_whole[bool(whole[row])]}, and "
            f"{is_whole[not whole[row]]} in most rows: give names in all of them, or whole numbers"
        )
    if not count:
        return cells
    classes = [found[1] for found in whole]
    numbers = {text: str(int(text)) for text in set(classes)}
    return classes if len(set(numbers.values())) == len(numbers) else [numbers[text] for text in classes]


def class_order(name: str) -> tuple:
    """Sorts whole numbers as numbers, and before names."""
    return (0, int(name), name) if _WHOLE.fullmatch(name) else (1, 0, name)
