"""A generator becomes an ONNX file as it is, or not at all."""

import json

import keras
import numpy as np
import onnxruntime
import pytest
from commands import run_cli
from generators import NARROW, shaken_generator

from dcgan_tf.exporting import onnx
from dcgan_tf.exporting.onnx import export_onnx, onnx_bytes
from dcgan_tf.exporting.original import TOLERANCE, load_original
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.sampling import draw_latents, sample
from dcgan_tf.system.errors import UserError


# One of each architecture; that of `quick` is in the run.
@pytest.mark.parametrize("recipe", ["tutorial", "radford", "vrdl", "gwu", "sapienza", "rpi_rescued"])
def test_every_recipes_generator_becomes_onnx(recipe, tmp_path):
    source = shaken_generator(RECIPES[recipe].with_fields(NARROW), tmp_path)
    path, difference = export_onnx(source)
    assert path == tmp_path / f"{recipe}.onnx" and difference <= TOLERANCE
    session = onnxruntime.InferenceSession(str(path))
    latents = draw_latents(3, 8, seed=5)
    (images,) = session.run(["images"], {"latents": latents})  # another number of them than was compared
    original = load_original(source).images(latents)
    assert images.shape == original.shape and np.abs(images - original).max() <= TOLERANCE
    assert original.std() > 0.01  # not one gray, which would equal anything


def test_a_generator_from_elsewhere_with_other_latents_and_another_range(tmp_path):
    normal = keras.initializers.RandomNormal(0, 0.5, seed=1)
    layers = [
        keras.Input((1, 1, 6)),
        keras.layers.Conv2DTranspose(1, 8, activation="sigmoid", kernel_initializer=normal),
    ]
    keras.Sequential(layers).save(tmp_path / "theirs.h5")
    path, _ = export_onnx(tmp_path / "theirs.h5")
    assert path == tmp_path / "theirs.onnx"
    session = onnxruntime.InferenceSession(str(path))
    (images,) = session.run(["images"], {"latents": draw_latents(5, 6, seed=2)})
    theirs = keras.Sequential(layers)(draw_latents(5, 6, seed=2)[:, None, None]).numpy()  # in [0, 1]
    assert np.abs(images - (2 * theirs - 1)).max() < 1e-4 and images.min() < -0.5 < 0.5 < images.max()
    drawn = sample(tmp_path / "theirs.h5", 5, seed=2)  # exports and samples are the same
    assert np.abs((images + 1) * 127.5 - drawn).max() < 0.6


def test_a_run_becomes_an_onnx_file_that_knows_its_latents(run):
    status, output, errors = run_cli("export", run.path, "--onnx")
    assert (status, output) == (0, f"{run.path}/generator.onnx\n") and "differ from the original's by at most" in errors
    assert "earlier" not in errors
    status, _, errors = run_cli("export", run.path, "--onnx")
    assert status == 0 and errors.endswith(" (in the place of an earlier export)\n")
    session = onnxruntime.InferenceSession(output.strip())
    about = json.loads(session.get_modelmeta().custom_metadata_map["about"])
    assert about["latents"] == {"distribution": "uniform", "mean": 0.25, "std": 0.8}
    assert (about["recipe"], about["dataset"], about["steps"]) == ("quick", "fake", 1)
    latents = draw_latents(9, about["latent_dim"], seed=3, **about["latents"])
    images = np.clip(np.rint((session.run(None, {"latents": latents})[0] + 1) * 127.5), 0, 255)
    assert np.abs(images - sample(run.path, 9, seed=3).astype(float)).max() <= 1


def test_an_earlier_export_is_replaced_and_nothing_else(run, tmp_path):
    target = tmp_path / "model.onnx"
    for contents in (b"", b"my own notes", onnx_of_another_program()):
        target.write_bytes(contents)
        with pytest.raises(UserError, match="no earlier export"):
            export_onnx(run.path, target)
        assert target.read_bytes() == contents
    target.unlink()
    export_onnx(run.path, target)
    onnx.onnx_target(run.path, target, False)  # so it would be replaced
    with pytest.raises(UserError, match=r"ending in \.onnx"):
        export_onnx(run.path, tmp_path / "model.pb")


def onnx_of_another_program():
    from onnx import helper

    graph = helper.make_graph([], "empty", [], [])
    return helper.make_model(graph).SerializeToString()


def test_a_wrong_export_is_not_left_behind(run, tmp_path, tmp_path_factory, monkeypatch):
    older = tmp_path / "model.onnx"
    export_onnx(run.path, older)
    before = older.read_bytes()
    of_another = onnx_bytes(
        load_original(shaken_generator(RECIPES["tutorial"].with_fields(NARROW), tmp_path_factory.mktemp("other")))
    )
    monkeypatch.setattr(onnx, "onnx_bytes", lambda original: of_another)
    with pytest.raises(RuntimeError, match="nothing was written"):
        export_onnx(run.path, older)
    assert older.read_bytes() == before and list(tmp_path.iterdir()) == [older]
