"""Whether a conditional generator hears what it is asked for: by the eye of the classifier that evaluations use.

    agreement   does the classifier see the class, or the attributes, that were asked for? Source: Odena et al. 2017
                (arXiv:1610.09585), section 4.2, where it is the accuracy of a pretrained Inception network.
    distance    Frechet distance between real and generated images of one class, or of those that have one attribute.
                Source: Miyato and Koyama 2018 (arXiv:1802.05637), section 5, intra FID; here of the classifier's
                features, so it is no FID.

Beside the agreement stand two others: that of real images with their true labels, which the classifier was not
trained on, and that of the same generated images with permuted labels, which is what ignoring the labels gives.
Labels are aligned by name, since the classifier knows none that all images have, or no image has.
"""

from functools import cached_property

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import Labels, labels_of
from dcgan_tf.evaluation.features import FeatureNetwork, held_out_rows, load_arrays, save_arrays
from dcgan_tf.evaluation.metrics import Gaussian, evenly_spread, frechet_distance
from dcgan_tf.evaluation.summaries import progress_bar
from dcgan_tf.run.wishes import as_in_the_data
from dcgan_tf.system.places import cached

_HELD_OUT = 10_000  # real images at most that the classifier was not trained on
_AT_ONCE = 512
_WAITING = 4096  # features that are kept until they are added up: many rows at once are much faster than a few


class LabelCounts:
    """What was asked for and what was seen, added up batch by batch, for K labels; their order is that of `told`.

    told: bool [N, K], what each image was asked to show. seen_in: the K columns of the classifier's probabilities.
    distances_of: those of the K whose images' features are summed up, too.
    """

    def __init__(self, network: FeatureNetwork, seen_in: list[int], told: np.ndarray, distances_of=()):
        self.network, self.seen_in, self.told, self.place = network, seen_in, told, 0
        self.count = 0  # images that were asked for something the classifier knows
        self.asked, self.seen, self.both = (np.zeros(len(seen_in), np.int64) for _ in range(3))
        self.gaussians = {number: Gaussian() for number in distances_of}
        self._waiting = []

    def add(self, features: np.ndarray, probabilities: np.ndarray):
        """Take in what the network said of the next images: float32 [n, D] and [n, classes]."""
        told = self.told[self.place : self.place + len(features)]
        self.place += len(features)
        if self.network.exclusive:
            seen, known = probabilities.argmax(axis=1)[:, None] == self.seen_in, told.any(axis=1)
        else:
            seen, known = probabilities[:, self.seen_in] > 0.5, np.ones(len(told), bool)
        self.count += int(known.sum())
        for total, which in ((self.asked, told), (self.seen, seen), (self.both, told & seen)):
            total += which[known].sum(axis=0)
        if self.gaussians:
            self._waiting.append((features, told))
            if self.place == len(self.told) or sum(len(rows) for rows, _ in self._waiting) >= _WAITING:
                features, told = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
                self._waiting = []
                for number, gaussian in self.gaussians.items():
                    gaussian.add(features[told[:, number]])

    def of_each(self) -> np.ndarray:
        """The agreement of each label, float64 [K]; nan where it was never asked for.

        Of a class: the share of its images that look like it. Of an attribute: the mean of two shares, of those seen
        with it where it was asked for, and of those seen without it where not: ignoring it gives 0.5, however rare.
        """
        with np.errstate(invalid="ignore"):
            on = self.both / self.asked
            if self.network.exclusive:
                return on
            off = (self.count - self.asked - self.seen + self.both) / (self.count - self.asked)
        return (on + off) / 2

    @property
    def agreement(self) -> float:
        """Of classes: the share of images that look like the one asked for. Of attributes: the mean of `of_each`."""
        if self.network.exclusive:
            return int(self.both.sum()) / self.count if self.count else np.nan
        each = self.of_each()
        return float(np.nanmean(each)) if np.isfinite(each).any() else np.nan

    @property
    def permuted(self) -> float:
        """The agreement when the labels are permuted, the mean of all permutations."""
        if self.network.exclusive:
            return float((self.asked / self.count * (self.seen / self.count)).sum())
        return 0.5

    @property
    def share(self) -> float:
        """Of attributes, the plain share of answers that are as asked: a rare one that is ignored is right mostly."""
        return float((1 - (self.asked + self.seen - 2 * self.both) / self.count).mean())


class Hearing:
    """Measures how a generator's labels are heard, by the classifier's eye; see `hearing`, which makes one.

    labels: what the generator is asked for, drawn as `sample` does. dataset: what the classifier was trained on.
    real_data: the images that distances are from, at most `real_images`. seeds: how often `samples` are drawn.
    """

    def __init__(self, labels: Labels, network, dataset, real_data, real_images, samples, seeds, bar, say):
        self.labels, self.network, self.dataset, self.real_data = labels, network, dataset, real_data
        self.samples, self._bar, self._say = samples, bar, say
        self.names = [name for name in labels.names if name in network.label_names]
        self._seen_in = [network.label_names.index(name) for name in self.names]
        asked = np.array([self._told(labels, self._drawn(seed)).sum(axis=0) for seed in range(seeds)])
        self.asked_at_least = asked.min(axis=0)
        known = asked > 0 if network.exclusive else (asked > 0) & (asked < samples)
        self.can_tell = bool(known.any(axis=1).all())  # with every seed, of at least one label
        count = min(real_images or len(real_data), len(real_data))
        self._real_rows = np.arange(count) * len(real_data) // count
        self.real_counts = self._real_told(real_data, self._real_rows).sum(axis=0)
        # Of fewer images than there are features, the covariance is not even of full rank.
        self.fewest = network.dimension
        enough = (self.asked_at_least >= self.fewest) & (self.real_counts >= self.fewest)
        self.distances_of = np.flatnonzero(enough).tolist()
        self.with_distances = False  # whether they are asked for: they take a look at all real images

    def begin(self, seed: int) -> LabelCounts:
        """Empty counts of the images that are generated with this seed."""
        told = self._told(self.labels, self._drawn(seed))
        return LabelCounts(self.network, self._seen_in, told, self.distances_of if self.with_distances else ())

    def begin_real(self, rows: np.ndarray) -> LabelCounts:
        """Empty counts of these rows of the real images, with their true labels; for distances_between()."""
        told = self._real_told(self.real_data, rows)
        return LabelCounts(self.network, self._seen_in, told, np.flatnonzero(told.sum(axis=0) >= self.fewest).tolist())

    def _drawn(self, seed):
        return as_in_the_data(self.labels, self.samples, seed)

    def _told(self, labels, told):
        """Of rows float32 [N, labels], the columns of these names: bool [N, K]; False for what there is not."""
        columns = {name: number for number, name in enumerate(labels.names)}
        found = np.zeros((len(told), len(self.names)), bool)
        for place, name in enumerate(self.names):
            if name in columns:
                found[:, place] = told[:, columns[name]] > 0
        return found

    def _real_told(self, dataset: Dataset, rows):
        labels = labels_of(dataset)
        if labels is None or labels.are_classes != self.labels.are_classes:
            return np.zeros((len(rows), len(self.names)), bool)
        return self._told(labels, labels.told(labels.rows[rows]))

    # --- of real images -----------------------------------------------------------------------------------

    @cached_property
    def held_out(self) -> LabelCounts:
        """Of real images that the classifier was not trained on."""
        rows = evenly_spread(held_out_rows(len(self.dataset)), _HELD_OUT)
        name = f"labels-1-{self.dataset.fingerprint[:24]}-{self.network.key}.npz"
        return self._of_real(self.dataset, rows, (), name, "held-out images")

    @cached_property
    def real(self) -> LabelCounts:
        """Of all real images that are compared, with the features of those that have each label."""
        count = len(self._real_rows)
        name = f"within-1-{self.real_data.fingerprint[:24]}-{self.network.key}-{count}.npz"
        return self._of_real(self.real_data, self._real_rows, self.distances_of, name, "real images by label")

    def _of_real(self, dataset, rows, distances_of, file, what):
        """The counts of these rows of a dataset with their true labels, kept on disk."""
        counts = LabelCounts(self.network, self._seen_in, self._real_told(dataset, rows), distances_of)
        path, about = cached("features", file, say=self._say), np.array([*self.names, *map(str, distances_of)])
        stored = load_arrays(path) or {}
        if stored.keys() >= {"about", "counts", "means", "factors"} and np.array_equal(stored["about"], about):
            counts.asked, counts.seen, counts.both, (counts.count, *_) = stored["counts"]
            of = zip(distances_of, stored["means"], stored["factors"], strict=True)
            counts.gaussians = {number: Gaussian(int(counts.asked[number]), mean, root) for number, mean, root in of}
            return counts
        with progress_bar(self._bar, len(rows), what) as progress:
            for start in range(0, len(rows), _AT_ONCE):
                part = rows[start : start + _AT_ONCE]
                counts.add(*self.network(dataset.images[part]))
                progress.update(len(part))
        sums = np.stack([counts.asked, counts.seen, counts.both, np.full(len(self.names), counts.count)])
        means, factors = (
            np.array([getattr(one, part) for one in counts.gaussians.values()]) for part in ("mean", "factor")
        )
        save_arrays(path, self._say, about=about, counts=sums, means=means, factors=factors)
        return counts

    # --- what was found -----------------------------------------------------------------------------------

    def distances(self, generated: LabelCounts) -> list[float]:
        """The distance of each label that has enough images, in the order of `distances_of`."""
        return [frechet_distance(self.real.gaussians[n], generated.gaussians[n]) for n in self.distances_of]

    def distances_between(self, one: LabelCounts, other: LabelCounts) -> list[float]:
        """The distance of each label of which both have enough images."""
        both = sorted(one.gaussians.keys() & other.gaussians.keys())
        return [frechet_distance(one.gaussians[number], other.gaussians[number]) for number in both]

    def line(self, found: list[LabelCounts], distances: list[list[float]]) -> dict:
        """What metrics.jsonl says under "labels", of the counts and the distances (or none) of each seed."""
        mean = lambda name: float(np.mean([getattr(counts, name) for counts in found]))  # noqa: E731
        with np.errstate(invalid="ignore"):
            of_each = _mean_of_known([counts.of_each() for counts in found])
        real, asked = self.held_out.of_each(), sum(counts.asked for counts in found)
        each = {
            name: {"asked": int(asked[k]), "agreement": _or_none(of_each[k]), "real": _or_none(real[k])}
            for k, name in enumerate(self.names)
        }
        line = {"what": self.labels.what, "agreement": mean("agreement"), "real": _or_none(self.held_out.agreement)}
        line |= {"permuted": mean("permuted"), **({} if self.labels.are_classes else {"share": mean("share")})}
        line["of_each"] = each
        if not self.with_distances:
            return line
        for place, number in enumerate(self.distances_of):
            distance = float(np.mean([values[place] for values in distances]))
            images = [int(self.real_counts[number]), int(self.asked_at_least[number])]
            each[self.names[number]] |= {"distance": distance, "images": images}
        without = [name for name, known in each.items() if "distance" not in known]
        return {**line, "without_distance": without, "fewest": self.fewest}


def hearing(labels, network: FeatureNetwork, *rest) -> Hearing | None:
    """A Hearing; None where nothing can be told: no labels, features without names, or no label that both know."""
    if labels is None or network.label_names is None or labels.are_classes != network.exclusive:
        return None
    made = Hearing(labels, network, *rest)
    return made if made.can_tell else None


def _mean_of_known(rows):
    """The mean over the first axis of those that are no nan; nan where all are."""
    rows = np.array(rows)
    known = np.isfinite(rows)
    return np.where(known, rows, 0).sum(axis=0) / known.sum(axis=0)


def _or_none(value):
    return float(value) if np.isfinite(value) else None
