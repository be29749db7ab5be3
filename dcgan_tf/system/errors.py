"""The one kind of error that is the user's to mend, and how a command line says it."""

import contextlib
import errno
import math
import numbers
import signal
import sys
import threading
import warnings
from collections.abc import Mapping

from dcgan_tf.system.saying import prepared_output, say

# What a system answers to a path that nobody can use, wherever it is first looked at.
_NOT_OURS = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM)
_LONGEST = 100  # characters of a value that an error names


class UserError(ValueError):
    """A mistake in what the user gave: a name, a value, a file.

    Its text is one line that names the value, says what was expected and what to try next.
    The command line prints that line on stderr and exits with status 2; Jupyter shows it without a traceback.
    """

    def _render_traceback_(self):  # IPython asks an exception for this
        return [f"{type(self).__name__}: {self}"]


class ConnectionLost(RuntimeError):
    """What a command was at work with is gone; the same command goes on later.

    Its text is one line; the command line prints it on stderr and exits with status 1.
    """

    _render_traceback_ = UserError._render_traceback_


def check_count(name: str, value, least: int = 1, most: float = math.inf) -> int:
    """The value, NumPy's numbers as Python's; UserError unless it is a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or not least <= value <= most:
        limits = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise UserError(f"{name}={in_short(value)} must be a whole number {limits}")
    return int(value)


def check_switch(name: str, value) -> bool:
    """The value, NumPy's as Python's; UserError unless it is True or False: the text "no" would count as True."""
    if isinstance(value, bool) or (getattr(value, "ndim", None) == 0 and value.dtype.kind == "b"):
        return bool(value)
    raise UserError(f"{name}={in_short(value)} must be True or False")


def check_above_zero(name: str, value):
    """UserError unless the value is a finite number above 0."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and value > 0):
        raise UserError(f"{name}={in_short(value)} must be a finite number above 0")


def check_dict(name: str, value, such_as: str):
    """UserError unless the value is a dict, or another mapping."""
    if not isinstance(value, Mapping):
        raise UserError(f"{name}={in_short(value)} must be a dict, {such_as}")


def in_short(value) -> str:
    """A value of any kind as an error names it, in one line: 'fid', [3, 7], ndarray of uint8 [5000, 28, 28, 1]."""
    if isinstance(shape := getattr(value, "shape", ()), tuple) and shape and hasattr(value, "dtype"):
        return f"{type(value).__name__} of {value.dtype} {list(shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def nearest(name: str, known) -> str:
    """' Did you mean X?' for the known name closest to `name`, capitals aside, or '' when none is close."""
    import difflib

    spelt = {str(one).casefold(): str(one) for one in known}
    matches = difflib.get_close_matches(str(name).casefold(), spelt, n=1, cutoff=0.5)
    return f" Did you mean {spelt[matches[0]]!r}?" if matches else ""


def end_signals() -> list[int]:
    """Those by which others end a program: SIGTERM, and SIGHUP of a closed terminal, unless nohup has it ignored."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    return [signal.SIGTERM] + ([hangup] if hangup and signal.getsignal(hangup) != signal.SIG_IGN else [])


@contextlib.contextmanager
def ended_as_by_ctrl_c():
    """Those signals end the block as Ctrl-C does, so that nothing half-written is left behind; in the main thread
    alone."""
    is_main = threading.current_thread() is threading.main_thread()
    old = {number: signal.signal(number, signal.default_int_handler) for number in end_signals() if is_main}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@prepared_output()
def run_command(command, program: str, arguments: list[str] | None = None):
    """Run a click command and exit: status 0, 2 after a user's mistake (one line on stderr), 1 after anything else.

    `program` is how the command is called, such as "python -m dcgan_tf"; `arguments` is by default sys.argv's.
    A warning is one line on stderr, too.
    """
    import click

    def fail(error, status):
        say(f"error: {' '.join(str(error).split())}", sys.stderr)
        sys.exit(status)

    def warn(message, category, *where, **options):
        if issubclass(category, UserWarning):  # for people: what it says, and not where in the code
            say(f"warning: {' '.join(str(message).split())}", sys.stderr)

    try:
        with warnings.catch_warnings(), ended_as_by_ctrl_c():
            warnings.showwarning = warn
            status = command.main(arguments, prog_name=program, standalone_mode=False)
    except UserError as error:
        fail(error, 2)
    except click.ClickException as error:
        hint = f" (see {error.ctx.command_path} --help)" if getattr(error, "ctx", None) else ""
        fail(error.format_message() + hint, 2)
    except ConnectionLost as error:
        fail(error, 1)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(1)  # what was saved has been said
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        name = str(error.filename or "a file")
        name = name if len(name) < 200 else f"{name[:200]} ..."
        fail(f"{name!r}: {error.strerror}: give another one", 2)
    except Exception as error:
        if type(error).__name__ != "TrainingDiverged":
            raise  # a mistake of ours: the traceback is what we need, and Python exits with 1
        fail(error, 1)
    sys.exit(status if isinstance(status, int) else 0)
