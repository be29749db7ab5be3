"""Keep or drop: decided from stored detections, so deciding anew is a comparison.

Policies:
    frontal      keep a picture with exactly one frontal face: the rule of the `vrdl` report, which asks for more
                 than 40 neighbours. The higher the threshold, the more complete the faces that remain, and the
                 less diverse.
                 That report gave its pictures as red, green, blue to a detector that takes what it gets for blue,
                 green, red, so its grays weigh the colours otherwise. Here they are weighed rightly; at 40
                 neighbours that decides otherwise on 6 of the 174 pictures that were compared.
    not_profile  drop a picture where the profile cascade, on the picture or its mirror image, finds a face and
                 the frontal one finds none.
"""

import csv
import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.detections import Detections
from dcgan_tf.data.prepared import is_prepared
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.files import atomic_file

MIN_NEIGHBORS = {"frontal": 40, "not_profile": 5}  # policy -> what frontal faces need, when nothing is said
PROFILE_MIN_NEIGHBORS = 5


@dataclass(frozen=True)
class Decisions:
    """kept: bool [pictures]; reasons: why a picture was dropped, or ""; and what decided."""

    kept: np.ndarray
    reasons: list[str]
    policy: str
    min_neighbors: int
    profile_min_neighbors: int | None

    def settings(self) -> dict:
        """All that decided, for dataset.json."""
        settings = {"policy": self.policy, "min_neighbors": self.min_neighbors}
        if self.profile_min_neighbors is not None:
            settings["profile_min_neighbors"] = self.profile_min_neighbors
        return settings


def decide(
    detections: Detections,
    policy: str = "frontal",
    min_neighbors: int | None = None,
    profile_min_neighbors: int | None = None,
) -> Decisions:
    """Which pictures to keep: the same as after detectMultiScale with minNeighbors=min_neighbors.

    min_neighbors: of frontal faces (default: 40 for frontal, 5 for not_profile); profile_min_neighbors: of faces
    in profile (default 5), which only not_profile takes. Raises UserError for an unknown policy, a threshold below 1
    (OpenCV does not group windows at all for 0), and when not_profile is asked of detections without profiles.
    """
    policy, min_neighbors, profile_min_neighbors = check_policy(policy, min_neighbors, profile_min_neighbors)
    if policy == "not_profile" and "profile" not in detections.views:
        raise UserError("these detections know no faces in profile, which not_profile needs: detect with --profile")
    frontal = detections.views["frontal"].counts(min_neighbors)
    readable = detections.sizes[:, 0] > 0
    if policy == "frontal":
        kept = readable & (frontal == 1)
        why = {count: f"several frontal faces: {count}" for count in range(2, int(frontal.max(initial=0)) + 1)}
        why.update({0: "no frontal face", 1: ""})
        reasons = [why[count] for count in frontal.tolist()]
    else:
        sides = [detections.views[view].counts(profile_min_neighbors) for view in ("profile", "mirrored_profile")]
        profile = (sides[0] + sides[1] > 0) & (frontal == 0)
        kept = readable & ~profile
        reasons = ["only a face in profile" if found else "" for found in profile.tolist()]
    for picture in np.flatnonzero(~readable).tolist():
        reasons[picture] = detections.reasons[picture]
    return Decisions(kept, reasons, policy, min_neighbors, profile_min_neighbors)


def check_policy(policy, min_neighbors=None, profile_min_neighbors=None):
    """The policy with its thresholds, the defaults filled in. Raises UserError as decide() does."""
    if policy not in MIN_NEIGHBORS:
        raise UserError(f"unknown policy {policy!r}.{nearest(policy, MIN_NEIGHBORS)} Known: {', '.join(MIN_NEIGHBORS)}")
    if min_neighbors is None:
        min_neighbors = MIN_NEIGHBORS[policy]
    if policy == "frontal" and profile_min_neighbors is not None:
        raise UserError(
            f"--profile-min-neighbors {profile_min_neighbors} is only of use with not_profile: take that instead of "
            "frontal, or leave it out"
        )
    if policy == "not_profile" and profile_min_neighbors is None:
        profile_min_neighbors = PROFILE_MIN_NEIGHBORS
    for name, value in (("min neighbors", min_neighbors), ("profile min neighbors", profile_min_neighbors)):
        if value is not None and (not isinstance(value, int | np.integer) or value < 1):
            raise UserError(f"{name} {value!r} must be a whole number of at least 1")
    return policy, min_neighbors, profile_min_neighbors


def remaining(detections: Detections, decisions: Decisions, thresholds) -> np.ndarray:
    """How many pictures the same policy keeps at each of these values of min_neighbors."""
    policy, profile = decisions.policy, decisions.profile_min_neighbors
    return np.array([decide(detections, policy, int(value), profile).kept.sum() for value in thresholds])


def columns_of(detections: Detections, decisions: Decisions, picture: int) -> dict:
    """What index.csv says of a picture's faces: those above the threshold are counted, all of them listed."""
    columns = {}
    for view, found in detections.views.items():
        threshold = decisions.min_neighbors if view == "frontal" else decisions.profile_min_neighbors
        boxes, neighbours = found.of(picture)
        if threshold is not None:
            columns[f"{view}_faces"] = int((neighbours > threshold).sum())
        columns[f"{view}_boxes"], columns[f"{view}_neighbours"] = boxes.tolist(), neighbours.tolist()
    return columns


_INDEX = ["source", "kept", "reason"]  # its first columns


def check_index(path: Path) -> None:
    """UserError where a file of that name is there that write_index has not written: it is somebody else's."""
    if not path.exists():
        return
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        is_ours = next(csv.reader(file), [])[:3] == _INDEX
    if is_prepared(path.parent):
        whose = "of a prepared dataset"
    elif not is_ours:
        whose = "none of the face filter's"
    else:
        return
    raise UserError(f"{str(path)!r} is there, and is {whose}: give another file with --output, and nothing is lost")


def write_index(path, detections: Detections, decisions: Decisions) -> None:
    """Write index.csv: for each picture its name, kept or why not, and its faces (boxes: x, y, width, height)."""
    names = list(_INDEX)
    columns = [detections.names, decisions.kept.astype(np.uint8).tolist(), decisions.reasons]
    for view, found in detections.views.items():
        threshold = decisions.min_neighbors if view == "frontal" else decisions.profile_min_neighbors
        if threshold is not None:
            names.append(f"{view}_faces")
            columns.append(found.counts(threshold).tolist())
        names += [f"{view}_boxes", f"{view}_neighbours"]
        columns += _as_texts(found)
    with (
        atomic_file(path) as temporary,
        # Names may hold bytes that are no text in any encoding.
        open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*columns, strict=True))


def _as_texts(found):
    """The boxes and the neighbours of each picture as JSON: 200,000 pictures in a fraction of a second."""
    pairs = list(itertools.pairwise(found.starts.tolist()))
    boxes = str(found.boxes.tolist())[2:-2].split("], [")
    neighbours = str(found.neighbours.tolist())[1:-1].split(", ")
    return (
        ["[[" + "], [".join(boxes[low:high]) + "]]" if high > low else "[]" for low, high in pairs],
        ["[" + ", ".join(neighbours[low:high]) + "]" for low, high in pairs],
    )


def describe(decisions: Decisions) -> str:
    """A few lines for people: how many are kept, and how many dropped for which reason."""
    total, kept = len(decisions.kept), int(decisions.kept.sum())
    limits = f"min neighbors {decisions.min_neighbors}"
    if decisions.profile_min_neighbors is not None:
        limits += f", in profile {decisions.profile_min_neighbors}"
    lines = [f"{decisions.policy} ({limits}): {kept:,} of {total:,} pictures kept ({kept / max(total, 1):.1%})"]
    reasons = Counter(reason.split(":")[0] for reason in decisions.reasons if reason)
    return "\n".join([*lines, *(f"  {count:8,} dropped: {reason}" for reason, count in reasons.most_common())])
