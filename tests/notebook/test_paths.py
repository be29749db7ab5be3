"""Data, runs and results are where the project is, whichever folder a notebook runs in."""

from pathlib import Path

import pytest
from written_runs import write_run

from dcgan_tf.notebook.paths import find_run, load_data, run_directory
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.system.errors import UserError

ROOT = Path(__file__).parents[2]


def test_results_are_the_projects_wherever_the_notebook_runs(monkeypatch, tmp_path):
    for folder in (ROOT, ROOT / "notebooks"):
        monkeypatch.chdir(folder)
        place = run_directory("results", None, "mnist5k", "quick", {"width": 8}, 3)
        assert place == ROOT / "results" / "mnist5k-quick-width=8-seed3"
    monkeypatch.chdir(tmp_path)
    assert run_directory("out", "a", "mnist5k", "quick", {}, 0) == tmp_path / "out" / "a"
    assert run_directory(str(ROOT / "x"), "a", "mnist5k", "quick", {}, 0) == ROOT / "x" / "a"
    assert run_directory("out", "group/a", "mnist5k", "quick", {}, 0) == tmp_path / "out" / "group" / "a"


@pytest.mark.parametrize("name", ["../../x", "..", ".", "a/../../x", "/tmp/x"])
def test_a_runs_name_stays_in_its_results(name):
    with pytest.raises(UserError, match="leads out of"):
        run_directory("results", name, "mnist5k", "quick", {}, 0)


def test_a_run_is_found_from_the_projects_root_too(tmp_path, monkeypatch):
    for path in (tmp_path / "notebooks", tmp_path / "dcgan_tf"):
        path.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    write_run(tmp_path / "results" / "a")
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_run("results/a").path == tmp_path / "results" / "a"
    assert find_run(tmp_path / "results" / "a").config["seed"] == 0
    with pytest.raises(UserError, match="is not a run directory"):
        find_run("results/b")


def test_data_that_do_not_fit_are_one_clear_line():
    tutorial = RECIPES["tutorial"]
    with pytest.raises(UserError, match="unknown dataset 'mnist5'"):
        load_data("mnist5", tutorial, {})
    with pytest.raises(UserError, match=r"28x28x1, not 32x32x1"):
        load_data("mnist5k", RECIPES["gwu"].with_fields({"image_size": 32}), {"image_size": 32})
    assert load_data("mnist5k", tutorial, {}, classes=7).image_shape == (28, 28, 1)
