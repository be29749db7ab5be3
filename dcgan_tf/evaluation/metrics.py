"""How far generated images are from real ones: NumPy functions of features, probabilities and pixels.

Features are [N, D], one row per image; where they come from is in features.py. A Frechet distance is only
called FID, and a kernel distance only KID, when the features are those of the reference Inception network.
Everything is computed in float64. Nothing here draws from a global random generator.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PAIRED_IMAGES = 10_000  # at most, for metrics of pairs: kernel distance, precision, recall, density, coverage
EQUAL_NUMBERS = ("precision", "recall", "density", "coverage")  # are of equally many real and generated images
_ROWS_AT_ONCE = 500  # of a matrix of distances or kernels: 10,000 columns of it take 40 MB


class Estimate(NamedTuple):
    """A number and the standard deviation over the parts it was averaged from."""

    mean: float
    std: float


# --- their names ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Metric:
    """What a metric is called in the table, which of its values are better, and what it needs."""

    title: str
    better: str  # "smaller", "larger" or "nearest 1"
    needs: str = ""  # "probabilities", "labels", "asked labels" or "discriminator"
    measured_on: str = ""  # where it is not the features
    reference_name: str = ""  # what the literature calls it when the features are the reference network's


METRICS = {
    "fid": Metric("frechet_distance", "smaller", reference_name="fid"),
    "kid": Metric("kernel_distance", "smaller", reference_name="kid"),
    "is": Metric("classifier_score", "larger", "probabilities", "inception_score"),
    "precision": Metric("precision", "larger"),
    "recall": Metric("recall", "larger"),
    "density": Metric("density", "larger"),
    "coverage": Metric("coverage", "larger"),
    "classes": Metric("classes_covered", "larger", "labels"),
    "confidence": Metric("classifier_confidence", "larger", "labels"),
    "agreement": Metric("label_agreement", "larger", "asked labels"),
    "within": Metric("distance_within_classes", "smaller", "asked labels"),
    "grain": Metric("grain_ratio", "nearest 1", measured_on="the pixels"),
    "js": Metric("intensity_divergence", "smaller", measured_on="the pixels"),
    "bound": Metric("divergence_bound", "smaller", "discriminator", measured_on="the discriminator"),
}


def metric_of(title: str) -> Metric | None:
    """The metric that metrics.jsonl notes under this title; None for one that is not known here."""
    for metric in METRICS.values():
        if title in (metric.title, metric.reference_name):
            return metric
    return None


def paired_images(line: dict, title: str) -> tuple[int, int] | None:
    """How many (real, generated) images a metric of pairs in a line of metrics.jsonl is of; None: of all of them."""
    counts, metric = tuple(line.get("paired_images", ())), metric_of(title)
    if len(counts) != 2:  # of an older version
        return None
    if title in EQUAL_NUMBERS:
        return counts
    there = line["real"]["images"], line["samples"]
    kept = tuple(min(count, PAIRED_IMAGES) for count in there)  # blocks of the kernel distance are drawn from these
    return kept if metric is METRICS["kid"] and kept != there else None


def is_better(title: str, value: float, than: float | None) -> bool:
    """Whether `value` is better than another of the same metric; always, where there is none yet."""
    metric = metric_of(title)
    better = metric.better if metric is not None else "smaller"
    if than is None or math.isnan(than):
        return not math.isnan(value)
    if better == "nearest 1":  # twice and half are equally far
        return abs(math.log(max(value, 1e-12))) < abs(math.log(max(than, 1e-12)))
    return value > than if better == "larger" else value < than


def place_of_best(title: str, values) -> int | None:
    """Where the best of these values of one metric stands, the first of equals; None where there is none."""
    best = None
    for place, value in enumerate(values):
        if is_better(title, value, None if best is None else values[best]):
            best = place
    return best


def describe_value(value: float) -> str:
    """A metric's value for people: three decimals of it, or more of a small one; whole numbers without any."""
    return f"{value:.0f}" if value == int(value) else f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


# --- Frechet distance -------------------------------------------------------------------------------------


@dataclass
class Gaussian:
    """Mean and covariance of feature vectors, added up piece by piece in memory that does not grow.

    The covariance is held as its factor: covariance = factor.T @ factor / (count - 1), with at most D rows.
    The factor is the R of a QR decomposition, updated with each piece, and so is exact to the last few bits;
    a covariance matrix of few samples, or of features that never vary, loses half of the digits.
    """

    count: int = 0
    mean: np.ndarray | None = None  # [D]
    factor: np.ndarray | None = None  # [at most D, D]

    @classmethod
    def of(cls, features: np.ndarray) -> "Gaussian":
        """The statistics of features [N, D]."""
        gaussian = cls()
        for start in range(0, len(features), 8192):
            gaussian.add(features[start : start + 8192])
        return gaussian

    @classmethod
    def from_moments(cls, mean: np.ndarray, covariance: np.ndarray, count: int) -> "Gaussian":
        """From a mean [D] and a covariance [D, D], such as a published .npz file of statistics holds."""
        values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
        factor = np.sqrt(np.maximum(values, 0) * (count - 1))[:, None] * vectors.T
        return cls(count, np.asarray(mean, np.float64), factor)

    def add(self, features: np.ndarray) -> None:
        """Take in more rows [n, D]."""
        features = np.asarray(features, np.float64)
        if len(features) == 0:
            return
        mean = features.mean(axis=0)
        rows = [features - mean]
        if self.count:
            total = self.count + len(features)
            # Chan, Golub and LeVeque 1983: the scatter of two sets around their common mean.
            rows += [self.factor, np.sqrt(self.count * len(features) / total) * (mean - self.mean)[None]]
            mean = self.mean + (mean - self.mean) * (len(features) / total)
        self.count += len(features)
        self.mean, stacked = mean, np.concatenate(rows)
        self.factor = np.linalg.qr(stacked, mode="r") if len(stacked) > features.shape[1] else stacked

    @property
    def covariance(self) -> np.ndarray:
        """[D, D], unbiased."""
        return self.factor.T @ self.factor / (self.count - 1)


def frechet_distance(real: Gaussian, generated: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)); 0 for equal statistics, smaller is better.

    With C = F'F, the eigenvalues of C1 C2 are the squared singular values of F1 F2', so the trace of the
    root is their sum: no matrix root, nothing complex, and no epsilon for covariances without full rank.
    Source: Heusel et al. 2017 (arXiv:1706.08500), equation 6 (FID, with Inception features); Dowson and
    Landau 1982. Raises ValueError with fewer than two samples.
    """
    if min(real.count, generated.count) < 2:
        raise ValueError(f"a covariance needs two samples, not {real.count} and {generated.count}")
    roots = [gaussian.factor / np.sqrt(gaussian.count - 1) for gaussian in (real, generated)]
    traces = sum(np.square(root).sum() for root in roots)
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return _not_negative(np.square(real.mean - generated.mean).sum() + traces - 2 * shared)


def _not_negative(value) -> float:
    """What is never below 0 but for rounding. ValueError for what is no number: `max` would make a perfect 0 of it."""
    if np.isnan(value):
        raise ValueError("the features or the loss are no numbers, so there is no distance")
    return max(0.0, float(value))


def evenly_spread(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows [N, ...], evenly spread; all when there are no more."""
    return rows if len(rows) <= count else rows[np.linspace(0, len(rows) - 1, count).astype(int)]


# --- kernel distance --------------------------------------------------------------------------------------


def kernel_distance(
    real: np.ndarray, generated: np.ndarray, blocks: int | None = 100, block_size: int = 1000, seed: int = 0
) -> Estimate:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, unbiased: may be slightly negative.

    Mean and standard deviation over `blocks` random subsets of `block_size` features of each side (without
    repeats inside a block); blocks=None takes all pairs of all features once, and the deviation is 0.
    Source: Binkowski et al. 2018 (arXiv:1801.01401), section 4 (KID, with Inception features).
    """
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    if min(len(real), len(generated)) < 2:
        raise ValueError(f"pairs need two images of each kind, not {len(real)} and {len(generated)}")
    if blocks is None:
        return Estimate(_squared_discrepancy(real, generated), 0.0)
    if not 2 <= block_size <= min(len(real), len(generated)):
        raise ValueError(f"block_size={block_size} does not fit {len(real)} real and {len(generated)} generated")
    random = np.random.default_rng(seed)
    values = [
        _squared_discrepancy(*(x[random.choice(len(x), block_size, replace=False)] for x in (real, generated)))
        for _ in range(blocks)
    ]
    return Estimate(float(np.mean(values)), float(np.std(values)))


def _squared_discrepancy(x, y):
    # With a column of ones, the kernel is the cube of a plain product.
    x, y = (np.concatenate([z / np.sqrt(z.shape[1]), np.ones((len(z), 1))], axis=1) for z in (x, y))
    within = sum((_kernel_sum(z, z) - (np.square(z).sum(axis=1) ** 3).sum()) / (len(z) * (len(z) - 1)) for z in (x, y))
    return float(within - 2 * _kernel_sum(x, y) / (len(x) * len(y)))


def _kernel_sum(x, y):
    products = (x[rows] @ y.T for rows in _slices(len(x)))
    return sum(np.vdot(product * product, product) for product in products)  # x ** 3 would take ten times as long


def _slices(count):
    return [slice(start, start + _ROWS_AT_ONCE) for start in range(0, count, _ROWS_AT_ONCE)]


# --- Inception Score --------------------------------------------------------------------------------------


class ClassifierScore:
    """exp(mean KL(p(y|x) | p(y))) of a classifier's probabilities, in `splits` parts; larger is better.

    `count` images are announced beforehand; image i is of part i * splits // count, and only sums are kept.
    Source: Salimans et al. 2016 (arXiv:1606.03498), section 4 (Inception Score, with the Inception network).
    """

    def __init__(self, count: int, splits: int = 10):
        if not 1 <= splits <= count:
            raise ValueError(f"{count} images cannot be cut into {splits} parts")
        self.edges = [split * count // splits for split in range(splits + 1)]
        self.sums, self.negative_entropies, self.seen = None, np.zeros(splits), 0

    def add(self, probabilities: np.ndarray) -> None:
        """Take in the probabilities [n, classes] of the next n images; each row sums to 1."""
        p = np.asarray(probabilities, np.float64)
        if self.sums is None:
            self.sums = np.zeros((len(self.edges) - 1, p.shape[1]))
        parts = np.searchsorted(self.edges, np.arange(self.seen, self.seen + len(p)), side="right") - 1
        np.add.at(self.sums, parts, p)
        np.add.at(self.negative_entropies, parts, _times_log(p).sum(axis=1))
        self.seen += len(p)

    def result(self) -> Estimate:
        """Mean and standard deviation over the parts."""
        if self.seen != self.edges[-1]:
            raise ValueError(f"{self.seen} images were added, not {self.edges[-1]}")
        sizes = np.diff(self.edges)
        marginal = self.sums / sizes[:, None]
        scores = np.exp(self.negative_entropies / sizes - _times_log(marginal).sum(axis=1))
        return Estimate(float(scores.mean()), float(scores.std()))


def inception_score(probabilities: np.ndarray, splits: int = 10) -> Estimate:
    """The score of all probabilities [N, classes] at once; see ClassifierScore."""
    score = ClassifierScore(len(probabilities), splits)
    score.add(probabilities)
    return score.result()


def _times_log(p):
    """p * log(p), 0 where p is 0."""
    return p * np.log(np.where(p > 0, p, 1.0))


# --- fidelity and diversity apart -------------------------------------------------------------------------


class PrecisionRecall(NamedTuple):
    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    density: float
    coverage: float


def precision_recall(real: np.ndarray, generated: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Share of generated images within the real manifold, and of real ones within the generated manifold.

    A manifold is the union of balls around its features [N, D], each reaching to the k-th nearest other one.
    Source: Kynkaanniemi et al. 2019 (arXiv:1904.06991), equations 1 to 3.
    """
    real, generated = _centred(real, generated)
    real_radii, generated_radii = neighbour_distances(real, k), neighbour_distances(generated, k)
    in_real, recalled = [], np.zeros(len(real), bool)
    for rows in _slices(len(generated)):
        distances = _distances(generated[rows], real)
        in_real.append((distances <= real_radii).any(axis=1))
        recalled |= (distances <= generated_radii[rows, None]).any(axis=0)
    return PrecisionRecall(float(np.concatenate(in_real).mean()), float(recalled.mean()))


def density_coverage(real: np.ndarray, generated: np.ndarray, k: int = 5) -> DensityCoverage:
    """Real balls per generated image, over k (may exceed 1); share of real balls with a generated image in it.

    Source: Naeem et al. 2020 (arXiv:2002.09797), equations 3 and 4.
    """
    real, generated = _centred(real, generated)
    radii, count, nearest = neighbour_distances(real, k), 0, np.full(len(real), np.inf)
    for rows in _slices(len(generated)):
        distances = _distances(generated[rows], real)
        count += int((distances <= radii).sum())
        nearest = np.minimum(nearest, distances.min(axis=0))
    return DensityCoverage(count / (k * len(generated)), float((nearest <= radii).mean()))


def neighbour_distances(features: np.ndarray, k: int = 1, of=None) -> np.ndarray:
    """Distance [N] of each feature vector, or of these rows, to its k-th nearest other one."""
    if not 1 <= k < len(features):
        raise ValueError(f"{len(features)} images have no neighbour number {k}")
    asked = np.arange(len(features)) if of is None else np.asarray(of)
    found = [np.zeros(0)]
    for part in _slices(len(asked)):
        rows = asked[part]
        distances = _distances(features[rows], features)
        distances[np.arange(len(rows)), rows] = np.inf
        found.append(np.partition(distances, k - 1, axis=1)[:, k - 1].copy())  # a view would keep all of it
    return np.concatenate(found)


def nearest(queries: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of, and distance to, the nearest of `points` [N, D] for each of `queries` [M, D]."""
    queries, points = (np.asarray(x, np.float64) for x in (queries, points))
    indices, found = [], []
    for rows in _slices(len(queries)):
        distances = _distances(queries[rows], points)
        indices.append(distances.argmin(axis=1))
        found.append(distances.min(axis=1))
    return np.concatenate(indices), np.concatenate(found)


def _centred(real, generated):
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    centre = real.mean(axis=0)  # distances stay, and what is small is told from rounding better
    return real - centre, generated - centre


def _distances(x, y):
    """Euclidean distances [len(x), len(y)]."""
    squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)
    between = squares - 2 * (x @ y.T)
    squares *= 1e-12
    between[between < squares] = 0  # equal but for rounding: a copy has distance 0
    return np.sqrt(between, out=between)


# --- Jensen-Shannon divergence ----------------------------------------------------------------------------


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence of two histograms, in nats: 0 for equal ones, at most log 2. Lin 1991."""
    p, q = (np.asarray(x, np.float64) / np.sum(x) for x in (p, q))
    return _not_negative((_times_log(p) + _times_log(q)).sum() / 2 - _times_log((p + q) / 2).sum())


def intensity_histogram(images: np.ndarray) -> np.ndarray:
    """How often each value 0..255 occurs in uint8 images [N, H, W, C]: int64 [C, 256]."""
    return np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[-1])])


def intensity_divergence(real: np.ndarray, generated: np.ndarray) -> float:
    """Jensen-Shannon divergence of pixel intensities, in nats, the mean over the channels of two histograms.

    It sees brightness and contrast only, no shapes: 0 does not mean that the images are alike.
    """
    return float(np.mean([jensen_shannon(p, q) for p, q in zip(real, generated, strict=True)]))


def mean_laplacian(images: np.ndarray) -> float:
    """The mean absolute Laplacian of brightness in uint8 images [N, H, W, C], in levels of 255.

    That is 4 times a pixel less its four neighbours: 0 on every even or evenly sloping surface.
    """
    brightness = images.sum(axis=-1, dtype=np.int32)  # C times it
    inner = 4 * brightness[:, 1:-1, 1:-1]
    sides = brightness[:, :-2, 1:-1] + brightness[:, 2:, 1:-1] + brightness[:, 1:-1, :-2] + brightness[:, 1:-1, 2:]
    return float(np.abs(inner - sides).mean()) / images.shape[-1]


def grain_ratio(real: float, generated: float) -> float:
    """The mean absolute Laplacian of generated images over that of real ones.

    1: as uneven from pixel to pixel as real images; above: grain, or a pattern of single pixels, which networks that
    know shapes hardly see; below: smoother than real images. The mean, since the median of drawings is 0: two thirds of
    the avatars' pixels lie in even surfaces. Where the real images have none at all, it is the mean itself.
    """
    return generated / real if real else 1.0 + generated


def divergence_bound(discriminator_loss: float) -> float:
    """What a discriminator's loss proves of JS(real, generated), in nats: the divergence is at least this.

    The loss is the mean of -log D(x) plus the mean of -log(1 - D(G(z))), without label smoothing or noise. The
    best D reaches 2 log 2 - 2 JS, any other one more; so JS >= log 2 - loss / 2, and never below 0.
    Source: Goodfellow et al. 2014 (arXiv:1406.2661), theorem 1.
    """
    return _not_negative(np.log(2) - discriminator_loss / 2)
