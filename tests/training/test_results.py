"""What a training leaves at its end: networks and film, made anew where they are damaged."""

import shutil

import imageio.v3 as imageio
import keras
import numpy as np
import pytest

from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.results import film_is_whole, film_paths, is_whole_keras_file, write_film
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

TINIEST = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "image_size": 8, "ema_images": 500}


class Listens(NoProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def go(path, steps=20):
    progress = Listens()
    return train("gwu", "fake", path, steps=steps, overrides=TINIEST, progress=progress), progress.said


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
        assert said[-1].startswith("done: 1 epoch, step 20")
        for name in ("generator_path", "discriminator_path"):
            networks = (weights(getattr(one, name)) for one in (run, whole))
            assert all(np.array_equal(mine, other) for mine, other in zip(*networks, strict=True))
        assert run.gif_path.read_bytes() == whole.gif_path.read_bytes() and run.history_path.read_bytes() == history
    _, said = go(run.path)
    assert said == [f"{run.path} is complete (1 epoch, step 20): give more epochs to extend it"]


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


def test_a_finished_run_without_checkpoints_has_its_film_again(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints")))
    run.gif_path.write_bytes(b"GIF89a and no more")
    _, said = go(run.path)
    assert said == [f"{run.path} is complete; its checkpoints are gone, so more epochs would start over"]
    assert run.gif_path.read_bytes() == whole.gif_path.read_bytes()


@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_bad_grids_are_left_out_of_the_film(whole, tmp_path):
    run, said = Run(shutil.copytree(whole.path, tmp_path / "run")), []
    run.grid_path(10).write_bytes(b"not a picture")
    write_film(run, False, said.append)
    assert len(imageio.imread(run.gif_path, index=None)) == 2
    save_png(run.grid_path(10), np.zeros((30, 30, 1), np.uint8))  # whole, but of something else
    write_film(run, False, said.append)
    assert len(imageio.imread(run.gif_path, index=None)) == 2
    assert "step_000010.png" in said[-1] and "not in the film" in said[-1]


def test_a_training_with_a_bad_grid_goes_on_to_its_end(whole, tmp_path):
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    run.grid_path(10).write_bytes(b"not a picture")
    with pytest.warns(UserWarning, match="is damaged"):
        go(run.path, steps=22)
    assert run.grid_steps() == [0, 20, 22] and film_is_whole(run) and len(imageio.imread(run.gif_path, index=None)) >= 2


def test_a_film_begins_with_noise_and_thins_out_what_is_regular(whole, monkeypatch):
    steps = [0, 10, 30, 100, *range(156, 156 * 13, 156)]
    monkeypatch.setattr(Run, "grid_steps", lambda self: steps)
    run = Run(whole.path)
    run.grid_rule = type(run.grid_rule)({"recipe": {}, "steps_per_epoch": 156})
    early = [f"step_{step:06d}.png" for step in (0, 10, 30, 100)]
    epochs = [f"epoch_{epoch:04d}.png" for epoch in range(1, 13)]
    assert [path.name for path in film_paths(run, False)] == [*early, *epochs]
    assert [path.name for path in film_paths(run, True)] == [*early, *(epochs[n] for n in (0, 1, 2, 4, 6, 8, 11))]
