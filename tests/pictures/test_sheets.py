"""Sheets of labelled pictures."""

import numpy as np
import pytest

from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.sheets import sheet


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_shows_every_cell_unchanged(channels, tmp_path):
    cells = np.zeros((2, 3, 8, 8, channels), np.uint8)
    cells += np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * 40
    picture = sheet(cells, rows=["a", "b"], columns="xyz", texts=[["t"] * 3] * 2, title="T", note="n " * 200)
    (tmp_path / "s.png").write_bytes(picture.png())
    values, counts = np.unique(decode(tmp_path / "s.png", channels=1), return_counts=True)
    scale = 20  # 160 pixels wide
    for value in np.arange(6) * 40:
        assert counts[values == value] >= (8 * scale) ** 2 * 0.98, value
    words = [text.get_text() for text in picture.texts]
    assert {"a", "b", "x", "y", "z", "T"} <= set(words) and words.count("t") == 6
