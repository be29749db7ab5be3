"""Data, runs and results are where the project is, whichever folder a notebook runs in."""

from pathlib import Path

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.notebook.paths import find_dataset, find_path, find_run, load_data, run_directory
from dcgan_tf.pictures.grids import save_png
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


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, seen from its notebooks."""
    for name in ("notebooks", "dcgan_tf", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_what_is_read_is_found_from_the_project_and_from_the_notebook(project):
    (project / "data" / "pets").mkdir()
    (project / "notebooks" / "mine").mkdir()
    assert find_path("data/pets") == project / "data" / "pets"
    assert find_path("mine") == project / "notebooks" / "mine"
    assert find_path("../data/pets") == project / "data" / "pets"
    assert find_path("nothing") == project / "nothing"
    assert find_path(None) is None and find_dataset("mnist5k") == "mnist5k" and find_dataset("mnist5") == "mnist5"
    (project / "notebooks" / "data" / "pets").mkdir(parents=True)
    with pytest.raises(UserError, match=r"'data/pets' can be '.*/data/pets' or '.*/notebooks/data/pets': give the one"):
        find_path("data/pets")


def test_a_run_is_found_from_the_projects_root_too(project):
    write_run(project / "results" / "a")
    assert find_run("results/a").path == project / "results" / "a"
    assert find_run(project / "results" / "a").config["seed"] == 0
    with pytest.raises(UserError, match="is not a run directory"):
        find_run("results/b")


def test_data_of_a_relative_path_are_the_projects_and_recorded_as_such(project):
    pets = project / "data" / "pets"
    pets.mkdir()
    for number in range(3):
        save_png(pets / f"{number}.png", np.full((64, 64, 1), 60 * number, np.uint8))
    data = load_data("data/pets", RECIPES["quick"], {})
    assert data.name == str(pets) and len(data) == 3


def test_data_that_do_not_fit_are_one_clear_line():
    tutorial = RECIPES["tutorial"]
    with pytest.raises(UserError, match="unknown dataset 'mnist5'"):
        load_data("mnist5", tutorial, {})
    with pytest.raises(UserError, match=r"28x28x1, not 32x32x1"):
        load_data("mnist5k", RECIPES["gwu"].with_fields({"image_size": 32}), {"image_size": 32})
    assert load_data("mnist5k", tutorial, {}, classes=7).image_shape == (28, 28, 1)
