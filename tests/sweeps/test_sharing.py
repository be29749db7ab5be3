"""What runs of a sweep share: cores, and work where that changes no bit."""

import json

import keras
import numpy as np
import pytest
from same_runs import assert_same_film

from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.sharing import copy_run, is_beginning, share_cores, thread_settings
from dcgan_tf.system.workers import arithmetic_threads
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

# `fake` has 1,000 images: 20 steps an epoch
TINY = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 4, "ema_images": 500}


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A run of one epoch."""
    return train_for(1, tmp_path_factory.mktemp("runs") / "short")


def train_for(epochs, path):
    return train("gwu", "fake", path, epochs=epochs, overrides=TINY, log_every=8, progress=NoProgress())


def test_cores_are_shared_out_evenly():
    assert share_cores(2, [0, 1, 2, 3]) == [[0, 1], [2, 3]]
    assert share_cores(3, [0, 1, 2, 3]) == [[0], [1, 2], [3]]
    assert share_cores(3, [4, 6]) == [[4], [6], [4]]
    assert share_cores(1, [4, 6]) == [[]] and share_cores(2, []) == [[], []]
    assert thread_settings(3)["TF_NUM_INTRAOP_THREADS"] == "3"


def test_where_no_process_can_be_bound_to_cores_their_number_is_shared_out(monkeypatch):
    monkeypatch.delattr("dcgan_tf.sweeps.sharing.os.sched_getaffinity", raising=False)
    monkeypatch.setattr("dcgan_tf.sweeps.sharing.available_cores", lambda: 6)
    assert [len(cores) for cores in share_cores(3)] == [2, 2, 2] and share_cores(1) == [[]]


def test_a_run_that_went_on_from_a_shorter_one_is_the_run_alone(short, tmp_path, monkeypatch):
    shorter = Run(tmp_path / "shorter")
    copy_run(short, shorter.path)
    shorter.notebook_path.write_text("{}")
    (shorter.path / "latent").mkdir()  # what `explore` drew belongs to the shorter run
    line = {"step": 20, "generator": "averaged", "metrics": {"frechet_distance": {"mean": 3.0}}, "samples": 100,
            "seeds": [0], "features": {"description": "pixels"},
            "real": {"dataset": "fake", "split": "all", "images": 1000, "fingerprint": "f" * 64}}  # fmt: skip
    shorter.metrics_path.write_text(json.dumps({**line, "while_training": True}) + "\n" + json.dumps(line) + "\n")
    cores = arithmetic_threads()
    assert is_beginning(shorter, ("epochs", 1), cores) and not is_beginning(shorter, ("epochs", 1), cores + 1)
    assert not is_beginning(shorter, ("epochs", 2), cores) and not is_beginning(shorter, ("steps", 20), cores)
    assert not is_beginning(Run(tmp_path), ("epochs", 1), cores)
    monkeypatch.setattr("dcgan_tf.__version__", "0.7.0")  # its recipe of that name may be another
    assert not is_beginning(shorter, ("epochs", 1), cores)
    monkeypatch.undo()
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
    assert_same_film(longer, alone)
    for path in ("grids/epoch_0001.png", "grids/epoch_0002.png"):
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
