"""Sweeps on real Dask schedulers and workers: the same bits, whatever is killed; and one line for whatever is wrong."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import filelock
import pytest
from dask_clusters import ROOT, dask_processes
from nbformat import write as write_notebook
from nbformat.v4 import new_code_cell, new_notebook
from same_runs import assert_same

from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.executors import dask, dask_task, dask_workers
from dcgan_tf.sweeps.executors.choose import executor_for
from dcgan_tf.sweeps.sharing import Place
from dcgan_tf.sweeps.sweep import sweep
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

PARAMETERS = """
behave: str = "wait"  # wait (the first time), show, or train
pause: float = 0.0  # seconds between two epochs of a training, until `lost` is there
seed: int = 0
dataset: str = "fake"
results_dir: str = "results"  # the folder of all runs
run_name: str = None  # the run's own folder
"""
BODY = """
import os, signal, time
from pathlib import Path
folder = Path(results_dir)
if behave == "wait" and not (folder / "saved").exists():
    try:
        (folder / "waiting").touch()
        signal.pause()
    except KeyboardInterrupt:
        (folder / "saved").touch()
        raise
if behave == "show":
    begun = time.time()
    time.sleep(1)
    print("shown:", os.environ["TF_NUM_INTRAOP_THREADS"], os.environ.get("CUDA_VISIBLE_DEVICES"), begun, time.time())
if behave == "train":
    import tensorflow
    from dcgan_tf.training.progress import NoProgress
    from dcgan_tf.training.train import train

    class Slow(NoProgress):
        def interval(self, row, grid):
            if pause and not (folder / "lost").exists():
                (folder / "under_way").touch()
                time.sleep(pause)

    # as in conftest.py: the same bits are expected
    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    train("gwu", "fake", folder / run_name, progress=Slow(), seed=seed, **TRAINING)
"""
TINY = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 4, "ema_images": 500}
TRAINING = {"epochs": 4, "log_every": 8, "overrides": TINY}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("notebooks") / "tiny.ipynb"
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    cells = [parameters, new_code_cell(f"TRAINING = {TRAINING}{BODY}")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write_notebook(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """What makes another Keras of a worker's."""
    other = tmp_path_factory.mktemp("odd") / "keras-0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Name: keras\nVersion: 0.1\n")
    return str(other.parent)


@pytest.fixture(scope="module")
def cluster(odd, tmp_path_factory):
    """Two workers, and a third that has another Keras."""
    with dask_processes(tmp_path_factory.mktemp("dask")) as processes:
        processes.add("odd", PYTHONPATH=odd)
        for name in ("one", "two"):
            processes.add(name)
        processes.wait()
        yield processes


@pytest.fixture(scope="module", autouse=True)
def workers_find_the_package():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
        yield


@contextmanager
def command(notebook, folder, on, *settings):
    """The sweep as a command, under way; killed at the end, if it is still."""
    typed = [sys.executable, "-m", "dcgan_tf", "sweep", notebook, *settings, "--results-dir", folder, "--on", on]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([str(part) for part in typed], **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(path, child=None):
    latest = time.monotonic() + 100
    while not path.exists():
        assert time.monotonic() < latest, f"{path.name} does not come"
        assert child is None or child.poll() is None, child.communicate()
        time.sleep(0.02)


def wait_until_said(said, beginning):
    latest = time.monotonic() + 100
    while not any(line.startswith(beginning) for line in said):
        assert time.monotonic() < latest, said
        time.sleep(0.05)


def wait_for_end(*threads):
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive()


def run_in_thread(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_a_run_whose_worker_is_killed_ends_elsewhere_as_a_training_here_does(cluster, notebook, tmp_path):
    there, said = tmp_path / "there", []
    settings = {"behave": "train", "seed": 3, "pause": 0.5}
    name, outcomes = "behave=train-seed=3-pause=0.5", []
    swept = run_in_thread(
        lambda: outcomes.extend(sweep(notebook, settings, results_dir=there, on=cluster.on, say=said.append))
    )
    here = train("gwu", "fake", tmp_path / "here", seed=3, progress=NoProgress(), **TRAINING)  # meanwhile
    wait_for(there / "under_way")
    (begun,) = [line for line in said if line.startswith("begins: ")]
    worker = begun.rpartition(" ")[2]
    cluster.kill(worker)
    (there / "lost").touch()
    wait_for_end(swept)
    other = ({"one", "two"} - {worker}).pop()
    assert begun == f"begins: {name} on Dask worker {worker}"
    assert f"begins again: {name} on Dask worker {other}" in said
    assert [outcome.status for outcome in outcomes] == ["finished"], said
    log = (there / "logs" / f"{name}.log").read_text()
    assert re.findall("Dask worker (.*)", log) == [worker, other] and "stopped; everything is saved" in log
    left_out = [line for line in said if "is left out" in line]
    assert len(left_out) == 1 and re.fullmatch(
        r"Dask worker odd \(tcp:.*\) is left out: it has keras 0\.1 where the sweep has 3\..*", left_out[0]
    )
    assert_same(here, Run(there / name))
    assert (there / "sweep.csv").exists() and not list((there / "logs").glob(".dcgan_tf*"))
    cluster.add(worker)
    cluster.wait()


def test_workers_are_seen_whenever_the_client_refreshes_what_it_knows_of_the_scheduler(cluster, monkeypatch):
    with executor_for(cluster.on, most=1, say=lambda text: None) as executor:
        client, seen = executor.client, set(executor.workers.present)
        sync = client.sync

        def sync_and_refresh(*asked, **options):
            answer = sync(*asked, **options)
            sync(client._update_scheduler_info)  # which is done every two seconds, and may be done just here
            return answer

        monkeypatch.setattr(client, "sync", sync_and_refresh)
        executor.workers._look()
        assert len(seen) == 3 and set(executor.workers.present) == seen and len(executor.workers.allowed()) == 2


def test_a_run_is_given_what_is_asked_for_and_waits_for_it(cluster, notebook, tmp_path):
    cluster.add("rich", "--nthreads", 2, "--resources", "cores=2 GPU=2", CUDA_VISIBLE_DEVICES="5,6,7")
    cluster.wait()
    settings = {"behave": "show", "seed": [0, 1]}
    options = {"on": cluster.on, "per_run": "cores=2,gpus=2", "say": lambda text: None}
    outcomes = sweep(notebook, settings, results_dir=tmp_path, **options)
    assert [outcome.status for outcome in outcomes] == ["finished"] * 2
    logs = [path.read_text() for path in sorted((tmp_path / "logs").glob("*.log"))]
    shown = [re.search(r"shown: (\S+) (\S+) (\S+) (\S+)", log) for log in logs]
    assert [found[1] for found in shown] == ["2", "2"] and [found[2] for found in shown] == ["5,6", "5,6"]
    (_, first_ended), (second_begun, _) = sorted((float(found[3]), float(found[4])) for found in shown)
    assert first_ended < second_begun


def test_ctrl_c_lets_runs_save_and_begins_no_other(cluster, notebook, tmp_path):
    with command(notebook, tmp_path, cluster.on, "behave=wait", "seed=0,1", "--jobs", "1") as child:
        wait_for(tmp_path / "waiting", child)
        child.send_signal(signal.SIGINT)
        said, errors = child.communicate(timeout=120)
    assert child.returncode == 1 and (tmp_path / "saved").exists(), said + errors
    assert "stopping: 1 run saves what it has" in said and "0 of 2 runs are finished" in said
    assert "interrupted: behave=wait-seed=0" in said and "missing: behave=wait-seed=1" in said


def test_a_lost_scheduler_ends_the_sweep_and_the_next_one_goes_on(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_workers, "_PATIENCE", 0.1)
    folder = tmp_path / "sweep"
    with dask_processes(tmp_path) as cluster:
        cluster.add("one")
        with command(notebook, folder, cluster.on, "behave=wait") as child:
            wait_for(folder / "waiting", child)
            cluster.kill("scheduler")
            said, errors = child.communicate(timeout=120)
        assert child.returncode == 1 and len(errors.splitlines()) == 1, errors
        assert errors.startswith(f"error: the Dask scheduler at 'tcp://127.0.0.1:{cluster.port}' is lost; ")
        assert "interrupted: behave=wait: it was under way, and saves what it has" in said
        wait_for(folder / "saved")
        cluster.start()
        said, outcomes = [], []
        again = run_in_thread(
            lambda: outcomes.extend(
                sweep(notebook, {"behave": "wait"}, results_dir=folder, on=cluster.on, say=said.append)
            )
        )
        wait_until_said(said, "waiting for workers: the scheduler has none; start some with `dask worker tcp://")
        without = tmp_path / "without"
        without.mkdir()
        (without / "dcgan_tf.py").write_text("raise ModuleNotFoundError('No module named dcgan_tf')")
        cluster.add("bare", PYTHONPATH=str(without))
        wait_until_said(said, "waiting for workers: the scheduler has none but 1 that are left out; ")
        cluster.add("two")
        wait_for_end(again)
    assert outcomes[0].status == "finished", said
    assert sum(" is left out: dcgan_tf " in line and "No module named" in line for line in said) == 1, said


def test_workers_that_do_not_fit(cluster, notebook, tmp_path, monkeypatch):
    def refused():
        with pytest.raises(UserError) as caught:
            sweep(notebook, {"behave": "show"}, results_dir=tmp_path / "sweep", on=cluster.on, say=lambda text: None)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    ours = dask_task.versions()
    with monkeypatch.context() as patch:
        patch.setattr(dask_task, "versions", lambda: {**ours, "tensorflow": "1.0"})
        assert "tensorflow" in refused() and "where the sweep has" in refused()
        assert not (tmp_path / "sweep").exists()
    with monkeypatch.context() as patch:  # a folder of the same name, but another one
        patch.setattr(dask, "write_text", lambda path, text: path.write_text("another"))
        assert f"it does not see the sweep's folder '{tmp_path / 'sweep'}', which all machines" in refused()
    seen = {"versions": ours, "token": None, "paths": [str(notebook), str(tmp_path / "pictures")]}
    assert dask_task.misfit({**seen, "paths": [str(notebook)]}) is None
    assert dask_task.misfit(seen) == f"it does not see '{tmp_path / 'pictures'}', which the runs need"


def test_what_runs_wait_for_is_said_once(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_workers, "_PATIENCE", 0.1)
    said, stop = [], threading.Event()
    (tmp_path / "logs").mkdir()
    with executor_for(cluster.on, per_run="cores=64", most=1, say=said.append) as executor:
        executor.begin(tmp_path, [])
        ended = []
        job = {"output": str(tmp_path / "run" / "notebook.ipynb")}
        waiting = run_in_thread(lambda: ended.append(executor.execute(job, tmp_path / "log", Place(cores=64), stop)))
        wait_until_said(said, "waiting")
        time.sleep(2)  # two more looks
        stop.set()
        wait_for_end(waiting)
    lines = [line for line in said if "waiting" in line]
    assert ended == [None] and len(lines) == 1
    assert lines[0].startswith("waiting for a worker with cores=64: the most that there is is cores=")


def test_a_run_that_is_still_being_saved_is_waited_for(tmp_path, monkeypatch):
    run = Run(tmp_path)
    monkeypatch.setattr(dask_task, "_LONGEST_SAVE", 0.0)
    with filelock.FileLock(run.lock_path):
        assert not dask_task._wait_for_writer(run)
    assert dask_task._wait_for_writer(run)


def test_where_no_scheduler_is(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(dask, "_CONNECT", 0.5)
    with pytest.raises(UserError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9': start one there"):
        sweep(notebook, {"seed": 1}, results_dir=tmp_path / "sweep", on="dask://127.0.0.1:9")
    assert not (tmp_path / "sweep").exists()
