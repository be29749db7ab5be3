"""Real sweeps: runs that fail and are killed, what the next call does, what Ctrl-C saves."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
from nbformat import write as write_notebook
from nbformat.v4 import new_code_cell, new_notebook

from dcgan_tf.data.decoding import decode
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.sweep import sweep
from dcgan_tf.sweeps.worker import read_outcome
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

ROOT = Path(__file__).parents[2]
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
    """A notebook that behaves as it is told, and needs no TensorFlow; papermill would fill in what braces hold."""
    path = tmp_path_factory.mktemp("notebooks") / "{12-34}" / "{epochs}.ipynb"
    path.parent.mkdir()
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(BODY), new_code_cell("1 + 1")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write_notebook(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@pytest.fixture(scope="module")
def short(compiled_once, tmp_path_factory):
    """A run of one epoch."""
    return train_for(1, tmp_path_factory.mktemp("runs") / "short")


def train_for(epochs, path):
    return train("gwu", "fake", path, epochs=epochs, overrides=TINY, log_every=8, progress=NoProgress())


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
    tmp_path = tmp_path / "{behave}"

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

    def edited(name, text):
        changed = tmp_path / name
        changed.write_text(notebook.read_text().replace("epochs: int = 1 ", text))
        return sweep(changed, {**settings, "behave": "well"}, results_dir=tmp_path, dry_run=True, say=said.append)

    assert edited(notebook.name, "new: int = 3\\nepochs: int = 1 ")[0].status == "finished"  # made before there was any
    with pytest.raises(UserError, match=r"made with other parameters \(epochs: 1 then, 2 now\): choose another --res"):
        edited(notebook.name, "epochs: int = 2 ")
    with pytest.raises(UserError, match=r"another notebook \(notebook: '{epochs}.ipynb' then, 'other.ipynb' now\)"):
        edited("other.ipynb", "epochs: int = 1 ")


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
    with pytest.raises(UserError, match=r"^settings='epochs=5' must be a dict, name -> value or values"):
        sweep(notebook, "epochs=5", results_dir="results")
    sweep(notebook, {"epochs": [1, 2]}, results_dir="results", dry_run=True, say=lambda text: None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        sweep(notebook, {"epochs": 1}, results_dir="file")
    Path("curves.png").touch()
    with pytest.raises(
        UserError, match=r"curves\.png' is there, and no runs beside it: move it away, or choose another"
    ):
        sweep(notebook, {"epochs": 1}, results_dir=".")
    Path("logs").mkdir()  # of a sweep
    assert sweep(notebook, {"epochs": 1}, results_dir=".", dry_run=True, say=lambda text: None)


def test_one_sweep_at_a_time_works_in_a_folder(notebook, tmp_path):
    with filelock.FileLock(tmp_path / ".lock"):
        with pytest.raises(UserError, match=r"a sweep is at work there, .* is being written by another process"):
            sweep(notebook, {"behave": "fail"}, results_dir=tmp_path, say=lambda text: None)
        said = []
        sweep(notebook, {"behave": "fail"}, results_dir=tmp_path, dry_run=True, say=said.append)  # looking is free
        assert said[0] == f"1 run in {tmp_path}"
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
