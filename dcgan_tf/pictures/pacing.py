"""Which of many pictures a film shows, and for how long each."""

import math

import numpy as np

MOST = 40  # pictures in a film: more of them make it heavier, and show hardly more
_SHORTEST, _LONGEST = 0.1, 1.0  # seconds that a picture stays
_LENGTH, _LONGEST_FILM = 8.0, 12.0  # seconds of a film, without the stay of its last picture


def pace(changes, most: int | None = MOST) -> tuple[list[int], list[float]]:
    """A film that shows more where more happens: (which pictures, how many seconds all but the last of them stay).

    changes [N - 1]: how much each of N pictures differs from the one before it, of at least 0.
    most: of more pictures than so many, those are shown between which about equally much changes, and the first and the
    last. None: all are shown.

    A picture stays the longer, the more changes until the next one, from 0.1 to 1 second, so that what is seen changes
    evenly; and so long that the film takes 8 seconds, where it has enough pictures for that.
    """
    when = np.concatenate([[0.0], np.cumsum(np.asarray(changes, float))])
    chosen = list(range(len(when)))
    if most and len(chosen) > most:
        too_little, enough = 0.0, float(when[-1])
        for _ in range(40):  # between them is the least change from one to the next that leaves so many
            middle = (too_little + enough) / 2
            is_enough = len(_apart(when, middle)) <= most
            too_little, enough = (too_little, middle) if is_enough else (middle, enough)
        chosen = _apart(when, enough)
    steps = np.diff(when[chosen])
    shortest = min(_SHORTEST, _LONGEST_FILM / max(len(steps), 1))
    length = max(_LENGTH, shortest * len(steps))
    low, high = 0.0, _LONGEST / steps.min(where=steps > 0, initial=np.inf)
    for _ in range(60):  # between them is the number of seconds per change with which the film becomes so long
        middle = (low + high) / 2
        too_long = np.clip(middle * steps, shortest, _LONGEST).sum() > length
        low, high = (low, middle) if too_long else (middle, high)
    return chosen, np.clip(low * steps, shortest, _LONGEST).tolist()


def _apart(when, least):
    """The first of these moments, those from each to the next at least so far apart, and the last."""
    chosen = [0]
    for place in range(1, len(when)):
        if when[place] - when[chosen[-1]] >= least:
            chosen.append(place)
    last = len(when) - 1
    return chosen if chosen[-1] == last else [*(chosen[:-1] or chosen), last]


def thin_frames(count: int) -> list[int]:
    """Which of `count` frames (one per epoch, counted from 0) a GIF shows, fewer as training goes on: 0, 1, 2, 4, 6,
    8, 11 ..., and the last.

    The rule of the `vrdl` report's notebook: those at which round(2 * sqrt(frame)) is a new number.
    """
    rounded = [round(2 * math.sqrt(frame)) for frame in range(count)]
    chosen = [frame for frame in range(count) if frame == 0 or rounded[frame] > rounded[frame - 1]]
    return chosen if count == 0 or chosen[-1] == count - 1 else [*chosen, count - 1]
