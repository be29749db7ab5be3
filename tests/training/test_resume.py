"""What is there when train() is called again: longer, damaged, emptied, other settings, another process.

Kills, and every field of a recipe that has state, are in test_kill.py.
"""

import csv
import shutil
import signal
import time
import warnings

import forks
import numpy as np
import pytest
from same_runs import assert_same

from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.grids import enlarge, grid
from dcgan_tf.run import checkpoints
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import moment_of
from dcgan_tf.run.place import agree_on_config
from dcgan_tf.run.reading import State, read_run
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

# The smallest that has all of it; `fake` has 1,000 images: 20 steps an epoch.
SETTINGS = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "ema_images": 500}
EPOCHS = 6


def _command(run_dir, epochs=EPOCHS):
    changes = [f"--set={name}={value}" for name, value in SETTINGS.items()]
    length = ["--epochs", str(epochs), "--checkpoint-seconds", "0", "--no-progress", "--run-dir", str(run_dir)]
    return ["-m", "dcgan_tf", "train", "--recipe", "gwu", "--dataset", "fake", *length, *changes]


def _train(run_dir, **changes):
    options = {"epochs": EPOCHS, "overrides": SETTINGS, "checkpoint_seconds": 0, "progress": NoProgress(), **changes}
    return train("gwu", "fake", run_dir, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nobody interrupted. It keeps its samples, most others here do not: that changes no bit."""
    return _train(tmp_path_factory.mktemp("whole") / "run", keep_samples=True)


class _Mover(NoProgress):
    """Moves the run's folder after some steps, and puts a finished run in its place."""

    def __init__(self, run_dir, other, step):
        self.run_dir, self.other, self.step = run_dir, other, step

    def advance(self, step, row):
        if step >= self.step and not (moved := self.run_dir.with_name("moved")).exists():
            self.run_dir.rename(moved)
            shutil.copytree(self.other, self.run_dir)


def test_a_run_that_is_moved_while_it_trains_leaves_what_is_in_its_place_alone(whole, tmp_path):
    other = _train(tmp_path / "other", seed=7, epochs=1).path
    files = {path.relative_to(other): path.read_bytes() for path in other.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"run' was moved away, or another process took it over, while it was being"):
        _train(tmp_path / "run", progress=_Mover(tmp_path / "run", other, step=45), keep_samples=True)
    left = {path.relative_to(tmp_path / "run"): path for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in left.items()} == files
    assert_same(_train(tmp_path / "moved", keep_samples=True), whole)


def test_a_longer_run_extends_a_finished_one_and_its_kept_samples(whole, tmp_path):
    run = _train(tmp_path / "run", epochs=None, steps=52, keep_samples=True)  # ends in the middle of epoch 3
    early = [f"step_{step:06d}.npz" for step in (0, 1, 2, 3, 6, 10)]
    assert [path.name for path in run.samples()] == [*early, *(f"epoch_000{epoch}.npz" for epoch in (1, 2, 3))]
    run.write_samples(100, np.zeros((1, 8), np.float32), np.zeros((1, 8, 8, 1), np.uint8))  # of a killed process
    _train(run.path, epochs=4)  # goes on without keeping
    assert [path.name for path in run.samples()] == [*early, "epoch_0001.npz", "epoch_0002.npz"]
    assert_same(_train(run.path, keep_samples=True), whole)
    assert [path.name for path in whole.samples()] == [*early, *(f"epoch_000{n}.npz" for n in range(1, EPOCHS + 1))]
    for path in run.samples():
        kept, others = (dict(np.load(p, allow_pickle=False)) for p in (path, whole.samples_path / path.name))
        assert kept["images"].dtype == np.uint8 and kept["images"].shape == (9, 8, 8, 1)
        assert kept["latents"].shape == (9, 8) and kept["latents"].dtype == np.float32
        assert all(np.array_equal(kept[name], others[name]) for name in ("step", "latents", "images"))
    picture = decode(whole.grids()[-1])
    drawn = grid(kept["images"])
    assert np.array_equal(picture, enlarge(drawn, picture.shape[0] // drawn.shape[0]))  # the grid's own images


class Killed(Exception):
    pass


@pytest.mark.parametrize("where", ["loop.write_results", "results.write_film"])
def test_results_of_an_earlier_stop_are_not_taken_for_those_of_the_last(where, whole, tmp_path, monkeypatch):
    """The training is killed between its last checkpoint and its results, or with half of them written."""
    run = _train(tmp_path / "run", epochs=3)
    first, at_first = run.generator_path.read_bytes(), {"step": 60, "epoch": 3}
    assert moment_of(run) == at_first and read_run(run).state == State.FINISHED

    def killed(*arguments):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(f"dcgan_tf.training.{where}", killed)
        _train(run.path)
    run = Run(run.path)
    assert checkpoints.all_checkpoints(run.checkpoints_path)[0].name == "step_00000120.npz"
    assert (run.generator_path.read_bytes() == first) == (where == "loop.write_results")
    assert moment_of(run) == (at_first if where == "loop.write_results" else {})
    assert read_run(run).state == State.INTERRUPTED
    assert_same(_train(run.path), whole)
    assert moment_of(Run(run.path)) == {"step": 120, "epoch": 6} and read_run(run.path).state == State.FINISHED


def test_what_was_recorded_of_an_extension_that_was_killed_is_forgotten_by_a_shorter_end(tmp_path):
    run = _train(tmp_path / "run", epochs=2)
    of_two, history = run.generator_path.read_bytes(), run.history_path.read_bytes()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "save", lambda *arguments: (_ for _ in ()).throw(Killed))
        _train(run.path, epochs=3, checkpoint_seconds=1e9)
    assert run.history_path.read_bytes() != history
    _train(run.path, epochs=2)
    assert run.history_path.read_bytes() == history and run.generator_path.read_bytes() == of_two


def test_a_run_of_a_version_that_did_not_note_of_which_step_its_results_are(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    run.write_config({name: value for name, value in run.config.items() if name != "results_step"})
    before = run.generator_path.stat().st_mtime_ns
    assert _train(run.path).generator_path.stat().st_mtime_ns == before
    assert moment_of(run) == {"step": 120, "epoch": 6} and read_run(run.path).state == State.FINISHED


def test_run_again_when_complete_changes_nothing(whole):
    before = {
        path: path.read_bytes() for path in whole.path.rglob("*") if path.is_file() and path.name != "config.json"
    }
    _train(whole.path)
    assert {path: path.read_bytes() for path in before} == before


def test_damaged_checkpoints_fall_back_to_the_one_before(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    newest, before, _ = checkpoints.all_checkpoints(run.checkpoints_path)
    data = newest.read_bytes()
    newest.write_bytes(data[: len(data) // 3])
    data = bytearray(before.read_bytes())
    data[len(data) // 2] ^= 0xFF
    before.write_bytes(data)
    with pytest.warns(UserWarning) as warned:
        _train(run.path)
    said = [str(warning.message) for warning in warned if "is damaged" in str(warning.message)]
    assert len(said) == 2 and newest.name in said[0] and before.name in said[1]
    assert_same(run, whole)
    assert all(path.with_suffix(".npz.damaged").exists() for path in (newest, before))


def test_only_damaged_checkpoints_start_over_and_keep_what_was_there(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    rubbish = (b"not a checkpoint", b"", b"PK\3\4 and no more")
    for path, content in zip(checkpoints.all_checkpoints(run.checkpoints_path), rubbish, strict=True):
        path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(_train(run.path), whole)
    assert len(list(run.checkpoints_path.glob("*.damaged"))) == 3
    for path in [whole.history_path, whole.gif_path, whole.generator_path, *whole.grids()]:
        assert (run.path / "earlier_1" / path.relative_to(whole.path)).read_bytes() == path.read_bytes()
    assert sorted(path.name for path in run.path.glob("earlier_*")) == ["earlier_1"]


def test_a_finished_run_without_its_checkpoints_is_left_alone_and_kept_when_it_must_start_over(whole, tmp_path):
    """As after somebody made room on the disk."""
    run = Run(shutil.copytree(whole.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints")))
    before = run.generator_path.read_bytes()
    _train(run.path)
    assert run.generator_path.read_bytes() == before and not run.checkpoints_path.exists()
    _train(run.path, epochs=EPOCHS + 1)
    assert (run.path / "earlier_1" / "generator.keras").read_bytes() == before
    assert run.rows()[-1]["epoch"] == EPOCHS + 1


@pytest.mark.parametrize("name", ["checkpoints", "grids", "samples"])
def test_a_run_of_which_a_folder_is_out_of_reach_is_left_alone(name, whole, tmp_path):
    """As while the disk is away that the folder was moved to, to make room."""
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    (run.path / name).rename(tmp_path / name)
    (run.path / name).symlink_to(tmp_path / "away")
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    for epochs in (EPOCHS, EPOCHS + 1):
        with pytest.raises(Unreadable, match=rf"run/{name}' cannot be read at the moment.*nothing was changed"):
            _train(run.path, epochs=epochs)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    (tmp_path / name).rename(tmp_path / "away")
    _train(run.path)
    assert_same(run, whole)


def test_a_run_of_other_networks_is_refused_and_left_alone(whole, tmp_path):
    """As after an update in which the recipe of that name got other networks: its checkpoints are whole."""
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    for path in checkpoints.all_checkpoints(run.checkpoints_path):
        arrays, extra = checkpoints.read(path)
        del arrays["step"]
        narrower = {**arrays, "generator/000": arrays["generator/000"][1:]}
        checkpoints.save(run.checkpoints_path, int(path.stem[5:]), narrower, extra)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"of other networks .* \(2 arrays differ, the first generator/000\)"):
        _train(run.path, epochs=EPOCHS + 1)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_other_settings_are_refused_with_what_differs(whole):
    before = whole.config_path.read_bytes()
    with pytest.raises(UserError) as error:
        _train(whole.path, overrides={**SETTINGS, "batch_size": 10, "ema_images": 600}, seed=4)
    text = str(error.value)
    for words in ("batch_size: 50 then, 10 now", "ema_images: 500.0 then, 600.0 now", "seed: 0 then, 4 now"):
        assert words in text
    assert "\n" not in text and "width" not in text
    with pytest.raises(UserError, match="jit_compile"):
        _train(whole.path, overrides={**SETTINGS, "jit_compile": True})
    with pytest.raises(UserError, match=r"dataset.*'fake' then, 'mnist5k' now"):
        train("gwu", "mnist5k", whole.path, epochs=EPOCHS, overrides=SETTINGS, resize=True)
    assert whole.config_path.read_bytes() == before


def test_a_recipe_may_be_described_in_other_words(whole):
    config = whole.config
    older = {**config, "recipe": {**config["recipe"], "summary": "as it was put a year ago", "source": "elsewhere"}}
    agree_on_config(whole, older, print)  # raises nothing
    with pytest.raises(UserError, match="leaky_slope"):
        agree_on_config(whole, {**config, "recipe": {**config["recipe"], "leaky_slope": 0.1}}, print)


def test_two_processes_cannot_write_one_run(whole, tmp_path):
    run = Run(tmp_path / "run")
    process = forks.start(_command(run.path, epochs=100_000))
    try:
        while not run.rows():
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(UserError, match="another process"):
            _train(run.path, epochs=100_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 1
    finally:
        process.kill()
    assert run.gif_path.exists()


def test_a_history_cut_short_by_a_kill_is_mended(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    newest, *_ = checkpoints.all_checkpoints(run.checkpoints_path)
    newest.unlink()
    lines = run.history_path.read_text().splitlines(keepends=True)
    run.history_path.write_text("".join(lines[:-1]) + "117,6,1.2")  # no newline: killed in the middle of a row
    assert_same(_train(run.path), whole)
    with open(run.history_path) as file:
        assert all(len(row) == 8 for row in csv.reader(file))
