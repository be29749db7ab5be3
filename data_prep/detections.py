"""Faces found by OpenCV's Haar cascades: every detection of every picture, stored once with its strength.

A cascade looks at a picture in windows of many sizes; where there is a face, several neighbouring windows say
so. OpenCV's `minNeighbors` asks for more than that many of them. Which neighbours belong together does not
depend on it, so one pass that stores each group's box and number of neighbours answers every threshold from
1 on afterwards: choosing is a comparison (see face_filter.py). tests/test_face_filter.py holds that against
detecting anew.

One file keeps them, as flat arrays (no pickle): detections i of a view belong to picture p when
starts[p] <= i < starts[p + 1].
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import shutil
import zipfile
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_tf.data.chunks import Chunks, DamagedChunk
from dcgan_tf.data.decoding import decode
from dcgan_tf.data.preparing import Result, only_preparer, partial_of, work_kept
from dcgan_tf.data.sources import open_source
from dcgan_tf.recipe.values import plain
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import write_bytes

FORMAT = 1
SCALE_FACTOR = 1.1
# OpenCV holds the picture at all sizes at once: the nearer the factor is to 1 the more of them, without end.
_SCALE_FACTORS, _LARGEST_MIN_SIZE = (1.01, 10), 100_000

# view -> (cascade, whether the picture is mirrored first). The profile cascade knows faces turned one way only.
VIEWS = {
    "frontal": ("haarcascade_frontalface_default.xml", False),
    "profile": ("haarcascade_profileface.xml", False),
    "mirrored_profile": ("haarcascade_profileface.xml", True),
}

# CelebA's aligned pictures are all of this width and height, and their face is nearly 100 pixels wide. Windows
# smaller than this bound are half of all work. On the pictures of benchmarks/face_filter.py it moves no decision at
# 20 neighbours and more; below, it moves up to one in seven (at 1), where mere textures count as faces. A face of
# less than about 70 pixels loses its smallest windows, that is some neighbours: of 1,400 pictures full of such faces
# 7 decisions moved at 40 neighbours, and 24 at 20.
ALIGNED_SIZE, ALIGNED_MIN_SIZE, ALIGNED_EXACT_FROM = (178, 218), 50, 20


@dataclass(frozen=True)
class Boxes:
    """The detections of one view, of all pictures one after another; in each picture the strongest first.

    starts: int64 [pictures + 1]; boxes: int32 [detections, 4], x, y, width and height in pixels;
    neighbours: int32 [detections], how many windows agree, at least 2.
    """

    starts: np.ndarray
    boxes: np.ndarray
    neighbours: np.ndarray

    def of(self, picture: int) -> tuple[np.ndarray, np.ndarray]:
        """(boxes, neighbours) of one picture."""
        rows = slice(self.starts[picture], self.starts[picture + 1])
        return self.boxes[rows], self.neighbours[rows]

    def counts(self, min_neighbors: int) -> np.ndarray:
        """How many faces detectMultiScale(minNeighbors=min_neighbors) finds in each picture: int64 [pictures].

        `min_neighbors` is at least 1: OpenCV does not group at all for 0.
        """
        passed = np.concatenate([[0], np.cumsum(self.neighbours > min_neighbors)])
        return passed[self.starts[1:]] - passed[self.starts[:-1]]


@dataclass(frozen=True)
class Detections:
    """What was found in the pictures of a source.

    names: of the pictures, in the source's order; reasons: why a picture could not be read, or "";
    sizes: int32 [pictures, 2], width and height, 0 where it could not be read; views: name -> Boxes;
    settings: of the detection; source: one line on where the pictures came from.
    """

    names: list[str]
    reasons: list[str]
    sizes: np.ndarray
    views: dict[str, Boxes]
    settings: dict
    source: str

    def __len__(self):
        return len(self.names)

    def note(self, *thresholds: int | None) -> str:
        """What to know before deciding at these thresholds: one line, or ""."""
        aligned = int((self.sizes == ALIGNED_SIZE).all(axis=1).sum())
        lowest = min(value for value in thresholds if value is not None)
        if self.settings["min_size"] != "auto" or aligned == 0 or lowest >= ALIGNED_EXACT_FROM:
            return ""
        return (
            f"note: in {aligned:,} pictures of 178x218 only faces of at least {ALIGNED_MIN_SIZE} pixels were looked "
            f"for; below {ALIGNED_EXACT_FROM} neighbours that can decide otherwise than OpenCV without a bound, "
            "which is --min-size 0 when detecting"
        )


# ------------------------------------------------------------------------------------------- one picture


@functools.cache
def _cascade(file):
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        raise UserError(f"OpenCV {cv2.__version__} has no Haar cascades: pip install 'opencv-python-headless>=4.9,<5'")
    cascade = cv2.CascadeClassifier(os.path.join(cv2.data.haarcascades, file))
    if cascade.empty():
        raise UserError(f"OpenCV's cascade file {file} is missing: install opencv-python-headless anew")
    return cascade


def find_faces(image: np.ndarray, view: str = "frontal", scale_factor: float = SCALE_FACTOR, min_size: int = 0):
    """All faces of one picture, uint8 [H, W, 1 or 3]: boxes int32 [K, 4] and neighbours int32 [K], strongest first.

    They are those of detectMultiScale with minNeighbors=1, and boxes[neighbours > m] those with minNeighbors=m.
    `min_size`: no box is smaller than this many pixels. Boxes of a mirrored view are turned back.
    """
    import cv2

    file, mirrored = VIEWS[view]
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.shape[2] == 3 else image[:, :, 0]
    gray = np.ascontiguousarray(gray[:, ::-1] if mirrored else gray)
    boxes, neighbours = _cascade(file).detectMultiScale2(
        gray, scaleFactor=scale_factor, minNeighbors=1, minSize=(min_size, min_size)
    )
    boxes = np.reshape(boxes, (-1, 4)).astype(np.int32)
    neighbours = np.ravel(neighbours).astype(np.int32)
    if mirrored:
        boxes[:, 0] = gray.shape[1] - boxes[:, 0] - boxes[:, 2]
    order = np.lexsort((*boxes.T[::-1], -neighbours))  # OpenCV's own order follows from its threads
    return boxes[order], neighbours[order]


def _detect_in_file(data, views, scale_factor, min_size):
    """The transform of a pass: a file's bytes -> its detections as columns."""
    import cv2

    cv2.setNumThreads(1)  # there is a worker for each core; OpenCV's own threads share one small picture poorly
    image = decode(data, channels=3)
    height, width = image.shape[:2]
    least = min_size
    if min_size == "auto":
        least = ALIGNED_MIN_SIZE if (width, height) == ALIGNED_SIZE else 0
    columns = {"size": [width, height]}
    for view in views:
        boxes, neighbours = find_faces(image, view, scale_factor, least)
        columns[view] = np.column_stack([boxes, neighbours]).ravel()
    return Result(None, columns=columns)


# ----------------------------------------------------------------------------------------------- a pass


def detect(
    source,
    path: str | os.PathLike,
    *,
    profile: bool = False,
    scale_factor: float = SCALE_FACTOR,
    min_size: int | str = "auto",
    workers: int | None = None,
    progress: bool = True,
) -> Detections:
    """Find the faces in all pictures of `source` (a folder, a zip, or a source as in sources.py) and store them.

    path: the file they go to, such as detections.npz; when it holds them already, they are only read.
    profile: look for faces in profile too, three times the work.
    scale_factor: from one size of windows to the next, 1.01 to 10.
    min_size: pixels, or "auto": 50 for pictures of exactly 178x218 (CelebA, aligned), no bound for others.

    A pass that was killed, or stopped by a full disk, goes on where it was.
    Raises UserError for numbers out of these limits, when `path` or `<path>.partial` holds something else, and when it
    cannot be written.
    """
    least, most = _SCALE_FACTORS
    if not least <= scale_factor <= most:
        raise UserError(f"scale factor {scale_factor} must be from {least} to {most}, for example {SCALE_FACTOR}")
    min_size = plain(min_size)
    if min_size != "auto" and not (isinstance(min_size, int) and 0 <= min_size <= _LARGEST_MIN_SIZE):
        wanted = f"a number of pixels to {_LARGEST_MIN_SIZE:,}, 0 for no bound"
        raise UserError(f"min size {min_size!r} must be 'auto' or {wanted}")
    source = open_source(source) if isinstance(source, str | os.PathLike) else source
    path = Path(path)
    views = list(VIEWS) if profile else ["frontal"]
    settings = {"scale_factor": scale_factor, "min_size": min_size}
    identity = {"format": FORMAT, "source": source.description, "fingerprint": source.fingerprint, "settings": settings}
    if path.exists():
        return _read_of(path, identity, views)
    key = hashlib.sha256(json.dumps([identity, views], sort_keys=True).encode()).hexdigest()
    partial = partial_of(path, source)
    new_folder = not path.parent.exists()
    with only_preparer(partial, path):
        if not path.exists():  # another process may just have finished it
            transform = functools.partial(_detect_in_file, views=views, **settings)
            # Small enough that the last of a small source does not keep one worker busy while the others wait.
            chunks = Chunks(
                partial, key, source, transform, max(8, min(64, len(source.names) // 100)), "finding faces in"
            )
            try:
                with work_kept(chunks, path):
                    arrays = _find_all(chunks, views, workers, progress, path)
                    write_bytes(path, _pack(arrays, source.names, views, identity))
            except (UserError, OSError):
                if new_folder:
                    with contextlib.suppress(OSError):  # where something was kept, the folder is not empty
                        path.parent.rmdir()
                raise
        shutil.rmtree(partial, ignore_errors=True)
    return _read_of(path, identity, views)


def _find_all(chunks, views, workers, progress, path):
    """Do what is missing of a pass; all of it as (reasons, sizes, {view: (counts, numbers)})."""
    import cv2

    threads = cv2.getNumThreads()  # with one worker the pass runs in this process
    try:
        for _ in range(3):
            chunks.complete(workers, progress)
            try:
                return _flatten(chunks, views)
            except DamagedChunk:
                continue  # it has been removed: do it again
    finally:
        cv2.setNumThreads(threads)
    raise UserError(f"cannot write {str(path)!r}: what is written there comes back damaged: try another disk")


def _flatten(chunks, views):
    reasons, sizes = [], array("i")
    found = {view: ([0], array("i")) for view in views}
    for _, reason, columns in chunks.rows():
        reasons.append(reason)
        sizes.extend(columns.get("size", (0, 0)))
        for view, (starts, numbers) in found.items():
            numbers.extend(columns.get(view, ()))
            starts.append(len(numbers) // 5)
    return reasons, sizes, found


def _pack(arrays, names, views, identity):
    """The bytes of the file."""
    import cv2

    reasons, sizes, found = arrays
    about = {**identity, "opencv": cv2.__version__, "views": views, "names": names, "reasons": reasons}
    arrays = {
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        "sizes": np.array(sizes, np.int32).reshape(-1, 2),
    }
    for view, (starts, numbers) in found.items():
        table = np.array(numbers, np.int32).reshape(-1, 5)
        arrays[f"{view}_starts"] = np.array(starts, np.int64)
        arrays[f"{view}_boxes"], arrays[f"{view}_neighbours"] = table[:, :4], table[:, 4]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _read_of(path, identity, views):
    """The detections in `path`, if they are those of this source, with these settings and views."""
    detections, about = _read(path)
    if {name: about.get(name) for name in identity} != identity or not set(views) <= set(detections.views):
        raise UserError(
            f"{str(path)!r} holds the detections of {detections.source}, perhaps changed since, with "
            f"{_describe(about['settings'], detections.views)}: choose another name, or remove it"
        )
    return detections


def _describe(settings, views):
    return f"scale factor {settings['scale_factor']}, min size {settings['min_size']}, views {', '.join(views)}"


def read_detections(path: str | os.PathLike) -> Detections:
    """Open what detect() has stored. Raises UserError when there is none, or when it is damaged."""
    return _read(path)[0]


def _read(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']!r}")
            views = {
                view: Boxes(file[f"{view}_starts"], file[f"{view}_boxes"], file[f"{view}_neighbours"])
                for view in about["views"]
            }
            sizes = file["sizes"]
    except FileNotFoundError:
        raise UserError(f"there are no detections at {str(path)!r}: make them with `detect`") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{str(path)!r} holds no detections, or is damaged ({error}): detect again") from None
    return Detections(about["names"], about["reasons"], sizes, views, about["settings"], about["source"]), about
