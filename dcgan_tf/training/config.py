"""What is written down of a training before it begins: config.json, everything that is needed to repeat it."""

import os
import platform
import time

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.test_util import IsMklEnabled

import dcgan_tf
from dcgan_tf.data.dataset import OPTIONS, Dataset
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.system.workers import arithmetic_threads
from dcgan_tf.training.devices.devices import Devices
from dcgan_tf.training.request import Request


def describe(
    request: Request,
    dataset: Dataset,
    before: dict | None = None,
    devices: Devices | None = None,
    start: dict | None = None,
) -> dict:
    """The run's config: what was asked for, of which data, with which versions, on which machine.

    before: the config of the run that is to go on, if there is one; data that it knows keep the fingerprint by which
    it knows them. start: the record of what it starts from (see beginning/start_from.py), where it does.
    """
    recipe = request.recipe
    known = before["dataset"].get("fingerprint") if before else None
    gpus = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    values = recipe.as_dict()
    del values["epochs"], values["steps"]  # the length may grow; it stands by itself
    return {
        "format": 1,
        "recipe": values,
        "seed": request.seed,
        "dataset": {
            "name": dataset.name,
            "fingerprint": known if dataset.is_what_had(known) else dataset.fingerprint,
            "images": len(dataset),
            "image_shape": list(dataset.image_shape),
            "classes": request.classes,
            **{option: getattr(request, option) or option in dataset.options for option in OPTIONS},
        },
        **({"start_from": start} if start else {}),
        "log_every": request.log_every,
        "steps_per_epoch": dataset.steps_per_epoch(recipe.batch_size),
        "length": request.length._asdict(),
        "versions": {
            "dcgan_tf": dcgan_tf.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "hardware": {
            "system": f"{platform.system()} {platform.machine()}",
            "cores": arithmetic_threads(),
            "onednn": IsMklEnabled(),  # its old name; what TensorFlow says, since a person may have imported it first
            "gpus": gpus,
            **(devices or Devices()).recorded(),
            # Whether one step has one outcome: by its form on a CPU, elsewhere only where TensorFlow was asked for it.
            "deterministic": not gpus or os.environ.get("TF_DETERMINISTIC_OPS", "0").lower() in ("1", "true"),
        },
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
