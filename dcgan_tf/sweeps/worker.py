"""One run of a sweep in a process of its own: `python -m dcgan_tf.sweeps.worker`, its job as JSON on standard input.

The job is the first line; the rest of the input says nothing, and its end is the sign to stop. So a run stops
politely, its training saving everything, when the sweep asks for it, and just as well when the sweep was killed.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from dcgan_tf.notebook.saved import parameters_cells
from dcgan_tf.system.files import write_text
from dcgan_tf.system.saying import say

FINISHED, FAILED, INTERRUPTED, KILLED = "finished", "failed", "interrupted", "killed"  # how a run can end
STATUS = {FINISHED: 0, FAILED: 1, INTERRUPTED: 3, KILLED: 4}  # and the exit status that says so
_INTERRUPTIONS = ("TrainingInterrupted", "KeyboardInterrupt")


class _Stop(Exception):
    """No further cell shall run."""


class _Interrupter:
    """Sends the kernel one Ctrl-C when standard input ends, and lets no other cell begin."""

    def __init__(self):
        from jupyter_client.manager import AsyncKernelManager

        self.asked, self.process, interrupter = False, None, self

        class Manager(AsyncKernelManager):
            async def start_kernel(self, **options):
                await super().start_kernel(**options)
                interrupter.process = self.provisioner.process

        self.manager = Manager

    def watch(self):
        while os.read(0, 1024):
            pass
        self.asked = True
        if self.process is not None:
            _ctrl_c(self.process)

    def before_cell(self, **_):
        if self.asked:
            raise _Stop


def _ctrl_c(kernel):
    """What Jupyter's own interrupt does to a kernel's process; on Windows os.kill would end it unsaved."""
    if sys.platform == "win32":
        from jupyter_client.win_interrupt import send_interrupt

        send_interrupt(kernel.win32_interrupt_event)
    else:
        kernel.send_signal(signal.SIGINT)


def main():
    job = json.loads(_first_line())
    if job["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])  # the kernel inherits it
    output = Path(job["output"])
    output.parent.mkdir(parents=True, exist_ok=True)
    outcome, error = run_notebook(job["notebook"], output, job["parameters"])
    note_outcome(output, outcome, error)
    if error:
        say(f"{outcome}: {error}")
    sys.exit(STATUS[outcome])


def run_notebook(notebook, output, parameters) -> tuple[str, str | None]:
    """Execute a notebook through papermill, printing what its cells print: (how it ended, the error in one line)."""
    # jsonschema, which papermill reads notebooks with, builds a grammar of web addresses in other alphabets when it is
    # imported: two seconds of three, and no notebook's form has such an address. Without the package it does without.
    sys.modules.setdefault("rfc3987_syntax", None)
    import papermill
    from nbclient.exceptions import DeadKernelError

    interrupter = _Interrupter()
    threading.Thread(target=interrupter.watch, daemon=True).start()
    try:
        papermill.execute_notebook(
            _literal(notebook),
            _literal(output),
            parameters,
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stdout,
            kernel_manager_class=interrupter.manager,
            on_cell_start=interrupter.before_cell,
        )
    except _Stop:
        return INTERRUPTED, "stopped between two cells"
    except papermill.PapermillExecutionError as error:
        if error.ename in _INTERRUPTIONS or interrupter.asked:
            return INTERRUPTED, "stopped; everything is saved"
        return FAILED, f"{error.ename}: {' '.join(str(error.evalue).split())}"
    except DeadKernelError:
        if interrupter.asked:
            return INTERRUPTED, "stopped while it started"
        return KILLED, "the notebook's kernel was killed, or ran out of memory"
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}"
    return FINISHED, None


def _literal(path) -> str:
    """A path as papermill takes it: what stands in braces would be the value of a parameter to it."""
    return str(path).replace("{", "{{").replace("}", "}}")


# --- what is noted in the executed notebook ----------------------------------------------------------------


def note_outcome(path: Path, outcome: str, error: str | None):
    """Write into an executed notebook how its run ended: papermill's own notes do not tell when a kernel died."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    content["metadata"]["dcgan_tf"] = {"outcome": outcome, "error": error}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_outcome(path: Path) -> dict | None:
    """What an executed notebook says of its run: {"outcome", "error", "parameters", "seconds"}; None without one.

    And of what it was made from: "notebook", the name, and "declared", the sources of its parameters cells.
    A notebook whose process was killed says nothing of its end: its outcome is KILLED.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        metadata, papermill = content["metadata"], content["metadata"]["papermill"]
        declared = parameters_cells(content.get("cells", []))
        made_from = {"notebook": Path(papermill.get("input_path") or "").name, "declared": declared}
        noted = metadata.get("dcgan_tf") or {"outcome": KILLED, "error": "the run's process was killed"}
        seconds = papermill.get("duration")
        return {**noted, "parameters": papermill.get("parameters") or {}, "seconds": seconds, **made_from}
    except OSError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"outcome": KILLED, "error": "its notebook is damaged", "parameters": {}, "seconds": None}


def _first_line():
    """The first line of standard input, and not a byte more."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


if __name__ == "__main__":
    main()
