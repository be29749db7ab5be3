"""The generator as TensorFlow's SavedModel."""

import os
from pathlib import Path

import tensorflow as tf

from dcgan_tf.exporting.original import compare, load_original
from dcgan_tf.exporting.targets import check_folder, new_folder, place
from dcgan_tf.networks.layers import given
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import in_utf8


def export_saved_model(source, output=None, *, best: bool = False) -> tuple[Path, float]:
    """Write the generator as a TensorFlow SavedModel; its folder, and its largest difference from the original.

    `model = tf.saved_model.load(folder)`, and `model.serve(latents)` gives images float32 [N, H, W, C] in [-1, 1]; of
    a conditional generator `model.serve([latents, labels])`, and its signature `serving_default` names the two.
    output: by default the folder saved_model in the run directory. Raises as export_onnx does.
    """
    path = saved_model_target(source, output, best)
    original = load_original(source, best)
    with new_folder(path, "saved-model", original.about) as folder:
        original.generator.export(folder, format="tf_saved_model", verbose=False)
        loaded = tf.saved_model.load(str(folder))
        with tf.device("CPU:0"):
            difference = compare(original, lambda *inputs: loaded.serve(given(*map(tf.constant, inputs))).numpy())
    return path, difference


def saved_model_target(source, output, best: bool) -> Path:
    """Where export_saved_model writes. Raises UserError when something else is there, or TensorFlow cannot write."""
    path = place(source, output, best, "saved_model")
    if in_utf8(real := os.path.realpath(path)) != real:
        raise UserError(f"output {str(path)!r}: TensorFlow takes no names that are not UTF-8: choose another folder")
    check_folder(path, "saved-model")
    return path
