"""The process in which one run of a sweep is made, the same on whatever machine: see sweeps/worker.py."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from dcgan_tf.sweeps.sharing import Place

WORKER = [sys.executable, "-m", "dcgan_tf.sweeps.worker"]


def start(job: dict, log: Path, place: Place) -> subprocess.Popen:
    """Start one run in this place; when the standard input of its process ends, the run saves and ends.

    job: "notebook", "output" (paths), "parameters" and "folder", the one to work in. log: the file that its output is
    added to.
    """
    with open(log, "a", encoding="utf-8") as output:
        child = subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=job["folder"],
            env={**os.environ, **place.environment(), "PYTHONIOENCODING": "utf-8:backslashreplace"},
            **_away_from_ctrl_c(),
        )
    with contextlib.suppress(OSError):
        child.stdin.write(json.dumps({**job, "cores": place.bound}).encode() + b"\n")
        child.stdin.flush()
    return child


def ask_to_end(child: subprocess.Popen):
    """Ask a run to save and end."""
    with contextlib.suppress(OSError):
        child.stdin.close()


def _away_from_ctrl_c() -> dict:
    """A Ctrl-C in the terminal shall reach the sweep alone, which asks its runs politely."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
