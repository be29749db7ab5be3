"""train(): what it leaves behind, when it stops, what it refuses. Resuming is in test_resume.py."""

import json
import re
import signal
import threading

import imageio.v3 as imageio
import keras
import numpy as np
import pytest
from commands import run_cli

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.films import caption_height
from dcgan_tf.pictures.grids import grid
from dcgan_tf.run.directory import Run
from dcgan_tf.run.place import run_name
from dcgan_tf.run.records import HISTORY_COLUMNS
from dcgan_tf.run.sampling import Sampler, draw_latents
from dcgan_tf.system.errors import UserError
from dcgan_tf.training import clock, loop
from dcgan_tf.training import train as train_module
from dcgan_tf.training.loop import TrainingDiverged
from dcgan_tf.training.progress import PlainProgress
from dcgan_tf.training.signals import TrainingInterrupted
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

TINY = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9}  # `fake` has 1,000 images: 20 steps an epoch
TINIEST = {**TINY, "image_size": 8, "ema_images": 500}  # for the recipe gwu, whose networks are the quickest to build


class Recorder(PlainProgress):
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    progress = Recorder()
    run = train(
        "gwu",
        "fake",
        tmp_path_factory.mktemp("runs") / "run",
        epochs=3,
        overrides=TINIEST,
        log_every=8,
        progress=progress,
    )
    run.lines = progress.lines
    return run


def test_the_run_directory_is_the_contract(run):
    names = {path.name for path in run.path.iterdir()}
    expected = {
        "config.json",
        "history.csv",
        "grids",
        "progress.gif",
        "progress.webp",
        "generator.keras",
        "discriminator.keras",
        "checkpoints",
    }
    assert expected <= names and names - expected <= {".lock"}
    early = [f"step_{step:06d}.png" for step in (0, 1, 2, 3, 6, 10)]
    grids = [*early, *(f"epoch_{n:04d}.png" for n in (1, 2, 3))]
    assert [path.name for path in run.grids()] == grids and {path.name for path in run.grids_path.iterdir()} == {*grids}
    assert run.grid_steps() == [0, 1, 2, 3, 6, 10, 20, 40, 60]


def test_history_has_a_row_per_interval_and_per_epoch(run):
    history = run.history()
    assert tuple(history) == HISTORY_COLUMNS
    assert history["step"].tolist() == [8, 16, 20, 28, 36, 40, 48, 56, 60]
    assert history["epoch"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert (np.diff(history["seconds"]) > 0).all() and (history["images_per_second"] > 0).all()
    assert all(np.isfinite(history[name]).all() for name in HISTORY_COLUMNS)
    assert ((history["discriminator_real"] > 0) & (history["discriminator_real"] < 1)).all()


def test_config_repeats_the_run(run):
    config = json.loads(run.config_path.read_text())
    assert config["recipe"]["width"] == 4 and config["seed"] == 0
    assert config["dataset"]["fingerprint"] == load_dataset("fake", image_size=8).fingerprint
    assert config["length"] == {"epochs": 3, "steps": None, "max_seconds": None}
    assert {"tensorflow", "keras", "python", "numpy"} <= set(config["versions"]) and config["hardware"]["cores"]
    assert config["hardware"]["deterministic"] == (config["hardware"]["gpus"] == [])


def test_the_networks_load_by_themselves_and_the_grid_shows_the_generator(run):
    generator = keras.saving.load_model(run.generator_path)
    discriminator = keras.saving.load_model(run.discriminator_path)
    images = Sampler(generator)(draw_latents(9, 8, seed=0))
    last = decode(run.grids()[-1], channels=1)
    small = grid(images)
    factor = last.shape[0] // small.shape[0]
    assert np.array_equal(last[::factor, ::factor], small)
    assert discriminator(images[:2].astype("float32") / 127.5 - 1).shape == (2, 1)


def test_the_gif_has_the_recorded_grids_as_frames(run):
    frames = imageio.imread(run.gif_path, index=None)
    assert len(frames) == 9
    for frame, path in zip(frames, run.grids(), strict=True):
        recorded = decode(path, channels=1).astype(int)
        assert frame.shape[0] == len(recorded) + caption_height(recorded.shape[1])  # its step and seconds stand below
        assert np.abs(frame[: len(recorded), :, :1] - recorded).max() <= 20  # of 16 grays


def test_a_line_per_grid_and_a_last_word(run):
    early = [f"epoch 1/3  step {step}" for step in (1, 2, 3, 6, 10)]
    assert [line.partition("  loss")[0] for line in run.lines[:-2]] == [
        *early, "epoch 1/3  step 20", "epoch 2/3  step 40", "epoch 3/3  step 60"]  # fmt: skip
    assert "images/s" in run.lines[0]
    assert re.fullmatch(r"film: progress.gif [\d.]+ [kM]B, progress.webp [\d.]+ [kM]B", run.lines[-2])
    assert re.match(r"done: 3 epochs, step 60 in \d:\d\d \(and \d:\d\d to start\), see ", run.lines[-1])


def test_steps_and_grids_by_step(tmp_path):
    changes = {**TINIEST, "grid_every": 4, "gif_thinned": True}
    run = train("gwu", "fake", tmp_path / "run", steps=10, overrides=changes, progress=Recorder())
    assert [path.name for path in run.grids()] == [f"step_{n:06d}.png" for n in (0, 1, 2, 3, 4, 8, 10)]
    assert run.history()["step"].tolist() == [4, 8, 10]
    run.diverged_path.write_text("a loss is no longer a finite number\n")
    train("gwu", "fake", tmp_path / "run", steps=12, overrides=changes, progress=Recorder())
    assert [path.name for path in run.grids_path.iterdir() if "10" in path.name] == []  # drawn only because it stopped
    assert run.history()["step"].tolist() == [4, 8, 12]
    assert not run.diverged_path.exists()  # another attempt went well


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(tmp_path):
    """A learning rate this large makes the weights overflow for real, some steps after the first."""
    changes = {**TINIEST, "loss": "wasserstein", "learning_rate": 1e8, "ema_images": 0}
    good = train("gwu", "fake", tmp_path / "run", steps=1, overrides=changes, progress=Recorder(), checkpoint_seconds=0)
    with pytest.raises(TrainingDiverged, match=r"the last good state \(0.05 epochs, step 1\)") as error:
        train("gwu", "fake", good.path, steps=500, overrides=changes, checkpoint_seconds=1e9, progress=Recorder())
    assert "learning rate" in str(error.value) and "\n" not in str(error.value)
    assert good.diverged_path.read_text() == f"{error.value}\n"
    weights = keras.saving.load_model(good.generator_path).get_weights()
    assert all(np.isfinite(weight).all() for weight in weights)
    assert all(np.isfinite(list(row.values())).all() for row in good.rows())


def test_a_generator_that_is_no_longer_finite_is_neither_shown_nor_recorded_nor_best(tmp_path):
    """One step with a rate beyond float32: the loss of that step is finite, the weights after it are not."""
    changes = {**TINIEST, "learning_rate": 1e39, "ema_images": 0}
    progress = Recorder()
    with pytest.raises(TrainingDiverged, match=r"at or before 0.05 epochs, step 1; there is no earlier checkpoint"):
        train("gwu", "fake", tmp_path / "run", steps=1, overrides=changes, progress=progress, evaluate_every=1,
              evaluation={"features": "pixels", "samples": 60})  # fmt: skip
    run = Run(tmp_path / "run")
    assert run.rows() == run.metrics() == [] and run.grid_steps() == [0] and progress.lines == []
    assert not run.best_generator_path.exists() and not run.generator_path.exists() and run.diverged_path.exists()


@pytest.fixture
def machine(monkeypatch):
    """A clock that stands still, but for ten seconds in every call of the compiled steps, one step each."""

    class Machine:
        now = 1000.0

        def perf_counter(self):
            return self.now

    machine, compile_steps = Machine(), loop.compile_steps

    def slow_steps(*arguments):
        run_steps = compile_steps(*arguments)

        def call(*arguments):
            machine.now += 10
            return run_steps(*arguments)

        return call

    for module in (clock, loop, train_module):
        monkeypatch.setattr(module, "time", machine)
    monkeypatch.setattr(loop, "compile_steps", slow_steps)
    monkeypatch.setattr(loop, "_SECONDS_PER_CALL", 0.0)
    return machine


def test_max_seconds_buys_training_and_no_compiling(tmp_path, machine):
    progress, options = Recorder(), {"overrides": TINIEST, "log_every": 1}
    run = train("gwu", "fake", tmp_path / "run", max_seconds=25, progress=progress, **options)
    assert [(row["step"], row["seconds"]) for row in run.rows()] == [(1, 0.0), (2, 10.0), (3, 20.0), (4, 30.0)]
    assert [row["images_per_second"] for row in run.rows()] == [5.0] * 4  # the first: of the step that compiled
    assert progress.lines[-1].startswith("done: 0.2 epochs, step 4 in 0:30 (and 0:10 to start), see ")
    run = train("gwu", "fake", tmp_path / "run", max_seconds=45, progress=progress, **options)  # compiles again
    assert [(row["step"], row["seconds"]) for row in run.rows()[4:]] == [(5, 30.0), (6, 40.0), (7, 50.0)]
    assert run.config["length"] == {"epochs": None, "steps": None, "max_seconds": 45.0} and run.gif_path.exists()


class _StopsItself(Recorder):
    """Sends this process a signal in the middle of an epoch."""

    def __init__(self, number, after=25):
        super().__init__()
        self.number, self.after = number, after

    def advance(self, step, row):
        if step >= self.after and self.number is not None:
            number, self.number = self.number, None
            signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_save_first(tmp_path, number):
    progress, before = _StopsItself(number), signal.getsignal(number)
    with pytest.raises(TrainingInterrupted):
        train("gwu", "fake", tmp_path / "run", epochs=50, overrides=TINIEST, checkpoint_seconds=1e9, progress=progress)
    run = Run(tmp_path / "run")
    assert run.gif_path.exists() and run.generator_path.exists()
    step = run.rows()[-1]["step"]
    assert [path.name for path in run.checkpoints_path.iterdir()] == [f"step_{step:08d}.npz"]
    assert f"step {step}" in progress.lines[-1] and "same command" in progress.lines[-1]
    assert signal.getsignal(number) is before


def test_a_signal_just_before_the_time_is_over_is_heard(tmp_path, machine, monkeypatch):
    def slow_results(*arguments):
        machine.now += 100
        write_results(*arguments)

    write_results = loop.write_results
    monkeypatch.setattr(loop, "write_results", slow_results)
    progress = _StopsItself(signal.SIGINT, after=2)
    with pytest.raises(TrainingInterrupted):
        train("gwu", "fake", tmp_path / "run", max_seconds=25, overrides=TINIEST, log_every=1, progress=progress)
    assert Run(tmp_path / "run").rows()[-1]["seconds"] == 20 and progress.lines[-1].startswith("stopped by SIGINT")


def test_it_runs_outside_the_main_thread(tmp_path):
    thread = threading.Thread(
        target=train,
        args=("gwu", "fake", tmp_path / "run"),
        kwargs={"steps": 2, "overrides": TINIEST, "progress": Recorder()},
    )
    thread.start()
    thread.join()
    assert Run(tmp_path / "run").rows()[-1]["step"] == 2


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"recipe": "qick"}, "'quick'"),
        ({"dataset": "mnist5"}, "mnist5k"),
        ({"epochs": 0}, "epochs=0"),
        ({"steps": -1}, "steps=-1"),
        ({"epochs": 1, "steps": 1}, "one of the two"),
        ({"max_seconds": 0}, "max_seconds=0"),
        ({"max_seconds": float("nan")}, "nan"),
        ({"batch_size": 1001}, "1001.*1,?000"),
        ({"batch_size": 10, "overrides": {"batch_size": 20}}, "given twice"),
        ({"learning_rate": float("nan")}, "nan"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"log_every": 0}, "log_every=0"),
        ({"recipe": "vrdl", "dataset": "mnist5k"}, "28x28x1.*64x64x3.*resize"),
        ({"overrides": {"widht": 3}}, "'width'"),
    ],
)
def test_a_mistake_leaves_nothing_behind(tmp_path, settings, words):
    with pytest.raises(UserError, match=words) as error:
        train(**{"recipe": "quick", "dataset": "fake", "run_dir": tmp_path / "run", **settings})
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_not_taken_for_a_run(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        train("quick", "fake", tmp_path, steps=1)
    with pytest.raises(UserError, match="is a file"):
        train("quick", "fake", tmp_path / "thesis.txt", steps=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_notebook_may_be_there_first(tmp_path):
    (tmp_path / "notebook.ipynb").write_text("{}")
    assert train("gwu", "fake", tmp_path, steps=1, overrides=TINIEST, progress=Recorder()).rows()


def test_a_disk_that_takes_no_more_is_one_line_and_keeps_the_run(tmp_path):
    """A limit on the size of files stands for a full disk: it fails in the same place, the checkpoint's write."""
    resource = pytest.importorskip("resource", reason="needs POSIX limits")
    changes = [f"--set={name}={value}" for name, value in TINIEST.items()]
    command = ["train", "--recipe", "gwu", "--dataset", "fake", "--steps", 5, "--no-progress", *changes]
    usual, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, hard))
    try:
        status, _, error = run_cli(*command, "--run-dir", tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert status == 2, error
    assert len(error.strip().splitlines()) == 1 and "choose another place" in error
    assert list((tmp_path / "run" / "checkpoints").glob("step_*")) == []
    assert (
        train("gwu", "fake", tmp_path / "run", steps=5, overrides=TINIEST, progress=Recorder()).rows()[-1]["step"] == 5
    )


def test_how_many_steps_a_call_makes_changes_no_bit(tmp_path, monkeypatch):
    runs = []
    for seconds in (0.0, 10.0):
        monkeypatch.setattr(loop, "_SECONDS_PER_CALL", seconds)
        runs.append(train("tutorial", "fake", tmp_path / str(seconds), epochs=1, overrides=TINY, progress=Recorder()))
    first, second = ([{k: v for k, v in row.items() if "second" not in k} for row in run.rows()] for run in runs)
    assert first == second
    assert runs[0].grids()[-1].read_bytes() == runs[1].grids()[-1].read_bytes()


def test_run_names_tell_settings_apart():
    assert (
        run_name("data/my faces.zip", "quick", {"width": 32, "batch_size": 16}, 3)
        == "my_faces-quick-batch_size=16-width=32-seed3"
    )
