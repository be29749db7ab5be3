"""The notebooks for lessons: real runs of them through papermill, as short as can be."""

import nbformat
import pytest
from kernels import execute_in
from papermill.exceptions import PapermillExecutionError

from dcgan_tf.run.directory import Run


def pictures(executed):
    """The last line of every cell that shows a picture."""
    return [
        cell.source.splitlines()[-1]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]


def said(executed):
    return "".join(output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []))


@pytest.fixture(scope="module")
def toys(kernel, tmp_path_factory):
    """toys.ipynb, executed with a few steps and no run given."""
    folder = tmp_path_factory.mktemp("toys")
    parameters = {"steps": 12, "max_seconds": 0.3, "overrides": {"width": 4, "batch_size": 8, "grid_images": 4}}
    execute_in(kernel, "toys.ipynb", folder / "out.ipynb", {**parameters, "results_dir": str(folder / "results")})
    return nbformat.read(folder / "out.ipynb", 4)


def test_the_toys_are_drawn(toys):
    drawn = pictures(toys)
    assert [line.split("(")[0] for line in drawn] == ["plane_sheet", "plane_sheet", ")", "loss_portraits"]
    assert "No run was given: training a small one on digits first, for 0.3 seconds." in said(toys)
    assert "self.discriminator_optimizer.apply" in str(toys.cells)  # the step's own code
    assert "oneDNN" not in str(toys.cells) and "cuInit" not in str(toys.cells)


@pytest.fixture(scope="module")
def failures(kernel, tmp_path_factory):
    """failures.ipynb, executed with a few steps: too few to fail."""
    folder = tmp_path_factory.mktemp("failures")
    parameters = {
        "steps": 4,
        "width": 2,
        "batch_size": 8,
        "few": 4,
        "results_dir": str(folder / "runs"),
    }
    execute_in(kernel, "failures.ipynb", folder / "out.ipynb", parameters)
    (ten,) = (folder / "runs").iterdir()
    return nbformat.read(folder / "out.ipynb", 4), ten


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("failures", {"few": 1}, "few=1 must be a whole number of at least 2"),
        ("toys", {"slow": 0}, "slow=0 must be a finite number above 0"),
        ("toys", {"overrides": {"widht": 8}}, "widht"),
        ("toys", {"run_dir": "nowhere"}, "nowhere"),
    ],
)
def test_what_fails_late_is_said_before_the_first_training(kernel, tmp_path, name, parameters, message):
    with pytest.raises(PapermillExecutionError) as caught:
        execute_in(kernel, f"{name}.ipynb", tmp_path / "out.ipynb", {**parameters, "results_dir": str(tmp_path)})
    assert caught.value.ename == "UserError" and message in caught.value.evalue
    assert "check_parameters(globals())" in caught.value.source


def test_each_failure_has_a_rescue_that_changes_one_thing(failures):
    executed, folder = failures
    assert folder.name == "mnist5k-failures-batch_size=8-few=4-steps=4-width=2-seed0"  # all that other runs differ in
    names = ("won", "vanishing", "collapse", "swinging", "copying")
    assert {path.name for path in folder.iterdir()} == {*names, *(f"{name}_rescued" for name in names)}
    changed = {}
    for name in names:
        failed, rescued = (Run(folder / end).config for end in (name, f"{name}_rescued"))
        changed[name] = [field for field, value in failed["recipe"].items() if rescued["recipe"][field] != value]
        changed[name] += ["images"] if failed["dataset"]["images"] != rescued["dataset"]["images"] else []
    assert changed == {
        **{"won": ["generator_learning_rate"], "vanishing": ["loss"], "collapse": ["batch_norm"]},
        **{"swinging": ["gradient_penalty"], "copying": ["images"]},
    }
    sizes = [Run(folder / name).config["recipe"]["batch_size"] for name in ("won", "copying", "copying_rescued")]
    assert sizes == [8, 4, 4]  # there are but four images to copy
    drawn = [line.split("(")[0] for line in pictures(executed)]
    assert drawn.count("curves") == 6 and drawn.count("compare_grids") == 5 and "nearest_real_images" in drawn
