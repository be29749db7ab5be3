"""The contact sheet: some pictures as a training would see them, classes in rows, near-duplicates side by side."""

import numpy as np

from dcgan_tf.data.decoding import decode
from dcgan_tf.data.images import resize, square
from dcgan_tf.data.survey.values import spread_over
from dcgan_tf.pictures.sheets import sheet

_ACROSS, _DOWN = 12, 8


def contact_sheet(source, survey, size: int, labels=None, title: str = ""):
    """A Picture (see pictures/picture.py) of pictures spread over the source, squared and size x size.

    labels: the Labels of the usable ones; where they are classes, each of the first eight has a row.
    """
    usable = survey.usable.reset_index()  # `index`: the place in the source
    rows, cells = [], []
    if labels is not None and labels.are_classes and len(labels.seen) > 1:
        for number in labels.seen[:_DOWN]:
            of_class = np.flatnonzero(labels.rows == number)
            rows.append(f"{labels.spoken[number]}\n{len(of_class):,}")
            cells.append(of_class[spread_over(len(of_class), _ACROSS)].tolist())
    else:
        places = spread_over(len(usable), _ACROSS * _DOWN)
        cells = [places[first : first + _ACROSS] for first in range(0, len(places), _ACROSS)]
        rows = [""] * len(cells)
    gaps, place_of = (), {name: place for place, name in enumerate(usable["name"])}
    again = usable[usable["near_duplicate_of"] != ""]
    if len(again):
        gaps = (len(cells) - 1,)
        some = again.iloc[spread_over(len(again), _ACROSS // 2)]
        pairs = [(place_of[row.near_duplicate_of], row.Index) for row in some.itertuples()]
        rows.append("nearly the same,\nin pairs")
        cells.append([place for pair in pairs for place in pair])
    across = max(map(len, cells))
    images = usable["index"].tolist()
    shown = [
        [_as_trained(source, images[place], size) for place in row] + [None] * (across - len(row)) for row in cells
    ]
    return sheet(shown, rows if any(rows) else None, title=title, gaps_after=gaps)


def _as_trained(source, index, size):
    data = source.read(index)
    image = data if isinstance(data, np.ndarray) else decode(data)
    return resize(square(image), size)
