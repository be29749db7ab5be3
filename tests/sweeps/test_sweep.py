"""Sweeps: plans that are checked first, real runs that fail and are killed, and work that is shared exactly."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from nbformat import write as write_notebook
from nbformat.v4 import new_code_cell, new_notebook

from dcgan_tf.data.images import decode
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.asked import read_yaml, split_values
from dcgan_tf.sweeps.plan import plan_sweep
from dcgan_tf.sweeps.sharing import copy_run, is_beginning, share_cores, thread_settings
from dcgan_tf.sweeps.sweep import sweep
from dcgan_tf.sweeps.worker import read_outcome
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

ROOT = Path(__file__).parents[2]
MNIST = ROOT / "notebooks" / "mnist.ipynb"
# `fake` has 1,000 images: 20 steps an epoch
TINY = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 4, "ema_images": 500}

PARAMETERS = """
epochs: int = 1  # passes over the data
behave: str = "well"  # well, fail, die (the first time) or wait
source: str = ""  # a run that is copied instead of training one
results_dir: str = "results"  # the folder of all runs
run_name: str = None  # the run's own folder
"""
BODY = """
import os, shutil, signal
from pathlib import Path
folder = Path(results_dir)
with open(folder / "calls.txt", "a") as file:
    file.write(run_name + "\\n")
if behave == "fail":
    raise ValueError("made to fail,\\nin two lines")
if behave == "die" and not (folder / "died").exists():
    (folder / "died").touch()
    os.kill(os.getpid(), signal.SIGKILL)
if behave == "wait":
    try:
        (folder / "waiting").write_text("now")
        signal.pause()
    except KeyboardInterrupt:
        (folder / "saved").touch()
        raise
print("threads:", os.environ.get("TF_NUM_INTRAOP_THREADS"))
shutil.copytree(source, folder / run_name, dirs_exist_ok=True)
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook that behaves as it is told, and needs no TensorFlow."""
    path = tmp_path_factory.mktemp("notebooks") / "tiny.ipynb"
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(BODY), new_code_cell("1 + 1")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write_notebook(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A run of one epoch."""
    return train_for(1, tmp_path_factory.mktemp("runs") / "short")


def train_for(epochs, path):
    return train("gwu", "fake", path, epochs=epochs, overrides=TINY, log_every=8, progress=NoProgress())


def plan(named=None, repeats=1, sample=None, share=True, **settings):
    texts = {name: split_values(text) for name, text in settings.items()}
    return plan_sweep(MNIST, texts, named, repeats=repeats, sample=sample, share=share)


def names(found):
    return [run.name for run in found]


# --- the plan ----------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_the_shorter_first():
    found = plan(epochs="10,5", batch_size="32,64")
    assert names(found) == ["epochs=5-batch_size=32", "epochs=10-batch_size=32"] + [
        "epochs=5-batch_size=64",
        "epochs=10-batch_size=64",
    ]
    assert found[0].parameters == {"epochs": 5, "batch_size": 32}
    assert found[0].family == found[1].family != found[2].family


def test_values_become_what_the_parameter_holds():
    (run,) = plan(epochs="5", learning_rate="2e-4", classes="[3, 8]", dataset="'mnist'", resize="true", dropout="0.1")
    assert run.parameters == {"epochs": 5, "learning_rate": 2e-4, "classes": [3, 8], "dataset": "mnist", "resize": True,
                              "overrides": {"dropout": 0.1}}  # fmt: skip
    assert plan(classes="none,7")[0].parameters == {"classes": None} and plan(classes="none,7")[0].length is None
    assert split_values("[1, 2],{a: 1, b: 2},'x,y',z") == ["[1, 2]", "{a: 1, b: 2}", "'x,y'", "z"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"epohcs": "5"}, r"unknown parameter 'epohcs'\. Did you mean 'epochs'\?"),
        ({"droput": "0.5"}, r"unknown parameter 'droput'\. Did you mean 'dropout'\?"),
        ({"epochs": "five"}, r"epochs='five' must be a whole number or none"),
        ({"epochs": "5,2.5"}, r"epochs='2\.5' must be a whole number or none"),
        ({"seed": "none"}, r"seed='none' must be a whole number, "),
        ({"resize": "yes"}, r"resize='yes' must be True or False"),
        ({"dropout": "0.1,2"}, r"dropout=2\.0 must be a finite number at least 0 and at most 0\.95"),
        ({"loss": "bce,hing"}, r"loss=hing: loss='hing' must be one of .* Did you mean 'hinge'\?"),
        ({"dataset": "mnist5k,mnsit"}, r"dataset=mnsit: unknown dataset 'mnsit'\. Did you mean 'mnist'\?"),
        ({"epochs": "5", "steps": "7"}, r"epochs=5 and steps=7 are both given"),
        ({"epochs": "5,5"}, r"epochs=5 is there twice"),
        ({"run_name": "a"}, r"run_name is given to each run by the sweep itself"),
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
    with pytest.raises(UserError, match=r"there is no notebook .*mnsit\.ipynb'\. Did you mean 'mnist\.ipynb'\?"):
        plan_sweep(MNIST.with_name("mnsit.ipynb"), {})
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(UserError, match="is not a Jupyter notebook"):
        plan_sweep(tmp_path / "a.ipynb", {})
    cells = [new_code_cell("epochs: int = 1", metadata={"tags": ["parameters"]})]
    write_notebook(new_notebook(cells=cells), tmp_path / "b.ipynb")
    with pytest.raises(UserError, match="at least results_dir and run_name"):
        plan_sweep(tmp_path / "b.ipynb", {})


def test_a_yaml_file_holds_a_grid_and_named_combinations(tmp_path):
    (tmp_path / "sweep.yaml").write_text(
        "epochs: [5, 10]\nwidth: 16\nruns:\n  paper: {learning_rate: 2e-4, epochs: 5}\n  fast: {batch_size: 128}\n"
    )
    settings, named = read_yaml(tmp_path / "sweep.yaml")
    found = plan_sweep(MNIST, settings, named)
    assert names(found) == ["paper", "fast-epochs=5", "fast-epochs=10"]
    assert found[0].parameters == {"width": 16, "learning_rate": 2e-4, "epochs": 5}
    (tmp_path / "wrong.yaml").write_text("epochs: [5")
    for name, message in (("wrong.yaml", "is not YAML"), ("none.yaml", "there is no file")):
        with pytest.raises(UserError, match=message):
            read_yaml(tmp_path / name)


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


def test_cores_are_shared_out_evenly():
    assert share_cores(2, [0, 1, 2, 3]) == [[0, 1], [2, 3]]
    assert share_cores(3, [0, 1, 2, 3]) == [[0], [1, 2], [3]]
    assert share_cores(3, [4, 6]) == [[4], [6], [4]]
    assert share_cores(1, [4, 6]) == [[]] and share_cores(2, []) == [[], []]


# --- sharing -----------------------------------------------------------------------------------------------


def test_a_run_that_went_on_from_a_shorter_one_is_the_run_alone(short, tmp_path, monkeypatch):
    shorter = Run(tmp_path / "shorter")
    copy_run(short, shorter.path)
    shorter.notebook_path.write_text("{}")
    (shorter.path / "latent").mkdir()  # what `explore` drew belongs to the shorter run
    line = {"step": 20, "metrics": {"frechet_distance": {"mean": 3.0}}}
    shorter.metrics_path.write_text(json.dumps({**line, "while_training": True}) + "\n" + json.dumps(line) + "\n")
    cores = len(os.sched_getaffinity(0))
    assert is_beginning(shorter, ("epochs", 1), cores) and not is_beginning(shorter, ("epochs", 1), cores + 1)
    assert not is_beginning(shorter, ("epochs", 2), cores) and not is_beginning(shorter, ("steps", 20), cores)
    assert not is_beginning(Run(tmp_path), ("epochs", 1), cores)
    copy_run(shorter, tmp_path / "longer")
    longer, alone = train_for(2, tmp_path / "longer"), train_for(2, tmp_path / "alone")
    assert not longer.notebook_path.exists()
    assert [found["while_training"] for found in longer.metrics()] == [True]  # not the evaluation of its end
    longer.metrics_path.unlink()

    def files(run):
        return sorted(
            str(path.relative_to(run.path)) for path in run.path.rglob("*") if "checkpoints" not in path.parts
        )

    assert files(longer) == files(alone)
    for path in ("grids/epoch_0001.png", "grids/epoch_0002.png", "progress.gif"):
        assert (longer.path / path).read_bytes() == (alone.path / path).read_bytes()
    for name in ("generator_path", "discriminator_path"):
        one, other = (keras.saving.load_model(getattr(run, name)) for run in (longer, alone))
        for mine, others in zip(one.variables, other.variables, strict=True):
            np.testing.assert_array_equal(mine.numpy(), others.numpy())
    clock = ("seconds", "images_per_second")
    rows = [[{k: v for k, v in row.items() if k not in clock} for row in run.rows()] for run in (longer, alone)]
    assert rows[0] == rows[1] and len(rows[0]) == 6
    configs = [{name: value for name, value in run.config.items() if name != "started"} for run in (longer, alone)]
    assert configs[0] == configs[1] and configs[0]["length"]["epochs"] == 2
    assert is_beginning(alone, ("epochs", 2), cores)
    monkeypatch.setattr(Recipe, "depends_on_length", True)
    assert not is_beginning(alone, ("epochs", 2), cores)


# --- real runs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def workers_find_the_package():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
        yield


def table(folder):
    with open(folder / "sweep.csv", newline="") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


def test_one_fails_and_one_is_killed_and_the_next_call_does_only_those(notebook, short, tmp_path):
    said, settings = [], {"behave": ["well", "fail", "die"], "source": str(short.path)}

    def go(**more):
        outcomes = sweep(notebook, {**settings, **more}, results_dir=tmp_path, jobs=2, say=said.append)
        return {outcome.run.settings["behave"]: outcome for outcome in outcomes}

    first = go()
    assert {name: outcome.status for name, outcome in first.items()} == {
        "well": "finished", "fail": "failed", "die": "killed"
    }  # fmt: skip
    assert first["fail"].error == "ValueError: made to fail, in two lines" and "killed" in first["die"].error
    assert any("failed: " in line and "made to fail" in line and ".log" in line for line in said[-4:])
    well = Run(tmp_path / first["well"].run.name)
    assert read_outcome(well.notebook_path)["outcome"] == "finished"
    cores = len(os.sched_getaffinity(0))
    assert f"threads: {max(1, cores // 2)}" in (tmp_path / "logs" / f"{first['well'].run.name}.log").read_text()
    rows = table(tmp_path)
    row = rows[first["well"].run.name]
    assert (row["status"], row["epoch"], row["behave"]) == ("finished", "1", "well")
    assert float(row["generator_loss"]) == well.rows()[-1]["generator_loss"]
    assert rows[first["fail"].run.name]["error"] == first["fail"].error
    for name in ("sheet.png", "curves.png"):
        assert decode(tmp_path / name).std() > 5

    assert sweep(notebook, settings, results_dir=tmp_path, dry_run=True, say=said.append)[0].status == "finished"
    second = go(behave=["well", "die"])
    assert [outcome.status for outcome in second.values()] == ["finished", "finished"]
    calls = (tmp_path / "calls.txt").read_text()
    assert [calls.count(f"behave={name}") for name in settings["behave"]] == [1, 1, 2]
    assert {row["behave"]: row["status"] for row in table(tmp_path).values()} == {
        "well": "finished", "fail": "failed", "die": "finished"  # a call with fewer settings forgets no run
    }  # fmt: skip
    place = Run(tmp_path / "paper")
    place.path.mkdir()
    place.notebook_path.write_bytes(well.notebook_path.read_bytes())
    with pytest.raises(UserError, match=r"was made with other parameters \(behave: 'well' then, 'fail' now\)"):
        sweep(notebook, {"source": str(short.path)}, named={"paper": {"behave": "fail"}}, results_dir=tmp_path)


def test_ctrl_c_lets_a_run_save_and_begins_no_other(notebook, tmp_path):
    os.mkfifo(tmp_path / "waiting")
    command = [sys.executable, "-m", "dcgan_tf", "sweep", str(notebook), "behave=wait", "epochs=1,2"]
    child = subprocess.Popen([*command, "--results-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert (tmp_path / "waiting").read_text() == "now"  # which it is when the cell has begun
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 1 and (tmp_path / "saved").exists(), said
    assert "stopping: 1 run saves what it has" in said and "0 of 2 runs are finished" in said
    assert {name: row["status"] for name, row in table(tmp_path).items()} == {
        "behave=wait-epochs=1": "interrupted",
        "behave=wait-epochs=2": "missing",
    }


def test_mistakes_leave_nothing_behind(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for settings, options in (({"behave": 3}, {}), ({"epochs": 1}, {"jobs": 0}), ({"epochs": 1}, {"repeats": 2})):
        with pytest.raises(UserError):
            sweep(notebook, settings, results_dir="results", **options)
    sweep(notebook, {"epochs": [1, 2]}, results_dir="results", dry_run=True, say=lambda text: None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        sweep(notebook, {"epochs": 1}, results_dir="file")
    assert thread_settings(3)["TF_NUM_INTRAOP_THREADS"] == "3"
