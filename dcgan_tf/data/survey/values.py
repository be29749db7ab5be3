"""Which values the pictures of a source use; some, spread over it, are looked at. TensorFlow is not imported."""

import contextlib

import numpy as np

from dcgan_tf.data.decoding import ImageError, decode, histogram
from dcgan_tf.system.errors import UserError

FAINT = 64  # images whose values span less of 0 to 255 are hard to see, and to learn from
_LOOKED_AT = 200  # pictures that say which values are in use
_FOR_COLOUR = 50  # ... and whether there is colour


def spread_over(total: int, count: int) -> list[int]:
    """At most `count` of the numbers 0 to total - 1, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, count)).astype(int)).tolist()


def levels_of(source) -> list[float]:
    """Between which values nearly all pixels of some of a source's pictures lie, as parts of the whole range.

    Left out is the thousandth that is darkest, and the one that is brightest: single hot pixels, letters.
    Raises UserError when all pixels are of one value.
    """
    counts = np.zeros(65536, np.int64)
    for data in _some_of(source, _LOOKED_AT):
        with contextlib.suppress(ImageError):
            counts += histogram(data)
    if counts.sum() == 0:
        return [0.0, 1.0]
    low, high = nearly_all(counts)
    if low >= high:
        raise UserError(f"pictures of {source.description!r} are of one gray, which cannot be stretched: leave it out")
    return [low / 65535, high / 65535]


def nearly_all(counts) -> tuple[int, int]:
    """Between which values nearly all lie, all but one in 1,000 at each end. counts: how often each occurs [values]."""
    shares = np.cumsum(counts) / max(1, np.sum(counts))
    return tuple(int(np.searchsorted(shares, share, side="right")) for share in (0.001, 0.999))


def own_channels(source) -> int:
    """3 when any of some pictures spread over the source is a colour picture, else 1."""
    for data in _some_of(source, _FOR_COLOUR):
        with contextlib.suppress(ImageError):
            if decode(data).shape[2] == 3:
                return 3
    return 1


def _some_of(source, count):
    """The bytes of some pictures; those that cannot be had are passed over."""
    for index in spread_over(len(source.names), count):
        with contextlib.suppress(ImageError):
            data = source.read(index)
            yield data[0] if isinstance(data, tuple) else data


def faint_note(values: tuple[int, int], how_to_stretch: str = "") -> list[str]:
    """What to say of images of that range (see stored.value_range) when they use little of 0 to 255, or nothing."""
    if values[1] - values[0] >= FAINT:
        return []
    note = f"these images use little of the range 0 to 255: nearly all pixels are from {values[0]} to {values[1]}"
    return [f"{note}; {how_to_stretch} spreads what is in use over all of it" if how_to_stretch else note]
