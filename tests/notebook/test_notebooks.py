"""The notebooks: the rules they keep, and real runs of them through papermill and in a watched kernel."""

import ast
import base64
import io
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import forks
import nbformat
import numpy as np
import papermill
import pytest
from kernels import execute_in
from papermill.exceptions import PapermillExecutionError

from dcgan_tf.data.decoding import decode
from dcgan_tf.notebook.parameters import declared_parameters
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.directory import Run

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL = {"width": 8, "batch_size": 50, "steps": 6, "overrides": {"grid_images": 9, "grid_every": 3}}
SMALL |= {"features": "pixels", "evaluation_samples": 60}  # a classifier is trained in test_evaluation.py

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def parameters_of(path):
    (cell,) = [cell for cell in code_of(path) if "parameters" in cell.metadata.get("tags", [])]
    return cell.source


# --- the rules --------------------------------------------------------------------------------------------


@each_notebook
def test_a_notebook_is_stored_without_outputs_and_for_any_machine(path):
    stored = nbformat.read(path, 4)
    nbformat.validate(stored)
    assert stored.metadata.kernelspec == {"name": "python3", "display_name": "Python 3", "language": "python"}
    for cell in code_of(path):
        assert cell.outputs == [] and cell.execution_count is None
    assert str(ROOT) not in path.read_text(encoding="utf-8")


@each_notebook
def test_parameters_are_literals_with_a_comment_each(path):
    source = parameters_of(path)
    commented = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.line.lstrip().startswith("#")
    }
    for statement in ast.parse(source).body:
        assert isinstance(statement, ast.Assign | ast.AnnAssign), ast.unparse(statement)
        ast.literal_eval(statement.value)
        assert statement.end_lineno in commented, f"no comment behind {ast.unparse(statement)}"
    declared, _ = declared_parameters([source])
    assert len(declared) == len(ast.parse(source).body)
    assert not source.startswith("# Parameters\n")  # that is how papermill's own cell begins


@each_notebook
def test_papermill_can_explain_every_parameter(path):
    declared, _ = declared_parameters([parameters_of(path)])
    explained = papermill.inspect_notebook(str(path))
    assert list(explained) == list(declared)
    assert all(parameter["help"] for parameter in explained.values())


@each_notebook
def test_every_parameter_is_used_and_checked_first(path):
    declared, _ = declared_parameters([parameters_of(path)])
    sources = [cell.source for cell in code_of(path)]
    after = sources[sources.index(parameters_of(path)) + 1 :]
    assert "check_parameters(globals())" in after[0]
    used = {node.id for source in after for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert set(declared) - used == set()


@each_notebook
def test_the_example_of_other_fields_acts_on_the_notebooks_recipe(path):
    source = parameters_of(path)
    declared, _ = declared_parameters([source])
    for example in re.findall(r"^overrides: .*for example (\{.*\})", source, re.MULTILINE):
        usual = RECIPES[declared.get("recipe", (None, "quick"))[1]]
        assert usual.with_fields(ast.literal_eval(example)) != usual  # a field that it does not use is refused
        assert not set(ast.literal_eval(example)) & set(declared)


@each_notebook
def test_cells_are_short_and_only_call_the_package(path):
    forbidden = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.While | ast.For
    for cell in code_of(path):
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, forbidden)], cell.source
        if cell.source != parameters_of(path):
            assert len(cell.source.splitlines()) <= 16, cell.source


@each_notebook
def test_prose_leads_every_section(path):
    cells = nbformat.read(path, 4).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert sum(cell.cell_type == "markdown" for cell in cells) * 3 >= len(cells)


def test_a_run_that_was_not_evaluated_has_no_curve(mnist, tmp_path):
    from dcgan_tf.notebook.tables import metric_curve

    assert metric_curve(mnist[1]).axes
    assert "evaluate_every" in metric_curve(Run(tmp_path)).texts[0].get_text()


# --- real runs --------------------------------------------------------------------------------------------


def execute(kernel, name, results, output, **parameters):
    parameters = {**SMALL, "results_dir": str(results), "run_name": "run", **parameters}
    return execute_in(kernel, name, output, parameters)


@pytest.fixture(scope="module")
def mnist(kernel, tmp_path_factory):
    """mnist.ipynb, executed as `make demo` does it: (the executed notebook, its run)."""
    folder = tmp_path_factory.mktemp("mnist")
    run = Run(folder / "results" / "run")
    run.path.mkdir(parents=True)
    execute(kernel, "mnist.ipynb", folder / "results", run.notebook_path, evaluate_every=3)
    return nbformat.read(run.notebook_path, 4), run


def outputs(executed, kind):
    """(source, data) of every output of that MIME type."""
    return [
        (cell.source, output.data[kind])
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if kind in output.get("data", {})
    ]


def test_mnist_leaves_a_whole_run_directory(mnist):
    _, run = mnist
    assert run.config["dataset"]["name"] == "mnist5k" and run.config["recipe"]["width"] == 8
    assert run.rows()[-1]["step"] == 6
    assert run.grid_steps() == [0, 1, 2, 3, 6] and run.gif_path.stat().st_size > 1000
    assert run.generator_path.is_file() and run.discriminator_path.is_file()


def test_mnist_shows_what_it_promises(mnist):
    executed, _ = mnist
    drawn = " ".join(source for source, _ in outputs(executed, "image/png"))
    for call in ("show_data", "architecture(generator)", "architecture(discriminator)", "curves", "compare_grids"):
        assert call in drawn
    assert "show_images(images[:100]" in drawn and "show_images(to_uint8(image))" in drawn
    tables = [(source, page) for source, page in outputs(executed, "text/html") if "<table" in page]
    assert [source for source, _ in tables][:2] == ["layer_table(generator)", "layer_table(discriminator)"]
    assert [page for _, page in outputs(executed, "text/html") if "data:image/webp;base64,UklG" in page]


def test_mnist_says_how_good_it_is(mnist):
    executed, run = mnist
    (page,) = [page for source, page in outputs(executed, "text/html") if "EvaluationTable" in source]
    for words in ("frechet_distance", "pixels averaged to 16x16x1", ">60<", "5,000 of mnist5k, all training images"):
        assert words in page
    assert [line.get("while_training", False) for line in run.metrics()] == [True, True, False]
    assert run.best_generator_path.is_file()
    drawn = [source for source, _ in outputs(executed, "image/png")]
    assert any("metric_curve(run)" in source for source in drawn)
    assert any("nearest_real_images(run, data)" in source for source in drawn)
    assert "no alarm in this training" in str(executed.cells)


def test_papermill_gets_plain_lines_and_nothing_of_tensorflows_chatter(mnist):
    executed, run = mnist
    (training,) = [cell for cell in executed.cells if "run = train(" in cell.source]
    text = "".join(output.get("text", "?") for output in training.outputs)
    assert "epoch 1  step 3" in text and "done: 0.06 epochs, step 6 in 0:" in text
    assert "oneDNN" not in str(executed.cells)
    assert f"run directory: {run.path}" in str(executed.cells)


def test_cifar10_runs_from_the_command_line_in_the_notebooks_folder(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "pictures"
    folder.mkdir()
    for number in range(61):
        save_png(folder / f"{number}.png", rng.integers(0, 256, (33 if number else 20, 33, 3), dtype=np.uint8))
    settings = [f"-r results_dir {tmp_path}/runs -r dataset {folder} -p drop_small True -p image_size 32"]
    settings[0] += " -p steps 4 -p width 4 -p batch_size 20 -p features pixels -p evaluation_samples 60"
    overrides = "{overrides: {channels: 3, grid_images: 9, grid_every: 2}}"
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "cifar10.ipynb", str(tmp_path / "executed.ipynb"), "--no-progress-bar"]
        + [*settings[0].split(), "-y", overrides],
        cwd=ROOT / "notebooks",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = (tmp_path / "runs").iterdir()
    assert "-drop_small=True-" in path.name and "resize" not in path.name
    run = Run(path)
    data = run.config["dataset"]
    assert (data["images"], data["image_shape"], data["drop_small"]) == (60, [32, 32, 3], True)
    assert run.grid_steps() == [0, 1, 2, 4] and run.gif_path.is_file() and run.generator_path.is_file()
    executed = nbformat.read(tmp_path / "executed.ipynb", 4)
    assert len(outputs(executed, "image/png")) >= 7
    assert "oneDNN" not in str(executed.cells)  # this kernel was a new one


@pytest.mark.parametrize(
    "wrong, message", [({"epohcs": 3}, "Did you mean 'epochs'"), ({"features": "incepton"}, "'inception'")]
)
def test_a_wrong_parameter_stops_before_training(kernel, tmp_path, wrong, message):
    with pytest.raises(PapermillExecutionError) as caught:
        execute(kernel, "mnist.ipynb", tmp_path / "results", tmp_path / "executed.ipynb", **wrong)
    assert caught.value.ename == "UserError" and message in caught.value.evalue
    assert len(caught.value.traceback) == 1  # the one line, and no traceback over it
    assert not (tmp_path / "results").exists()


WATCHED = """
from dcgan_tf.training.progress import choose_progress
print(type(choose_progress()).__name__)
"""
TRAINING = """
from dcgan_tf import train
changes = dict(image_size=8, width=4, batch_size=200, grid_images=4)
run = train("gwu", "fake", {run_dir!r}, epochs=1, overrides=changes, show_nearest=True)
"""


def messages(kernel, code, watched):
    """What a front end receives while `code` runs; `watched`: it could answer questions, as Jupyter's do."""
    received, (_, client) = [], kernel
    reply = client.execute_interactive(code, allow_stdin=watched, output_hook=received.append, timeout=120)
    assert reply["content"]["status"] == "ok", reply["content"]
    return [(message["msg_type"], message["content"]) for message in received]


def test_only_a_kernel_that_somebody_watches_gets_the_live_view(kernel):
    for watched, name in ((True, "NotebookProgress"), (False, "PlainProgress")):
        received = messages(kernel, WATCHED, watched)
        assert "".join(content["text"] for kind, content in received if kind == "stream") == f"{name}\n"


def test_the_live_view_is_updated_in_place(kernel, tmp_path):
    received = messages(kernel, TRAINING.format(run_dir=str(tmp_path / "run")), watched=True)
    placed = [content["transient"]["display_id"] for kind, content in received if kind == "display_data"]
    updates = [content for kind, content in received if kind == "update_display_data"]
    assert len(placed) == 2 and {content["transient"]["display_id"] for content in updates} == set(placed)
    pictures = [content for content in updates if "image/png" in content["data"]]
    assert len(pictures) >= 1
    shown = decode(base64.b64decode(pictures[0]["data"]["image/png"]))
    assert shown.shape == (744, 960, 3)  # the grid, the curves, and below the nearest real images
    bar = [content["data"]["text/html"] for content in updates if "text/html" in content["data"]][-1]
    assert "100%" in bar and "step 5 " in bar and "images/s" in bar and "left" not in bar


def test_a_saved_generator_needs_keras_alone(mnist):
    _, run = mnist
    code = f"import sys, keras, numpy; m = keras.saving.load_model({str(run.generator_path)!r}); "
    code += "print(m(numpy.zeros((2, 32), 'float32')).shape, 'dcgan_tf' in sys.modules)"
    done = forks.run(["-c", code], cwd=run.path)
    assert done.stdout.split("\n")[0] == "(2, 28, 28, 1) False", done.stderr[-2000:]
    assert np.isfinite(run.history()["generator_loss"]).all()
