"""Where a notebook's data and runs are, whichever folder it runs in.

Papermill runs a notebook in the caller's folder, Jupyter in the notebook's own. So a relative path starts at the
project's folder when that is at or above the working folder, whatever is written; and what is read may also be given
from the working folder. What is recorded is absolute.
"""

import os
from pathlib import Path

from dcgan_tf.run import place
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import expanded, project_folder
from dcgan_tf.system.quiet import tensorflow_quiet


def find_path(path):
    """Where something that must exist is, as an absolute path; what is no path, such as None, comes back as it is.

    Raises UserError when the path leads to different things from the project's folder and from the working folder.
    What is in neither comes back as seen from the project's folder, for an error that names where it was sought.
    """
    if not isinstance(path, str | Path) or not str(path):
        return path
    path = expanded(path)
    places = [folder / path for folder in dict.fromkeys((project_folder(), Path.cwd()))]
    there = list({found.resolve(): found for found in places if found.exists()}.values())
    if len(there) > 1:
        raise UserError(
            f"{str(path)!r} can be {str(there[0])!r} or {str(there[1])!r}: give the one that is meant by its whole path"
        )
    return Path(os.path.abspath((there or places)[0]))


def find_dataset(dataset):
    """A dataset's path as find_path finds it; a name, right or misspelt, and anything else as it is."""
    from dcgan_tf.data.datasets import name_of

    if not isinstance(dataset, str | Path) or name_of(dataset):
        return dataset
    found = find_path(dataset)
    return str(found) if len(Path(dataset).parts) > 1 or Path(found).exists() else dataset


def load_data(dataset, recipe, changes: dict, classes=None, resize: bool = False, drop_small: bool = False):
    """The dataset as `train` loads it for that recipe with those changes.

    dataset: a name, or a path as find_path takes it.
    Raises UserError when it cannot be found, downloaded or made to fit the recipe.
    """
    with tensorflow_quiet():
        from dcgan_tf.networks.architectures import check_image_shape
        from dcgan_tf.training.request import load_images_for

    fitted = {"classes": classes, "resize": resize, "drop_small": drop_small}
    data = load_images_for(recipe, find_dataset(dataset), "image_size" in changes, **fitted)
    check_image_shape(recipe, data.image_shape)
    return data


def run_directory(results_dir, run_name, dataset, recipe, changes, seed) -> Path:
    """Where this run goes, as an absolute path; `run_name` None makes a name of the settings.

    Raises UserError for a name that leads out of `results_dir`.
    """
    results = project_folder() / expanded(results_dir)
    run = results / (run_name or place.run_name(dataset, recipe, changes, seed))
    if Path(os.path.normpath(results)) not in Path(os.path.normpath(run)).parents:
        raise UserError(
            f"run_name {str(run_name)!r} leads out of {str(results)!r}: give the name of a folder in there, "
            "or another results_dir"
        )
    return run


def find_run(run_dir):
    """The run at that path, as find_path takes it. Raises UserError when there is none."""
    run = Run(find_path(run_dir))
    run.config  # noqa: B018 (says what is wrong, if it is)
    return run
