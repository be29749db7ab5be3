"""TensorBoard logs: what a run directory holds, once each, also after a kill, a resume or an extension."""

import os

import numpy as np
import pytest
import tensorflow as tf
from written_runs import write_run

from dcgan_tf.data.decoding import decode
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.loggers import TensorBoardLog
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

TINY = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "ema_images": 500}


def events(run):
    """(plugin, tag) -> {step: value} of all events; no step may come twice."""
    found = {}
    for path in run.tensorboard_path.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                series = found.setdefault((value.metadata.plugin_data.plugin_name, value.tag), {})
                assert event.step not in series
                series[event.step] = tf.make_ndarray(value.tensor)
    return found


def test_a_run_whose_name_is_no_text_has_a_log(tmp_path):
    run = write_run(tmp_path / os.fsdecode(b"caf\xe9"), whole=False)
    TensorBoardLog(run).close()
    assert [path.name[:7] for path in run.tensorboard_path.iterdir()] == ["events."]


def test_the_log_is_the_run_also_when_it_was_asked_for_late_or_the_run_extended(tmp_path):
    def trained(**options):
        return train("gwu", "fake", tmp_path / "run", log_every=8, overrides=TINY, progress=NoProgress(), **options)

    run = trained(steps=27)
    assert not run.tensorboard_path.exists()
    run = trained(steps=27, tensorboard=True)  # it is finished: its log is written without training
    assert list(events(run)["scalars", "training/generator_loss"]) == [8, 16, 20, 27]
    before = run.history()["generator_loss"][:3]
    run = trained(steps=30, tensorboard=True)  # extended: the row after step 27 is gone from both
    found = events(run)
    for name in ("generator_loss", "discriminator_real", "seconds"):
        series, history = found["scalars", f"training/{name}"], run.history()
        assert list(series) == history["step"].tolist() == [8, 16, 20, 28, 30]
        np.testing.assert_allclose(list(series.values()), history[name], rtol=1e-6)
    np.testing.assert_array_equal(run.history()["generator_loss"][:3], before)
    grids = found["images", "grid"]
    assert list(grids) == run.grid_steps() == [0, 1, 2, 3, 6, 10, 20, 30]
    for path, (width, height, png) in zip(run.grids(), grids.values(), strict=True):
        assert png == path.read_bytes() and decode(png).shape[:2] == (int(height), int(width))


def test_a_setting_that_is_no_switch(tmp_path):
    with pytest.raises(UserError, match="tensorboard='yes' must be True or False"):
        train("quick", "fake", tmp_path / "run", tensorboard="yes")
    assert not (tmp_path / "run").exists()
