"""Repeats: runs that differ in nothing but their seed are one row, in tables, curves and sheets."""

import statistics

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.compare.best import describe_best
from dcgan_tf.compare.choosing import best_run, differing_settings, shared_protocol
from dcgan_tf.compare.curves import overlaid_curves
from dcgan_tf.compare.repeats import Repeats, Spread, by_setting, first_run, repeats_table, shared_name
from dcgan_tf.compare.rows import read_runs
from dcgan_tf.compare.sheets import overview, timeline
from dcgan_tf.compare.tables import RunTable
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.system.errors import UserError

VALUES = {"hinge": [4.0, 5.0, 9.0], "bce": [6.0, 6.5, 7.0, 7.5]}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Three seeds of hinge, the last of which diverged; four of bce, one not evaluated; and one run of minimax."""
    folder = tmp_path_factory.mktemp("results")
    for loss, values in {**VALUES, "minimax": [4.9]}.items():
        for seed, value in enumerate(values):
            scores = [] if (loss, seed) == ("bce", 3) else [(10, 2 * value), (20, value)]
            run = write_run(folder / f"loss={loss}-seed={seed}", loss=loss, seed=seed, scores=scores, beside=(1.25, 99))
            run.rewrite_history([{**row, "generator_loss": value + row["epoch"]} for row in run.rows()])
            run.grids_path.mkdir()
            save_png(run.grid_path(20), np.full((40, 40, 1), 50 + 10 * seed, np.uint8))
            if (loss, seed) == ("hinge", 2):
                run.diverged_path.write_text("a loss is no number\n")
    return read_runs(folder)


def test_data_are_known_by_what_they_are(tmp_path):
    """Two seeds on the same data at two places are repeats; other data of that name are not, and that is told."""
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in range(4)]
    changes = [{}, {"name": "/moved/fake"}, {"fingerprint": "e" * 64, "stretch": True}, {"fingerprint": "d" * 64}]
    for run, change in zip(runs, changes, strict=True):
        run.write_config({**run.config, "dataset": {**run.config["dataset"], **change}})
    rows = read_runs(tmp_path)
    assert [[run.name for run in getattr(row, "runs", [row])] for row in by_setting(rows)] == [["0", "1"], ["2"], ["3"]]
    assert {"fingerprint", "stretch"} <= set(differing_settings(rows))


def test_the_protocol_of_most_runs_counts_repeats_each(tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"bce-{seed}", seed=seed, loss="bce", scores=[(20, 5.0)])
    for loss in ("hinge", "least_squares"):
        write_run(tmp_path / loss, loss=loss, scores=[(20, 1.0)], samples=50)
    rows = by_setting(read_runs(tmp_path))
    assert len(rows) == 3 and "100 samples" in shared_protocol(rows, "frechet_distance")
    assert best_run(rows, "frechet_distance")[0].name == rows[0].name


def texts(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_repeats_are_rows_of_means_over_those_that_have_finished(rows):
    bce, hinge, minimax = joined = by_setting(rows)
    assert by_setting(joined) == joined and minimax in rows
    assert (bce.name, bce.standing, bce.counted) == ("loss=bce", "finished", "4")
    assert (hinge.name, hinge.standing) == ("loss=hinge", "2 of 3 finished, 1 diverged")
    assert hinge.failures == {"diverged": [2]} and hinge.problem == "a loss is no number"
    values = VALUES["bce"][:3]  # one was not evaluated
    assert bce.spreads["frechet_distance"] == (statistics.fmean(values), statistics.stdev(values), 3)
    assert bce.spreads["generator_loss"] == (6.75 + 2, pytest.approx(statistics.stdev(VALUES["bce"])), 4)
    assert hinge.spreads["frechet_distance"] == (4.5, pytest.approx(0.7071, abs=1e-4), 2)
    assert (hinge.scores["frechet_distance"].value, hinge.last["step"]) == (4.5, 20)
    assert "seed" not in bce.settings and first_run(hinge).settings["seed"] == 0
    assert str(Spread.of([1.0])) == "1 (1)" and Spread.of([]) is None and str(Spread.of([1.0, np.nan])) == "nan (2)"


def test_a_copy_of_a_run_is_no_repeat_of_it(tmp_path):
    for place in ("one", "two"):
        for seed in range(2):
            write_run(tmp_path / place / f"x-seed{seed}", seed=seed)
    write_run(tmp_path / "two" / "y", seed=1)
    (tmp_path / "two" / "z").mkdir()
    (tmp_path / "two" / "z" / "config.json").write_text("{")  # nothing is known of it
    joined = by_setting(read_runs(tmp_path))
    assert [(row.name, isinstance(row, Repeats)) for row in joined] == [
        ("one/x", True), ("two/x", True), ("two/y", False), ("two/z", False)
    ]  # fmt: skip
    assert shared_name(["a", "b", "c"], [0, 1, 2]) == "a and 2 more" and shared_name(["seed=0"], [0]) == "all seeds"
    assert shared_name(["seed=1-lr=1", "seed=10-lr=1"], [1, 10]) == "lr=1"


def test_the_table_has_a_row_per_setting_and_the_best_is_the_best_mean(rows):
    table = RunTable(rows)
    lines = {line.split()[0]: " ".join(line.split()) for line in repr(table).splitlines()[1:-1]}
    assert lines["loss=hinge"].startswith("loss=hinge hinge 2 of 3 finished, 1 diverged 2 20 10")
    assert lines["loss=hinge"].endswith("6.50 ± 0.71 (2) 0.5000 ± 0 (2) 4.50 ± 0.71 (2)")
    assert lines["loss=bce"].endswith("8.75 ± 0.65 (4) 0.5000 ± 0 (4) 6.50 ± 0.50 (3)")
    assert lines["loss=minimax-seed=0"].endswith("6.900 0.500 4.900") and "over the n seeds" in repr(table)
    assert table._repr_html_().count("<b>") == 1 and "<td><b>4.50 ± 0.71 (2)</b></td>" in table._repr_html_()
    assert len(table.frame) == 8 and "seed" in RunTable(rows, repeats=False).texts
    assert "Real images against real ones would be at: frechet_distance 1.250. Noise would be at: frechet_" in repr(
        table
    )
    found = table.settings.set_index("setting").to_dict("index")
    assert found["loss=hinge"]["n"] == 2 and found["loss=hinge"]["failures"] == "seed 2 diverged"
    assert found["loss=bce"]["frechet_distance n"] == 3 and found["loss=bce"]["frechet_distance mean"] == 6.5
    (line,) = repeats_table([rows[-1]], ["seed", "loss"])
    assert (line["loss"], line["n"], line["failed"]) == ("minimax", 1, 0) and "seed" not in line
    said = describe_best(rows).splitlines()
    assert said[0] == "best by frechet_distance: loss=hinge, 4.50 ± 0.71 (2)"
    near = "next is loss=minimax-seed=0, 4.900: no further away than the seeds are from one another"
    assert said[2:] == [near, "note: 2 of 3 finished, 1 diverged"]
    assert "next is" not in describe_best(rows[:-1])  # bce is further away


def test_a_band_is_one_standard_deviation_and_the_legend_says_so(rows):
    figure = overlaid_curves(rows, by="images", title="mine")
    assert figure.get_suptitle() == "mine, at equal images"
    losses, _, scores = figure.axes
    assert losses.get_xlabel() == "images seen"
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["loss bce, n = 4", "loss hinge, n = 2 of 3, 1 diverged", "loss minimax"]
    assert "± 1 standard deviation" in legend.get_title().get_text() and "not finished" in legend.get_title().get_text()
    drawn = {handle.get_color(): label for handle, label in zip(legend.legend_handles, labels, strict=True)}
    thick = {
        drawn[line.get_color()]: line
        for line in losses.lines
        if line.get_linewidth() == 1.5 and line.get_marker() != "o"
    }
    assert thick[labels[0]].get_xdata().tolist() == [640, 1280]
    assert thick[labels[0]].get_ydata().tolist() == [7.75, 8.75] and thick[labels[1]].get_ydata().tolist() == [5.5, 6.5]
    assert [text.get_text() for text in scores.texts] == ["real against real"] and not list(losses.texts)
    assert len(losses.collections) == len(scores.collections) == 2  # the bands
    edges = np.concatenate([path.vertices[:, 1] for path in losses.collections[0].get_paths()])
    std = statistics.stdev(VALUES["bce"])
    assert edges.max() == pytest.approx(8.75 + std) and edges.min() == pytest.approx(7.75 - std)
    assert [line.get_ydata().tolist() for line in losses.lines if line.get_marker() == "x"] == [[11.0]]


def test_evaluations_at_other_times_are_the_mean_of_their_ends(tmp_path):
    for seed in range(2):
        run = write_run(tmp_path / f"s{seed}", seed=seed, scores=[(20, 3.0 + seed)])
        run.rewrite_history([{**row, "seconds": row["seconds"] + 100 * seed} for row in run.rows()])
    *_, scores = overlaid_curves(read_runs(tmp_path), by="seconds").axes
    (line,) = [line for line in scores.lines if line.get_linewidth() == 1.5 and line.get_marker() != "o"]
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([60.0], [3.5]) and scores.containers
    with pytest.raises(UserError, match=r"by='image' must be epoch, step, images or seconds\. Did you mean 'images'"):
        overlaid_curves(read_runs(tmp_path), by="image")


def test_a_setting_has_one_cell_and_one_line_of_grids(rows):
    said = texts(overview(rows, title="mine"))
    assert said.count("loss = ") == 3 and "no grid" not in said
    assert "frechet_distance 4.50 ± 0.71 (2) (best)" in said and "2 of 3 finished, 1 diverged: a loss" in said
    assert "first seed that has finished; numbers are mean ± standard deviation" in said
    said = texts(timeline(rows, by="images", points=[1280], title="mine"))
    assert said.startswith("mine, at equal images") and said.count("1,280 images") == 4 and said.count("loss ") == 3
