"""A tiny trained run, and generators whose inside is known."""

import keras
import numpy as np
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.latent.space import LatentSpace, open_space
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

SIZE, DIM, EPOCHS = 16, 6, 12


def with_corners(count=120):
    """Gray images with two attributes: the left half is bright, the upper half has stripes."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (count, 2)).astype(np.uint8)
    images = random.integers(30, 70, (count, SIZE, SIZE, 1)).astype(np.uint8)
    images[labels[:, 0] == 1, :, : SIZE // 2] += 150
    images[labels[:, 1] == 1, : SIZE // 2 : 2] //= 2
    return Dataset("corners", images, labels, ("Bright_Left", "Striped_Top"), "corners-1")


@pytest.fixture(scope="session")
def corners():
    return with_corners()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of a second that kept its samples."""
    overrides = {"width": 4, "latent_dim": DIM, "batch_size": 20, "grid_images": 9, "image_size": SIZE}
    overrides |= {"latent_distribution": "normal", "learning_rate": 5e-3, "initial_std": 0.1}
    path = tmp_path_factory.mktemp("runs") / "run"
    return train(
        "gwu", with_corners(), path, epochs=EPOCHS, overrides=overrides, keep_samples=True, progress=NoProgress()
    )


@pytest.fixture(scope="session")
def space(trained):
    return open_space(trained.path)


def made_of(weights, distribution="normal", std=1.0, bias=0.0, norm=False):
    """A generator of 4x4 images that are a linear function of the latent: weights [dim, 16]."""
    inputs = keras.Input((len(weights),))
    dense = keras.layers.Dense(16, bias_initializer=keras.initializers.Constant(bias))
    outputs = dense(inputs)
    if norm:
        outputs = keras.layers.BatchNormalization(
            epsilon=0.0, moving_variance_initializer=keras.initializers.Constant(4)
        )(outputs)
    model = keras.Model(inputs, keras.layers.Reshape((4, 4, 1))(outputs))
    dense.kernel.assign(weights)
    return LatentSpace(model, distribution, 0.0, std)


@pytest.fixture
def linear_space():
    """made_of: a function, (weights [dim, 16], ...) -> a space whose images are linear in the latent."""
    return made_of
