"""Metrics of a generator against a dataset, by one protocol, which stands beside every number.

Everything random follows from the evaluation's own seeds; a training in the same process does not notice it.
"""

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import Labels, as_list
from dcgan_tf.evaluation import alarms, metrics
from dcgan_tf.evaluation.features import feature_network
from dcgan_tf.evaluation.label_agreement import hearing
from dcgan_tf.evaluation.metrics import EQUAL_NUMBERS, METRICS, PAIRED_IMAGES
from dcgan_tf.evaluation.neighbours import RealImages, nearest_real
from dcgan_tf.evaluation.summaries import Summary, missing_classes, progress_bar, real_summary, summarise
from dcgan_tf.recipe.fields import MOST
from dcgan_tf.system.errors import UserError, check_count, nearest

KERNEL_BLOCKS = 100  # of 1,000 images, as in published KID
REAL_IMAGES = 50_000  # at most, spread evenly over the dataset; unless another number is asked for
_AT_ONCE = 512
_LOOKED_AT = 500  # generated images, for the alarms
_LOOKED_AT_AMONG_ALL = 200  # of them, for copies of more real images than are kept: all are read, twice
PAIRED = ("kid", *EQUAL_NUMBERS)
_OF_LABELS = ("agreement", "within")
_COUNTED_APART = ("bound", *_OF_LABELS)  # not by `compare`
# Images of each kind without which there is no covariance, no pair, or no neighbour of that number.
LEAST = {"fid": 2, "kid": 2, "precision": 4, "recall": 4, "density": 6, "coverage": 6}


class Compared(NamedTuple):
    """Values by the keys of METRICS; and of those that are means over parts, the deviation between these."""

    values: dict[str, float]
    deviations: dict[str, float]


def compare(names, real: Summary, generated: Summary) -> Compared:
    """These metrics (keys of METRICS).

    Precision, recall, density and coverage are of equal numbers of both, as in their papers: of the larger side
    only so many, evenly spread. With more real images each ball is smaller, and with fewer more are missed.
    """
    values, deviations = {}, {}
    if "fid" in names:
        values["fid"] = metrics.frechet_distance(real.gaussian, generated.gaussian)
    if "kid" in names:
        size = min(1000, len(real.features), len(generated.features))
        estimate = metrics.kernel_distance(real.features, generated.features, KERNEL_BLOCKS, size)
        values["kid"], deviations["kid"] = estimate
    if "is" in names:
        values["is"], deviations["is"] = generated.score.result()
    count = min(len(real.features), len(generated.features))
    sides = [metrics.evenly_spread(summary.features, count) for summary in (real, generated)]
    for pair, function in ((("precision", "recall"), metrics.precision_recall),
                           (("density", "coverage"), metrics.density_coverage)):  # fmt: skip
        if set(pair) & set(names):
            values.update(zip(pair, function(*sides), strict=True))
    if "classes" in names:
        values["classes"] = float(len(generated.shares) - len(missing_classes(real, generated)))
    if "confidence" in names:
        values["confidence"] = generated.confidence
    if "grain" in names:
        values["grain"] = metrics.grain_ratio(real.laplacian, generated.laplacian)
    if "js" in names:
        values["js"] = metrics.intensity_divergence(real.intensities, generated.intensities)
    return Compared({name: float(values[name]) for name in names}, deviations)


class Evaluator:
    """Metrics of any generator against one dataset, by one protocol; the real data are looked at once.

    dataset: what the generator was trained on: the features' classifier and the alarms know these images.
    names: keys of METRICS, or None for all that the features allow; the rest as in evaluate().
    real: other images to compare with, and what they are called; None: those of `dataset`.
    labels: of a conditional generator, those of its data, as its images are asked for in `draw_in_batches`.
    Raises UserError for a protocol that makes no sense.
    """

    def __init__(self, dataset: Dataset, names=None, features="auto", samples=10_000, seeds=1, real_images=REAL_IMAGES,
                 inception=None, discriminator=None, bar=None, say=print,
                 real: tuple[Dataset, str] | None = None, labels: Labels | None = None):  # fmt: skip
        samples, seeds, real_images = check_counts(samples, seeds, real_images)
        names = check_names(names)
        for name in set(names or ()) & set(_OF_LABELS) if labels is None else ():
            raise UserError(
                f"metric {name!r} is about what a conditional generator was asked for, and this one is asked for "
                "nothing: train one with --set conditional=true, or leave it out"
            )
        self.samples, self.seeds, self.dataset, self.bar = samples, seeds, dataset, bar
        self.real_data, self.split = real or (dataset, "training images")
        self.network = feature_network(features, dataset, inception, say)
        self.discriminator = discriminator  # a function: uint8 images -> logits [n, 1]; only "bound" asks it
        insist = names is not None
        self.hearing = hearing(labels, self.network, dataset, self.real_data, real_images, samples, seeds, bar, say)
        self.names = [name for name in names or METRICS if self._is_possible(name, insist)]
        self._with_distances(insist, say)
        self.names = self._with_enough_images(min(len(self.real_data), real_images or len(self.real_data)), insist, say)
        self.real, self._neighbours = real_summary(self.real_data, self.network, real_images, bar, say), None

    def _is_possible(self, name, insist):
        needs = METRICS[name].needs
        network = self.network
        possible = {
            "": True,
            "probabilities": network.name != "pixels" and network.exclusive,
            "labels": network.label_names is not None,
            "asked labels": self.hearing is not None,
            "discriminator": self.discriminator is not None,
        }[needs]
        if not possible and insist:
            wanted = {
                "probabilities": "probabilities of classes: take other features",
                "labels": "the classifier of labelled data: take --features classifier",
                "asked labels": "a classifier that knows the labels it is asked for: take --features classifier",
                "discriminator": "a discriminator trained with loss=bce or minimax",
            }[needs]
            raise UserError(f"metric {name!r} of {network.description} needs {wanted}, or leave it out")
        return possible

    def _with_distances(self, insist, say):
        """Leave the metric "within" out where no label has images enough, which is said."""
        if "within" not in self.names:
            return
        self.hearing.with_distances = bool(self.hearing.distances_of)
        if self.hearing.with_distances:
            return
        why = (
            f"no {self.hearing.labels.what} has {self.hearing.fewest} real and as many generated images: "
            "more samples (and real images) make it possible"
        )
        if insist:
            raise UserError(f"metric 'within' cannot be measured, since {why}, or leave it out")
        self.names.remove("within")
        say(f"left out: within ({why})")

    def _with_enough_images(self, count, insist, say):
        """The names without those that so few real images do not allow; which those are is said."""
        missing = {name: least for name, least in LEAST.items() if name in self.names and count < least}
        listed = ", ".join(f"{name} (from {least} images on)" for name, least in missing.items())
        if missing and insist:
            raise UserError(f"{self.real_data.name!r} has too few images ({count}) for {listed}: leave these out")
        if missing:
            say(f"left out, since {self.real_data.name!r} has too few images ({count}): {listed}")
        return [name for name in self.names if name not in missing]

    def title(self, name: str) -> str:
        """What the metric is called with these features: FID only with the reference network."""
        metric = METRICS[name]
        return (self.network.name == "inception" and metric.reference_name) or metric.title

    def measure(self, draw: Callable[[int], Iterator[np.ndarray]]) -> dict:
        """One line of metrics.jsonl, but for what is known of the run.

        draw: seed -> batches of uint8 [n, H, W, C], `samples` images in all.
        """
        started, found, missing, counted, distances = time.perf_counter(), [], [], [], []
        keep = PAIRED_IMAGES if set(self.names) & set(PAIRED) else 0
        for seed in range(self.seeds):
            with progress_bar(self.bar, self.samples, f"generated images, seed {seed}") as progress:
                losses, first = [], []
                batches = self._observed(draw(seed), losses, first)
                counts = self.hearing and self.hearing.begin(seed)
                generated = summarise(self.network, batches, self.samples, keep, progress, counts and counts.add)
            found.append(compare([name for name in self.names if name not in _COUNTED_APART], self.real, generated))
            if "bound" in self.names:
                loss = self.loss_on_real + float(np.concatenate(losses).mean())
                found[-1].values["bound"] = metrics.divergence_bound(loss)
            if "within" in self.names:
                distances.append(self.hearing.distances(counts))
                found[-1].values["within"] = float(np.mean(distances[-1]))
            if counts is not None:
                found[-1].values["agreement"] = counts.agreement
                counted.append(counts)
            missing += missing_classes(self.real, generated) if "classes" in self.names else []
        line = {"metrics": {self.title(name): self._result(name, found) for name in self.names}}
        if len(self.dataset) > 1:  # one real image has no neighbour to compare with
            line["look"] = self._look(np.concatenate(first)[:_LOOKED_AT])
        if counted:
            line["labels"] = self.hearing.line(counted, distances)
        if "classes" in self.names:
            line["missing_classes"] = sorted(set(missing))
        return {**line, **self.protocol(), "evaluation_seconds": round(time.perf_counter() - started, 1)}

    def _result(self, name, found):
        """Mean, values and deviation over the seeds; and the deviation over the parts of which a value is the mean."""
        values = [compared.values[name] for compared in found]
        result = {"mean": float(np.mean(values)), "values": values}
        if self.seeds > 1:
            result["std"] = float(np.std(values, ddof=1))
        if name in found[0].deviations:
            result["part_stds"] = [compared.deviations[name] for compared in found]
        return result

    def _observed(self, batches, losses, first):
        """The same batches; meanwhile -log(1 - D) of each image is noted, and the first images are kept."""
        for images in batches:
            if "bound" in self.names:
                losses.append(np.logaddexp(0, np.asarray(self.discriminator(images), np.float64)))
            if sum(map(len, first)) < _LOOKED_AT:
                first.append(images)
            yield images

    def _look(self, images):
        """What alarms.py wants to know of some generated images: always by their pixels, where copies show best."""
        if self._neighbours is None:
            self._neighbours = RealImages(self.dataset, PAIRED_IMAGES)
        ratios = None
        if len(self.dataset) > PAIRED_IMAGES:  # a copy of any of them is one
            _, ratios = nearest_real(images[:_LOOKED_AT_AMONG_ALL], self.dataset)
        return alarms.look_at(self._neighbours.pixels(images)[0], self._neighbours.real, ratios)

    @cached_property
    def loss_on_real(self) -> float:
        """The mean of -log D over real images, of the discriminator that is asked."""
        rows = np.linspace(0, len(self.real_data) - 1, min(len(self.real_data), PAIRED_IMAGES)).astype(int)
        parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
        logits = [np.asarray(self.discriminator(self.real_data.images[part]), np.float64) for part in parts]
        return float(np.logaddexp(0, -np.concatenate(logits)).mean())

    def protocol(self) -> dict:
        """How the numbers came about; without it they cannot be compared."""
        real = self.real.count
        pairs = min(len(self.real.features), self.samples, PAIRED_IMAGES)
        return {
            "features": {"name": self.network.name, "description": self.network.description, "key": self.network.key},
            "samples": self.samples,
            "seeds": list(range(self.seeds)),
            "paired_images": [pairs, pairs],  # of precision, recall, density and coverage
            "real": {
                "dataset": self.real_data.name,
                "split": f"all {self.split}" if real == len(self.real_data) else f"{self.split}, evenly spread",
                "images": real,
                "fingerprint": self.real_data.fingerprint,
            },
        }


def check_counts(samples, seeds, real_images) -> tuple[int, int, int | None]:
    """These as Python's whole numbers; UserError for what is none, or too small to measure by."""
    real_images = None if real_images is None else check_count("real_images", real_images, 10, MOST)
    return check_count("samples", samples, 10, MOST), check_count("seeds", seeds, 1, MOST), real_images


def check_names(names) -> list[str] | None:
    """Metrics, "fid,kid" or several, as keys of METRICS; None for None. Raises UserError for what is none."""
    if names is None:
        return None
    names = [str(name).strip().lower() for name in as_list(names)]
    names = list(dict.fromkeys(name for name in names if name))
    for name in names:
        if name not in METRICS:
            raise UserError(f"unknown metric {name!r}.{nearest(name, METRICS)} Known are {', '.join(METRICS)}")
    if not names:
        raise UserError(f"metrics names none: give one or more of {', '.join(METRICS)}")
    return names
