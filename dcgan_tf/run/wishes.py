"""What images are asked for of a conditional generator: rows of labels, drawn as frequent as in the data or as wished.

All follow from a seed, and the first rows are the same however many are asked for.
"""

import csv

import numpy as np

from dcgan_tf.data.labels.labels import Labels, as_list, number_of
from dcgan_tf.system.errors import UserError, in_short, nearest
from dcgan_tf.system.places import expanded

KEPT = 10_000  # rows of labels at most that a run keeps of its data, evenly spread: more than enough to draw from
_ENOUGH = 20  # images that have all that is wished: then they say what else goes with it
_OTHER_STREAM = 1  # than that of the latents, which are drawn with the seed itself


def as_in_the_data(labels: Labels, count: int, seed: int) -> np.ndarray:
    """float32 [count, K]: the labels of images drawn at random, so attributes keep the company they have."""
    return labels.told(labels.rows[_drawn(len(labels.rows), count, seed)])


def wished(labels: Labels, count: int, seed: int, of_class=None, having=(), without=()) -> np.ndarray:
    """float32 [count, K]: labels as wished, and in all else as in the data.

    of_class: a class by name or number. having, without: attributes that all images have, and that none has. Where
    enough images of the data are like that, their labels are drawn; elsewhere those of any, with these ones changed.

    Raises UserError for what the data do not have, wishes that contradict each other, and wishes of the other kind.
    """
    on, off = _checked(labels, of_class, having, without)
    if of_class is not None:
        return labels.told(np.full(count, labels.number(of_class)))
    rows = _like_that(labels, on, off, _ENOUGH)
    told = labels.told(rows[_drawn(len(rows), count, seed)])
    told[:, on], told[:, off] = 1.0, 0.0
    return told


def one_row(labels: Labels, of_class=None, having=(), without=()) -> np.ndarray:
    """float32 [K]: the labels that stand for such wishes where one image, or many with the same labels, are looked at.

    Nothing wished: the first class that occurs; of attributes the row that is most frequent in the data, and with
    wishes the one most frequent among images that are like that. Raises UserError as `wished` does.
    """
    on, off = _checked(labels, of_class, having, without)
    if labels.are_classes:
        return labels.told([labels.seen[0] if of_class is None else labels.number(of_class)])[0]
    told = most_frequent(Labels(_like_that(labels, on, off, 1), labels.names))
    told[on], told[off] = 1.0, 0.0
    return told


def most_frequent(labels: Labels) -> np.ndarray:
    """float32 [K]: the class, or the row of attributes, that most images have."""
    kinds, counts = np.unique(labels.rows if labels.are_classes else labels.told(), axis=0, return_counts=True)
    return labels.told(kinds[[counts.argmax()]])[0]


def _checked(labels, of_class, having, without):
    """The numbers of the attributes that are wished, and of those that are not. Raises UserError, see `wished`."""
    having, without = (as_list(names, labels.names) for names in (having, without))
    if labels.are_classes and (having or without):
        raise UserError(
            f"--{'with' if having else 'without'} is for attributes, and this generator knows classes: ask for one "
            f"with --class, of {', '.join(labels.names)}"
        )
    if not labels.are_classes and of_class is not None:
        raise UserError(
            f"--class {of_class} is for classes, and this generator knows attributes: ask for some with --with and "
            f"--without, of {', '.join(labels.names)}"
        )
    on, off = ({labels.number(one): one for one in wishes} for wishes in (having, without))
    for number in on.keys() & off.keys():
        raise UserError(f"--with and --without both name {labels.names[number]!r}: it can be had or not, leave one out")
    return list(on), list(off)


def _like_that(labels, on, off, least):
    """The rows that have the attributes `on` and none of `off`, where there are at least so many; else all rows."""
    if not on and not off:
        return labels.rows
    fits = (labels.rows[:, on] > 0).all(axis=1) & (labels.rows[:, off] <= 0).all(axis=1)
    return labels.rows[fits] if fits.sum() >= least else labels.rows


def from_file(labels: Labels, path) -> np.ndarray:
    """float32 [N, K] of a CSV file: one row for each image.

    The first row is a header. Of classes one column, their names or numbers; of attributes a column for each that is on
    somewhere, 0 or 1 (-1 counts as 0), and those that have no column are off.

    Raises UserError, with the line, for what cannot be read so.
    """
    path = expanded(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [(number, line) for number, line in enumerate(csv.reader(file), 1) if any(map(str.strip, line))]
    except FileNotFoundError:
        raise UserError(
            f"there is no file {str(path)!r}: give a CSV file with a row of labels for each image"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{str(path)!r} cannot be read as CSV ({error}): give one with a row for each image") from None
    if len(lines) < 2:
        raise UserError(f"{str(path)!r} has no rows of labels: its first line names the columns, one follows for each")
    header = [name.strip() for name in lines[0][1]]
    if labels.are_classes:
        return _classes(labels, path, header, lines[1:])
    return _attributes(labels, path, header, lines[1:])


def from_array(labels: Labels, rows) -> np.ndarray:
    """float32 [N, K] of an array [N, K] of 0 and 1 (-1 counts as 0): a row for each image, of classes with a single 1.

    Raises UserError, with the row, for anything else.
    """
    try:
        told = np.asarray(rows, np.float32)
    except (TypeError, ValueError):
        told = np.zeros(0)
    if told.ndim != 2 or told.shape[1] != len(labels) or not len(told):
        raise UserError(
            f"labels={in_short(rows)} must be an array [number of images, {len(labels)}] of 0 and 1, or a CSV file"
        )
    odd = np.argwhere(~np.isin(told, (-1, 0, 1)))
    if len(odd):
        row, column = odd[0]
        raise UserError(f"labels: row {row} has {told[row, column]:g} as {labels.names[column]!r}: it must be 0 or 1")
    told = (told > 0).astype(np.float32)
    wrong = np.flatnonzero(told.sum(axis=1) != 1)
    if labels.are_classes and len(wrong):
        raise UserError(
            f"labels: row {wrong[0]} has {told[wrong[0]].sum():.0f} classes, and an image is of one: give a single 1 "
            "in each row"
        )
    return told


def for_grid(labels: Labels, latents: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, int | None]:
    """Latents [n, dim] and labels [n, K] of a grid, and how many images stand in a row; None: as square as can be.

    Of classes: a row for each, the same latents in all rows, so that a column shows one latent as every class; at most
    as many images as latents were given. Of attributes: all the latents, with labels as in the data.
    """
    seen = labels.seen[: len(latents)]
    if not labels.are_classes:
        return latents, as_in_the_data(labels, len(latents), seed), None
    columns = len(latents) // len(seen)
    return np.tile(latents[:columns], (len(seen), 1)), labels.told(np.repeat(seen, columns)), columns


def evenly_kept(labels: Labels) -> Labels:
    """KEPT rows of these labels, evenly spread, and one of each that would be left out: what a run keeps."""
    rows = labels.rows
    if len(rows) > KEPT:
        kept = np.arange(KEPT) * len(rows) // KEPT
        seen = Labels(rows[kept], labels.names).seen
        left_out = [number for number in labels.seen if number not in seen]
        firsts = [np.flatnonzero(rows == n if labels.are_classes else rows[:, n] > 0)[0] for n in left_out]
        rows = rows[np.union1d(kept, np.array(firsts, kept.dtype))]
    return Labels(rows, labels.names)


def _drawn(length, count, seed):
    return np.random.default_rng([seed, _OTHER_STREAM]).integers(0, length, count)


def _classes(labels, path, header, lines):
    if len(header) != 1:
        raise UserError(f"{str(path)!r} has {len(header)} columns: for classes give one, a class for each image")
    if number_of(header[0], labels.names, range(len(labels))) is not None:
        raise UserError(f"{str(path)!r} begins with the class {header[0]!r}: its first line must be a header, as label")
    numbers = {}
    for number, line in lines:
        if len(line) != 1:
            raise UserError(f"{str(path)!r}, line {number} has {len(line)} cells: give one, the class of an image")
        if line[0] not in numbers:
            try:
                numbers[line[0]] = labels.number(line[0])
            except UserError as error:
                raise UserError(f"{str(path)!r}, line {number}: {error}") from None
    return labels.told(np.array([numbers[cell] for _, (cell,) in lines]))


def _attributes(labels, path, header, lines):
    columns = []
    for name in header:
        columns.append(number_of(name, labels.names))
        if columns[-1] is None:
            raise UserError(
                f"{str(path)!r} has a column {name!r}, which is no attribute.{nearest(name, labels.names)} "
                f"The attributes are {', '.join(labels.names)}"
            )
    if len(set(columns)) < len(columns):
        raise UserError(f"{str(path)!r} has a column twice: give each attribute once")
    told = np.zeros((len(lines), len(labels)), np.float32)
    values = {"0": 0.0, "-1": 0.0, "1": 1.0}
    for row, (number, line) in enumerate(lines):
        for column, cell in zip(columns, line, strict=False):
            if cell.strip() not in values:
                raise UserError(f"{str(path)!r}, line {number}: {cell!r} must be 0 or 1")
            told[row, column] = values[cell.strip()]
        if len(line) != len(header):
            raise UserError(f"{str(path)!r}, line {number} has {len(line)} cells for {len(header)} columns")
    return told
