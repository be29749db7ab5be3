"""What notebooks/compare_runs.ipynb calls, and the notebook itself through papermill."""

import json

import nbformat
import pytest
from kernels import execute_in
from papermill.exceptions import PapermillExecutionError
from written_runs import write_run

from dcgan_tf.compare.best import describe_best
from dcgan_tf.compare.rows import read_run, read_runs
from dcgan_tf.compare.tables import RunTable, choose_runs, example_runs, show_gifs
from dcgan_tf.system.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_run(folder / "a<b>", learning_rate=1e-3, scores=[(10, 3.0), (20, 7.0)])
    write_run(folder / "c", learning_rate=2e-3, scores=[(20, 8.0)])
    write_run(folder / "d", learning_rate=3e-3, scores=[(20, 1.0)], samples=50, whole=False)
    write_run(folder / "e", learning_rate=4e-3)
    (folder / "f").mkdir()
    (folder / "f" / "config.json").write_text("{")
    return folder


def test_choosing_runs(folder, tmp_path):
    said = []
    assert [row.name for row in choose_runs([str(folder)], say=said.append)] == ["a<b>", "c", "d", "e"]
    assert said[0].startswith("left out: f (") and said[1] == "4 runs"
    assert [row.name for row in choose_runs(str(folder), ["learning_rate=0.002"], say=said.append)] == ["c"]
    assert len(choose_runs([str(folder)], most=3, say=said.append)) == 3
    assert said[-1] == "3 runs, the newest of 4: filters make the choice yours"
    for filters, message in ((["loss=hinge"], "none of 5 runs passes"), (["los=hinge"], "Did you mean 'loss'")):
        with pytest.raises(UserError, match=message):
            choose_runs([str(folder)], filters, say=said.append)
    for most in (0, -1):
        with pytest.raises(UserError, match=f"most={most} must be a whole number of at least 1"):
            choose_runs([str(folder)], most=most, say=said.append)
    with pytest.raises(UserError, match="no run directories are in"):
        choose_runs([str(tmp_path)], say=said.append)


def test_the_table_has_what_differs_and_escapes_what_runs_have_written(folder):
    table = RunTable(choose_runs([str(folder)], say=lambda text: None))
    head = ["run", "learning_rate", "status", "epoch", "step", "seconds", "G loss", "D loss", "frechet_distance"]
    assert list(table.frame) == head
    said = repr(table).splitlines()
    assert said[0].split() == " ".join(head).split()
    assert said[1].split() == ["a<b>", "0.001", "finished", "2", "20", "10", "1.500", "0.500", "7"]
    assert "100 samples" in said[-1] and len({line.index("finished") for line in said[1:3]}) == 1
    page = table._repr_html_()
    assert (
        "a<b>" not in page and "<td>a&lt;b&gt;</td>" in page and page.count("<b>") == 1 and "<td><b>7</b></td>" in page
    )
    assert 'style="overflow-x: auto"' in page and "frechet_<wbr>distance" in page


def test_the_frame_sorts_and_filters_by_number(folder):
    frame = RunTable(read_runs(folder)).frame
    ordered = frame[frame["learning_rate"] > 1e-3].sort_values("frechet_distance")
    assert ordered["run"].tolist() == ["d", "c", "e"]
    assert ordered["frechet_distance"].tolist()[:2] == [1.0, 8.0]


def test_of_two_runs_named_alike_one_is_the_best(tmp_path):
    for place, score, steps in (("one", 3.0, 20), ("two", 4.0, 30)):
        write_run(tmp_path / place / "x", steps=steps, learning_rate=score / 1000, scores=[(steps, score)])
    rows = [read_run(tmp_path / place / "x", "x") for place in ("one", "two")]
    assert RunTable(rows).best == {(0, "frechet_distance")} and RunTable(rows)._repr_html_().count("<b>") == 1
    named = read_runs([tmp_path / "one", tmp_path / "two"])
    assert [row.name for row in named] == ["one/x", "two/x"]
    assert "The runs made 20 to 30 steps" in repr(RunTable(named))
    assert "measured after 20 to 30 steps: the runs are not equally long" in describe_best(named)


def test_the_best_is_by_one_protocol_and_says_so(folder):
    rows = read_runs(folder)
    said = describe_best(rows).splitlines()
    assert said[0] == "best by frechet_distance: a<b>, 7" and "100 samples" in said[1]
    assert said[2:] == [
        "at step 10 it was better: 3",
        "measured otherwise, so not compared: d",
        "not measured: e, f",
    ]
    assert "None of these runs was evaluated" in describe_best([rows[3]])


def test_the_best_may_be_of_a_step_that_nobody_knows(tmp_path):
    run = write_run(tmp_path / "run", scores=[(10, 3.0), (20, 7.0)])
    run.history_path.unlink()
    lines = [{name: value for name, value in line.items() if name != "step"} for line in run.metrics()]
    run.metrics_path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert describe_best([read_run(run.path)]).splitlines()[2] == "earlier it was better: 3"


def test_gifs_stand_side_by_side(folder):
    page = show_gifs(read_runs(folder)[:4]).data
    assert page.count("<figure") == 4 and page.count("data:image/gif;base64,") == 3 and page.count("no film yet") == 1


def test_the_notebook_trains_two_small_runs_and_compares_them(kernel, tmp_path):
    output = tmp_path / "executed.ipynb"
    code = "import dcgan_tf.compare.tables as tables; tables._EXAMPLE_STEPS = 8"
    assert kernel[1].execute_interactive(code, timeout=120)["content"]["status"] == "ok"
    execute_in(kernel, "compare_runs.ipynb", output, {"results_dir": str(tmp_path)})
    cells = [cell for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
    drawn = [cell.source for cell in cells for found in cell.outputs if "image/png" in found.get("data", {})]
    assert [source.split("import ")[1].split("\n")[0] for source in drawn] == [
        "overview",
        "timeline",
        "overlaid_curves",
    ]
    said = "".join(found.get("text", "") for cell in cells for found in cell.outputs)
    assert "two small runs are trained" in said and "best by frechet_distance: learning_rate=0.00" in said
    runs = read_runs(tmp_path / "compare-example")
    assert [row.status for row in runs] == ["finished", "finished"]


def test_the_two_small_runs_may_go_into_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    monkeypatch.setattr("dcgan_tf.training.train.train", lambda *_, **__: None)
    assert example_runs("~/results") == tmp_path / "results" / "compare-example"


@pytest.mark.parametrize(
    "wrong, message", [({"by": "day"}, "by='day' must be epoch"), ({"metric": "fud"}, "has the metric 'fud'")]
)
def test_the_notebook_says_what_is_wrong_before_it_trains_or_draws(kernel, folder, tmp_path, wrong, message):
    parameters = {"runs": [] if "by" in wrong else [str(folder)], "results_dir": str(tmp_path / "results"), **wrong}
    with pytest.raises(PapermillExecutionError, match=message):
        execute_in(kernel, "compare_runs.ipynb", tmp_path / "executed.ipynb", parameters)
    assert not (tmp_path / "results").exists()
    assert "image/png" not in (tmp_path / "executed.ipynb").read_text()
