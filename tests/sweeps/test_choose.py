"""Where runs are made: what is asked for is an executor, or one line, before anything is reached."""

import subprocess
import sys

import pytest

from dcgan_tf.sweeps.executors import choose
from dcgan_tf.sweeps.executors.choose import executor_for
from dcgan_tf.sweeps.sharing import share_places
from dcgan_tf.system.errors import UserError


def places(**asked):
    """The places of a local executor on a computer with four cores and two GPUs."""
    executor = executor_for(**{"most": 9, **asked})
    return [executor._places.get() for _ in range(executor.jobs)]


@pytest.fixture(autouse=True)
def computer(monkeypatch):
    monkeypatch.setattr(choose, "available_cores", lambda: 4)
    monkeypatch.setattr("dcgan_tf.sweeps.sharing._own_cores", lambda: [0, 1, 2, 3])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-ab")


def test_local_runs_share_what_there_is():
    assert [place.cores for place in places()] == [None]
    assert [place.bound for place in places(on="local:2")] == [(0, 1), (2, 3)]
    assert places(on="local:2") == places(jobs=2) == places(jobs=7, most=2)
    assert [place.bound for place in places(per_run="cores=2")] == [(0, 1), (2, 3)]  # as many as find room
    assert [place.bound for place in places(jobs=1, per_run={"cores": 3})] == [(0, 1, 2)]
    gpus = [place.environment()["CUDA_VISIBLE_DEVICES"] for place in places(on="local", per_run="gpus=1")]
    assert gpus == ["1", "GPU-ab"]
    assert [place.gpus for place in places(per_run="cores=4,gpus=2")] == [("1", "GPU-ab")]
    assert share_places(1, gpus=0)[0].environment() == {"CUDA_VISIBLE_DEVICES": ""}
    assert executor_for("dask://host:8786", most=7).jobs == 7
    assert executor_for("dask://host:8786", jobs=3, most=7).address == "tcp://host:8786"


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"jobs": 0}, r"jobs=0 must be a whole number of at least 1"),
        ({"on": "locl"}, r"on='locl' must be local, local:4 \(so many runs at a time\), dask://HOST:PORT .* or slurm"),
        ({"on": "dask://host"}, r"on='dask://host' must be local, .*"),
        ({"on": 4}, r"on=4 must be local, .*"),
        ({"on": "local:none"}, r"on='local:none' must be local: and a whole number of at least 1, such as local:4"),
        ({"on": "local:2", "jobs": 3}, r"on='local:2' and jobs=3 are both given: give one of the two"),
        ({"per_run": "core=2"}, r"per_run: unknown resource 'core'\. Did you mean 'cores'\? There are cores, gpus"),
        ({"per_run": "cores=two"}, r"per_run: cores='two' must be a whole number of at least 1"),
        ({"per_run": "cores=1,cores=2"}, r"per_run: cores is given twice: give it once"),
        ({"per_run": ["cores"]}, r"per_run=\['cores'\] must be such as cores=2,gpus=1"),
        ({"per_run": "cores=5"}, r"per_run: cores=5 needs 5 cores, and this computer has 4: ask for fewer"),
        ({"per_run": "gpus=1", "jobs": 3}, r"per_run: gpus=1 needs 3 times 1 gpus, and this computer has 2: .*"),
        ({"cluster": "slurm.yaml"}, r"cluster='slurm\.yaml' says what jobs of a cluster are like: give on=slurm .*"),
    ],
)
def test_what_cannot_be_is_one_line(asked, message):
    with pytest.raises(UserError, match=message) as caught:
        executor_for(**{"most": 9, **asked})
    assert "\n" not in str(caught.value)


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"on='dask://host:8786' needs Dask, .*: pip install 'dcgan-tf\[cluster\]'"):
        executor_for("dask://host:8786", most=1)


def test_who_does_not_use_dask_does_not_import_it():
    code = """
import sys
import dcgan_tf.cli, dcgan_tf.sweeps.sweep
from dcgan_tf.sweeps.executors.choose import executor_for
executor_for("local:2", most=2)
assert dcgan_tf.cli.cli.commands["sweep"].get_help(dcgan_tf.cli.click.Context(dcgan_tf.cli.cli))
print([name for name in ("dask", "distributed", "dask_jobqueue", "tensorflow") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
