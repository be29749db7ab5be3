"""Plans of sweeps: every combination, checked before anything runs, no two of them the same."""

from pathlib import Path

import numpy as np
import pytest
from nbformat import write as write_notebook
from nbformat.v4 import new_code_cell, new_notebook

from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.sweeps.asked import split_values
from dcgan_tf.sweeps.plan import file_name, plan_sweep
from dcgan_tf.system.errors import UserError

MNIST = Path(__file__).parents[2] / "notebooks" / "mnist.ipynb"


def plan(named=None, repeats=1, sample=None, share=True, **settings):
    texts = {name: split_values(text) for name, text in settings.items()}
    return plan_sweep(MNIST, texts, named, repeats=repeats, sample=sample, share=share)


def names(found):
    return [run.name for run in found]


def test_a_grid_is_every_combination_the_shorter_first():
    found = plan(epochs="10,5", batch_size="32,64")
    assert names(found) == ["epochs=5-batch_size=32", "epochs=10-batch_size=32"] + [
        "epochs=5-batch_size=64",
        "epochs=10-batch_size=64",
    ]
    assert found[0].parameters == {"epochs": 5, "batch_size": 32}
    assert found[0].family == found[1].family != found[2].family


def test_a_seed_of_the_draw_needs_a_draw():
    with pytest.raises(UserError, match="sample_seed=3 is only of use with sample: give --sample as well, or leave it"):
        plan_sweep(MNIST, {}, sample_seed=3)


def test_values_become_what_the_parameter_holds():
    (run,) = plan(
        epochs="5", learning_rate="2e-4", classes="[3, 8]", dataset="'mnist'", resize="true", initial_std="0.1"
    )
    assert run.parameters == {"epochs": 5, "learning_rate": 2e-4, "classes": [3, 8], "dataset": "mnist", "resize": True,
                              "overrides": {"initial_std": 0.1}}  # fmt: skip
    (run,) = plan_sweep(MNIST, {"seed": [np.int64(3)], "initial_std": [np.float32(0.5)]}, sample=np.int64(1))
    assert type(run.parameters["seed"]) is int and type(run.parameters["overrides"]["initial_std"]) is float
    assert plan(classes="none,7")[0].parameters == {"classes": None} and plan(classes="none,7")[0].length is None
    assert split_values("[1, 2],{a: 1, b: 2},'x,y',z") == ["[1, 2]", "{a: 1, b: 2}", "'x,y'", "z"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"epohcs": "5"}, r"unknown parameter 'epohcs'\. Did you mean 'epochs'\?"),
        ({"droput": "0.5"}, r"unknown parameter 'droput'\. Did you mean 'dropout'\?"),
        ({"dropout": "0,0.3"}, r"dropout=0: dropout=0\.0: the architecture 'quick' has no dropout, .*"),
        ({"epochs": "five"}, r"epochs='five' must be a whole number or none"),
        ({"epochs": "5,2.5"}, r"epochs='2\.5' must be a whole number or none"),
        ({"seed": "none"}, r"seed='none' must be a whole number, "),
        ({"resize": "yes"}, r"resize='yes' must be True or False"),
        ({"dropout": "0.1,2"}, r"dropout=2 must be a finite number of at least 0 and at most 0\.95"),
        ({"loss": "bce,hing"}, r"loss=hing: loss='hing' must be one of .* Did you mean 'hinge'\?"),
        ({"dataset": "mnist5k,mnsit"}, r"dataset=mnsit: unknown dataset 'mnsit'\. Did you mean 'mnist'\?"),
        ({"epochs": "5", "steps": "7"}, r"epochs=5 and steps=7 are both given"),
        ({"epochs": "5,5"}, r"epochs=5 is there twice"),
        (
            {"instance_noise": "0.1", "named": {"a": {"overrides": {"instance_noise": 0.2}}}},
            r"instance_noise=0\.1 and overrides=\{'instance_noise': 0\.2\} both say what instance_noise is: give it in",
        ),
        ({"overrides": "{dropout: 0.2}", "dropout": "0.1"}, r"dropout=0\.1 and overrides=\{'dropout': 0\.2\} both say"),
        ({"run_name": "a"}, r"run_name is given to each run by the sweep itself"),
        ({"seed": "99999999999"}, r"seed=99999999999: seed=99999999999 must be a whole number from 0 to 2147483647"),
        ({"seed": "2147483647", "repeats": 2}, r"seed=2147483648 must be a whole number from 0 to 2147483647"),
        ({"seed": "1,2", "repeats": 2}, r"repeats=2 and several seeds are both given"),
        ({"epochs": "5", "sample": 0}, r"sample=0 must be a whole number of at least 1"),
        ({"epochs": "5", "named": {"a": 3}}, r"runs: a: must be settings"),
    ],
)
def test_what_cannot_work_is_said_before_anything_runs(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        plan(**settings)
    assert "\n" not in str(caught.value)


def test_a_notebook_that_cannot_be_swept(tmp_path):
    with pytest.raises(UserError, match="notebook=None must be a notebook's path"):
        plan_sweep(None, {})
    with pytest.raises(UserError, match=r"there is no notebook .*mnsit\.ipynb'\. Did you mean 'mnist\.ipynb'\?"):
        plan_sweep(MNIST.with_name("mnsit.ipynb"), {})
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(UserError, match="is not a Jupyter notebook"):
        plan_sweep(tmp_path / "a.ipynb", {})
    cells = [new_code_cell("epochs: int = 1", metadata={"tags": ["parameters"]})]
    write_notebook(new_notebook(cells=cells), tmp_path / "b.ipynb")
    with pytest.raises(UserError, match="at least results_dir and run_name"):
        plan_sweep(tmp_path / "b.ipynb", {})


def test_repeats_and_samples():
    assert names(plan(epochs="5", repeats=2)) == ["epochs=5-seed=0", "epochs=5-seed=1"]
    everything = set(names(plan(epochs="1,2,3,4", width="8,16,32")))
    few, more = (set(names(plan(epochs="1,2,3,4", width="8,16,32", sample=count))) for count in (4, 6))
    assert len(few) == 4 and len(more) == 6 and few < more < everything


def test_only_what_is_exact_is_shared(monkeypatch):
    def families(**settings):
        return [run.family is not None for run in plan(**settings)]

    assert families(epochs="1,2") == families(steps="10,20") == [True, True]
    assert families(epochs="1,2", share=False) == [False, False]
    assert families(epochs="1,2", max_seconds="60") == [False, False]  # the clock may have ended them
    assert families(width="8,16") == [False, False]
    monkeypatch.setattr(Recipe, "depends_on_length", property(lambda recipe: recipe.loss == "hinge"))
    assert families(epochs="1,2", loss="hinge") == [False, False] and families(epochs="1,2") == [True, True]


def test_two_runs_that_would_be_one_are_refused():
    with pytest.raises(UserError) as caught:
        plan(batch_size="none,32", epochs="1")
    assert str(caught.value) == (
        "'batch_size=none-epochs=1' and 'batch_size=32-epochs=1' would be one and the same training "
        "(in both batch_size is 32): leave one of them out"
    )
    with pytest.raises(UserError, match=r"same training \(all their settings are equal\)"):
        plan(named={"a": {"epochs": 2}, "b": {"epochs": 2}})
    rates = {"generator_learning_rate": 2e-3, "discriminator_learning_rate": 2e-3}
    with pytest.raises(UserError, match=r"in both generator_learning_rate is 0\.002, discriminator_learning_rate is"):
        plan(named={"a": {"learning_rate": 2e-3}, "b": rates})
    # quick's own length is the notebook's to choose, and need not be 25 epochs
    assert names(plan(epochs="none,25")) == ["epochs=none", "epochs=25"]


@pytest.mark.parametrize("name", ["logs", "Sweep.csv", "curves.png", "sheet-width=8.png", "config.json"])
def test_no_run_is_called_as_the_sweeps_own_files_are(name):
    with pytest.raises(UserError, match=f"^a run cannot be called '{name}', as the sweep's own files are: give it an"):
        plan(named={name: {}})
    assert names(plan(named={name: {}}, epochs="1,2")) == [f"{name}-epochs=1", f"{name}-epochs=2"]


def test_a_length_that_the_notebook_does_not_take_is_refused(tmp_path):
    cell = "recipe: str = 'quick'\nsteps: int = None\nmax_seconds: float = None\noverrides: dict = {}\n"
    cell += "results_dir: str = 'r'\nrun_name: str = None"
    cells = [new_code_cell(cell, metadata={"tags": ["parameters"]})]
    write_notebook(new_notebook(cells=cells), tmp_path / "a.ipynb")
    with pytest.raises(UserError) as caught:
        plan_sweep(tmp_path / "a.ipynb", {"epochs": ["1", "2"]})
    assert str(caught.value) == (
        "epochs=1: epochs=1 would change nothing: how long this notebook trains is decided by its parameters "
        "steps and max_seconds"
    )


def test_long_names_are_cut_but_stay_different():
    one, other = file_name("a" * 200), file_name("a" * 201)
    assert one != other and len(one) <= 120 and one.startswith("a" * 110)
    assert file_name("a/b") != file_name("a:b") and file_name("epochs=5-width=8") == "epochs=5-width=8"
