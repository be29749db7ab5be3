"""The pictures that lie in a run directory."""

import re
from pathlib import Path

from dcgan_tf.system.errors import UserError

PICTURES = (".png", ".gif", ".jpg", ".jpeg", ".webp")
READ_IN = ("", "grids", "samples", "latent")  # the folders of a run that a page's data come from
_SAMPLES = 60  # pictures that lie in a run's folder, at most


def grids_of(run, config, history):
    """(path, step, epoch, seconds) of every recorded grid, in order; of a damaged run, all that are there."""
    rows = {row["step"]: row for row in history}
    if not config or not rows:
        paths = [path for path in run.grids_path.glob("*_*.png") if path.is_file()]
        paths.sort(key=lambda path: (not path.stem.startswith("step"), path))  # of the first epoch, where both are
        return [(path, _number_in(path) if path.stem.startswith("step") else None,
                 _number_in(path) if path.stem.startswith("epoch") else None, None) for path in paths]  # fmt: skip
    steps = run.grid_steps(history)
    epochs = [-(-step // config["steps_per_epoch"]) for step in steps]
    return list(zip(map(run.grid_path, steps), steps, epochs, run.seconds_at(steps, history), strict=True))


def shown_in_grids(run):
    """What the images of a conditional run's grids were to show; None for other runs, and where it is not known."""
    try:
        labels = run.labels
    except UserError:
        return None
    if labels is None:
        return None
    if not labels.are_classes:
        return "with attributes as in the data"
    names = [labels.names[number] for number in labels.seen]
    return f"a row for each class, from above: {', '.join(names[:20])}" + (", ..." if len(names) > 20 else "")


def _number_in(path):
    digits = re.search(r"\d+", path.stem)
    return int(digits.group()) if digits else 0


def files_in(folder, endings) -> list[Path]:
    """The files with these endings in a folder, by name; none where there is no such folder."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in found if path.suffix.lower() in endings and path.name[0] != "." and path.is_file()]


def samples_of(run):
    """Pictures beside the run's own: what `sample` and `explore` wrote, or anybody put there."""
    found = [path for folder in ("", "samples", "latent") for path in files_in(run.path / folder, PICTURES)]
    return [path for path in found if path not in (run.gif_path, run.webp_path)][:_SAMPLES]
