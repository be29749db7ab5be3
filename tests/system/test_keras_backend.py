"""Keras on TensorFlow, channels last, float32, whatever a person's settings say; GPU memory as it is needed."""

import ast
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import dcgan_tf
from dcgan_tf.system import keras_backend
from dcgan_tf.system.errors import UserError

PACKAGE = Path(dcgan_tf.__file__).parent


def python(code, **environment):
    """What a new process prints last; it must end well."""
    own = ("TF_FORCE_GPU_ALLOW_GROWTH", "TF_ENABLE_ONEDNN_OPTS")
    inherited = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**inherited, **environment}
    )
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout.strip().splitlines()[-1]


def test_every_module_takes_keras_from_one_place():
    taken = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "keras" for name in names):
                taken[path.relative_to(PACKAGE).as_posix()] = names
    assert set(taken) == {"system/keras_backend.py"}


BUILDS = """
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
import keras
gan = GAN(get_recipe("gwu").with_fields(dict(width=4, latent_dim=8, image_size=8)), (8, 8, 1))
weights = {str(variable.dtype) for variable in gan.generator.weights}
print(keras.config.backend(), keras.config.image_data_format(), *weights, gan.generator.output_shape)
"""


def test_settings_of_a_person_that_these_networks_cannot_have(tmp_path):
    settings = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    code = f"import os; os.chdir({str(tmp_path)!r})" + BUILDS
    path = os.pathsep.join([str(PACKAGE.parent), *sys.path])
    said = python(code, KERAS_HOME=str(tmp_path), KERAS_BACKEND="jax", PYTHONPATH=path)
    assert said == "tensorflow channels_last float32 (None, 8, 8, 1)"
    assert json.loads((tmp_path / "keras.json").read_text()) == settings


def test_keras_that_runs_on_something_else_already_is_one_line(monkeypatch):
    monkeypatch.setattr(keras_backend.keras.config, "backend", lambda: "jax")
    with pytest.raises(UserError, match="runs on 'jax', but these networks need TensorFlow: start Python"):
        importlib.reload(keras_backend)


def test_gpu_memory_is_taken_as_needed_unless_a_person_says_otherwise():
    code = "import os, dcgan_tf; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    assert python(code) == "true"
    assert python(code, TF_FORCE_GPU_ALLOW_GROWTH="false") == "false"


ON_X86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="only there it is switched on"
)


@ON_X86
def test_onednn_is_switched_on_unless_a_person_says_otherwise():
    code = "import os, dcgan_tf; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    assert python(code) == "1"
    assert python(code, TF_ENABLE_ONEDNN_OPTS="0") == "0"


@ON_X86
def test_a_convolution_is_onednn_s():
    context.enable_run_metadata()  # keeps the graphs as they are computed
    try:
        convolve = tf.function(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME"))
        convolve(tf.ones([2, 8, 8, 3]), tf.ones([3, 3, 3, 4]))
        graphs = context.export_run_metadata().partition_graphs
    finally:
        context.disable_run_metadata()
    on = os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    found = [node.op for graph in graphs for node in graph.node if "Conv2D" in node.op]
    assert found == (["_MklNativeConv2D"] if on else ["Conv2D"])
