"""A generator leaves for other programs as it is, or not at all."""

import json

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from commands import TINY, run_cli
from generators import NARROW, shaken_generator

from dcgan_tf.exporting import export
from dcgan_tf.exporting.export import (
    TOLERANCE,
    compare,
    export_onnx,
    export_saved_model,
    load_original,
    new_folder,
    onnx_bytes,
)
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.sampling import draw_latents, sample
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    uniform = {**TINY, "latent_distribution": "uniform", "latent_mean": 0.25, "latent_std": 0.5}
    return train("quick", "fake", folder, steps=4, overrides=uniform, progress=NoProgress())


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


def test_a_run_becomes_an_onnx_file_that_knows_its_latents(run):
    status, output, errors = run_cli("export", run.path, "--onnx")
    assert (status, output) == (0, f"{run.path}/generator.onnx\n") and "differ from the original's by at most" in errors
    session = onnxruntime.InferenceSession(output.strip())
    about = json.loads(session.get_modelmeta().custom_metadata_map["about"])
    assert about["latents"] == {"distribution": "uniform", "mean": 0.25, "std": 0.5}
    assert (about["recipe"], about["dataset"], about["steps"]) == ("quick", "fake", 4)
    latents = draw_latents(9, about["latent_dim"], seed=3, **about["latents"])
    images = np.clip(np.rint((session.run(None, {"latents": latents})[0] + 1) * 127.5), 0, 255)
    assert np.abs(images - sample(run.path, 9, seed=3).astype(float)).max() <= 1


def test_a_run_becomes_a_saved_model(run, tmp_path):
    folder, difference = export_saved_model(run.path, tmp_path / "nested" / "model")
    latents = draw_latents(5, TINY["latent_dim"], seed=1)
    model = tf.saved_model.load(str(folder))
    images = model.serve(tf.constant(latents)).numpy()
    assert np.abs(images - load_original(run.path).images(latents)).max() <= TOLERANCE >= difference
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_the_best_generator_is_asked_for_by_name(run, tmp_path):
    with pytest.raises(UserError, match=r"no best_generator\.keras: .*--evaluate-every"):
        load_original(run.path, best=True)
    source = shaken_generator(RECIPES["quick"].with_fields(NARROW), tmp_path)
    source.rename(run.best_generator_path)
    try:
        original = load_original(run.path, best=True)
        assert original.about["image_shape"] == [64, 64, 3] and original.latents["std"] == 0.5
        path, _ = export_onnx(run.path, best=True)
        assert path.name == "best_generator.onnx"
    finally:
        run.best_generator_path.unlink()


def test_what_was_exported_is_replaced_and_nothing_else(run, tmp_path):
    target = tmp_path / "model.onnx"
    for contents in (b"", b"my own notes", onnx_of_another_program()):
        target.write_bytes(contents)
        with pytest.raises(UserError, match="no earlier export"):
            export_onnx(run.path, target)
        assert target.read_bytes() == contents
    target.unlink()
    export_onnx(run.path, target)
    export._check_onnx_target(target)  # so it would be replaced
    with pytest.raises(UserError, match=r"ending in \.onnx"):
        export_onnx(run.path, tmp_path / "model.pb")

    folder = tmp_path / "model"
    for _ in range(2):
        with new_folder(folder, "saved-model", {}) as temporary:
            (temporary / "variables").mkdir()
            (temporary / "variables" / "data").write_text("weights")
    with pytest.raises(ZeroDivisionError), new_folder(folder, "saved-model", {}):
        raise ZeroDivisionError
    assert (folder / "variables" / "data").read_text() == "weights"
    (folder / "README").write_text("mine")
    with pytest.raises(UserError, match="README' is not part of the export"):
        export_saved_model(run.path, folder)
    (folder / "README").unlink()
    (folder / "variables" / "data").write_text("changed")
    with pytest.raises(UserError, match="data' was changed since the export"):
        export_saved_model(run.path, folder)
    (folder / "export.json").write_text('{"kind": "web", "files": {}}')
    with pytest.raises(UserError, match="no earlier export of this kind"):
        export_saved_model(run.path, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.onnx"]


def onnx_of_another_program():
    from onnx import helper

    graph = helper.make_graph([], "empty", [], [])
    return helper.make_model(graph).SerializeToString()


def test_a_wrong_export_is_not_left_behind(run, tmp_path, tmp_path_factory, monkeypatch):
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
    older = tmp_path / "model.onnx"
    export_onnx(run.path, older)
    before = older.read_bytes()
    of_another = onnx_bytes(
        load_original(shaken_generator(RECIPES["tutorial"].with_fields(NARROW), tmp_path_factory.mktemp("other")))
    )
    monkeypatch.setattr(export, "onnx_bytes", lambda original: of_another)
    with pytest.raises(RuntimeError, match="nothing was written"):
        export_onnx(run.path, older)
    assert older.read_bytes() == before and list(tmp_path.iterdir()) == [older]


def test_a_generator_of_nans_is_said_to_be_one(run):
    original = load_original(run.path)
    original.generator.set_weights([weight * np.nan for weight in original.generator.get_weights()])
    with pytest.raises(UserError, match="'run' makes values that are not numbers"):
        compare(original, original.images)


def test_mistakes_are_one_line(run, tmp_path, monkeypatch):
    for arguments, words in (
        (["export", run.path], "at least one of --web, --onnx, --saved-model"),
        (["export", "--onnx", run.path], "give the run before the options"),
        (["export", tmp_path / "nothing", "--onnx"], "is not a run directory"),
    ):
        status, output, errors = run_cli(*arguments)
        assert (status, output) == (2, "") and words in errors and len(errors.splitlines()) == 1
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else True)
    status, _, errors = run_cli("export", run.path, "--onnx", tmp_path / "x.onnx")
    assert status == 2 and 'pip install tf2onnx (or this package with its extra: pip install "dcgan-tf[web]")' in errors
    assert list(tmp_path.iterdir()) == []
