"""Films: labelled frames, GIFs and MP4s, which frames they have, and how long each is shown."""

import cv2
import numpy as np
import pytest
from PIL import Image

from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.films import frame, pace, thin_frames, with_caption, write_gif, write_mp4


def noise(height=20, width=30, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_frames_and_durations(tmp_path, channels):
    frames = [np.full((8, 8, channels), 50 * k, np.uint8) for k in range(5)]
    write_gif(tmp_path / "a.gif", frames, seconds_per_frame=0.25, hold_last=3)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 5
        assert gif.info["loop"] == 0
        for k in range(5):
            gif.seek(k)
            assert gif.info["duration"] == (3000 if k == 4 else 250)
            assert np.array_equal(np.asarray(gif.convert("RGB"))[:, :, :channels], frames[k])
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_gif_of_one_frame_of_equal_frames_and_of_none(tmp_path):
    write_gif(tmp_path / "a.gif", [noise()])
    write_gif(tmp_path / "a.gif", [noise()] * 3)
    assert decode(tmp_path / "a.gif").shape == (20, 30, 3)
    with pytest.raises(ValueError, match="at least one frame"):
        write_gif(tmp_path / "a.gif", [])
    with pytest.raises(ValueError, match="same shape"):
        write_gif(tmp_path / "a.gif", [noise(), noise(8, 8)])


def test_each_frame_can_have_a_time_of_its_own(tmp_path):
    write_gif(tmp_path / "a.gif", [noise(seed=number) for number in range(3)], [0.8, 0.1], hold_last=2)
    with Image.open(tmp_path / "a.gif") as gif:
        found = [(gif.seek(number), gif.info["duration"])[1] for number in range(3)]
    assert found == [800, 100, 2000]


@pytest.mark.parametrize("channels, colours, most", [(1, 32, 5), (3, 64, 60)])
def test_films_of_many_colours_have_few_of_them_and_small_files(tmp_path, channels, colours, most):
    smooth = np.linspace(0, 250, 100 * 120 * channels).reshape(100, 120, channels)
    frames = [(smooth + noise(100, 120, channels, seed) / 255 * 5).astype(np.uint8) for seed in range(4)]
    write_gif(tmp_path / "a.gif", frames)
    with Image.open(tmp_path / "a.gif") as gif:
        for number, expected in enumerate(frames):
            gif.seek(number)
            shown = np.asarray(gif.convert("RGB"))
            assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= colours
            assert np.abs(shown[..., :channels].astype(int) - expected).max() <= most
    for number in range(4):  # and those of few colours keep them exactly
        frames[number] = frames[number] // 100 * 100
    write_gif(tmp_path / "a.gif", frames)
    with Image.open(tmp_path / "a.gif") as gif:
        gif.seek(2)
        assert np.array_equal(np.asarray(gif.convert("RGB"))[..., :channels], frames[2])


def test_a_film_moves_with_the_logarithm_of_the_steps():
    steps = [0, 10, 30, 100, *range(156, 156 * 100, 156)]
    chosen, pauses = pace(steps)
    assert chosen[0] == 0 and chosen[-1] == len(steps) - 1 and len(pauses) == len(chosen) - 1
    assert 30 < len(chosen) < 50 and chosen[:8] == list(range(8))
    assert min(pauses) >= 0.1 and max(pauses) == 0.8 and 6 < sum(pauses) < 9
    middle = np.searchsorted(np.cumsum(pauses), sum(pauses) / 2)
    assert steps[chosen[middle]] < 2000  # half of the film is the first eighth of the training
    assert pace(steps, leave_out=False)[0] == list(range(len(steps)))
    assert pace([50]) == ([0], []) and pace([0, 5000]) == ([0, 1], [0.8])


def test_the_caption_stands_below_the_picture():
    picture = noise(40, 130)
    shown = with_caption(picture, "step 1,240")
    assert shown.shape == (60, 130, 3) and np.array_equal(shown[:40], picture)
    assert (shown[40:, :100] < 128).any() and (shown[40:, 100:] == 255).all()
    assert with_caption(noise(40, 100, 1), "step 1").shape == (40, 100, 1)  # too narrow for one


def test_frames_thin_out_as_the_notebook_of_vrdl_has_it():
    """Its own loop: a frame is kept when round(2 * sqrt(i)) is larger than of the one kept before it."""
    kept, last = [], -1
    for number in range(100):
        if round(2 * number**0.5) > last:
            kept, last = [*kept, number], round(2 * number**0.5)
    assert kept[:7] == [0, 1, 2, 4, 6, 8, 11]
    assert thin_frames(100) == [*kept, 99]
    assert [thin_frames(count) for count in range(4)] == [[], [0], [0, 1], [0, 1, 2]]
    assert thin_frames(8) == [0, 1, 2, 4, 6, 7]  # and the last one


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
