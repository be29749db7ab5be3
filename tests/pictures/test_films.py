"""Films: labelled frames, GIFs and MP4s, which frames they have, and how long each is shown."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.films import (
    caption_height,
    frame,
    shrunk,
    with_caption,
    write_gif,
    write_mp4,
    write_webp,
)
from dcgan_tf.pictures.pacing import pace, thin_frames


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


@pytest.mark.parametrize("channels, colours, most", [(1, 16, 16), (3, 64, 60)])
def test_films_of_many_colours_have_few_of_them_and_small_files(tmp_path, channels, colours, most):
    smooth = np.linspace(0, 250, 100 * 120 * channels).reshape(100, 120, channels)
    frames = [(smooth + noise(100, 120, channels, seed) / 255 * 5).astype(np.uint8) for seed in range(4)]
    write_gif(tmp_path / "a.gif", frames)
    for shown, expected in zip(frames_of(tmp_path / "a.gif"), frames, strict=True):
        assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= colours
        assert np.abs(shown[..., :channels].astype(int) - expected).max() <= most
    for number in range(4):  # and those of few colours keep them exactly
        frames[number] = frames[number] // 100 * 100
    for write, name in ((write_gif, "a.gif"), (write_webp, "a.webp")):
        write(tmp_path / name, frames)
        assert np.array_equal(frames_of(tmp_path / name)[2][..., :channels], frames[2])


def frames_of(path):
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_webp_is_the_same_film_and_what_a_caption_says_changes_no_pixel_above_it(tmp_path, channels):
    x = np.linspace(0, 3, 160)
    pictures = [(np.sin(x[:, None, None] * x[:160, None] + k + np.arange(channels)) * 127 + 128) for k in range(5)]
    films = []
    for seconds in (3, 77):
        frames = [with_caption(picture.astype(np.uint8), f"step {seconds * k}") for k, picture in enumerate(pictures)]
        write_gif(tmp_path / "a.gif", frames, [0.8, 0.1, 0.2, 0.3], caption=caption_height(160))
        assert write_webp(tmp_path / "a.webp", frames, [0.8, 0.1, 0.2, 0.3], caption=caption_height(160))
        films.append(frames_of(tmp_path / "a.gif"))
    assert all(np.array_equal(one[:160], other[:160]) for one, other in zip(*films, strict=True))
    assert any(not np.array_equal(one, other) for one, other in zip(*films, strict=True))
    light = frames_of(tmp_path / "a.webp")
    assert len(light) == 5 and (tmp_path / "a.webp").stat().st_size < (tmp_path / "a.gif").stat().st_size
    for mine, others in zip(light, films[1], strict=True):
        away = np.abs(mine.astype(int) - others)
        assert away.max() == 0 if channels == 1 else away.mean() < 12
    with Image.open(tmp_path / "a.webp") as film:
        stays = [(film.seek(k), film.load(), film.info["duration"])[2] for k in range(5)]
    assert stays == [800, 100, 200, 300, 2000]


def test_a_film_shows_more_where_more_happens():
    changes = [4.0, 30.0, 20.0, 10.0, *[1.0] * 200]
    chosen, pauses = pace(changes)
    assert 35 <= len(chosen) <= 40 and chosen[0] == 0 and chosen[-1] == 204 and len(pauses) == len(chosen) - 1
    assert chosen[:3] == [0, 2, 3] and set(np.diff(chosen[4:-2])) == {6}  # 6 of change are the least that is shown
    assert sum(pauses) == pytest.approx(8) and min(pauses) >= 0.1 and max(pauses) == pauses[0] <= 1
    everything, pauses = pace(changes, most=None)  # too many for 8 seconds
    assert everything == list(range(205)) and sum(pauses) == pytest.approx(12)
    assert pace([1.0, 1.0]) == ([0, 1, 2], [1.0, 1.0]) and pace([0.0, 0.0]) == ([0, 1, 2], [0.1, 0.1])
    assert pace([]) == ([0], [])


@pytest.mark.parametrize("width", [130, 484, 640])
def test_the_caption_stands_below_the_picture(width):
    picture, height = noise(40, width), caption_height(width)
    shown = with_caption(picture, "epoch 1,240  ·  1:02 min")
    assert shown.shape == (40 + height, width, 3) and np.array_equal(shown[:40], picture) and 18 <= height <= 32
    assert (shown[40:, :120] < 128).any() and (shown[40:, -1] == 255).all()
    assert with_caption(noise(40, 100, 1), "step 1").shape == (40, 100, 1)  # too narrow for one


def test_a_large_picture_is_averaged_over_whole_pixels():
    large = np.tile(np.arange(1042) // 8, (1042, 1))[..., None].astype(np.uint8)  # 8x8 images of 128x128
    small = shrunk(large)
    assert small.shape == (521, 521, 1) and np.array_equal(small[3, :, 0], np.arange(521) // 4)
    assert shrunk(large[:, :500]).shape == (1042, 500, 1)  # tall, and no larger


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
