"""Images laid out side by side, and pictures on disk."""

import numpy as np
import pytest

from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.grids import enlarge, grid, save_png
from dcgan_tf.system.errors import UserError


def noise(height=20, width=30, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 16, 17])
def test_a_grid_shows_every_image(count):
    batch = np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 1), np.uint8)
    picture = grid(batch, background=0)
    values, areas = np.unique(picture, return_counts=True)
    assert values.tolist() == list(range(count + 1))
    assert set(areas[1:]) == {12}


def test_grid_layout():
    batch = noise(2 * 3, 4).reshape(3, 2, 4, 3)
    picture = grid(batch, columns=2, padding=1, background=(1, 2, 3))
    assert picture.shape == (7, 11, 3)
    assert np.array_equal(picture[1:3, 6:10], batch[1])
    assert np.array_equal(picture[4:6, 1:5], batch[2])
    assert (picture[4:, 6:] == (1, 2, 3)).all()
    with pytest.raises(ValueError, match="uint8 images"):
        grid(batch.astype(float))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_comes_back_and_leaves_nothing_else(tmp_path, channels):
    image = noise(channels=channels)
    save_png(tmp_path / "a.png", image)
    assert np.array_equal(decode(tmp_path / "a.png"), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    save_png(tmp_path / "a.png", noise())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcgan_tf.system.files.os.replace", full)
    with pytest.raises(UserError, match="the disk is full"):
        save_png(tmp_path / "a.png", noise(seed=1))
    assert np.array_equal(decode(tmp_path / "a.png"), noise())
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_enlarge_repeats_pixels():
    assert enlarge(np.array([[[1], [2]]], np.uint8), 2)[:, :, 0].tolist() == [
        [1, 1, 2, 2],
        [1, 1, 2, 2],
    ]
    assert enlarge(np.zeros((7, 4, 5, 3), np.uint8), 3).shape == (7, 12, 15, 3)
