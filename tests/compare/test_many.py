"""Comparing more runs than anybody looks at: the best are shown, and how many there are is said."""

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.compare import curves, sheets, tables
from dcgan_tf.compare.choosing import foremost, setting_values
from dcgan_tf.compare.curves import overlaid_curves
from dcgan_tf.compare.rows import read_runs
from dcgan_tf.compare.sheets import overview, sheet_of_names, timeline
from dcgan_tf.compare.tables import RunTable, choose_runs, show_gifs
from dcgan_tf.pictures.grids import save_png


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Twelve runs; run 5 has the best score, run 0 one by another protocol, run 1 none."""
    folder = tmp_path_factory.mktemp("results")
    for number in range(12):
        score = [] if number == 1 else [(20, abs(number - 5) + 1.0)]
        rate, samples = 1e-4 * (number + 1), 50 if number == 0 else 100
        run = write_run(folder / f"{number:02d}", learning_rate=rate, scores=score, samples=samples, seed=number % 3)
        run.grids_path.mkdir()
        save_png(run.grid_path(20), np.full((40, 40, 1), 10 * number, np.uint8))
    return read_runs(folder)


def names(rows):
    return [row.name for row in rows]


def texts(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_the_foremost_are_the_best_by_one_protocol_in_their_order(rows):
    assert foremost(rows, 12) == (rows, "")
    best, said = foremost(rows[::-1], 3)
    assert names(best) == ["06", "05", "04"] and said == "3 of 12 runs, the best by frechet_distance"
    assert names(foremost(rows, 11)[0]) == names(rows[:1] + rows[2:]) and foremost(rows, 11)[1].endswith("first")
    assert foremost(rows[:2][::-1], 1) == ([rows[0]], "1 of 2 runs, the best by frechet_distance")
    assert foremost([rows[1]] * 2, 1) == ([rows[1]], "1 of 2 runs, the first")
    assert foremost(rows, 3, "recall")[1] == "3 of 12 runs, the first"


def test_values_of_a_setting_are_there_once_whatever_they_are():
    class Row:
        def __init__(self, value):
            self.settings = {"x": value}

    assert setting_values([Row(2.0), Row(1), Row(1.0), Row(2)], "x") == [1, 2.0]
    assert setting_values([Row([2]), Row("a"), Row([2]), Row(None)], "x") == [[2], "a", None]


def test_of_a_table_the_best_are_shown_and_the_frame_has_all(rows, monkeypatch):
    whole = RunTable(rows)
    assert len(whole.texts) == 12 and "12 runs" not in repr(whole)
    monkeypatch.setattr(tables, "_MOST_ROWS", 3)
    table = RunTable(rows)
    assert table.texts["run"].tolist() == ["04", "05", "06"] and table.frame.equals(whole.frame)
    assert table._repr_html_().count("<b>") == 1 and list(table.texts) == list(whole.texts)
    assert "3 of 12 runs, the best by frechet_distance; `.frame` has all of them." in repr(table).splitlines()[-1]
    monkeypatch.setattr(tables, "_MOST_GIFS", 2)
    page = show_gifs(rows).data
    assert page.count("<figure") == 2 and "2 of 12 runs, the best by frechet_distance" in page


def test_broken_runs_beyond_the_first_are_counted(tmp_path):
    write_run(tmp_path / "good")
    for number in range(13):
        (tmp_path / f"bad{number}").mkdir()
        (tmp_path / f"bad{number}" / "config.json").write_text("{")
    said = []
    assert len(choose_runs([str(tmp_path)], say=said.append)) == 1
    assert len(said) == 12 and said[10].startswith("left out: 3 more") and said[11] == "1 run"


def test_sheets_and_curves_show_what_can_be_seen_and_say_so(rows, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_CELLS", 4)
    monkeypatch.setattr(sheets, "_MOST_LINES", 3)
    monkeypatch.setattr(curves, "MOST", 5)
    for figure in (sheet_of_names(rows), overview(rows)):
        said = texts(figure)
        assert said.startswith("4 of 12 runs, the best by frechet_distance.") and "03" in said and "07" not in said
    assert "3 of 12 runs, the best by frechet_distance. Each cell" in texts(timeline(rows))
    figure = overlaid_curves(rows, title="mine")
    assert figure.get_suptitle() == "mine, at equal epochs: 5 of 12 runs, the best by frechet_distance"
    assert len([line for line in figure.axes[0].lines if line.get_marker() == "o"]) == 5  # where a run ends
    assert overlaid_curves(rows[:5], title="mine").get_suptitle() == "mine, at equal epochs"  # three lines
    monkeypatch.setattr(curves, "LOOKS", 2)
    assert overlaid_curves(rows[:5]).get_suptitle() == "At equal epochs: 2 of 5 runs, the best by frechet_distance"
