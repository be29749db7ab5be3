"""The generator as a SavedModel makes the same images."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.exporting.original import TOLERANCE, load_original
from dcgan_tf.exporting.saved_model import export_saved_model
from dcgan_tf.exporting.targets import new_folder
from dcgan_tf.run.sampling import draw_latents
from dcgan_tf.system.errors import UserError


def test_a_run_becomes_a_saved_model(run, tmp_path):
    folder, difference = export_saved_model(run.path, tmp_path / "nested" / "model")
    latents = draw_latents(5, 8, seed=1)
    model = tf.saved_model.load(str(folder))
    images = model.serve(tf.constant(latents)).numpy()
    assert np.abs(images - load_original(run.path).images(latents)).max() <= TOLERANCE >= difference
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_disk_that_refuses_is_one_line_and_the_earlier_export_stays(run, tmp_path):
    resource = pytest.importorskip("resource")
    with new_folder(tmp_path / "model", "saved-model", {}) as earlier:
        (earlier / "weights").write_text("earlier ones")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # TensorFlow itself writes here, and loses errno
    try:
        with pytest.raises(UserError, match=r"^cannot write '.*model': the file is larger than this disk or your "):
            export_saved_model(run.path, tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "model" / "weights").read_text() == "earlier ones"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
