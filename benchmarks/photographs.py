"""Crops of nine photographs that scikit-image and scikit-learn ship: real textures in colour, with no download.

For quality.py, which knows them as `photographs`. The crops are a fifth of a photograph's shorter side to nearly
all of it, mirrored half of the time, labelled with the photograph they are from. Many, but of few things: good for
comparing, not for admiring.
"""

import numpy as np
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_image

from dcgan_tf.data.preparing import Result, prepare

_LARGEST, _SMALLEST = 0.95, 0.2  # of the shorter side


def _photographs():
    names = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "immunohistochemistry", "retina", "rocket")
    shipped = {name: getattr(data, name)() for name in names}
    return {**shipped, **{name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}}


class Crops:
    """A source for prepared.prepare(): `count` crops, the photographs in turn."""

    ignored = 0

    def __init__(self, count, size):
        self.pictures = _photographs()
        self.count, self.size = count, size
        self.description = f"{count:,} crops of {len(self.pictures)} photographs (scikit-image, scikit-learn)"
        self.fingerprint = f"photographs 1, {count}"
        self.names = [f"crop_{index:06d}" for index in range(count)]
        self.labels = np.arange(count) % len(self.pictures)

    def read(self, index):
        generator = np.random.default_rng(index)
        picture = list(self.pictures.values())[self.labels[index]]
        height, width = picture.shape[:2]
        low, high = np.log([_SMALLEST * min(height, width), _LARGEST * min(height, width)])
        side = int(np.exp(generator.uniform(low, high)))
        top, left = generator.integers(0, height - side + 1), generator.integers(0, width - side + 1)
        crop = picture[top : top + side, left : left + side]
        small = Image.fromarray(crop).resize((self.size, self.size), Image.Resampling.LANCZOS)
        return np.asarray(small)[:, :: generator.choice([-1, 1])]


def photographs(output, count=20_000, size=32):
    """Write the crops, size x size, as a prepared dataset with labels into the folder `output`; its path."""
    source = Crops(count, size)
    settings = {"size": size, "drawing": 1}
    return prepare(output, source, Result, settings=settings, labels=source.labels, label_names=source.pictures)
