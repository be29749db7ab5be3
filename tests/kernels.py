"""One kernel for all notebooks of the tests: starting it and importing TensorFlow costs more than a tiny notebook.

It is a fork (see forks.py); what a notebook is in a kernel of its own, test_notebooks.py sees once, from the command
line.
"""

import os
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import forks
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

ROOT = Path(__file__).parents[1]
# A notebook shows dozens of pictures, and to draw and encode them finely takes longer than to train.
COARSE = "import dcgan_tf.pictures.picture as picture; picture.DOTS_PER_INCH = 48"


@contextmanager
def one_kernel():
    """(papermill's kernel manager, a client of our own) of a new kernel that finds the package."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    manager = AsyncKernelManager(kernel_name="python3")
    client = BlockingKernelClient(parent=manager)  # else a kernel that is slow to answer, on a busy machine, is dead
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with patch("jupyter_client.provisioning.local_provisioner.launch_kernel", _fork):
        run_sync(manager.start_kernel)(cwd=str(ROOT / "notebooks"), env=environment)
    try:
        client.load_connection_info(manager.get_connection_info())
        client.start_channels()
        client.wait_for_ready(timeout=120)
        client.execute_interactive(COARSE, timeout=120)
        yield manager, client
    finally:
        client.stop_channels()
        run_sync(manager.shutdown_kernel)(now=True)


def _fork(command, *, cwd, env, **_):
    """What Jupyter starts a kernel's process with."""
    return forks.start(command[1:], cwd=cwd, env=env, session=True)


def execute_in(kernel, name, output, parameters, cache=None):
    """papermill of that notebook, in the folder of `output`; the kernel forgets the names of the last one first.

    cache: DCGAN_TF_CACHE, where the notebook keeps prepared data; None: beside its results.
    """
    import papermill  # when conftest.py has made that quicker

    manager, client = kernel
    lines = ["%reset -f", "import os", f"os.chdir({str(output.parent)!r})", "os.environ.pop('DCGAN_TF_CACHE', None)"]
    lines += [f"os.environ['DCGAN_TF_CACHE'] = {str(cache)!r}"] if cache else []
    reply = client.execute_interactive("\n".join([*lines, "del os"]), store_history=False, timeout=120)
    assert reply["content"]["status"] == "ok", reply["content"]
    notebook = str(ROOT / "notebooks" / name)
    return papermill.execute_notebook(
        notebook, str(output), parameters, cwd=str(output.parent), progress_bar=False, km=manager
    )
