"""A parameter that cannot be right stops a notebook in one line, before anything is trained."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from dcgan_tf.notebook.parameters import check_parameters, check_values, declared_parameters
from dcgan_tf.system.errors import UserError

MNIST = Path(__file__).parents[2] / "notebooks" / "mnist.ipynb"
(PARAMETERS,) = [cell.source for cell in nbformat.read(MNIST, 4).cells if "parameters" in cell.metadata.get("tags", [])]


def check(injected="", cells=(), **values):
    """check_parameters as the cell behind mnist's parameters sees it, after papermill injected `injected`."""
    declaration = PARAMETERS
    history = ["", declaration, *([f"# Parameters\n{injected}\n"] if injected else []), *cells]
    namespace = {}
    for source in history:
        exec(source, namespace)
    check_parameters({**namespace, **values, "In": [*history, "check_parameters(globals())"]})


def test_what_is_counted_is_one_or_more():
    check_values({"most": 1, "moments": 5, "averaged": 1, "compared": 2})
    for name, least in (("most", 1), ("moments", 1), ("averaged", 1), ("compared", 2)):
        with pytest.raises(UserError, match=f"^{name}={least - 1} must be a whole number from {least}"):
            check_values({name: least - 1})


def test_every_rate_and_time_is_above_zero():
    check_values({"learning_rate": np.float32(1e-3), "max_seconds": 0.5, "seconds": 60})
    for name in ("learning_rate", "max_seconds", "seconds"):
        for wrong in (0, -1.0, float("nan"), float("inf")):
            with pytest.raises(UserError, match=f"^{name}={wrong} must be a finite number above 0"):
                check_values({name: wrong})


def test_no_path_is_empty():
    check_values({"images": None, "celeba": "a.zip", "runs": ["a", "b"], "run_name": "", "start_from": None})
    for name, wrong in (("images", ""), ("celeba", ""), ("runs", ["a", ""]), ("photo", ""), ("results_dir", "")):
        with pytest.raises(UserError, match=f"^{name}={re.escape(repr(wrong))}: a path is empty: give a value, or"):
            check_values({name: wrong})


@pytest.mark.parametrize("name", ["toys", "latent_space"])
def test_a_small_runs_other_fields_are_not_the_parameters_that_are_called_alike(name):
    cells = nbformat.read(MNIST.with_name(f"{name}.ipynb"), 4).cells
    (source,) = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    values = {name: default for name, (_, default) in declared_parameters([source])[0].items()}
    for right in ({"loss": "hinge"}, {"learning_rate": 1e-3}, {"width": 8}):
        check_values({**values, "overrides": right})
    for length in ("steps", "epochs"):
        with pytest.raises(UserError, match=f"^{length}=50 would change nothing: .* by its parameter max_seconds$"):
            check_values({**values, "overrides": {length: 50}})
    with pytest.raises(UserError, match="use -p max_seconds 9"):
        check_values({**values, "overrides": {"max_seconds": 9}})


def test_an_image_size_that_the_recipe_cannot_make_is_said_before_pictures_are_prepared():
    check("recipe = 'vrdl'")
    check("recipe = 'radford'\nimage_size = 32")
    check("recipe = 'tutorial'\nimage_size = 28")  # of gray images alone, as they may be
    with pytest.raises(UserError, match="take 32 or 36 instead of 33"):
        check("recipe = 'radford'\nimage_size = 33")
    with pytest.raises(UserError, match="take 128 instead of 300"):
        check("image_size = 300")


def test_defaults_and_sensible_values_pass():
    check()
    check("epochs = 3\nlearning_rate = 1\nrun_name = 'a'\nclasses = [3, 8]\noverrides = {'initial_std': 0.1}")
    check("epochs = None\nbatch_size = 64\nmax_seconds = 2.5\nloss = 'hinge'")


@pytest.mark.parametrize(
    "injected, message",
    [
        ("epohcs = 3", r"unknown parameter 'epohcs'\. Did you mean 'epochs'\? This notebook has: recipe, dataset, .*"),
        ("epochs = 'ten'", r"epochs='ten' must be a whole number or None: give it as -p epochs 10, or in .*"),
        ("epochs = 2.5", r"epochs=2\.5 must be a whole number or None: .*"),
        ("batch_size = True", r"batch_size=True must be a whole number or None: .*"),
        ("learning_rate = 'fast'", r"learning_rate='fast' must be a number or None: .*"),
        ("learning_rate = float('nan')", r"learning_rate=nan must be a finite number above 0"),
        ("learning_rate = -0.1", r"learning_rate=-0\.1 must be a finite number above 0"),
        ("max_seconds = 0", r"max_seconds=0 must be a finite number above 0"),
        ("run_name = '../elsewhere'", r"run_name '\.\./elsewhere' leads out of '.*results': give the name .*"),
        ("run_name = 7", r"run_name=7 must be a text or None: give it as -r run_name 7, .*"),
        ("resize = 'yes'", r"resize='yes' must be True or False: give it as -p resize True, .*"),
        ("seed = None", r"seed=None must be a whole number: .*"),
        ("seed = -1", r"seed=-1 must be a whole number from 0 to 2147483647"),
        ("seed = 2**31", r"seed=2147483648 must be a whole number from 0 to 2147483647"),
        ("evaluation_samples = 9", r"evaluation_samples=9 must be a whole number from 10 to 1000000000000"),
        ("overrides = [1]", r"overrides=\[1\] must be a dict: give it as -y \"overrides: \{width: 32\}\", .*"),
        ("overrides = {'widht': 8}", r"unknown field 'widht'\. Did you mean 'width'\? .*"),
        (
            "overrides = {'width': 8}",
            r"overrides has width=8, but width is a parameter of this notebook: use -p width 8",
        ),
        ("overrides = {'dropout': 2}", r"dropout=2 must be a finite number of at least 0 and at most 0\.95 .*"),
        ("overrides = {'dropout': 0.1}", r"dropout=0\.1: the architecture 'quick' has no dropout, .*"),
        ("epochs = 0", r"epochs=0 must be .*at least 1.*"),
        ("epochs = 2\nsteps = 3", r"epochs=2 and steps=3 are both given: give one of the two"),
        ("loss = 'bcee'", r"loss='bcee' must be one of .* Did you mean 'bce'\?"),
        ("recipe = 'quik'", r"unknown recipe 'quik'\. Did you mean 'quick'\? .*"),
    ],
)
def test_what_cannot_work_is_one_clear_line(injected, message):
    with pytest.raises(UserError) as caught:
        check(injected)
    assert re.fullmatch(message, str(caught.value)), str(caught.value)
    assert caught.value._render_traceback_() == [f"UserError: {caught.value}"]


def test_going_on_by_hand_gives_no_false_alarm():
    check(cells=["learning_rat = 3", "import math", "note: str = 'mine'"])
    check("epohcs = 3", cells=["# Parameters\nepochs = 3\n"])  # papermill's cell was mended and run again
    check("epohcs = 3", cells=[PARAMETERS])  # or deleted, and all run again
    check_parameters({"epochs": 1})  # outside a notebook there is nothing to compare with


def test_a_cell_that_is_no_python_is_passed_over():
    declared, injected = declared_parameters(["!ls", "epochs: int = 1", "%time x", "# Parameters\nepohcs = 2\n"])
    assert declared == {"epochs": ("int", 1)} and injected == ["epohcs"]
