"""Sheets and films of labelled pictures."""

import cv2
import numpy as np
import pytest

from dcgan_tf.data.images import decode
from dcgan_tf.pictures.sheets import frame, sheet, write_mp4


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


def test_films_become_mp4_that_can_be_played(tmp_path):
    frames = [frame(np.full((2, 16, 16, 1), 40 * n, np.uint8), ["left", "right"], side=64) for n in range(6)]
    assert frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0
    write_mp4(tmp_path / "film.mp4", frames, 0.1)
    film = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    middles = []
    while (read := film.read())[0]:
        assert read[1].shape == frames[0].shape
        middles.append(int(read[1][60, 40, 0]))
    np.testing.assert_allclose(middles, 40 * np.arange(6), atol=6)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
