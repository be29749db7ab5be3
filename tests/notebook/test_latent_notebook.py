"""The notebook of the latent space: a real run of it through papermill without a run given."""

import nbformat
import pytest
from kernels import execute_in
from papermill.exceptions import PapermillExecutionError

from dcgan_tf.run.directory import Run


@pytest.fixture(scope="module")
def executed(kernel, tmp_path_factory):
    """latent_space.ipynb, executed with tiny settings and no run given: (the executed notebook, its folder)."""
    folder = tmp_path_factory.mktemp("latent")
    parameters = {
        **{"max_seconds": 0.4, "avatar_count": 40, "seeds": [1, 2, 3], "means": [0.0, 1.0], "stds": [0.5, 1.0]},
        **{"average_means": [-1.0, 0.8], "averaged": 10, "steps": 3, "classifier": False},
        **{"overrides": {"width": 4, "image_size": 28, "batch_size": 10, "grid_every": 4, "latent_dim": 8}},
        **{"results_dir": str(folder / "results"), "run_name": "small"},
    }
    execute_in(kernel, "latent_space.ipynb", folder / "out.ipynb", parameters)
    return nbformat.read(folder / "out.ipynb", 4), folder


def test_papermill_trains_a_small_run_first_and_shows_everything_as_sheets_and_gifs(executed):
    notebook, folder = executed
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "No run was given: training a small one on avatars (cartoon faces) first, for 0.4 seconds." in text
    run = Run(folder / "results" / "small")
    assert run.samples() and run.generator_path.is_file()
    assert f"looking into {run.path}" in text and "8 numbers each, normal; images of 28x28x3" in text
    pictures, films, lines = {}, {}, []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = cell.source.splitlines()[-1].split('"')[-2] if '"' in cell.source.splitlines()[-1] else cell.source
            data = output.get("data", {})
            if "image/png" in data:
                pictures[name] = pictures.get(name, 0) + 1
            if "data:image/gif;base64,R0lG" in data.get("text/html", ""):
                films[name] = films.get(name, 0) + 1
            lines += output.get("text", "").splitlines()
    assert pictures == {
        **dict.fromkeys(("samples", "neighbours", "spreads", "truncation", "average", "interpolation", "plane"), 1),
        **dict.fromkeys(("first_layer", "arithmetic", "projection", "epochs"), 1),
        "directions": 2,
    }
    assert films == dict.fromkeys(("interpolation", "plane", "directions", "projection", "epochs"), 1)
    assert [line for line in lines if "left out" in line] == 2 * [
        "left out: it needs a classifier of the labels, and none was wanted"
    ]
    assert "oneDNN" not in str(notebook.cells)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"arithmetic": "1+x"}, "seeds='1+x' must be a whole number"),
        ({"seeds": [3]}, "seeds=[3] are too few: this needs 3"),
        ({"average_means": []}, "average_means='' must be numbers"),
        ({"photo": "no such.png"}, "no such.png' cannot be projected"),
    ],
)
def test_what_cannot_be_shown_is_said_before_a_run_is_trained(kernel, tmp_path, wrong, message):
    parameters = {"max_seconds": 0.4, "avatar_count": 40, "results_dir": str(tmp_path / "results"), **wrong}
    with pytest.raises(PapermillExecutionError) as caught:
        execute_in(kernel, "latent_space.ipynb", tmp_path / "out.ipynb", parameters, tmp_path)
    assert caught.value.ename in ("UserError", "NotHere") and message in caught.value.evalue
    assert [path.name for path in tmp_path.iterdir()] == ["out.ipynb"]
