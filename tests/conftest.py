"""What all tests share: quiet TensorFlow, and no library that keeps cores busy with waiting."""

import gc
import os
import signal
import sys

import pytest
from browser import browser_or_skip
from kernels import one_kernel

import dcgan_tf  # noqa: F401 (it sets what must be set before TensorFlow is imported, which some tests do first)

sys.modules.setdefault("rfc3987_syntax", None)  # two seconds of importing papermill: see sweeps/worker.py
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests run in parallel; BLAS threads of several processes on the same cores would mostly wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# TensorFlow's as well: a sixth of the suite. (One step on many, repeated: benchmarks/determinism.py.)
for pool in ("INTEROP", "INTRAOP"):
    os.environ.setdefault(f"TF_NUM_{pool}_THREADS", "1")
# Whether XLA accepts a step is asked, not how fast its code is: LLVM's own optimising was a third of compiling it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# TensorFlow and all else that tests import is there to stay: nobody looks through it for what could be thrown away.
gc.disable()
# In the background of a shell, or after nohup, a process ignores what is tested here all the same.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def graphs_as_they_are():
    """A test takes a few steps: rewriting its graphs (Grappler) takes longer than it saves. See forks.py, too."""
    import tensorflow

    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium (see browser.py); skips where there is none."""
    with browser_or_skip() as started:
        yield started


@pytest.fixture(scope="session")
def kernel():
    """A Jupyter kernel for all notebooks (see kernels.py); it lasts, so that TensorFlow is imported once."""
    with one_kernel() as started:
        yield started


@pytest.fixture(scope="module")
def compiled_once():
    """Trainings of this file that are alike are compiled once (see compiled_once.py)."""
    from compiled_once import compiled_once

    with compiled_once():
        yield
