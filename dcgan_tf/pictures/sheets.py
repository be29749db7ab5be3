"""Labelled sheets of images: layout only, arrays in, pictures out.

All images are pasted into one array of the pixels that the saved picture has, and the texts are written around them.
"""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from dcgan_tf.pictures.grids import enlarge, without_gray_axis
from dcgan_tf.pictures.picture import DOTS_PER_INCH, GRAY, TEXT, Picture

_WIDEST, _HIGHEST = 1480, 3000  # pixels: what a notebook's page shows
_LETTER = 0.0083  # inches that a letter takes, for each point of its size
_LINE = 0.17  # inches from one line of a caption to the next


class Caption(NamedTuple):
    """One line under a cell."""

    text: str
    colour: str = GRAY
    bold: bool = False


def sheet(
    cells: Sequence[Sequence],
    rows: Sequence | None = None,
    columns: Sequence | None = None,
    texts: Sequence[Sequence[str]] | None = None,
    captions: Sequence[Sequence[Sequence[Caption]]] | None = None,
    title: str = "",
    note: str = "",
    gaps_after=(),
    column_gaps_after=(),
) -> Picture:
    """Images in rows and columns with their names.

    cells: [R][C], each an image uint8 [H, W, 1 or 3], a text that stands in its place, or None for nothing. Images
    of one shape that fit have each pixel as a square of whole pixels of the saved picture; others are fitted in.
    rows, columns: a text for each, left of it and over it. texts: [R][C], a small text over each cell.
    captions: [R][C], lines under each cell. note: some lines under the title.
    gaps_after, column_gaps_after: rows and columns with more space behind.
    """
    count, across = len(cells), max(len(line) for line in cells)
    is_captioned = any(lines for row in captions or () for lines in row)
    height, width = _cell_size(
        [cell for line in cells for cell in line if _is_image(cell)], count, across, is_captioned
    )
    room = (width + 8) / DOTS_PER_INCH
    captions = [[_wrapped(lines, room) for lines in row] for row in captions or ()]
    lines = max((len(lines) for row in captions for lines in row), default=0)
    below = round((_LINE * lines + 0.05) * DOTS_PER_INCH) if lines else 0
    tops = _places(count, height + below, 30 if texts is not None else 0, 8, gaps_after, 24)
    lefts = _places(across, width, 0, 8, column_gaps_after, 40)
    page = np.full((tops[-1], lefts[-1], 3), 255, np.uint8)
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            _paste(page, cell, tops[row], lefts[column], height, width)
    names = ["\n".join(textwrap.fill(line, 26) for line in str(name).split("\n")) for name in rows or ()]
    left = 0.12 + max((0.075 * max(map(len, name.split("\n"))) for name in names if name), default=-0.05)
    image_height, image_width = (side / DOTS_PER_INCH for side in page.shape[:2])
    figure_width = max(left + image_width + 0.1, 4.0)
    letters = int((figure_width - 0.2) / 0.072)
    title, note = textwrap.wrap(title or "", int(letters * 0.88)), textwrap.wrap(note, int(letters * 1.08))
    above = 0.1 + 0.19 * len(title) + 0.165 * len(note) + (0.24 if columns is not None else 0.06)
    figure_height = above + image_height + 0.08
    figure = Picture(figsize=(figure_width, figure_height))

    def write(x, y, text, **style):  # in inches from the upper left
        figure.text(x / figure_width, 1 - y / figure_height, str(text), **{"color": TEXT, "fontsize": 9, **style})

    def middle_of(column):
        return left + (lefts[column] + width / 2) / DOTS_PER_INCH

    axes = figure.add_axes(
        (left / figure_width, 0.08 / figure_height, image_width / figure_width, image_height / figure_height)
    )
    axes.imshow(page, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for number, text in enumerate(title):
        write(0.1, 0.08 + 0.19 * number, text, va="top", fontsize=11, weight="bold")
    for number, text in enumerate(note):
        write(0.1, 0.1 + 0.19 * len(title) + 0.165 * number, text, va="top", color=GRAY)
    for row, name in enumerate(names):
        middle = above + (tops[row] + height / 2) / DOTS_PER_INCH
        write(left - 0.07, middle, name, ha="right", va="center", linespacing=1.05)
    for column, name in enumerate(columns if columns is not None else ()):
        size = _size_for(str(name), room, 9)
        write(middle_of(column), above - 0.03, name, ha="center", va="bottom", fontsize=size)
    for row, line in enumerate(cells):
        top, bottom = above + tops[row] / DOTS_PER_INCH, above + (tops[row] + height) / DOTS_PER_INCH
        for column, cell in enumerate(line):
            x = middle_of(column)
            if texts is not None:
                write(x, top - 0.02, texts[row][column], ha="center", va="bottom", fontsize=8)
            if isinstance(cell, str):
                size = _size_for(cell, room, 9)
                write(x, (top + bottom) / 2, cell, ha="center", va="center", fontsize=size, color=GRAY)
            for number, caption in enumerate(captions[row][column] if captions else ()):
                style = {"color": caption.colour, "weight": "bold" if caption.bold else "normal"}
                size = _size_for(caption.text, room, 8)
                write(x, bottom + 0.05 + _LINE * number, caption.text, ha="center", va="top", fontsize=size, **style)
    return figure


def _is_image(cell):
    return cell is not None and not isinstance(cell, str)


def _cell_size(images, count, across, is_captioned):
    """(height, width) of all cells in pixels of the saved picture: whole times an image's, where that fits."""
    usual = 320 if is_captioned else 160  # pixels: a caption needs room
    if not images:
        return usual, usual
    shapes = np.array([np.shape(image)[:2] for image in images])
    height, width = round(np.median(shapes[:, 0] / shapes[:, 1]) * shapes[:, 1].max()), shapes[:, 1].max()
    scale = min(_WIDEST // ((width + 2) * across), _HIGHEST // ((height + 2) * count), -(-usual // width))
    least = usual * 2 // 3 if is_captioned else width
    shown = width * scale if scale else min(width, _WIDEST // across)
    if shown < least:  # then the sheet is larger than a page
        shown = width * (least // width) if width <= least else least
    return max(1, round(height * shown / width)), int(shown)


def _paste(page, cell, top, left, height, width):
    """Draw a cell into its place of the page: an image as large as fits, a thin frame around a text."""
    place = page[top : top + height, left : left + width]
    if isinstance(cell, str):
        place[:] = 221
        place[1:-1, 1:-1] = 255
    if not _is_image(cell):
        return
    image = np.asarray(cell)
    factor = min(height / image.shape[0], width / image.shape[1])
    if factor >= 1 and (image.shape[1] < 128 or factor == int(factor)):
        image = enlarge(image, int(factor))  # the pixels of a small image are what is looked at
    else:
        size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        image = np.asarray(Image.fromarray(without_gray_axis(image)).resize(size, Image.Resampling.LANCZOS))
        image = image[..., None] if image.ndim == 2 else image
    down, right = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    place[down : down + image.shape[0], right : right + image.shape[1]] = image


def _wrapped(captions, inches):
    """The lines of a cell, those that are long divided."""
    letters = max(10, int(inches / (_LETTER * 7.5)))
    return [Caption(part, *style) for text, *style in captions for part in textwrap.wrap(text, letters) or [""]]


def _size_for(text, inches, most):
    """The size of letters, at most `most` points, in which the text is no wider than that."""
    return min(most, inches / (_LETTER * max(len(text), 1)))


def _places(count, size, before, gap, wider_after, extra):
    """Where each of `count` parts begins, with so much room before it and between two; last, where all ends."""
    places, here = [], 0
    for index in range(count):
        places.append(here + before)
        here = places[-1] + size + gap + (extra if index in wider_after else 0)
    return [*places, places[-1] + size]
