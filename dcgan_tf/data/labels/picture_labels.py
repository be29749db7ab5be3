"""Where the labels of a folder's or zip's pictures come from: a CSV beside them, else the subfolders they are in.

What is here goes to prepare() as its `labels`. TensorFlow is not imported.
"""

import hashlib
import re
from collections import Counter
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np

from dcgan_tf.data.decoding import ImageError
from dcgan_tf.data.labels.label_files import as_text, class_order, common_folder, no_header, read_labels, split_name
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import in_utf8
from dcgan_tf.system.saying import counted

_SHOWN = 10  # classes or attributes in a note
_NAMED = 3  # files in an error or a note
_READING = 2  # raised when the same file would be read otherwise: then labels in caches are written anew


def labeller_of(source):
    """What labels the pictures of a FolderSource, a ZipSource, or Frames of one: its CsvLabels, or subfolder_labels.

    Raises UserError when there are two label files, or the one cannot be read.
    """
    files = getattr(source, "source", source)
    return CsvLabels(files, source.names) if files.label_files else subfolder_labels


def subfolder_labels(names: list[str]) -> tuple[np.ndarray | None, list[str] | None, str]:
    """Labels of pictures by the subfolders they are in: (whole numbers [N], class names in order, a note to be told).

    Folders that hold all of the pictures are gone into first. Whatever lies deeper in a class's folder is of that
    class. No labels, (None, None, why), when pictures lie beside the subfolders; the note is "" when there are none.
    """
    folders = [PurePosixPath(name.replace("\\", "/")).parts[:-1] for name in names]
    depth = len(common_folder(folders))
    inner = [folder[depth] if len(folder) > depth else None for folder in folders]
    counts = Counter(inner)
    if set(counts) == {None}:
        return None, None, ""
    if None in counts:
        example = in_utf8(names[inner.index(None)])
        beside = f"{counts[None]:,} {'pictures lie' if counts[None] > 1 else 'picture lies'} beside them, {example}"
        return None, None, f"its subfolders are not taken as classes: {beside}"
    labels, known, counts = _numbered(inner)
    return labels, known, f"its {len(known):,} subfolders are classes: {_shown(known, counts)}"


def _numbered(classes, order=None):
    """(the class of each as int64 [N], the classes' names as texts, how many are of each)."""
    texts = {name: as_text(name) for name in sorted(set(classes), key=order)}  # not the texts: older versions did so
    known = list(dict.fromkeys(texts.values()))
    numbers = {name: number for number, name in enumerate(known)}
    classes = [texts[name] for name in classes]
    return np.array([numbers[name] for name in classes], np.int64), known, Counter(classes)


def _shown(names, counts):
    return ", ".join(f"{name} ({counts[name]:,})" for name in names[:_SHOWN]) + (", ..." if names[_SHOWN:] else "")


class CsvLabels:
    """Labels of pictures by the labels.csv or metadata.csv beside them (see label_files.read_labels).

    Its names are relative to the folder it is in, or to the one that holds all pictures; a suffix may be missing.
    `key` changes with the file, and with how it is read: prepare() then writes the labels anew.

    source: a FolderSource or ZipSource that has label_files; names: of all its pictures, or of all their frames.
    """

    def __init__(self, source, names):
        self._names, self._files, (name, *others) = names, source.names, source.label_files
        where = str(source.path / name)
        if others:
            raise UserError(f"beside {where!r} there is {others[0]!r}, and one gives the labels: remove the other")
        self.where, self._folder, self.called = repr(where), split_name(name)[:-1], split_name(name)[-1]
        try:
            self._data = source.read(name)
        except ImageError as error:
            raise UserError(f"{self.where} cannot be used: {error}: put it there anew, or remove it") from None
        self.key = f"{in_utf8(name)} {hashlib.sha256(self._data).hexdigest()} {_READING}"

    @cached_property
    def _table(self):
        return read_labels(self._data, self.where, self._files)

    def check(self):
        """Raise UserError for what can be known before all pictures are decoded, which may take long."""
        # Which files are pictures, and so the folder that holds them all, is not known yet: it may be any.
        tried = ((name, depth) for name in self._names for depth in range(len(split_name(name))))
        if self._has_labels and self._names and not any(self._find(*one) for one in tried):
            raise UserError(
                f"{self.where}: its column {self._table.header!r} names none of the {len(self._names):,} files, "
                f"{_listed(self._names)}, but {_listed(list(self._table.rows))}: give names relative to its folder"
            )

    def __call__(self, names: list[str]) -> tuple[np.ndarray | None, list[str] | None, str]:
        """Labels of these pictures: (int64 [N] or uint8 [N, attributes], the names of those, a note to be told).

        Those of subfolder_labels() when all columns are left out. Raises UserError when pictures are not in the file.
        """
        if not self._has_labels:
            labels, known, note = subfolder_labels(names)
            return labels, known, f"its {self.called} gives no labels{self._also()}" + (f"; {note}" if note else "")
        depth = len(common_folder([split_name(name)[:-1] for name in names]))
        found = [self._find(name, depth) for name in names]
        missing = [name for name, key in zip(names, found, strict=True) if key is None]
        if missing:
            if any(self._table.header in self._ways(name, depth) for name in missing):
                raise no_header(self.where, self._table.header)
            raise UserError(
                f"{self.where} lacks {len(missing):,} of the {len(names):,} pictures, {_listed(missing)}: add a line "
                "for each, or take them out of the folder; or move the file away to train without labels"
            )
        rows = [self._table.rows[key] for key in found]
        known, classes = list(self._table.attribute_names), self._table.classes
        if classes is None:
            labels = self._table.attributes[rows]
            counts = dict(zip(known, labels.sum(axis=0, dtype=int).tolist(), strict=True))
            what = "attribute"
        else:
            labels, known, counts = _numbered([classes[row] for row in rows], class_order)
            what = "class"
        note = f"its {self.called} gives {counted(len(known), what)}: {_shown(known, counts)}{self._also(depth)}"
        return labels, known, note

    @property
    def _has_labels(self):
        return self._table.classes is not None or self._table.attributes is not None

    def _also(self, depth=None):
        """What else is to be told: columns that are left out, and files that are not there."""
        also = f"; left out: {', '.join(self._table.left_out)}" if self._table.left_out else ""
        if depth is not None:
            there = {self._find(name, depth) for name in self._names}  # also those that could not be decoded
            gone = [name for name in self._table.rows if name not in there]
            if gone:
                also += f"; it names {len(gone):,} {'files' if len(gone) > 1 else 'file'} not there, {_listed(gone)}"
        return also

    def _find(self, name, depth):
        """How the file calls that picture, or None."""
        return next((way for way in self._ways(name, depth) if way in self._table.rows), None)

    def _ways(self, name, depth):
        """How it may call a picture, the likeliest first. depth: of the folder that holds all pictures."""
        parts = split_name(name)
        ways = ["/".join(parts[len(self._folder) :]), "/".join(parts[depth:])]
        yield from ways
        ways += [re.sub(r"#\d{4,}$", "", way) for way in ways]  # of a frame: its animation (see sources.Frames)
        yield from ways[2:]
        yield from (re.sub(r"\.[^./]+$", "", way) for way in ways)


def _listed(names):
    return ", ".join(map(repr, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
