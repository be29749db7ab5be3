"""Sheets and curves of many runs: every run in its place, with its label and score; nothing is drawn twice."""

import cv2
import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.compare.best import describe_best
from dcgan_tf.compare.choosing import choose_axes, short_names, varied_settings
from dcgan_tf.compare.curves import overlaid_curves
from dcgan_tf.compare.rows import read_run, read_runs
from dcgan_tf.compare.sheets import sheet, sheet_of_names, timeline
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.system.errors import UserError


def run_with_grids(path, gray, **options):
    """A run whose grids are plain gray, a little lighter after each epoch."""
    run = write_run(path, **options)
    run.grids_path.mkdir()
    for row in run.rows():
        save_png(run.grid_path(row["step"]), np.full((40, 40, 1), gray + row["epoch"], np.uint8))
    return run


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    for batch_size, gray in ((16, 50), (64, 150)):
        for steps in (20, 40):
            score = {"scores": [(steps, float(gray + steps))]}
            name = f"b{batch_size}s{steps}"
            run_with_grids(folder / name, gray, batch_size=batch_size, steps=steps, length=steps, **score)
    return read_runs(folder)


def texts(figure):
    return [text.get_text() for text in figure.texts]


def grays(figure):
    """The gray of each grid of the sheet, row by row."""
    (axes,) = figure.axes
    page = axes.images[0].get_array()[..., 0]
    count, labels = cv2.connectedComponents((page < 200).astype(np.uint8))
    return [int(page[labels == label][0]) for label in range(1, count)]


def test_settings_that_always_change_together_are_one(rows, tmp_path):
    assert varied_settings(rows) == ["batch_size", "steps"] and choose_axes(rows) == ("batch_size", "steps", [])
    assert short_names(rows)[0] == "batch_size 16, steps 20"
    twins = [read_run(write_run(tmp_path / str(rate), learning_rate=rate)) for rate in (1e-3, 2e-3)]
    assert varied_settings(twins) == ["learning_rate"] and choose_axes(twins)[2] == []
    assert choose_axes([rows[0]]) == (None, None, [])


def test_a_sheet_has_each_run_in_its_cell_with_its_score(rows):
    figure = sheet(rows[::-1])
    assert grays(figure) == [52, 54, 152, 154]  # by rows: batch_size 16, 64; by columns: steps 20, 40
    said = texts(figure)
    scores = ["frechet_distance 90", "frechet_distance 170", "frechet_distance 190"]
    for words in ("batch_size = 16", "batch_size = 64", "steps = 20", "steps = 40", *scores):
        assert said.count(words) == 1, words
    assert "frechet_distance 70 (best; steps differ)" in " ".join(said)
    assert said.count("20 steps in 10 s") == said.count("40 steps in 20 s") == 2
    about = " ".join(said[: said.index("batch_size = 16")])
    assert about == "Each cell: the last recorded grid, of the same 64 latents. The runs made 20 to 40 steps."
    assert "frechet_distance 70 (best)" in texts(sheet(rows[::2]))  # both after 20 steps
    assert grays(sheet(rows, "steps", "batch_size")) == [52, 152, 54, 154]
    with pytest.raises(UserError, match="have the same None and steps"):
        sheet(rows, None, "steps")
    with pytest.raises(UserError, match="no run has a setting 'stesp'"):
        sheet(rows, "stesp", "steps")
    with pytest.raises(UserError, match="no runs are chosen"):
        sheet([])


def test_a_sheet_of_conditional_grids_does_not_count_latents(tmp_path):
    run = run_with_grids(tmp_path / "run", 50, conditional=True)  # its 64 images may be of 6 latents
    assert "Each cell: the last recorded grid, of the same latents." in texts(sheet([read_run(run.path)]))


def test_missing_and_broken_runs_have_cells_that_say_so(rows, tmp_path):
    assert texts(sheet(rows[:3])).count("not in these runs") == 1
    bare = read_run(write_run(tmp_path / "bare", batch_size=16))  # its pictures are gone
    said = texts(sheet_of_names([*rows[:2], bare, read_run(tmp_path / "nothing")]))
    assert said.count("no grid yet") == 2 and said.count("not begun") == 1
    names = [row.name for row in rows]
    assert [text for text in texts(sheet_of_names(rows)) if text in names] == names
    assert "Left out, without a recorded grid: bare." in " ".join(texts(timeline([*rows, bare])))


def test_a_timeline_shows_what_was_there_by_then(rows):
    figure = timeline(rows[2:], by="seconds", points=[4, 5, 12, 20])  # a grid after 5, 10, 15 and 20 seconds
    assert grays(figure) == [151, 152, 152, 151, 152, 154]
    assert [text for text in texts(figure) if text.startswith("by")] == [f"by {n} seconds" for n in (4, 5, 12, 20)]
    assert grays(timeline(rows[:2], points=2)) == [51, 52, 51, 52]  # over the time that both have
    assert texts(timeline(rows[2:], by="seconds", points=[4, 5])).count("no grid by then") == 2
    with pytest.raises(UserError, match="by='minutes' must be"):
        timeline(rows, by="minutes")
    for points in (0, -1, 2.5):
        with pytest.raises(UserError, match=f"points={points} must be a whole number of at least 1"):
            timeline(rows, points=points)
    with pytest.raises(UserError, match="names no moment"):
        timeline(rows, points=[])


def test_a_metric_may_be_called_as_evaluate_calls_it(rows):
    assert overlaid_curves(rows, metric="fid").axes[2].get_ylabel() == "frechet distance"
    assert describe_best(rows, "FID") == describe_best(rows, "frechet_distance")
    for show in (overlaid_curves, describe_best):
        with pytest.raises(UserError, match=r"none of 4 runs has the metric 'kid'.*They have: frechet_distance"):
            show(rows, metric="kid")


def test_a_run_that_is_the_beginning_of_another_is_a_dot_on_its_line(rows):
    figure = overlaid_curves(rows)
    losses, _, scores = figure.axes
    # Each run has the same made-up losses, so all are the beginning of the first that is longest.
    drawn = [line for line in losses.lines if line.get_marker() != "o"]
    assert [line.get_xdata().tolist() for line in drawn] == [[1, 2, 3, 4]]
    assert sorted(line.get_xdata()[0] for line in losses.lines if line.get_marker() == "o") == [2, 2, 4, 4]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["batch_size 16 64, steps 20 40"]
    assert scores.get_ylabel() == "frechet distance" and "pixels; 100 samples" in scores.get_title(loc="left")


def test_a_run_whose_config_is_damaged_is_said_and_the_others_are_drawn(rows, tmp_path):
    damaged = run_with_grids(tmp_path / "cut", 50, steps=80)
    damaged.config_path.write_text("{")
    rows = [*rows, read_run(damaged.path)]
    for by, end in (("epoch", 4), ("images", 2560), ("step", 80)):  # what a step is, nobody needs to look up
        figure = overlaid_curves(rows, by)
        assert max(line.get_xdata()[-1] for line in figure.axes[0].lines) == end
        assert ("without cut, whose config.json is damaged" in figure.get_suptitle()) == (by != "step")
    said = texts(sheet_of_names(rows))
    assert said.count("no grid yet") == 1 and "Each cell: the last recorded grid" in " ".join(said)
