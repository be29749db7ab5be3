"""What the tests of evaluations share: a classifier that is trained for a moment only, and some digits."""

import numpy as np
import pytest

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation import evaluator, features


@pytest.fixture(scope="module")
def short_training(tmp_path_factory):
    """A cache of its own, a classifier of few steps, and few blocks for the kernel distance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCGAN_TF_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(features, "_CLASSIFIER_STEPS", 120)
        patch.setattr(evaluator, "KERNEL_BLOCKS", 5)
        yield


@pytest.fixture(scope="session")
def digits():
    data = load_dataset("mnist5k", limit=1000)
    rows = np.random.default_rng(0).permutation(1000)  # they come sorted
    return data.changed(images=data.images[rows], labels=data.labels[rows], fingerprint="shuffled digits")
