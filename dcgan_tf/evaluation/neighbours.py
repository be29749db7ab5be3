"""Which real images generated ones are most like, found without holding more than a few real images at a time."""

import numpy as np

from dcgan_tf.evaluation import alarms, metrics
from dcgan_tf.evaluation.features import feature_network

_AT_ONCE = 1000


class RealImages:
    """At most `most` images of a dataset, evenly spread, among which the nearest is found at once, again and again.

    pixels: the network of averaged pixels (see features.py) by which they are compared. real: its features of them.
    """

    def __init__(self, dataset, most: int):
        self.images = dataset.images
        self.rows = np.linspace(0, len(dataset) - 1, min(len(dataset), most)).astype(int)
        self.pixels = feature_network("pixels", dataset)
        parts = [self.rows[start : start + _AT_ONCE] for start in range(0, len(self.rows), _AT_ONCE)]
        self.real = alarms.RealNeighbours(np.concatenate([self.pixels(self.images[part])[0] for part in parts]))

    def nearest_to(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each generated image, uint8 [M, H, W, C]: the nearest real one, uint8 [M, H, W, C], and how near it is,
        relative to the distance of that one to its own nearest neighbour (see nearest_real)."""
        rows, ratios = self.real.nearest_to(self.pixels(images)[0])
        return self.images[self.rows[rows]], ratios


def nearest_real(images: np.ndarray, dataset) -> tuple[np.ndarray, np.ndarray]:
    """Of each generated image, uint8 [M, H, W, C]: the row of the nearest real one, and how near it is.

    By averaged pixels (see features.py), among all images of the dataset. The second is relative to the distance of
    that real image to its own nearest neighbour: copies have 0, new real images hardly ever less than alarms.COPY.
    """
    network = feature_network("pixels", dataset)
    generated = network(images)[0]
    rows, distances = np.zeros(len(images), int), np.full(len(images), np.inf)
    for start, real in _parts(network, dataset):
        found, away = metrics.nearest(generated, real)
        nearer = away < distances
        rows[nearer], distances[nearer] = found[nearer] + start, away[nearer]
    unique, places = np.unique(rows, return_inverse=True)
    own = _to_nearest_other(network, dataset, unique)[places]
    with np.errstate(divide="ignore", invalid="ignore"):
        return rows, np.where(distances == 0, 0.0, distances / own)


def _to_nearest_other(network, dataset, rows):
    """How far these real images are from the nearest other real one, [len(rows)]."""
    features, distances = network(dataset.images[rows])[0], np.full(len(rows), np.inf)
    for start, real in _parts(network, dataset):
        inside = (rows >= start) & (rows < start + len(real))
        near = np.full(len(rows), np.inf)
        if not inside.all():
            near[~inside] = metrics.nearest(features[~inside], real)[1]
        for place in np.flatnonzero(inside) if len(real) > 1 else ():  # itself is no other one
            others = np.delete(real, rows[place] - start, axis=0)
            near[place] = metrics.nearest(features[place : place + 1], others)[1][0]
        distances = np.minimum(distances, near)
    return distances


def _parts(network, dataset):
    for start in range(0, len(dataset), _AT_ONCE):
        yield start, network(dataset.images[start : start + _AT_ONCE])[0]
