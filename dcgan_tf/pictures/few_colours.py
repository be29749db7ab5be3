"""Frames of a film in few colours, which makes it light: a palette that is fitted to all of them."""

import math

import numpy as np
from PIL import Image

_GRAYS, _COLOURS = 16, 60  # that are fitted to many; so few as _EXACT stay as they are
_EXACT = 64
_OF_TEXT = np.array([0x22, 0x66, 0xAA, 0xFF])  # grays in which a caption is legible


def with_few_colours(frames, caption: int = 0) -> list[Image.Image]:
    """Frames uint8 [H, W] or [H, W, 3] as pictures of one palette.

    The colours are exact where there are at most 64, else fitted: 16 grays, or 60 colours. caption: so many rows at the
    bottom are text, for which a few grays are added: the palette, and so all that is above, does not depend on it.
    """
    frames, of_text = _gray_as_gray(frames), _OF_TEXT if caption else _OF_TEXT[:0]
    above = [frame[: len(frame) - caption] for frame in frames]
    if frames[0].ndim == 2:
        counts = sum(np.bincount(frame.ravel(), minlength=256) for frame in above)
        levels = np.flatnonzero(counts) if np.count_nonzero(counts) <= _EXACT else _fitted_levels(counts)
        levels = np.union1d(levels, [gray for gray in of_text if np.abs(levels - gray).min() > 20])
        nearest = np.abs(np.arange(256)[:, None] - levels).argmin(axis=1).astype(np.uint8)
        return [_indexed(nearest[frame], np.repeat(levels, 3)) for frame in frames]
    colours = _colours_of(above)
    if len(colours) > _EXACT:  # the upper five bits of each colour are enough to choose by, and quick
        colours, frames = _fitted_colours(above), [frame & 0xF8 | 4 for frame in frames]
    palette = np.concatenate([colours, np.repeat(of_text[:, None], 3, axis=1)])
    packed = [_packed(frame) for frame in frames]
    found = _seen(packed)
    nearest = np.zeros(1 << 24, np.uint8)
    nearest[found] = np.square(_unpacked(found)[:, None] - palette).sum(axis=-1).argmin(axis=1)
    return [_indexed(nearest[places], palette) for places in packed]


def are_few(frames) -> bool:
    """Whether frames uint8 [H, W] or [H, W, 3] are gray, or of at most 64 colours."""
    frames = _gray_as_gray(frames)
    return frames[0].ndim == 2 or len(_colours_of(frames)) <= _EXACT


def _gray_as_gray(frames):
    is_gray = frames[0].ndim == 3 and all((frame == frame[..., :1]).all() for frame in frames)
    return [frame[..., 0] for frame in frames] if is_gray else frames


def _colours_of(frames):
    """The colours that occur, [N, 3]; where one frame has more than 64, its own."""
    found = _seen([_packed(frames[0])])
    return _unpacked(found if len(found) > _EXACT else _seen(map(_packed, frames)))


def _packed(frame):
    """Red, green and blue as one number."""
    return frame.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)


def _unpacked(numbers):
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=-1)


def _seen(packed):
    """The numbers that occur in some arrays, in order: quicker than np.unique, which sorts all pixels."""
    seen = np.zeros(1 << 24, bool)
    for numbers in packed:
        seen[numbers] = True
    return np.flatnonzero(seen)


def _fitted_levels(counts):
    """The grays that are nearest, in the mean of squares, to those that occur so often [256] (Lloyd 1982)."""
    return np.unique(_lloyd(np.arange(256)[:, None], counts, np.linspace(0, 255, _GRAYS).round().astype(int)[:, None]))


def _fitted_colours(frames):
    """The same for the colours of some pixels of some frames, [60, 3]: all that occur have one that is near."""
    shown = np.linspace(0, len(frames) - 1, min(8, len(frames))).round().astype(int)
    apart = max(1, round(math.sqrt(len(shown) * frames[0][..., 0].size / 100_000)))
    sample = np.concatenate([frames[place][::apart, ::apart] for place in shown])
    palette = Image.fromarray(sample).quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).getpalette()
    packed = _packed(sample & 0xF8 | 4).ravel()
    found = _seen([packed])
    return _lloyd(_unpacked(found), np.bincount(np.searchsorted(found, packed)), np.reshape(palette, (-1, 3)))


def _lloyd(points, counts, centres):
    """Centres [K, C], moved to the middles of those of the points [N, C] that are nearest to them, until they stay.

    Whole numbers throughout: no rounding that another processor would do otherwise.
    """
    for _ in range(30):
        before = centres
        cells = np.square(points[:, None] - centres).sum(axis=-1).argmin(axis=1)
        held = np.bincount(cells, counts, len(centres))[:, None]
        sums = np.stack([np.bincount(cells, counts * column, len(centres)) for column in points.T], axis=-1)
        centres = np.where(held > 0, sums / np.maximum(held, 1), centres).round().astype(int)
        if np.array_equal(centres, before):
            break
    return centres


def _indexed(places, palette):
    picture = Image.fromarray(places, "P")
    picture.putpalette(np.asarray(palette).astype(np.uint8).tobytes())
    return picture
