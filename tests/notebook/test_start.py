"""What the first cell says of this computer, here and on the computers of Colab and Kaggle."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from dcgan_tf.notebook import start as module
from dcgan_tf.notebook.parameters import check_parameters
from dcgan_tf.notebook.start import start
from dcgan_tf.system.errors import UserError


@pytest.fixture
def said(monkeypatch):
    """What start() says, a list of lines, with these variables set; no GPU is there, nor a driver for one."""
    for name in ("COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module.shutil, "which", lambda _: None)

    def said(*variables):
        for name in variables:
            monkeypatch.setenv(name, "1")
        lines = []
        start(lines.append)
        return lines

    return said


def test_at_home_there_is_only_what_computes(said):
    (line,) = said()
    assert (
        line.startswith("dcgan_tf ") and "TensorFlow 2." in line and "no GPU: " in line and "of the processor" in line
    )


def test_gpus_are_named(said, monkeypatch):
    import tensorflow as tf

    gpus = [SimpleNamespace(name="GPU:0"), SimpleNamespace(name="GPU:1")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    details = {"GPU:0": {"device_name": "Tesla T4", "compute_capability": (7, 5)}, "GPU:1": {}}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details[gpu.name])
    assert said()[0].endswith("GPU: Tesla T4, the first of 2 (Tesla T4, GPU:1)")


def test_a_gpu_that_tensorflow_does_not_use_is_said(said, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert 'pip install "tensorflow[and-cuda]"' in said()[0]


def test_colab_says_how_to_get_a_gpu_and_how_to_keep_runs(said, monkeypatch):
    device, keeping = said("COLAB_RELEASE_TAG")
    assert " on Colab, " in device and "Runtime > Change runtime type" in device
    assert "from google.colab import drive; drive.mount('/content/drive') in a cell" in keeping
    assert keeping.endswith("results_dir = '/content/drive/MyDrive/dcgan_results' among the parameters")
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == "/content/drive")
    _, keeping = said("COLAB_RELEASE_TAG")
    assert "is mounted: results_dir = '/content/drive/MyDrive/dcgan_results'" in keeping


def test_kaggle_says_what_it_keeps(said):
    device, keeping = said("COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE")  # its image is made from Colab's
    assert " on Kaggle, " in device and "Settings > Accelerator" in device
    assert "Save Version > Save & Run All" in keeping


@pytest.mark.skipif(os.name == "nt", reason="Colab's computers run Linux, and these are its paths")
def test_a_drive_that_is_not_mounted_is_no_place_for_runs(said, monkeypatch):
    cell = "results_dir: str = 'results'  # where"
    values = {"In": ["", cell], "results_dir": "/content/drive/MyDrive/dcgan_results"}
    check_parameters(values)  # at home it is a folder like any other
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")
    with pytest.raises(UserError, match=r"is in Google Drive, which is not mounted on this computer: run from google"):
        check_parameters(values)
    monkeypatch.setattr(module, "project_folder", lambda: Path("/content"))
    with pytest.raises(UserError, match="is not mounted"):
        check_parameters({**values, "results_dir": "drive/MyDrive"})  # where relative paths begin there
    check_parameters({**values, "results_dir": "results"})
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == "/content/drive")
    check_parameters(values)
