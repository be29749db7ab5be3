"""What runs of this project left among somebody's pictures: it is no data."""

import re
from pathlib import PurePosixPath

# What a run writes into its own folder; and a sweep, or the gallery, beside the runs.
_OF_A_RUN = (
    *("grids", "samples", "latent", "web", "tensorboard", "checkpoints", "saved_model"),
    *("progress.gif", "progress.webp"),
)
_OF_A_SWEEP = re.compile(r"(sheet.*|curves)\.png|index\.html")


def written_by_runs(names) -> dict[str, str]:
    """Of these names, what runs of this project wrote among the pictures: folder or file -> what it is.

    A folder is a run's when there is a config.json in it, with a history.csv or with grids. Trained on, its grids
    would make generated images real ones.
    """
    runs = {name[: -len("config.json")] for name in names if f"/{name}".endswith("/config.json")}
    if not runs:
        return {}
    names = set(names)
    with_grids = {name[: -len(PurePosixPath(name).name) - len("grids/")] for name in names if _in_grids(name)}
    runs = {run for run in runs if f"{run}history.csv" in names or run in with_grids}
    found = {run.rstrip("/"): "a run of this project" for run in runs if run}
    if "" in runs:
        found |= dict.fromkeys(_OF_A_RUN, "of the run that is in this folder")
    for around in {str(PurePosixPath(run).parent) for run in runs if run}:
        beside = (name for name in names if str(PurePosixPath(name).parent) == around)
        found |= {name: "about runs" for name in beside if _OF_A_SWEEP.fullmatch(PurePosixPath(name).name)}
    return found


def _in_grids(name):
    return PurePosixPath(name).parent.name == "grids"


def without_runs(names: list[str]) -> tuple[list[bool], list[tuple[str, str]]]:
    """(whether each name is to be taken, what is left out and why)."""
    found = written_by_runs(names)
    if not found:
        return [True] * len(names), []

    def is_taken(name):
        return name not in found and not any(str(parent) in found for parent in PurePosixPath(name).parents)

    taken = [is_taken(name) for name in names]
    gone = {name for name, keep in zip(names, taken, strict=True) if not keep}
    there = {place for place in found if any(name == place or name.startswith(f"{place}/") for name in gone)}
    outermost = {place for place in there if not any(str(parent) in there for parent in PurePosixPath(place).parents)}
    return taken, [(place, found[place]) for place in sorted(outermost)]
