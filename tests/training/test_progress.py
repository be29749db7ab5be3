"""What a person sees while a training runs."""

import sys
import types

import numpy as np
import pytest

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.decoding import decode
from dcgan_tf.evaluation.neighbours import nearest_real
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError
from dcgan_tf.training import clock
from dcgan_tf.training import progress as module
from dcgan_tf.training.progress import (
    NoProgress,
    NotebookProgress,
    choose_progress,
    describe_epochs,
    describe_seconds,
    epochs_over,
)
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

TINIEST = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "image_size": 8, "ema_images": 500}


class Watcher(NoProgress):
    """Somebody who wants a picture whenever one can be had, and the nearest real images with it."""

    is_live = True

    def __init__(self):
        self.seen, self.found, self.said = [], [], []

    def wants_picture(self):
        return True

    def picture(self, step, grid):
        self.seen.append((step, grid))
        self.found.append((grid, self.nearest()))

    def interval(self, row, grid):
        self.seen.append((row["step"], grid))

    def say(self, text):
        self.said.append(text)


def test_whoever_watches_sees_more_and_the_run_is_the_same(tmp_path, monkeypatch):
    watched, watcher = tmp_path / "watched", Watcher()
    options = {"steps": 13, "overrides": TINIEST, "log_every": 5, "keep_samples": True}
    with monkeypatch.context() as patch:  # as if it were long: what another recipe would take is measured in between
        for name in ("_LISTENED", "_SOON", "_LONG_EPOCH", "_MEASURED"):
            patch.setattr(clock, name, 0)
        patch.setattr(clock, "changed_recipe", lambda *_: RECIPES["gwu"].with_fields({**TINIEST, "image_size": 32}))
        seen = train("gwu", "fake", watched, progress=watcher, show_nearest=True, **options)
    speed, other = watcher.said[:2]
    assert speed.startswith("on this machine about ") and " an epoch, " in speed and speed.endswith(" in all")
    assert other.startswith("for comparison, the recipe `quick` with image_size=32: about ")
    assert other.endswith(" an epoch") and len(watcher.said) == 4 and watcher.said[-2].startswith("film: ")
    alone = train("gwu", "fake", tmp_path / "alone", progress=NoProgress(), **options)
    steps = [step for step, _ in watcher.seen]
    assert steps == sorted(steps) and steps[:3] == [0, 1, 2] and {10, 13} <= set(steps)
    assert all(grid.dtype == np.uint8 and grid.ndim == 3 for _, grid in watcher.seen)
    assert not np.array_equal(watcher.seen[0][1], watcher.seen[-1][1])
    grid, (images, real, texts, over_all) = watcher.found[-1]
    rows, ratios = nearest_real(images, load_dataset("fake", image_size=8))
    assert images.shape == real.shape == (8, 8, 8, 1) and np.array_equal(images, first_images(grid))
    assert np.array_equal(real, load_dataset("fake", image_size=8).images[rows])
    assert texts == [f"{ratio:.2f}{' copy' if ratio <= 0.5 else ''}" for ratio in ratios] and "of 1,000" in over_all
    for mine, other in zip(seen.grids(), alone.grids(), strict=True):
        assert mine.name == other.name and mine.read_bytes() == other.read_bytes()
    assert seen.grid_steps() == [0, 1, 2, 3, 6, 10, 13]
    assert len(list(seen.grids_path.iterdir())) == 7  # what was live is nowhere
    assert [path.name for path in seen.samples()] == [path.name for path in alone.samples()]
    exact = [[value for name, value in row.items() if "second" not in name] for row in seen.rows()]
    assert exact == [[value for name, value in row.items() if "second" not in name] for row in alone.rows()]


def first_images(picture):
    """The first eight of a grid of 3x3 images of 8x8 pixels, which are enlarged, with 2 pixels around each."""
    small = picture[:: picture.shape[0] // 32, :: picture.shape[1] // 32]
    corners = [(2 + 10 * row, 2 + 10 * column) for row in range(3) for column in range(3)]
    return [small[top : top + 8, left : left + 8] for top, left in corners[:8]]


@pytest.fixture
def page(monkeypatch):
    """What a notebook's page is told to show, in order; and a clock that is moved by hand."""
    shown = []

    class Place:
        def update(self, content):
            shown.append(content)

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    display = types.SimpleNamespace(
        HTML=lambda text: ("text", text), Image=lambda data: ("picture", data), display=lambda *_, **__: Place()
    )
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(module, "time", clock)
    return types.SimpleNamespace(shown=shown, clock=clock)


def row(step):
    return {"step": step, "epoch": 1, "seconds": 2.0, "images_per_second": 9.0, "generator_loss": 1.0,
            "discriminator_loss": 1.0, "discriminator_real": 0.5, "discriminator_fake": 0.5}  # fmt: skip


def test_a_notebook_shows_noise_at_once_and_a_picture_every_ten_seconds(page, tmp_path):
    run, grid = Run(tmp_path), np.zeros((40, 40, 1), np.uint8)
    run.write_config(
        {"recipe": {}, "dataset": {}, "seed": 0, "steps_per_epoch": 791, "length": {"epochs": 1, "max_seconds": None}}
    )
    progress = NotebookProgress()
    progress.start(run, 0, 791)
    progress.picture(0, grid)
    assert [kind for kind, _ in page.shown] == ["picture"] and page.shown[0][1].startswith(b"\x89PNG")
    page.clock.now += 9.9
    progress.advance(40, row(40))
    assert not progress.wants_picture()
    page.clock.now += 0.2
    assert progress.wants_picture()  # hours before the first epoch is over
    progress.picture(41, grid)
    assert [kind for kind, _ in page.shown].count("picture") == 2 and not progress.wants_picture()
    page.clock.now += 5
    progress.interval(row(100), grid)  # a recorded one counts, too
    page.clock.now += 6
    assert not progress.wants_picture()


def test_beside_the_newest_picture_is_that_of_a_minute_ago(page, tmp_path):
    run = Run(tmp_path)
    run.write_config(
        {"recipe": {}, "dataset": {}, "seed": 0, "steps_per_epoch": 791, "length": {"epochs": 1, "max_seconds": None}}
    )
    progress, beside = NotebookProgress(), []
    progress.start(run, 0, 791)
    for number in range(14):
        beside.append(progress._earlier(page.clock.now))
        progress.picture(number, np.full((40, 40, 1), 10 * number, np.uint8))
        page.clock.now += 8
    assert beside[:2] == [None, None]  # not yet, and 8 s are too little to see a difference
    found = [(int(grid[0, 0, 0]) // 10, text) for grid, text in beside[2:]]
    assert found[:7] == [(0, f"the same latents {ago} s ago") for ago in (16, 24, 32, 40, 48, 56, 64)]
    assert (
        found[7:] == [(number, "the same latents 64 s ago") for number in (1, 2, 3, 4, 5)] and len(progress.drawn) < 10
    )
    sizes = [decode(picture).shape[:2] for kind, picture in page.shown if kind == "picture"]
    assert sizes[0] == (480, 960) and sizes[-1] == (758, 960)


def test_who_does_not_watch_is_told_that_nothing_nearest_is_shown(tmp_path, capsys):
    train("gwu", "fake", tmp_path / "run", steps=1, overrides=TINIEST, show_nearest=True, progress=NoProgress())
    assert "show_nearest: left out, since only the live view in Jupyter shows" in capsys.readouterr().out


def test_another_progress_than_one_is_refused():
    mine = NoProgress()
    assert choose_progress(mine) is mine
    with pytest.raises(UserError, match=r"progress=5 must be a PlainProgress, such as dcgan_tf.*NoProgress"):
        choose_progress(5)


def test_no_more_epochs_are_said_than_there_were():
    assert [describe_epochs(steps / 78) for steps in (33, 78, 156)] == ["0.42 epochs", "1 epoch", "2 epochs"]
    assert describe_epochs(157 / 156) == "1 epoch" and describe_epochs(155.9 / 156) == "0.99 epochs"
    assert [epochs_over(step, 156) for step in (0, 1, 40, 155, 156, 157, 468)] == [0, 0, 0.25, 0.99, 1, 1, 3]
    assert describe_epochs(0) == "0 epochs" and describe_epochs(1234.5) == "1,234.5 epochs"
    assert describe_seconds(59.6) == "1:00" and describe_seconds(3725) == "1:02:05"
