"""Labelled sheets of images: layout only, arrays in, pictures out."""

import textwrap

import numpy as np

from dcgan_tf.pictures.picture import Picture

_DOTS = 144  # per inch, as Picture.png
_WIDEST, _HIGHEST = 1480, 3000  # pixels: what a notebook's page shows
_TEXT, _FAINT = "#222222", "#666666"


def sheet(
    cells, rows=None, columns=None, texts=None, title="", note="", gaps_after=(), column_gaps_after=()
) -> Picture:
    """Images in rows and columns with their names: cells uint8 [R, C, H, W, 1 or 3].

    rows, columns: a text for each, left of it and over it. texts: [R][C], a small text over each cell.
    note: a line or two under the title. gaps_after, column_gaps_after: rows and columns with more space behind.
    Every pixel of an image becomes a square of the same whole number of pixels of the saved picture.
    """
    cells = np.asarray(cells)
    count, across, height, width, channels = cells.shape
    scale = min(_WIDEST // ((width + 2) * across), _HIGHEST // ((height + 2) * count), -(-160 // width))
    scale = max(1, scale)
    gap = max(3, 8 // scale)
    head = -(-30 // scale) if texts is not None else 0
    tops = _places(count, height, head, gap, gaps_after, 3 * gap)
    lefts = _places(across, width, 0, gap, column_gaps_after, 5 * gap)
    picture = np.full((tops[-1], lefts[-1], channels), 255, np.uint8)
    for row in range(count):
        for column in range(across):
            top, left = tops[row], lefts[column]
            picture[top : top + height, left : left + width] = cells[row, column]
    inch = scale / _DOTS
    names = ["\n".join(textwrap.fill(line, 26) for line in str(name).split("\n")) for name in rows or ()]
    left = 0.12 + max((0.075 * max(map(len, name.split("\n"))) for name in names), default=-0.05)
    image_width, image_height = picture.shape[1] * inch, picture.shape[0] * inch
    figure_width = max(left + image_width + 0.1, 4.0)
    letters = int((figure_width - 0.2) / 0.072)
    title, note = textwrap.wrap(title, int(letters * 0.88)), textwrap.wrap(note, int(letters * 1.08))
    above = 0.1 + 0.19 * len(title) + 0.165 * len(note) + (0.24 if columns is not None else 0.06)
    figure_height = above + image_height + 0.08
    figure = Picture(figsize=(figure_width, figure_height))

    def write(x, y, text, **style):  # in inches from the upper left
        figure.text(x / figure_width, 1 - y / figure_height, text, **{"color": _TEXT, "fontsize": 9, **style})

    axes = figure.add_axes(
        (left / figure_width, 0.08 / figure_height, image_width / figure_width, image_height / figure_height)
    )
    shown = picture[..., 0] if channels == 1 else picture
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for line, text in enumerate(title):
        write(0.1, 0.08 + 0.19 * line, text, va="top", fontsize=11, weight="bold")
    for line, text in enumerate(note):
        write(0.1, 0.1 + 0.19 * len(title) + 0.165 * line, text, va="top", color=_FAINT)
    for row, name in enumerate(names):
        middle = above + (tops[row] + height / 2) * inch
        write(left - 0.07, middle, name, ha="right", va="center", linespacing=1.05)
    for column, name in enumerate(columns if columns is not None else ()):
        write(left + (lefts[column] + width / 2) * inch, above - 0.03, str(name), ha="center", va="bottom")
    for row, line in enumerate(texts if texts is not None else ()):
        for column, text in enumerate(line):
            y = above + tops[row] * inch - 0.02
            write(left + (lefts[column] + width / 2) * inch, y, str(text), ha="center", va="bottom", fontsize=8)
    return figure


def _places(count, size, before, gap, wider_after, extra):
    """Where each of `count` parts begins, with so much room before it and between two; last, where all ends."""
    places, here = [], 0
    for index in range(count):
        places.append(here + before)
        here = places[-1] + size + gap + (extra if index in wider_after else 0)
    return [*places, places[-1] + size]
