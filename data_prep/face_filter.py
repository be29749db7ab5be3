"""Which pictures show a face as one wants it: decided from stored detections, so deciding anew is a comparison.

    python -m data_prep.face_filter detect SOURCE FOLDER     # once: finds all faces (see detections.py)
    python -m data_prep.face_filter decide FOLDER            # as often as one likes: writes FOLDER/index.csv
    python -m data_prep.face_filter audit SOURCE FOLDER      # sheets to look at (see audit.py)

Policies:
    frontal      keep a picture with exactly one frontal face: the rule of the `vrdl` report, which asks for more
                 than 40 neighbours. The higher the threshold, the more complete the faces that remain, and the
                 less diverse.
    not_profile  drop a picture where the profile cascade, on the picture or its mirror image, finds a face and
                 the frontal one finds none.
"""

import csv
import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from data_prep.detections import SCALE_FACTOR, Detections, detect, read_detections
from dcgan_tf.errors import UserError, nearest, run_command
from dcgan_tf.files import atomic_file

MIN_NEIGHBORS = {"frontal": 40, "not_profile": 5}  # policy -> what frontal faces need, when nothing is said
PROFILE_MIN_NEIGHBORS = 5

DETECTIONS_FILE = "detections.npz"


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
    in profile (default 5). Raises UserError for an unknown policy, a threshold below 1 (OpenCV does not group
    windows at all for 0), and when not_profile is asked of detections without profiles.
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
        reasons = ["a face in profile and none from the front" if found else "" for found in profile.tolist()]
    for picture in np.flatnonzero(~readable).tolist():
        reasons[picture] = detections.reasons[picture]
    return Decisions(kept, reasons, policy, min_neighbors, profile_min_neighbors)


def check_policy(policy, min_neighbors=None, profile_min_neighbors=None):
    """The policy with its thresholds, the defaults filled in. Raises UserError as decide() does."""
    if policy not in MIN_NEIGHBORS:
        raise UserError(f"unknown policy {policy!r}.{nearest(policy, MIN_NEIGHBORS)} Known: {', '.join(MIN_NEIGHBORS)}")
    if min_neighbors is None:
        min_neighbors = MIN_NEIGHBORS[policy]
    if policy == "frontal":
        profile_min_neighbors = None
    elif profile_min_neighbors is None:
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


def write_index(path, detections: Detections, decisions: Decisions) -> None:
    """Write index.csv: for each picture its name, kept or why not, and its faces (boxes: x, y, width, height)."""
    names = ["source", "kept", "reason"]
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


# ------------------------------------------------------------------------------------------ command line


def policy_options(command):
    """The options that decide, for this command line and for celeba's."""
    for option in (
        click.option("--profile-min-neighbors", type=int, help="The same of faces in profile.  [default: 5]"),
        click.option(
            "--min-neighbors",
            type=int,
            help="More than so many windows must agree on a frontal face.  [default: 40; for not_profile 5]",
        ),
    ):
        command = option(command)
    return command


def min_size_option(command):
    """--min-size, for this command line and for celeba's."""

    def parse(context, parameter, value):
        if value != "auto" and not value.isdecimal():
            raise UserError(f"--min-size {value!r} must be 'auto' or a number of pixels, 0 for no bound")
        return value if value == "auto" else int(value)

    text = "No face is smaller than this many pixels; auto: 50 for pictures of 178x218 (CelebA), else 0."
    return click.option("--min-size", default="auto", show_default=True, callback=parse, help=text)(command)


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(context_settings=_SETTINGS)
def cli():
    """Find faces with OpenCV's Haar cascades once; decide which pictures to keep as often as you like."""


@cli.command("detect")
@click.argument("source", type=click.Path())
@click.argument("folder", type=click.Path())
@click.option("--profile", is_flag=True, help="Faces in profile too, for not_profile: three times the work.")
@click.option("--scale-factor", default=SCALE_FACTOR, show_default=True, help="From one window size to the next.")
@min_size_option
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one per core]")
def detect_command(source, folder, profile, scale_factor, min_size, workers):
    """Find the faces in the pictures of SOURCE, a folder or a zip, and store them in FOLDER."""
    detections = detect(
        source,
        Path(folder, DETECTIONS_FILE),
        profile=profile,
        scale_factor=scale_factor,
        min_size=min_size,
        workers=workers,
    )
    unreadable = int((detections.sizes[:, 0] == 0).sum())
    counts = ", ".join(f"{len(boxes.neighbours):,} {view}" for view, boxes in detections.views.items())
    click.echo(f"{len(detections):,} pictures, {unreadable:,} of them unreadable; candidates found: {counts}")
    click.echo(f"next: python -m data_prep.face_filter decide {folder}")


@cli.command("decide")
@click.argument("folder", type=click.Path())
@click.option("--policy", default="frontal", show_default=True, help="frontal or not_profile.")
@policy_options
@click.option("--output", type=click.Path(), help="Where the decisions go.  [default: FOLDER/index.csv]")
def decide_command(folder, policy, min_neighbors, profile_min_neighbors, output):
    """Decide which pictures to keep, from the detections in FOLDER, and write index.csv."""
    detections = read_detections(Path(folder, DETECTIONS_FILE))
    decisions = decide(detections, policy, min_neighbors, profile_min_neighbors)
    output = output or Path(folder, "index.csv")
    write_index(output, detections, decisions)
    click.echo(f"{describe(decisions)}\neach decision: {output}")
    note = detections.note(decisions.min_neighbors, decisions.profile_min_neighbors)
    if note:
        click.echo(note)


@cli.command("audit")
@click.argument("source", type=click.Path())
@click.argument("folder", type=click.Path())
@click.option("--policy", default="frontal", show_default=True, help="frontal or not_profile.")
@policy_options
@click.option("--count", default=40, show_default=True, type=click.IntRange(1), help="Pictures on a sheet.")
@click.option("--output", type=click.Path(), help="A folder for the sheets.  [default: FOLDER/audit]")
def audit_command(source, folder, policy, min_neighbors, profile_min_neighbors, count, output):
    """Draw sheets of kept, dropped and borderline pictures, and how many remain at each threshold."""
    from data_prep.audit import audit

    detections = read_detections(Path(folder, DETECTIONS_FILE))
    decisions = decide(detections, policy, min_neighbors, profile_min_neighbors)
    click.echo(describe(decisions))
    for path in audit(source, detections, decisions, output or Path(folder, "audit"), count):
        click.echo(str(path))


if __name__ == "__main__":
    run_command(cli, "python -m data_prep.face_filter")
