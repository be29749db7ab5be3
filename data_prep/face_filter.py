"""Which pictures show a face as one wants it: decided from stored detections, so deciding anew is a comparison.

    python -m data_prep.face_filter detect SOURCE FOLDER     # once: finds all faces (see detections.py)
    python -m data_prep.face_filter decide FOLDER            # as often as one likes: writes FOLDER/index.csv
    python -m data_prep.face_filter audit SOURCE FOLDER      # sheets to look at (see audit.py); detects if need be

The policies are in decisions.py.
"""

from pathlib import Path

import click

from data_prep.audit import audit, check_folder
from data_prep.decisions import check_index, check_policy, columns_of, decide, describe, remaining, write_index
from data_prep.detections import ALIGNED_EXACT_FROM, SCALE_FACTOR, detect, read_detections
from dcgan_tf.commands.basics import PATH
from dcgan_tf.system.errors import UserError, run_command
from dcgan_tf.system.saying import say

__all__ = ["DETECTIONS_FILE", "check_policy", "columns_of", "decide", "describe", "detect", "remaining", "write_index"]

DETECTIONS_FILE = "detections.npz"


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
@click.argument("source", type=PATH)
@click.argument("folder", type=PATH)
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
    say(f"{len(detections):,} pictures, {unreadable:,} of them unreadable; candidates found: {counts}")
    say(f"next: python -m data_prep.face_filter decide {folder}")


@cli.command("decide")
@click.argument("folder", type=PATH)
@click.option("--policy", default="frontal", show_default=True, help="frontal or not_profile.")
@policy_options
@click.option("--output", type=PATH, help="Where the decisions go.  [default: FOLDER/index.csv]")
def decide_command(folder, policy, min_neighbors, profile_min_neighbors, output):
    """Decide which pictures to keep, from the detections in FOLDER, and write index.csv."""
    detections = read_detections(Path(folder, DETECTIONS_FILE))
    decisions = decide(detections, policy, min_neighbors, profile_min_neighbors)
    output = Path(output or Path(folder, "index.csv"))
    check_index(output)
    write_index(output, detections, decisions)
    say(f"{describe(decisions)}\neach decision: {output}")
    note = detections.note(decisions.min_neighbors, decisions.profile_min_neighbors)
    if note:
        say(note)


@cli.command("audit")
@click.argument("source", type=PATH)
@click.argument("folder", type=PATH)
@click.option("--policy", default="frontal", show_default=True, help="frontal or not_profile.")
@policy_options
@click.option("--count", default=40, show_default=True, type=click.IntRange(1), help="Pictures on a sheet.")
@click.option("--output", type=PATH, help="A folder for the sheets.  [default: FOLDER/audit]")
def audit_command(source, folder, policy, min_neighbors, profile_min_neighbors, count, output):
    """Draw sheets of kept, dropped and borderline pictures, and how many remain at each threshold.

    The detections in FOLDER are used; where there are none, the faces are found first.
    """
    policy, min_neighbors, profile_min_neighbors = check_policy(policy, min_neighbors, profile_min_neighbors)
    output = output or Path(folder, "audit")
    check_folder(output)
    path = Path(folder, DETECTIONS_FILE)
    if path.exists():
        detections = read_detections(path)
    else:
        min_size = "auto" if policy == "frontal" and min_neighbors >= ALIGNED_EXACT_FROM else 0
        detections = detect(source, path, profile=policy == "not_profile", min_size=min_size)
    decisions = decide(detections, policy, min_neighbors, profile_min_neighbors)
    say(describe(decisions))
    for path in audit(source, detections, decisions, output, count):
        say(str(path))


if __name__ == "__main__":
    run_command(cli, "python -m data_prep.face_filter")
