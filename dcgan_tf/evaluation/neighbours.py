"""Which real images generated ones are most like, found without holding more than a few real images at a time."""

import numpy as np

from dcgan_tf.evaluation import metrics
from dcgan_tf.evaluation.features import feature_network

_AT_ONCE = 1000


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
