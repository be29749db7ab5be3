"""Train, watch, compare and understand DCGANs in Keras/TensorFlow.

The functions of the command line are here by the same names; they are imported when first used, so that
`import dcgan_tf` and `python -m dcgan_tf --help` do not wait for TensorFlow.
"""

import os
import platform
import sys

# What must be set before TensorFlow and Keras are imported, wherever that is.
# GPU memory as it is needed: TensorFlow would take all of it, and starve a run beside this one. One's own value stays.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# Convolutions by oneDNN, which TensorFlow has, and takes by itself only on processors with instructions for neural
# networks. On others it is off, and a step of any recipe takes 1.1 to 2.7 times as long (benchmarks/README.md).
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # see system/keras_backend.py

# 0.5.1: oneDNN wherever TensorFlow has it; 0.5.3: other penalties with float16, or beside noise or augmentation.
# 0.6.1: `quick` with labels, of which D hears more (label_projection).
__version__ = "0.6.1"

_WHERE = {
    "look": "dcgan_tf.looking.look",
    "recipes": "dcgan_tf.networks.table",
    "train": "dcgan_tf.training.train",
    "sample": "dcgan_tf.run.sampling",
    "evaluate": "dcgan_tf.evaluation.evaluate",
    "explore": "dcgan_tf.latent.explore",
    "sweep": "dcgan_tf.sweeps.sweep",
    "search": "dcgan_tf.sweeps.search.search",
    "gallery": "dcgan_tf.gallery_page.build",
    "export": "dcgan_tf.exporting.export",
    "load_generator": "dcgan_tf.run.generators",
    "load_dataset": "dcgan_tf.data.datasets",
    "Dataset": "dcgan_tf.data.dataset",
    "GAN": "dcgan_tf.game.gan",
    "Run": "dcgan_tf.run.directory",
    "Recipe": "dcgan_tf.recipe.fields",
    "RECIPES": "dcgan_tf.recipe.catalogue",
    "UserError": "dcgan_tf.system.errors",
}
__all__ = list(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module 'dcgan_tf' has no attribute {name!r}")
    import importlib

    from dcgan_tf.system.quiet import tensorflow_quiet

    with tensorflow_quiet():
        return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__():
    return sorted([*globals(), *__all__])
