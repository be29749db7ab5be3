"""Where a notebook's data and runs are, whichever folder it runs in."""

import os
from pathlib import Path

from dcgan_tf.run import place
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import project_folder
from dcgan_tf.system.quiet import tensorflow_quiet


def load_data(dataset: str, recipe, changes: dict, classes=None, resize: bool = False):
    """The dataset as `train` loads it for that recipe with those changes.

    Raises UserError when it cannot be found, downloaded or made to fit the recipe.
    """
    with tensorflow_quiet():
        from dcgan_tf.networks.architectures import check_image_shape
        from dcgan_tf.training.request import load_images_for

    data = load_images_for(recipe, dataset, "image_size" in changes, classes, resize)
    check_image_shape(recipe, data.image_shape)
    return data


def run_directory(results_dir, run_name, dataset, recipe, changes, seed) -> Path:
    """Where this run goes, as an absolute path; `run_name` None makes a name of the settings.

    Papermill runs a notebook in the caller's folder, Jupyter in the notebook's own: so that both mean the
    same, a relative `results_dir` is taken from the project's root whenever that is at or above this folder.
    Raises UserError for a name that leads out of `results_dir`.
    """
    results = project_folder() / results_dir
    run = results / (run_name or place.run_name(dataset, recipe, changes, seed))
    if Path(os.path.normpath(results)) not in Path(os.path.normpath(run)).parents:
        raise UserError(
            f"run_name {str(run_name)!r} leads out of {str(results)!r}: give the name of a folder in there, "
            "or another results_dir"
        )
    return run


def find_run(run_dir):
    """The run at that path, which may be given from this folder or from the project's root.

    Raises UserError when there is none.
    """
    run = Run(run_dir)
    if not run.config_path.is_file():
        run = Run(project_folder() / run_dir)
    run.config  # noqa: B018 (says what is wrong, if it is)
    return run
