"""What the first cell of a notebook says: on what it computes here, and where its runs survive.

Colab and Kaggle lend a computer, and take it back with what was written on it. Nothing is mounted or moved here: the
parameter results_dir says where runs go, and this names the value that keeps them.
"""

import os
import shutil
from pathlib import Path

import dcgan_tf
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import expanded, lent_by, project_folder
from dcgan_tf.system.quiet import tensorflow_quiet
from dcgan_tf.system.workers import arithmetic_threads

DRIVE = "/content/drive"  # where Colab's own button and examples put Google Drive
_KEPT_IN_DRIVE = f"{DRIVE}/MyDrive/dcgan_results"
_MOUNT = f"from google.colab import drive; drive.mount({DRIVE!r})"

_HOW_TO_GET_A_GPU = {
    "Colab": "Runtime > Change runtime type > T4 GPU gives one, on a new computer: run all cells again there",
    "Kaggle": "Settings > Accelerator gives one, on a new computer: run all cells again there",
}


def start(say=print):
    """Say, in a line each, which GPU TensorFlow sees and, on a lent computer, how to keep runs and go on with them."""
    host = lent_by()
    say(f"dcgan_tf {dcgan_tf.__version__}{f' on {host}' if host else ''}, {describe_devices(host)}")
    if host == "Colab":
        say(_keeping_on_colab())
    elif host == "Kaggle":
        say(
            "Kaggle keeps /kaggle/working, where runs go, only of a saved version (Save Version > Save & Run All), or "
            "with Persistence > Files only; to go on with a saved version's runs, add its output as an input, and copy "
            "its folder `results` to /kaggle/working: the same cells go on from there"
        )


def describe_devices(host: str | None = None) -> str:
    """ "TensorFlow 2.21.0, GPU: Tesla T4", or that there is no GPU, and how to get one."""
    with tensorflow_quiet():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    version = f"TensorFlow {tf.__version__}"
    if len(names) > 1:
        return f"{version}, GPU: {names[0]}, the first of {len(names)} ({', '.join(names)})"
    if names:
        return f"{version}, GPU: {names[0]}"
    cores = arithmetic_threads()
    none = f"{version}, no GPU: {cores} core{'' if cores == 1 else 's'} of the processor"
    if host:
        return f"{none}. {_HOW_TO_GET_A_GPU[host]}"
    if shutil.which("nvidia-smi"):
        return f'{none}. NVIDIA\'s driver is here; pip install "tensorflow[and-cuda]" lets TensorFlow use it (Linux)'
    return none


def check_results_dir(results_dir):
    """UserError for a place in a Google Drive that is not mounted on this computer of Colab's.

    A folder of that name would be made on the computer itself: it is lost with it, and runs that are in Drive would not
    be found but begun anew.
    """
    if lent_by() != "Colab" or os.path.ismount(DRIVE):
        return
    place = Path(os.path.abspath(project_folder() / expanded(results_dir)))
    if Path(DRIVE) in (place, *place.parents):
        raise UserError(
            f"results_dir={str(results_dir)!r} is in Google Drive, which is not mounted on this computer: run {_MOUNT} "
            "in a cell, then this one again"
        )


def _keeping_on_colab():
    if os.path.ismount(DRIVE):
        return (
            f"Google Drive is mounted: results_dir = {_KEPT_IN_DRIVE!r} among the parameters keeps runs there; "
            "after a disconnect, mount it and run all cells again: they go on"
        )
    return (
        f"Colab deletes what is written here when it disconnects. To keep runs, and go on with them: {_MOUNT} in a "
        f"cell, and results_dir = {_KEPT_IN_DRIVE!r} among the parameters"
    )
