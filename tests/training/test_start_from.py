"""train(start_from=): another run's weights, and nothing else of it; remembered, and resumed bit for bit."""

import os
import re
import shutil

import numpy as np
import pytest
from commands import run_cli
from same_runs import assert_same

from dcgan_tf.compare.rows import settings_of
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.run import checkpoints
from dcgan_tf.run.directory import Run
from dcgan_tf.run.repeat import repeat_command
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.beginning.start_from import Start
from dcgan_tf.training.train import train

DATA = Dataset("pictures", np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8))
SMALL = {"width": 2, "latent_dim": 4, "batch_size": 8, "grid_images": 4, "ema_images": 50}


def trained(path, steps, data=DATA, **options):
    options = {"overrides": SMALL, "checkpoint_seconds": 0, **options}
    return train("gwu", data, path, steps=steps, **options)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("source") / "first", 3)


@pytest.fixture(scope="module")
def started(source):
    return trained(source.path.parent / "second", 2, start_from=source.path)


def arrays_of(run, step):
    return checkpoints.read(run.checkpoints_path / f"step_{step:08d}.npz")[0]


def test_it_begins_with_what_the_other_ended_with(source, started):
    record = started.config["start_from"]
    assert (record["run"], record["step"], len(record["weights"])) == (str(source.path), 3, 64)
    assert started.grids()[0].read_bytes() == source.grids()[-1].read_bytes()  # the average, of the same latents
    # The step and the optimizers begin anew.
    assert int(arrays_of(started, 2)["step"]) == 2 and int(arrays_of(started, 2)["generator_optimizer/000"]) == 2
    assert f"--start-from {source.path}" in repeat_command(started.config, "again")
    assert settings_of(started.config)["start_from"] == str(source.path)


def test_with_spectral_norm_the_kernels_it_is_given_begin_at_norm_1_too(tmp_path):
    smooth = {**SMALL, "discriminator_batch_norm": False}
    source = trained(tmp_path / "source", 1, overrides=smooth)
    gan = GAN(get_recipe("gwu").with_fields({**smooth, "spectral_norm": True}), (8, 8, 1))
    Start(source).give_to(gan)
    norms = [np.linalg.norm(np.reshape(kernel, [-1, kernel.shape[-1]]), 2) for kernel in gan.spectral_norm.kernels]
    np.testing.assert_allclose(norms, 1, rtol=0.02)


def test_a_resumed_one_is_the_same_and_needs_the_other_no_more(source, started, tmp_path):
    trained(tmp_path / "run", 1, start_from=source.path)
    other = source.path.rename(tmp_path / "moved")
    try:
        resumed = trained(tmp_path / "run", 2, start_from=source.path)
        assert_same(resumed, started)
        assert trained(tmp_path / "run", 2, start_from=other).config["start_from"] == started.config["start_from"]
        for path in resumed.checkpoints_path.iterdir():
            path.write_bytes(b"damaged")
        with pytest.warns(UserWarning, match="damaged"), pytest.raises(UserError, match="is not a run directory"):
            trained(tmp_path / "run", 3, start_from=source.path)
        assert not (tmp_path / "run" / "earlier_1").exists()
    finally:
        other.rename(source.path)


def test_a_start_whose_name_is_no_text_is_known_again(source, tmp_path):
    other = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(source.path, other)
    record = trained(tmp_path / "run", 1, start_from=other).config["start_from"]
    assert record["run"] == f"{tmp_path}/caf\\udce9"
    shutil.rmtree(other)
    assert trained(tmp_path / "run", 2, start_from=other).config["start_from"] == record


def test_another_start_is_refused(source, started, tmp_path):
    other = Run(tmp_path / "other")
    shutil.copytree(source.path, other.path)
    weights = arrays_of(other, 3)
    checkpoints.save(
        other.checkpoints_path, 4, {**weights, "step": 4, "generator/000": weights["generator/000"] + 1}, {}
    )
    then = f"start_from: '{re.escape(str(source.path))} after step 3, weights .{{8}}' then"
    for start_from, now in ((None, "None"), (other.path, r"'.*other after step 4, weights .{8}'")):
        with pytest.raises(UserError, match=f"{then}, {now} now"):
            trained(started.path, 2, start_from=start_from)


def test_networks_alone_will_do(source, started, tmp_path):
    """Without its checkpoints a run has the average for its generator; and without a discriminator it will not do."""
    bare = Run(tmp_path / "bare")
    bare.path.mkdir()
    for name in ("config_path", "history_path", "generator_path", "discriminator_path"):
        getattr(bare, name).write_bytes(getattr(source, name).read_bytes())
    weights = Start(bare)._weights
    last = arrays_of(source, 3)
    average = [last[name] for name in sorted(last) if name.startswith("averaged_generator/")]
    for network in ("generator", "averaged_generator"):
        assert all(np.array_equal(*pair) for pair in zip(weights[network], average, strict=True))
    assert Start(bare).record["step"] == 3
    bare.discriminator_path.unlink()
    with pytest.raises(UserError, match=r"bare' has no discriminator.keras, and no checkpoint: .* is missing"):
        trained(tmp_path / "run", 1, start_from=bare.path)


def test_mistakes_are_one_line_and_nothing_is_written(source, tmp_path):
    wide = Dataset("wide", np.zeros((32, 16, 16, 3), np.uint8))
    for options, words in (
        ({"overrides": {**SMALL, "width": 4}}, "other networks than this training: width 2 there and 4 here; give the"),
        ({"data": wide}, "images 8x8x1 there and 16x16x3 here"),
        ({"start_from": source.generator_path}, "is a generator alone, .*give the run directory"),
        ({"start_from": tmp_path / "run"}, "is this run itself"),
        ({"start_from": tmp_path / "none"}, "is not a run directory"),
        ({"start_from": 5}, "start_from=5 must be the path of a run directory"),
    ):
        with pytest.raises(UserError, match=words) as error:
            trained(tmp_path / "run", 1, **{"start_from": source.path, **options})
        assert "\n" not in str(error.value) and not (tmp_path / "run").exists()
    status, _, error = run_cli("train", "--dataset", "fake", "--start-from", source.path, "--run-dir", tmp_path / "x")
    assert status == 2 and "architecture gwu there and quick here" in error
