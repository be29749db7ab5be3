"""Curves: any length of history is readable, and nothing is stretched."""

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from dcgan_tf.pictures.curves import curves, live_view, running_mean
from dcgan_tf.run.records import HISTORY_COLUMNS


def history(count, **columns):
    values = {name: np.linspace(0.2, 0.8, count) for name in HISTORY_COLUMNS}
    return {**values, "step": np.arange(1, count + 1) * 50, **columns}


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png(72))).convert("RGB"))


def test_a_picture_shows_itself_without_pyplot():
    bundle, metadata = curves(history(3))._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert Image.open(io.BytesIO(bundle["image/png"])).width > metadata["image/png"]["width"]  # sharp on any screen


@pytest.mark.parametrize("count", [0, 1, 5, 5000])
def test_curves_of_any_length(count):
    picture = curves(history(count), title="a run")
    losses, scores = picture.axes
    assert losses.get_xlabel() == scores.get_xlabel() == "step"
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["generator", "discriminator"]
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ["D(real)", "D(fake)"]
    assert len(losses.lines) == (4 if count == 5000 else 2)  # with many rows a faint raw line under each
    assert pixels(picture).min() < 100


def test_the_line_at_one_half_is_for_probabilities_only():
    probabilities = curves(history(5)).axes[1]
    critic = curves(history(5, discriminator_real=np.full(5, 7.0))).axes[1]
    assert [0.5, 0.5] in [list(line.get_ydata()) for line in probabilities.lines]
    assert [0.5, 0.5] not in [list(line.get_ydata()) for line in critic.lines]
    assert critic.get_ylim()[1] > 7


def test_running_mean_uses_what_there_is_at_the_ends():
    np.testing.assert_allclose(running_mean(np.array([0.0, 3.0, 6.0, 9.0]), 3), [1.5, 3, 6, 7.5])


def test_rows_of_few_steps_are_no_spikes():
    steps = np.array([50, 100, 102, 152, 202, 204, 254, 255])  # epochs of 102 steps, and a stop
    values = np.array([1.0, 1, 9, 1, 1, 9, 1, 9])
    drawn = curves(history(8, step=steps, generator_loss=values)).axes[0].lines[0]
    assert drawn.get_xdata().tolist() == [50, 100, 152, 202, 255]
    np.testing.assert_allclose(drawn.get_ydata(), [1, 1, (2 * 9 + 50) / 52, 1, (2 * 9 + 50 + 9) / 53])


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_no_number_stands_twice_below_the_curves(step):
    axes = curves(history(1, step=np.array([step]))).axes[0]
    FigureCanvasAgg(axes.figure).draw()
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert len(set(labels)) == len(labels) >= 2 and labels[0] == "0"


@pytest.mark.parametrize("channels", [1, 3])
def test_live_view(channels):
    grid = np.full((50, 50, channels), 200, np.uint8)
    picture = live_view(grid, history(40), "epoch 3")
    assert len(picture.axes) == 3
    assert (pixels(picture) == 200).all(axis=2).sum() > 1000  # 200 is drawn as 200: no stretching
    images, real = (np.full((8, 10, 10, channels), gray, np.uint8) for gray in (90, 30))
    near = (images, real, [f"0.{number}" for number in range(8)], "nearest")
    whole = live_view(grid, history(40), "epoch 3", (np.full_like(grid, 120), "a minute ago"), near)
    drawn = pixels(whole)[..., 0]
    where = {gray: np.median(np.argwhere(drawn == gray), axis=0) for gray in (200, 120, 90, 30)}
    assert where[120][1] > where[200][1] + 300 and abs(where[120][0] - where[200][0]) < 3  # beside each other
    assert where[30][0] > where[90][0] + 50 > where[200][0] + 300  # and the real ones at the bottom
    assert {text.get_text() for text in whole.texts} >= {"now", "a minute ago", "nearest", "0.7", "epoch 3"}
