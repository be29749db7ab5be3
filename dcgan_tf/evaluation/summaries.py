"""What is kept of many images: sums, and the features of a few thousand of them.

Images come in batches, are reduced and forgotten, so 50,000 of them need no more memory than 500; only the
metrics that compare images pair by pair need features, of at most 10,000 images.
"""

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import metrics
from dcgan_tf.evaluation.features import FeatureNetwork, load_arrays, save_arrays
from dcgan_tf.evaluation.metrics import PAIRED_IMAGES
from dcgan_tf.system.places import cached

_AT_ONCE = 512
_SUMMED = ("features", "shares", "intensities", "laplacian", "confidence")  # of a summary, beside its Gaussian
_COVERED = 0.1  # a class is covered when it has at least this share of what it has among real images


class Summary:
    """All that the metrics need to know of some images, added up batch by batch.

    told: a function that is given the features and probabilities of each batch, too.
    """

    def __init__(self, network: FeatureNetwork, count: int, keep: int, told=None):
        self.network, self.count, self.seen, self._told = network, count, 0, told
        self.gaussian = metrics.Gaussian()
        self.kept = np.linspace(0, count - 1, min(keep, count)).astype(int)  # evenly spread: real data may be sorted
        self.features = np.zeros((len(self.kept), network.dimension), np.float32)
        self.score = metrics.ClassifierScore(count, min(10, count))
        self.shares, self.confidence, self.intensities, self.laplacian, self._waiting = 0.0, 0.0, 0, 0.0, []

    def add(self, images: np.ndarray):
        """Take in the next images, uint8 [n, H, W, C]."""
        features, probabilities = self.network(images)
        if self._told is not None:
            self._told(features, probabilities)
        inside = slice(*np.searchsorted(self.kept, [self.seen, self.seen + len(images)]))
        self.features[inside] = features[self.kept[inside] - self.seen]
        self.intensities = self.intensities + metrics.intensity_histogram(images)
        self.laplacian += metrics.mean_laplacian(images) * len(images) / self.count
        if probabilities is not None:
            self._add_probabilities(probabilities)
        self.seen += len(images)
        self._waiting.append(features)
        # The statistics take many rows at once much faster than a few.
        if self.seen == self.count or sum(map(len, self._waiting)) >= max(4096, 2 * self.network.dimension):
            self.gaussian.add(np.concatenate(self._waiting))
            self._waiting = []

    def _add_probabilities(self, p):
        if self.network.exclusive:
            self.score.add(p / p.sum(axis=1, keepdims=True, dtype=np.float64))
            found, certain = np.eye(p.shape[1])[p.argmax(axis=1)], p.max(axis=1)
        else:
            found, certain = p > 0.5, np.maximum(p, 1 - p).mean(axis=1)
        self.shares = self.shares + found.sum(axis=0) / self.count
        self.confidence += float(certain.sum(dtype=np.float64)) / self.count


def summarise(network, batches, count, keep=PAIRED_IMAGES, progress=None, told=None) -> Summary:
    """The summary of `count` images that come in batches of uint8 [n, H, W, C]; told: see Summary."""
    summary = Summary(network, count, keep, told)
    for images in batches:
        summary.add(images)
        if progress is not None:
            progress.update(len(images))
    return summary


def real_summary(dataset: Dataset, network: FeatureNetwork, limit: int | None, bar=None, say=print) -> Summary:
    """The summary of the dataset's images, at most `limit`; kept on disk by the fingerprints of data and features."""
    count = min(limit or len(dataset), len(dataset))
    name = f"statistics-3-{dataset.fingerprint[:24]}-{network.key}-{count}-{PAIRED_IMAGES}.npz"
    path = cached("features", name, say=say)
    stored = load_arrays(path)
    if stored is not None and stored.keys() >= {"mean", "factor", *_SUMMED}:
        summary = Summary(network, count, PAIRED_IMAGES)
        summary.gaussian = metrics.Gaussian(count, stored["mean"], stored["factor"])
        for name in _SUMMED:
            setattr(summary, name, stored[name][()])  # a number of its own, not an array of none
        return summary
    rows = np.arange(count) * len(dataset) // count
    batches = (dataset.images[rows[start : start + _AT_ONCE]] for start in range(0, count, _AT_ONCE))
    with progress_bar(bar, count, "real images") as progress:
        summary = summarise(network, batches, count, progress=progress)
    save_arrays(
        path,
        say,
        mean=summary.gaussian.mean,
        factor=summary.gaussian.factor,
        **{name: getattr(summary, name) for name in _SUMMED},
    )
    return summary


def missing_classes(real: Summary, generated: Summary) -> list[str]:
    """Names of the classes (or attributes) that generated images hardly ever show, by the classifier's eye."""
    missing = generated.shares < _COVERED * np.asarray(real.shares)
    return [name for name, gone in zip(real.network.label_names, missing, strict=True) if gone]


def progress_bar(bar, total, what):
    """A progress bar on stderr: True, False, or None for one in a terminal only."""
    from tqdm import tqdm

    disable = None if bar is None else not bar
    return tqdm(total=total, desc=what, unit="image", leave=False, disable=disable, dynamic_ncols=True)
