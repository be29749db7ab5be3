"""Keeping TensorFlow's notes about this machine away from what a person reads."""

import contextlib
import os
import tempfile


@contextlib.contextmanager
def tensorflow_quiet():
    """Import TensorFlow inside this block, and it prints nothing unless the import fails.

    Some of its lines come before it reads its own setting for that, so they can only be kept off the
    process's standard error. What was kept back is shown when the block raises.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
