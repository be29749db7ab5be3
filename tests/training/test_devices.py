"""Training on several devices: what --devices says, two parts of the processor, two processes of which one dies."""

import json
import os
import signal
import socket

import forks
import numpy as np
import pytest
from same_runs import assert_same

from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.run.place import agree_on_config
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.devices import choosing
from dcgan_tf.training.devices.devices import Devices
from dcgan_tf.training.devices.followers import see_that_all_train_the_same


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("1", ("first", None)), (1, ("first", None)), ("ALL", ("all", None)), ("cpu:2", ("cpu", 2)),
     ("gpu:0,1", ("gpu", [0, 1])), ("gpu:3", ("gpu", [3]))],
)  # fmt: skip
def test_what_is_meant(asked, meant):
    assert choosing._parsed(asked) == meant


@pytest.mark.parametrize("asked", ["2", "gpu", "gpu:0,0", "gpu:a", "cpu:0", "cpu:", "tpu:1", "", "0"])
def test_what_is_meant_is_said_where_it_cannot_be_read(asked):
    with pytest.raises(UserError, match=r"must be 1 \(the first\), all .*, gpu:0,1 .*, or cpu:2") as found:
        choosing._parsed(asked)
    assert repr(asked) in str(found.value)


def test_a_device_that_is_not_there():
    gpus = ["one", "other"]
    assert choosing._chosen("gpu:1", "gpu", [1], gpus) == [1]
    assert choosing._chosen("all", "all", None, gpus) == [0, 1]
    with pytest.raises(UserError, match=r"devices='gpu:2': there is no gpu:2 here; .*: gpu:0 to gpu:1$"):
        choosing._chosen("gpu:2", "gpu", [2], gpus)
    with pytest.raises(UserError, match="none: take cpu:2, or 1"):
        choosing._chosen("gpu:0", "gpu", [0], [])


def test_the_first_device_of_each_of_several_processes_on_one_computer(monkeypatch):
    assert choosing._chosen("1", "first", None, ["a", "b"]) == [0]
    monkeypatch.setenv("SLURM_LOCALID", "1")
    assert choosing._chosen("1", "first", None, ["a", "b"]) == [1]
    assert choosing._chosen("1", "first", None, ["a"]) == [0]  # SLURM shows each process its own
    assert choosing._chosen("1", "first", None, []) == []


def test_parts_of_the_processor_are_chosen_before_anything_is_computed():
    import tensorflow as tf

    tf.constant(1)
    with pytest.raises(UserError, match="devices='cpu:3' must be chosen before TensorFlow computes anything"):
        choosing.choose_devices("cpu:3")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("{", "does not say which"), ("[1]", "does not say which"),
     ('{"cluster": {"worker": ["a:1", "b:1"]}}', None),
     ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "does not say which"),
     ('{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "task": {"type": "worker", "index": 1}}', "names ps"),
     ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}', None), ("{}", None)],
)  # fmt: skip
def test_who_is_there_by_tf_config(monkeypatch, text, wrong):
    monkeypatch.setenv("TF_CONFIG", text)
    if wrong:
        with pytest.raises(UserError, match=wrong):
            choosing._cluster()
    else:
        found = choosing._cluster()
        assert (found is not None) == ("b:1" in text)


def test_who_is_there_by_slurm(monkeypatch):
    told = {"NUM_TASKS": "4", "NODELIST": "node[1-2]", "TASKS_PER_NODE": "2(x2)"}
    for name, value in told.items():
        monkeypatch.setenv(f"SLURM_STEP_{name}", value)
    monkeypatch.setenv("SLURM_PROCID", "2")
    monkeypatch.setenv("SLURM_JOB_ID", "40007")
    found = choosing._cluster()
    assert choosing._addresses(found.cluster_spec()) == ["node1:10007", "node1:10008", "node2:10007", "node2:10008"]
    assert (found.task_type, found.task_id) == ("worker", 2)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert choosing._cluster() is None


class Told(Devices):
    """One of two processes, as the other one has told it these numbers."""

    def __init__(self, process, others):
        super().__init__(process=process, addresses=("a", "b"))
        self.others = others

    def of_chief(self, numbers):
        return np.asarray(numbers if self.is_chief else self.others)

    def total(self, numbers):
        return np.asarray(numbers, np.float64)


def test_processes_that_would_train_different_things_are_told():
    config = {"recipe": {"width": 4}, "seed": 0, "log_every": 50, "dataset": {"fingerprint": "ab"}, "versions": {}}
    heard = []
    chief = Told(0, None)
    chief.total = lambda numbers: heard.append(numbers) or np.zeros(3)
    chief.of_chief = lambda numbers: heard.append(numbers) or np.asarray(numbers)
    see_that_all_train_the_same(chief, config)
    see_that_all_train_the_same(Told(1, heard[0]), config)
    with pytest.raises(UserError, match="the 2 processes do not train the same: data differ between them"):
        see_that_all_train_the_same(Told(1, heard[0]), {**config, "dataset": {"fingerprint": "cd"}})
    with pytest.raises(UserError, match="recipe and settings and versions of the software differ"):
        see_that_all_train_the_same(Told(1, heard[0]), {**config, "seed": 1, "versions": {"keras": "4"}})


def test_going_on_with_another_number_of_devices_is_said(tmp_path):
    data = {"name": "data", "fingerprint": "ab", "image_shape": [8, 8, 1]}
    config = {"recipe": Recipe().as_dict(), "dataset": data, "seed": 0, "log_every": 50, "steps_per_epoch": 3}
    run, said = Run(tmp_path), []
    run.write_config({**config, "hardware": {}})  # of a version that knew one device only
    agree_on_config(run, {**config, "hardware": {"replicas": 1}}, said.append)
    assert not said
    agree_on_config(run, {**config, "hardware": {"replicas": 2}}, said.append)
    assert len(said) == 1 and "was started on 1 device and goes on with 2 devices" in said[0]


def test_going_on_where_numbers_are_added_in_another_order_is_said(tmp_path):
    data = {"name": "data", "fingerprint": "ab", "image_shape": [8, 8, 1]}
    config = {"recipe": Recipe().as_dict(), "dataset": data, "seed": 0, "log_every": 50, "steps_per_epoch": 3}
    run, said = Run(tmp_path), []
    run.write_config({**config, "hardware": {"cores": 1, "onednn": False}})
    agree_on_config(run, {**config, "hardware": {"cores": 1, "onednn": False}}, said.append)
    assert not said
    agree_on_config(run, {**config, "hardware": {"cores": 4, "onednn": True}}, said.append)
    assert len(said) == 2
    assert "was started with 1 core and goes on with 4 cores" in said[0]
    assert "was started without oneDNN and goes on with oneDNN" in said[1]


# --- real devices, real processes ------------------------------------------------------------------------------

STEPS = 12
COMMAND = ["-m", "dcgan_tf", "train", "--recipe", "gwu", "--dataset", "fake", "--set=image_size=8", "--resize"]
COMMAND += ["--set=width=4", "--set=latent_dim=8", "--set=batch_size=8", "--set=ema_images=40", "--no-progress"]
COMMAND += ["--steps", STEPS, "--checkpoint-seconds", "0"]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


# One that kills itself when the processes agree for the n-th time.
DYING = """
import os, signal
from dcgan_tf import cli
from dcgan_tf.training.devices.devices import Devices
from dcgan_tf.training import loop
loop._SECONDS_PER_CALL = 0.0
total, calls = Devices.total, []
def dies(self, numbers):
    calls.append(1)
    if len(calls) == %d:
        os.kill(os.getpid(), signal.SIGKILL)
    return total(self, numbers)
Devices.total = dies
cli.main(%r)
"""


def two_processes(folder, dying=None, dies_at=0):
    """The same command in two processes of this computer; (status, what it printed) of each, the chief's first."""
    ports, started = free_ports(2), []
    logs = [folder / f"{process}.log" for process in range(2)]
    for process, log in enumerate(logs):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": process}})
        arguments = [*map(str, COMMAND), "--run-dir", str(folder / "run")]
        if process == dying:
            arguments = ["-c", DYING % (dies_at, arguments[2:])]
        with open(log, "w") as output:
            environment = {**os.environ, "TF_CONFIG": config}
            started.append(forks.start(arguments, env=environment, stdout=output, stderr=output))
    ended = [(process.wait(120), log.read_text()) for process, log in zip(started, logs, strict=True)]
    return ended


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_two_processes_of_which_one_dies_end_as_two_devices_in_one_do(tmp_path):
    run = Run(tmp_path / "run")
    for dying, lives, dies_at in ((0, 1, 1), (1, 0, 6)):
        ended = two_processes(tmp_path, dying, dies_at)
        assert ended[dying][0] == -signal.SIGKILL
        status, printed = ended[lives]
        assert status == 1 and "Traceback" not in printed, printed
        (line,) = [line for line in printed.splitlines() if line.startswith("error:")]
        assert f"process {lives} of 2" in line and "has lost 127.0.0.1:" in line
    assert not run.generator_path.exists() and any(run.checkpoints_path.glob("step_*.npz"))
    (chief, printed), (other, said) = two_processes(tmp_path)
    assert (chief, other) == (0, 0), (printed, said)
    assert "resuming" in printed and "each step is made by 2 processes" in printed and "resuming" not in said
    together = forks.run([*COMMAND, "--devices", "cpu:2", "--run-dir", tmp_path / "together"])
    assert together.returncode == 0, together.stderr
    assert "each step is made by 2 devices together: cpu:0, cpu:1" in together.stdout
    assert_same(run, Run(tmp_path / "together"))
    assert run.config["hardware"] | {"replicas": 2, "processes": 2, "communication": "ring"} == run.config["hardware"]
