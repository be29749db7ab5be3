"""The generator as a SavedModel makes the same images."""

import numpy as np
import tensorflow as tf

from dcgan_tf.exporting.original import TOLERANCE, load_original
from dcgan_tf.exporting.saved_model import export_saved_model
from dcgan_tf.run.sampling import draw_latents


def test_a_run_becomes_a_saved_model(run, tmp_path):
    folder, difference = export_saved_model(run.path, tmp_path / "nested" / "model")
    latents = draw_latents(5, 8, seed=1)
    model = tf.saved_model.load(str(folder))
    images = model.serve(tf.constant(latents)).numpy()
    assert np.abs(images - load_original(run.path).images(latents)).max() <= TOLERANCE >= difference
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
