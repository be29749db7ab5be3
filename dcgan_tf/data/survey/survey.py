"""Every picture of a source looked at once, in worker processes: what its file is, its size, values and hash.

TensorFlow is not imported.
"""

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dcgan_tf.data.chunks import show_progress
from dcgan_tf.data.decoding import ImageError, examine, grayness
from dcgan_tf.data.images import square
from dcgan_tf.data.survey.near_duplicates import MAX_BITS, RASTER, difference_hash, similar_pairs, thumbnail
from dcgan_tf.data.survey.values import nearly_all
from dcgan_tf.system.files import in_utf8
from dcgan_tf.system.workers import available_cores, run_in_workers

_AT_A_TIME = 128  # pictures a worker takes
# Of 255: where any area of two thumbnails differs by more, the pictures are different, whatever their hashes say. With
# JPEG of quality 40, half the size, or a little brighter it is at most 30; of different digits or avatars from 62.
ALIKE = 40


@dataclass(frozen=True)
class Survey:
    """What was found.

    table: a row for each file, in the source's order: name, reason (why it cannot be used, else ""), width, height,
        format, frames, is_gray, is_stored_gray, is_transparent, is_deep (see decoding.examine), near_duplicate_of (the
        name of an earlier picture, else ""), is_same_file (whether that is the same to the last bit).
    values: between which values of 0 to 255 nearly all pixels are, all but one in 1,000 at each end.
    """

    table: pd.DataFrame
    values: tuple[int, int]

    @property
    def usable(self) -> pd.DataFrame:
        """The rows of the pictures that can be decoded."""
        return self.table[self.table["reason"] == ""]


def survey(source, workers: int | None = None, progress: bool = True) -> Survey:
    """Look at all pictures of `source` (see sources.py; read() may give arrays uint8 [H, W, C] instead of files).

    workers: processes; None: one per core this process may use. What they find does not depend on how many.
    """
    total = len(source.names)
    pieces = range(-(-total // _AT_A_TIME))
    found, counts = {}, np.zeros(256, np.int64)

    def finished():
        task = functools.partial(_look_at_piece, source)
        processes = min(workers or available_cores(), len(pieces))
        for number, rows, thumbnails, values in run_in_workers(task, pieces, processes):
            found[number] = rows, thumbnails
            counts[:] += values
            yield len(rows)

    show_progress(finished(), 0, total, progress, f"looking at {source.description}")
    rows = [row for number in pieces for row in found[number][0]]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table.insert(0, "name", list(map(in_utf8, source.names)))
    thumbnails = [small for number in pieces for small in found[number][1]]
    _mark_near_duplicates(table, thumbnails)
    return Survey(table.drop(columns=["hash", "digest"]), nearly_all(counts))


_FACTS = ("format", "frames", "is_gray", "is_stored_gray", "is_transparent", "is_deep")
_COLUMNS = ("reason", "width", "height", *_FACTS, "hash", "digest")


def _look_at_piece(source, number):
    """(number, a row for each picture, a thumbnail uint8 [16, 17, 3] of each usable one, counts of values [256])."""
    rows, thumbnails, counts = [], [], np.zeros(256, np.int64)
    for index in range(number * _AT_A_TIME, min((number + 1) * _AT_A_TIME, len(source.names))):
        try:
            data = source.read(index)
            pixels, facts = _examined(data)
        except ImageError as error:
            rows.append([str(error), 0, 0, "", 0, False, False, False, False, 0, ""])
            continue
        counts += np.bincount(pixels.ravel(), minlength=256)
        small = thumbnail(square(pixels))
        thumbnails.append(small if small.shape[2] == 3 else small.repeat(3, axis=2))
        height, width = pixels.shape[:2]
        digest = hashlib.sha256(data).hexdigest()
        rows.append(["", width, height, *(facts[name] for name in _FACTS), difference_hash(small), digest])
    return number, rows, thumbnails, counts


def _examined(data):
    if isinstance(data, np.ndarray):
        return data, {"format": "", "frames": 1, "is_transparent": False, "is_deep": False, **grayness(data)}
    return examine(data)


def _mark_near_duplicates(table, thumbnails):
    """Say of each picture which earlier one it nearly is; the hash finds them, and the thumbnails confirm it.

    Of pictures with little in them, such as digits, the hashes of different ones are alike, too.
    """
    usable = np.flatnonzero(table["reason"] == "")
    digests, names = table["digest"].to_numpy()[usable], table["name"].to_numpy()[usable]
    _, first_of, file_of = np.unique(digests, return_index=True, return_inverse=True)
    firsts_only = np.sort(first_of)
    smalls = np.array(thumbnails, np.uint8).reshape(len(usable), RASTER * (RASTER + 1) * 3)[firsts_only]
    hashes, like = table["hash"].to_numpy()[usable][firsts_only].tolist(), {}
    for pairs in similar_pairs(hashes, MAX_BITS):
        for low in range(0, len(pairs[0]), 10_000):
            first, second, apart = (column[low : low + 10_000] for column in pairs)
            alike = np.abs(smalls[first].astype(np.int16) - smalls[second]).max(axis=1) <= ALIKE
            found = zip(*(column[alike].tolist() for column in (second, apart, first)), strict=True)
            for place, *this in found:
                like[place] = min(like.get(place, this), this)
    near, same = np.full(len(table), "", object), np.zeros(len(table), bool)
    for place, (_, first) in like.items():
        near[usable[firsts_only[place]]] = names[firsts_only[first]]
    first_place = first_of[file_of.ravel()]
    again = np.flatnonzero(first_place != np.arange(len(usable)))
    near[usable[again]], same[usable[again]] = names[first_place[again]], True
    table["near_duplicate_of"], table["is_same_file"] = near, same
