"""What is exported, and that it is compared with what it was."""

import json
import os
import shutil

import keras
import numpy as np
import pytest
from generators import NARROW, shaken_generator

from dcgan_tf.exporting.original import TOLERANCE, compare, load_original
from dcgan_tf.exporting.saved_model import export_saved_model
from dcgan_tf.exporting.targets import place
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import draw_latents, sample
from dcgan_tf.system.errors import UserError


def test_another_image_is_noticed(run):
    original = load_original(run.path)
    assert compare(original, original.images) == 0
    nearly = compare(original, lambda latents: original.images(latents) + TOLERANCE / 2)
    assert nearly == pytest.approx(TOLERANCE / 2, rel=0.01)
    for wrong in (
        lambda latents: original.images(latents) + 2 * TOLERANCE,
        lambda latents: original.images(latents) * np.nan,
        lambda latents: original.images(latents)[:, :-1],
    ):
        with pytest.raises(RuntimeError, match="differ"):
            compare(original, wrong)


def test_a_generator_of_nans_is_said_to_be_one(run):
    original = load_original(run.path)
    original.generator.set_weights([weight * np.nan for weight in original.generator.get_weights()])
    with pytest.raises(UserError, match="makes values that are not numbers"):
        compare(original, original.images)


def test_the_best_generator_is_asked_for_by_name(run, tmp_path):
    with pytest.raises(UserError, match=r"no best_generator\.keras: .*--evaluate-every"):
        load_original(run.path, best=True)
    source = shaken_generator(RECIPES["quick"].with_fields({**NARROW, "image_size": 32, "channels": 3}), tmp_path)
    source.rename(run.best_generator_path)
    real = {"dataset": "fake", "split": "all", "images": 1000, "fingerprint": ""}
    line = {"metrics": {}, "features": {"description": "pixels"}, "samples": 100, "seeds": [0], "generator": "averaged"}
    for step, best in ((20, True), (34, True), (40, False)):
        run.append_metrics({**line, "real": real, "step": step, "epoch": -(-step // 10), "best": best})
    try:
        original = load_original(run.path, best=True)
        assert original.about["image_shape"] == [32, 32, 3] and original.latents["std"] == 0.8
        assert (original.about["steps"], original.about["epochs"]) == (34, 3.4)  # when it was kept, not the run's end
        best = sample(run.path, 2, seed=3, best=True)  # the same that `sample --best` draws
        latents = draw_latents(2, original.about["latent_dim"], 3, **original.latents)
        assert best.shape == (2, 32, 32, 3) and np.abs(best - (original.images(latents) + 1) * 127.5).max() < 1
        assert place(run.path, None, True, "generator.onnx") == run.path / "best_generator.onnx"
    finally:
        run.best_generator_path.unlink()
        run.metrics_path.unlink()


def test_data_without_a_name_are_called_so(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    config = json.loads(run.config_path.read_text())
    for dataset in ({"image_shape": [32, 32, 3]}, {"image_shape": [32, 32, 3], "name": None}):
        Run(tmp_path / "run").write_config({**config, "dataset": dataset})
        assert load_original(tmp_path / "run").about["dataset"] == "unnamed data"


def test_a_name_that_is_no_text_is_written_as_it_can_be(run, tmp_path):
    copy = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(run.path, copy)
    assert load_original(copy).about["name"] == "caf\\udce9"
    shutil.copy(run.generator_path, tmp_path / os.fsdecode(b"caf\xe9.keras"))
    assert load_original(f"{copy}.keras").about["name"] == "caf\\udce9"
    with pytest.raises(UserError, match="no names that are not UTF-8: choose another folder"):
        export_saved_model(copy)


def test_half_precision_is_left_behind_in_a_network_within_a_network_too(tmp_path):
    half = {"activation": "sigmoid", "dtype": "mixed_bfloat16"}  # [0, 1]: loading wraps it, to bring it to [-1, 1]
    layers = [keras.Input((5,)), keras.layers.Dense(64, **half), keras.layers.Reshape((8, 8, 1), dtype="float32")]
    keras.Sequential(layers).save(tmp_path / "half.keras")
    original = load_original(tmp_path / "half.keras")
    latents = draw_latents(3, 5, 0)
    weights, bias = keras.Sequential(layers).get_weights()
    wanted = 2 / (1 + np.exp(-(latents @ weights + bias))) - 1
    assert np.abs(original.images(latents).reshape(3, -1) - wanted).max() < 1e-5  # in bfloat16 it is off by 1e-2
