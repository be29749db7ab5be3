"""The one kind of error that is the user's to mend."""


class UserError(ValueError):
    """A mistake in what the user gave: a name, a value, a file.

    Its text is one line that names the value, says what was expected and what to try next.
    The command line prints that line on stderr and exits with status 2; nothing else is printed.
    """


def nearest(name: str, known) -> str:
    """' Did you mean X?' for the known name closest to `name`, or '' when none is close."""
    import difflib

    matches = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""
