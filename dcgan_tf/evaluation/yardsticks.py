"""Yardsticks: what each metric gives for real images in the place of generated ones, and for noise.

    real     real images against others of them: as good as a metric gets with so many images
    noise    images of uniform noise against the real ones: what knowing nothing gives

They follow from the data, the features and the numbers of images alone, so they are computed once and kept in the
cache. What D says of noise (the metric "bound") is the run's own, and of real images it proves nothing: 0.
"""

import numpy as np

from dcgan_tf.evaluation import metrics
from dcgan_tf.evaluation.evaluator import LEAST, PAIRED, Evaluator, compare
from dcgan_tf.evaluation.features import load_arrays, save_arrays
from dcgan_tf.evaluation.metrics import PAIRED_IMAGES
from dcgan_tf.evaluation.summaries import progress_bar, summarise
from dcgan_tf.system.places import cached

_AT_ONCE = 512
_JUDGED = 2048  # images of noise that D is shown


def yardsticks(evaluator: Evaluator, bar=None, say=print) -> dict:
    """{"real": {title: value}, "noise": {title: value}, "images": {"real": [against, shown], "noise": [...]}}.

    For the metrics of this Evaluator; one that so few images do not allow is not among them. As many images are shown
    as are generated, and compared with as many as these are, as far as the data reach: half of them are left at least.
    """
    parts = halves(len(evaluator.real_data), evaluator.real.count, evaluator.samples)
    names = [name for name in evaluator.names if name != "bound"]
    data, key = evaluator.real_data.fingerprint[:24], evaluator.network.key
    file = f"yardsticks-2-{data}-{key}-{evaluator.real.count}-{evaluator.samples}.npz"
    path = cached("features", file, say=say)
    known = {name: float(value) for name, value in (load_arrays(path) or {}).items() if np.ndim(value) == 0}
    missing = [name for name in names if not {f"real_{name}", f"noise_{name}"} <= known.keys()]
    if missing:
        say("measuring real images and noise in the same way, once, to compare with")
        for what, found in (
            ("real", _of_real(evaluator, missing, *parts, bar)),
            ("noise", _of_noise(evaluator, missing, bar)),
        ):
            known |= {f"{what}_{name}": found.get(name, np.nan) for name in missing}
        save_arrays(path, say, **{name: np.array(value) for name, value in known.items()})
    if "bound" in evaluator.names:
        known |= {"real_bound": 0.0, "noise_bound": _bound_of_noise(evaluator)}
    found = {
        what: {
            evaluator.title(name): known[f"{what}_{name}"]
            for name in evaluator.names
            if np.isfinite(known[f"{what}_{name}"])
        }
        for what in ("real", "noise")
    }
    images = {"real": [len(rows) for rows in parts], "noise": [evaluator.real.count, evaluator.samples]}
    return {**found, "images": images}


def halves(count: int, against: int, shown: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `count` real images in two parts that have none in common: (to compare with, to show).

    At most half of them are shown. Drawn by chance, but always in the same way, since neighbours may be alike; and
    shown in that order: of data sorted by class, each part that the classifier's score is a mean of would have one.
    """
    rows = np.random.default_rng(0).permutation(count)
    shown = min(shown, count // 2)
    return np.sort(rows[shown : shown + against]), rows[:shown]


def _of_real(evaluator, names, against, shown, bar):
    """Name -> value of real images against others."""
    if not len(shown):  # of a single image
        return {}
    data, hearing = evaluator.real_data, evaluator.hearing
    sides, counts = [], []
    for rows in (against, shown):
        batches = (data.images[rows[start : start + _AT_ONCE]] for start in range(0, len(rows), _AT_ONCE))
        counted = hearing.begin_real(rows) if hearing and "within" in names else None
        sides.append(_summary(evaluator, names, batches, len(rows), counted, bar, "real images against real"))
        counts.append(counted)
    few = min(map(len, (against, shown)))
    found = _compared(evaluator, [name for name in names if few >= LEAST.get(name, 1)], *sides)
    if "agreement" in names:
        found["agreement"] = hearing.held_out.agreement
    if "within" in names:
        found["within"] = _mean(hearing.distances_between(*counts))
    return found


def _of_noise(evaluator, names, bar):
    """Name -> value of noise against the real images."""
    counted = evaluator.hearing.begin(0) if {"agreement", "within"} & set(names) else None
    batches = noise_images(evaluator.samples, evaluator.real_data.image_shape)
    noise = _summary(evaluator, names, batches, evaluator.samples, counted, bar, "images of noise")
    found = _compared(evaluator, names, evaluator.real, noise)
    if "agreement" in names:
        found["agreement"] = counted.agreement
    if "within" in names:
        found["within"] = _mean(evaluator.hearing.distances(counted))
    return found


def _summary(evaluator, names, batches, count, counted, bar, what):
    keep = PAIRED_IMAGES if set(names) & set(PAIRED) else 0
    with progress_bar(bar, count, what) as progress:
        return summarise(evaluator.network, batches, count, keep, progress, counted and counted.add)


def _compared(evaluator, names, real, shown):
    names = [name for name in names if name not in ("agreement", "within")]
    return dict(compare(names, real, shown).values)


def _mean(distances):
    return float(np.mean(distances)) if distances else np.nan


def noise_images(count: int, shape):
    """Uniform noise, always the same, in batches of uint8 [n, H, W, C]."""
    random = np.random.default_rng(0)
    for start in range(0, count, _AT_ONCE):
        yield random.integers(0, 256, (min(_AT_ONCE, count - start), *shape), np.uint8)


def _bound_of_noise(evaluator):
    batches = noise_images(min(evaluator.samples, _JUDGED), evaluator.real_data.image_shape)
    losses = [np.logaddexp(0, np.asarray(evaluator.discriminator(images), np.float64)) for images in batches]
    return metrics.divergence_bound(evaluator.loss_on_real + float(np.concatenate(losses).mean()))


def describe_yardsticks(found: dict) -> str:
    """What stands behind the columns `real` and `noise` of a table, in a line."""
    (real, shown), (against, noise) = found["images"]["real"], found["images"]["noise"]
    return (
        f"real: {shown:,} real images in the place of generated ones, against {real:,} others; "
        f"noise: {noise:,} images of uniform noise, against {against:,}"
    )
