"""Prepared datasets: pictures decoded once, then read straight from one file.

    images.npy     uint8 [N, H, W, C]
    labels.npy     int64 [N], or uint8 [N, attributes]; only where there are labels
    index.csv      one row per source picture: its name, whether it was kept, why not, its row in images.npy
    dataset.json   source, settings, counts, shape, fingerprint

prepare() of preparing.py writes one; read_prepared() opens one. TensorFlow is not imported.
"""

import csv
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dcgan_tf.data.decoding import OF_THE_COMPUTER, UNREADABLE, ImageError, count_frames, is_of_the_computer
from dcgan_tf.data.stored import StoredImages, finish_fingerprint, labels_digest, value_range
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import unreadable

FORMAT = 1


@dataclass(frozen=True)
class PreparedDataset:
    """A prepared dataset that was opened.

    images: uint8 [N, H, W, C] on disk; labels: int64 [N], uint8 [N, attributes], or None;
    label_names: of the classes or attributes, or None; metadata: dataset.json.
    """

    path: Path
    images: StoredImages
    labels: np.ndarray | None
    label_names: tuple[str, ...] | None
    metadata: dict

    @property
    def fingerprint(self) -> str:
        return self.metadata["fingerprint"]

    @cached_property
    def value_range(self) -> tuple[int, int]:
        """See stored.value_range()."""
        return tuple(self.metadata.get("value_range") or value_range(self.images))

    def index(self) -> list[dict[str, str]]:
        """index.csv: a dict of texts for each source picture."""
        with open(self.path / "index.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def names(self) -> list[str]:
        """The source's name of each image."""
        return [row["source"] for row in self.index() if row["kept"] == "1"]

    def is_outdated(self, source) -> bool:
        """Whether a file of `source`, which this was prepared from, was skipped for what the computer lacked then (see
        decoding.OF_THE_COMPUTER), and would not be now. Of those that lack the same package one is looked into."""
        if not set(OF_THE_COMPUTER) & set(self.metadata["dropped"]):
            return False
        rows = self.index()
        if len(rows) != len(source.names):  # with all frames, a file that cannot be opened is one
            return True
        skipped = [(place, row["reason"]) for place, row in enumerate(rows) if is_of_the_computer(row["reason"])]
        tried = {place if reason.startswith(UNREADABLE) else reason: place for place, reason in skipped}
        return not all(_is_still_lacking(source, place) for place in tried.values())

    def verify(self) -> None:
        """Read everything once and compare with the fingerprint. Raises UserError when it differs."""
        digest = hashlib.sha256()
        for first in range(0, len(self.images), 1000):
            digest.update(self.images[first : first + 1000])
        if finish_fingerprint(digest, self.images.shape, self.labels) != self.fingerprint:
            raise UserError(f"{str(self.path)!r} is damaged (its content has changed): prepare it again")


def _is_still_lacking(source, place):
    try:
        data = source.read(place)
        count_frames(data[0] if isinstance(data, tuple) else data)  # of Frames: (bytes, frame)
    except ImageError as error:
        return is_of_the_computer(str(error))
    return False


def is_prepared(path: str | os.PathLike) -> bool:
    """Whether there is a prepared dataset at `path`."""
    return (Path(path) / "dataset.json").is_file()


def prepared_already(options, name: str) -> UserError:
    """What to raise where options are given that change how pictures are prepared, and these are."""
    return UserError(
        f"{' and '.join(options)} cannot be had of {name!r}, whose pictures are prepared already: "
        "it is for folders and zips of pictures"
    )


def labels_are_noted(path: Path, metadata: dict) -> bool:
    """Whether labels.npy is what dataset.json, so far as it says it, knows: a kill may have come between the two."""
    try:
        labels = np.load(path / "labels.npy", allow_pickle=False) if (path / "labels.npy").exists() else None
    except (ValueError, EOFError):  # damaged
        return False
    return _are_noted(labels, metadata)


def _are_noted(labels, metadata):
    digest = labels_digest(labels)
    return metadata.get("labels_digest", digest) == digest  # older versions noted none


def read_prepared(path: str | os.PathLike, check_labels: bool = True) -> PreparedDataset:
    """Open a prepared dataset; only labels, sizes and shapes are checked, not every pixel (see verify()).

    Raises UserError when it is none, or something of it is missing, cut short or does not fit together; Unreadable
    when it cannot be read at the moment.
    """
    path = Path(path)
    if not is_prepared(path):
        raise UserError(f"{str(path)!r} is not a prepared dataset: there is no dataset.json in it")
    part = "dataset.json"
    try:
        metadata = json.loads((path / part).read_text(encoding="utf-8"))
        if metadata["format"] != FORMAT:
            raise ValueError(f"its format is {metadata['format']!r}, not {FORMAT}")
        count, shape = metadata["counts"]["kept"], metadata["image_shape"]
        names = metadata["label_names"]
        if not isinstance(metadata["fingerprint"], str):
            raise ValueError("its fingerprint is no text")
        part = "images.npy"
        images = StoredImages(path / part)
        if list(images.shape) != [count, *shape]:
            raise ValueError(f"its shape is {list(images.shape)}, not {[count, *shape]}")
        part, labels = "labels.npy", None
        if check_labels and (names is not None or (path / part).exists()):
            labels = np.load(path / part, allow_pickle=False)
            if labels.ndim not in (1, 2) or len(labels) != count or labels.dtype.kind not in "iu":
                raise ValueError(f"it holds {labels.dtype} {list(labels.shape)}, not whole numbers [{count}, ...]")
        if check_labels and not _are_noted(labels, metadata):
            raise ValueError("it holds other labels than dataset.json knows")
    except FileNotFoundError:
        raise UserError(f"prepared dataset {str(path)!r} is not whole: {part} is missing; prepare it again") from None
    except OSError as error:
        raise unreadable(path / part, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"prepared dataset {str(path)!r} is damaged, {part}: {reason}; prepare it again") from None
    return PreparedDataset(path, images, labels, None if names is None else tuple(names), metadata)
