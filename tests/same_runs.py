"""Whether two runs are the same: weights, moments, history, grids and film."""

import numpy as np
from PIL import Image, ImageSequence

from dcgan_tf.pictures.films import caption_height
from dcgan_tf.run import checkpoints


def assert_same(run, other):
    """All but what a clock says, bit for bit."""
    newest, others = (checkpoints.read(checkpoints.all_checkpoints(r.checkpoints_path)[0])[0] for r in (run, other))
    assert set(newest) == set(others) and "generator_optimizer/000" in newest
    assert [name for name in newest if not np.array_equal(newest[name], others[name])] == []
    exact = [name for name in run.rows()[0] if "second" not in name]
    assert [[row[name] for name in exact] for row in run.rows()] == [
        [row[name] for name in exact] for row in other.rows()
    ]
    assert [p.name for p in run.grids()] == [p.name for p in other.grids()]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(run.grids(), other.grids(), strict=True))
    assert_same_film(run, other)


def assert_same_film(run, other):
    """All but the strip below the grids, which has the seconds: two runs that are the same take different ones."""
    films = [_frames(found.gif_path) for found in (run, other)]
    assert len(films[0]) == len(films[1]) > 1
    for (mine, stays), (others, others_stay) in zip(*films, strict=True):
        height = len(mine) - caption_height(mine.shape[1])
        assert stays == others_stay and np.array_equal(mine[:height], others[:height])


def _frames(path):
    with Image.open(path) as gif:
        return [(np.asarray(frame.convert("RGB")), frame.info["duration"]) for frame in ImageSequence.Iterator(gif)]
