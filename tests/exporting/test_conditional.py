"""Conditional generators in other programs' formats: two inputs, by their names."""

import json

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from conditional_runs import ATTRIBUTES, CLASSES, DIM, SIZE, conditional_run

from dcgan_tf.exporting.export import export
from dcgan_tf.exporting.onnx import export_onnx
from dcgan_tf.exporting.original import TOLERANCE, compare, load_original
from dcgan_tf.exporting.saved_model import export_saved_model
from dcgan_tf.run.sampling import draw_latents, sample


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    return conditional_run(tmp_path_factory.mktemp("runs") / "animals", CLASSES)


# A dense layer first, one that enlarges, and uniform latents.
@pytest.mark.parametrize(("recipe", "size"), [("gwu", SIZE), ("quick", 32), ("radford", SIZE)])
def test_a_conditional_generator_becomes_onnx_with_named_inputs(recipe, size, tmp_path):
    run = conditional_run(tmp_path / "run", ATTRIBUTES, recipe, size)
    path, difference = export_onnx(run.path)
    assert difference <= TOLERANCE
    session = onnxruntime.InferenceSession(str(path))
    assert {put.name: put.shape for put in session.get_inputs()} == {
        "latents": ["images", DIM], "labels": ["images", 4]
    }  # fmt: skip
    told = np.float32([[1, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 0]])
    latents = draw_latents(3, DIM, seed=5, **load_original(run.path).latents)
    (images,) = session.run(["images"], {"labels": told, "latents": latents})
    drawn = np.clip(np.rint((images + 1) * 127.5), 0, 255)
    assert np.abs(drawn - sample(run.path, seed=5, labels=told).astype(float)).max() <= 1
    about = json.loads(session.get_modelmeta().custom_metadata_map["about"])
    assert about["labels"]["kind"] == "attribute" and about["labels"]["names"] == list(ATTRIBUTES.names)
    assert about["latent_dim"] == DIM and about["image_shape"] == [size, size, 3]


def test_a_conditional_generator_becomes_a_saved_model(animals, tmp_path):
    folder, difference = export_saved_model(animals.path, tmp_path / "model")
    model, latents, told = (
        tf.saved_model.load(str(folder)),
        draw_latents(3, DIM, seed=1),
        np.eye(4, dtype="float32")[1:],
    )
    wanted = load_original(animals.path).images(latents, told)
    assert np.abs(model.serve([latents, told]).numpy() - wanted).max() <= TOLERANCE >= difference
    named = model.signatures["serving_default"](latents=tf.constant(latents), labels=tf.constant(told))
    assert np.abs(named["output_0"].numpy() - wanted).max() <= TOLERANCE


def test_an_export_that_hears_no_labels_is_noticed(animals):
    original = load_original(animals.path)
    assert original.usual_labels.tolist() == [0, 0, 0, 1]
    _, told = original.random_inputs(16)
    assert told.sum(axis=0).tolist() == [4, 4, 4, 4] and compare(original, original.images) == 0
    with pytest.raises(RuntimeError, match="nothing was written"):
        compare(original, lambda latents, told: original.images(latents, np.roll(told, 1, axis=1)))


def test_a_file_alone_is_exported_too(animals, tmp_path):
    (tmp_path / "alone.keras").write_bytes(animals.generator_path.read_bytes())
    (path,) = export(tmp_path / "alone.keras", onnx=True, say=str)
    about = json.loads(onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map["about"])
    assert about["labels"] == {"kind": "class", "names": ["0", "1", "2", "3"], "shares": [0.25] * 4}


def test_half_precision_is_left_behind_and_the_inputs_keep_their_names(tmp_path):
    half = {"dtype": "mixed_bfloat16"}
    latents, labels = (keras.Input((size,), name=name) for size, name in ((DIM, "latents"), (3, "labels")))
    both = keras.layers.Concatenate(**half)([latents, keras.layers.Dense(5, **half)(labels)])
    images = keras.layers.Reshape((8, 8, 1), dtype="float32")(keras.layers.Dense(64, **half)(both))
    model = keras.Model([latents, labels], keras.layers.Activation("tanh", dtype="float32")(images))
    model.save(tmp_path / "half.keras")
    path, difference = export_onnx(tmp_path / "half.keras")
    assert difference <= TOLERANCE
    assert {put.name for put in onnxruntime.InferenceSession(str(path)).get_inputs()} == {"latents", "labels"}
