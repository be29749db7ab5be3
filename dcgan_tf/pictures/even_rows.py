"""A history whose rows stand for about as many steps each: what curves and alarms look at."""

import numpy as np


def even_rows(history: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`Run.history()` with its short rows joined to the ones after them, or at the end to the one before.

    The history has a row for every interval and one at each epoch's end, which may be of a single step: as
    noisy as one step is, and drawn like the mean of fifty. A row shorter than half the usual length is joined;
    means are weighted by steps, and `step`, `epoch` and `seconds` are those at the joined row's end.
    """
    steps = np.asarray(history["step"])
    if len(steps) < 2:
        return history
    lengths = np.maximum(np.diff(steps, prepend=0), 1)
    short = np.percentile(lengths, 75, method="nearest") / 2
    ends, joined = [], 0
    for row, length in enumerate(lengths):
        joined += length
        if joined >= short:
            ends.append(row)
            joined = 0
    ends = ends or [len(steps) - 1]
    ends[-1] = len(steps) - 1  # what is left over belongs to the last one
    firsts = np.array([0, *(end + 1 for end in ends[:-1])])
    weights = np.add.reduceat(lengths, firsts)
    at_end = {name: np.asarray(history[name])[ends] for name in ("step", "epoch", "seconds") if name in history}
    means = {
        name: np.add.reduceat(np.asarray(values, float) * lengths, firsts) / weights
        for name, values in history.items()
        if name not in at_end
    }
    return {name: at_end.get(name, means.get(name)) for name in history}
