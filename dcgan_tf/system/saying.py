"""What a program says on its standard output and error: no work is lost for a line that cannot be said."""

import contextlib
import io
import os
import sys


def say(text: str, file=None):
    """Print a line at once, on standard output; one that nobody can be told, since the pipe or terminal is closed or
    the disk full, goes unsaid."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: of a stream that Python has closed
        print(text, file=file, flush=True)


def counted(count: int, what: str) -> str:
    """For people: '1 run', '2 classes', '1,000 images', for `what` in the singular."""
    return f"{count:,} {what}{'' if count == 1 else 'es' if what.endswith('s') else 's'}"


def say_any_name():
    """From now on, what the encoding of the output lacks, as a name may, is said as \\u65e5: Windows writes cp1252 into
    files and pipes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            with contextlib.suppress(OSError, ValueError):  # of one on which nothing can be said
                stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def prepared_output():
    """For a command: any name can be said; and what is still unsaid in the end, and cannot be said, is forgotten, for
    which Python would end with another exit status."""
    say_any_name()
    try:
        yield
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            try:
                stream.flush()
            except (OSError, ValueError):
                with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nobody:
                    os.dup2(nobody.fileno(), stream.fileno())
