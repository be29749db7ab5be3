"""What a training leaves at its end: networks and film, made anew where they are damaged."""

import errno
import shutil

import imageio.v3 as imageio
import keras
import numpy as np
import pytest
from PIL import Image, ImageSequence
from written_runs import write_run

from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.system.files import Unreadable
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.results import _when, film_is_whole, film_steps, is_whole_keras_file, write_film
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

TINIEST = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "image_size": 8, "ema_images": 500}


class Listens(NoProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def go(path, steps=20, **options):
    progress = Listens()
    return train("gwu", "fake", path, steps=steps, overrides=TINIEST, progress=progress, **options), progress.said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return go(tmp_path_factory.mktemp("whole") / "run")[0]


def weights(path):
    return [np.asarray(variable) for variable in keras.saving.load_model(path).variables]


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def with_one_bit_flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "junk": lambda path: path.write_bytes(b"junk"),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncated,
    "one bit": with_one_bit_flipped,
    "gone": lambda path: path.unlink(),
}


def test_damaged_networks_and_film_of_a_finished_run_are_made_anew(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    history = run.history_path.read_bytes()
    for number, damage in enumerate(DAMAGE.values()):
        path = (run.generator_path, run.discriminator_path, run.gif_path)[number % 3]
        if path == run.gif_path:
            damage = truncated
        damage(path)
        _, said = go(run.path)
        assert said[-1].startswith("done: 1 epoch, step 20") and said[-1].endswith(f", see {run.gif_path}")
        for name in ("generator_path", "discriminator_path"):
            networks = (weights(getattr(one, name)) for one in (run, whole))
            assert all(np.array_equal(mine, other) for mine, other in zip(*networks, strict=True))
        assert run.gif_path.read_bytes() == whole.gif_path.read_bytes() and run.history_path.read_bytes() == history
    _, said = go(run.path)
    assert said == [f"{run.path} is complete (1 epoch, step 20): give more epochs to extend it"]


def test_what_a_finished_run_is_asked_for_in_vain_is_said(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    asked = {"keep_samples": True, "evaluate_every": 10, "evaluation": {"features": "pixels", "samples": 10}}
    _, said = go(run.path, **asked)
    assert said[-1] == (
        f"{run.path} is complete (1 epoch, step 20): give more epochs to extend it; nothing was trained, so "
        "--evaluate-every and --keep-samples had no effect"
    )
    run.samples_path.mkdir()
    np.savez(run.samples_path / "epoch_0001.npz", step=20)  # as of a first call with the same options
    _, said = go(run.path, **asked)
    assert said[-1].endswith("so --evaluate-every had no effect")


@pytest.mark.parametrize("name", DAMAGE)
def test_a_file_of_keras_is_whole_or_not(name, whole, tmp_path):
    path = tmp_path / "copy.keras"
    shutil.copy(whole.generator_path, path)
    assert is_whole_keras_file(path)
    DAMAGE[name](path)
    assert not is_whole_keras_file(path)
    path.unlink(missing_ok=True)
    path.mkdir()
    assert not is_whole_keras_file(path)


def test_a_file_of_keras_that_the_disk_does_not_give_is_not_damaged(whole, tmp_path, monkeypatch):
    def away(path, *more, **options):
        raise OSError(errno.EIO, "gone for a moment")

    monkeypatch.setattr("builtins.open", away)
    monkeypatch.setattr("io.open", away)
    with pytest.raises(Unreadable, match="nothing was changed"):
        is_whole_keras_file(whole.generator_path)


def test_a_finished_run_without_checkpoints_has_its_film_again(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints")))
    run.gif_path.write_bytes(b"GIF89a and no more")
    _, said = go(run.path)
    assert said[-1] == f"{run.path} is complete; its checkpoints are gone, so more epochs would start over"
    assert run.gif_path.read_bytes() == whole.gif_path.read_bytes()


def test_a_finished_run_without_grids_and_film_does_not_point_to_a_film(whole, tmp_path):
    lost = shutil.ignore_patterns("grids", "progress.*")
    run, said = go(shutil.copytree(whole.path, tmp_path / "run", ignore=lost))
    assert said[-2] == f"note: no film is made, since there is no grid to be shown in {run.grids_path}"
    assert said[-1].startswith("done: 1 epoch, step 20 in ") and said[-1].endswith(f", see {run.path}")


@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_bad_grids_are_left_out_of_the_film(whole, tmp_path):
    run, said = Run(shutil.copytree(whole.path, tmp_path / "run")), []
    run.grid_path(10).write_bytes(b"not a picture")
    write_film(run, False, said.append)
    assert len(imageio.imread(run.gif_path, index=None)) == 6
    save_png(run.grid_path(10), np.zeros((30, 30, 1), np.uint8))  # whole, but of something else
    write_film(run, False, said.append)
    assert len(imageio.imread(run.gif_path, index=None)) == 6
    assert "step_000010.png" in said[-2] and "not in the film" in said[-2] and said[-1].startswith("film: ")


def test_a_training_with_a_bad_grid_goes_on_to_its_end(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    run.grid_path(10).write_bytes(b"not a picture")
    with pytest.warns(UserWarning, match="is damaged"):
        go(run.path, steps=22)
    assert (
        run.grid_steps() == [0, 1, 2, 3, 6, 20, 22]
        and film_is_whole(run)
        and len(imageio.imread(run.gif_path, index=None)) >= 2
    )


def test_a_film_begins_with_noise_and_thins_out_what_is_regular(whole, monkeypatch):
    early, epochs = [0, 1, 2, 3, 6, 10, 20, 30, 60, 100], [156 * epoch for epoch in range(1, 13)]
    monkeypatch.setattr(Run, "grid_steps", lambda self: [*early, *epochs])
    run = Run(whole.path)
    run.grid_rule = type(run.grid_rule)({"recipe": {}, "steps_per_epoch": 156})
    assert film_steps(run, False) == [*early, *epochs]
    assert film_steps(run, True) == [*early, *(epochs[n] for n in (0, 1, 2, 4, 6, 8, 11))]


def test_a_film_of_many_grids_is_as_long_as_one_of_few_and_ends_with_the_last(tmp_path):
    """Ever less happens: most of the film is the beginning, as it is of the change."""
    run = write_run(tmp_path / "run", steps=3000, grid_every=10)
    run.grids_path.mkdir()
    for step in run.grid_rule.up_to(3000):
        save_png(run.grid_path(step), np.full((150, 150, 1), int(250 - 250 / (1 + step / 200)), np.uint8))
    said = []
    write_film(run, False, said.append)
    with Image.open(run.gif_path) as gif:
        frames = [(np.asarray(frame.convert("L")), frame.info["duration"]) for frame in ImageSequence.Iterator(gif)]
    assert len(frames) <= 40 and 8000 <= sum(stays for _, stays in frames) <= 15_000 and frames[-1][1] == 2000
    grays = np.array([frame[75, 75] for frame, _ in frames], int)
    assert (
        grays[0] <= 5 and grays[-1] >= 229 and 5 <= min(np.diff(grays)[:-2]) <= max(np.diff(grays)) <= 16
    )  # in even steps
    assert said == [f"film: progress.gif {kilobytes(run.gif_path)} kB, progress.webp {kilobytes(run.webp_path)} kB"]
    with Image.open(run.webp_path) as film:
        assert film.n_frames == len(frames) and film_is_whole(run)
    truncated(run.webp_path)
    assert not film_is_whole(run) and run.film_path == run.gif_path
    run.webp_path.write_bytes(b"")
    assert not film_is_whole(run)
    run.webp_path.unlink()
    assert film_is_whole(run) and run.film_path == run.gif_path  # as older runs have it


def kilobytes(path):
    return -(-path.stat().st_size // 1000)


def test_what_stands_under_a_grid(tmp_path):
    run = write_run(tmp_path / "run", steps=0)  # an epoch is 10 steps
    assert [_when(run, *moment) for moment in ((0, 0.0), (3, 0.4), (10, 41.2), (20, None), (1000, 3725))] == [
        "step 0  ·  0.0 s", "step 3  ·  0.4 s", "epoch 1  ·  41 s", "epoch 2", "epoch 100  ·  1:02:05 h"]  # fmt: skip
    run = write_run(tmp_path / "by step", steps=0, grid_every=10)
    assert _when(run, 20, 130) == "step 20  ·  2:10 min"
