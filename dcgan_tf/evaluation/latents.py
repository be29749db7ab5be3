"""What other means and spreads of z do to the images, in numbers: quality, variety, colours, attributes."""

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import metrics
from dcgan_tf.evaluation.evaluate import draw_in_batches
from dcgan_tf.evaluation.features import feature_network
from dcgan_tf.evaluation.summaries import real_summary, summarise
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import latent_dim_of, load_generator
from dcgan_tf.run.sampling import Sampler, draw_latents

_AT_ONCE = 512


def quality_by_spread(run: Run, data: Dataset, stds, samples: int = 2000, seed: int = 0) -> dict[str, float]:
    """Fréchet distance, precision and recall of images of z with other standard deviations, such as [0.4, 0.7, 1].

    data: what the run was trained on; as many of its images, evenly spread, are compared. Figures by their names, such
    as "precision at std 0.4". Source of the trade: Brock et al. 2019 (arXiv:1809.11096), section 3.1, where z is
    truncated; here it is narrowed, as `sample --latent-std` does.
    """
    generator, latents = load_generator(run.path)
    sampler, network = Sampler(generator), feature_network("auto", data)
    real, figures = real_summary(data, network, samples), {}
    for std in stds:
        drawn = draw_in_batches(sampler, latent_dim_of(generator), {**latents, "std": std}, samples, seed, run.labels)
        compared = _compared(real, summarise(network, drawn, samples))
        figures |= {f"{name} at std {std:g}": value for name, value in compared.items()}
    return figures


def quality_against(run: Run, data: Dataset, attribute: str, samples: int = 2000, seed: int = 0) -> dict[str, float]:
    """How a run that was trained on some of the data compares with all: "recall against all", "share Complete" ...

    data: labelled images, some of which the run was trained on. attribute: one of theirs; "share" of it is that of the
    generated images in which the classifier of the data's labels sees it, 0 to 1.
    """
    generator, latents = load_generator(run.path)
    network = feature_network("auto", data)
    drawn = draw_in_batches(Sampler(generator), latent_dim_of(generator), latents, samples, seed, run.labels)
    found = summarise(network, drawn, samples)
    compared = _compared(real_summary(data, network, samples), found)
    figures = {f"{name} against all": value for name, value in compared.items()}
    return {**figures, f"share {attribute}": float(found.shares[network.label_names.index(attribute)])}


def _compared(real, found):
    """Fréchet distance, precision and recall of two summaries."""
    count = min(len(real.features), len(found.features))
    sides = [metrics.evenly_spread(summary.features, count) for summary in (real, found)]
    precision, recall = metrics.precision_recall(*sides)
    distance = metrics.frechet_distance(real.gaussian, found.gaussian)
    return {"distance": float(distance), "precision": float(precision), "recall": float(recall)}


def shifts_by_mean(run: Run, data: Dataset, means, std: float, samples: int = 500, seed: int = 0) -> dict[str, float]:
    """How far another mean of z, the same in every component, moves hue and attributes; and how far chance does.

    For each mean m: the images of z ~ N(m, std²) against those of the same random numbers about 0: degrees by which the
    mean hue turns (weighted by saturation), and the largest change of any attribute's share, by the data's
    classifier (0 to 1; left out where the data have no labels). "by chance": the same for a mean of the same size
    whose signs are drawn, so in a direction that nobody chose; the mean of three such.
    """
    generator, _ = load_generator(run.path)
    network, sampler, dim = (
        feature_network("auto", data),
        Sampler(generator, labels=run.labels),
        latent_dim_of(generator),
    )
    unit = draw_latents(samples, dim, seed, std=std)
    signs = np.random.default_rng([seed, 1]).choice([-1.0, 1.0], (3, dim)).astype(np.float32)
    hue, shares = _look(sampler(unit), network)
    figures = {}
    for mean in means:
        for kind, directions in (("", np.ones((1, dim), np.float32)), (" by chance", signs)):
            looks = [_look(sampler(unit + mean * direction), network) for direction in directions]
            turned = [abs((other - hue + 180) % 360 - 180) for other, _ in looks]
            figures[f"hue turned at mean {mean:g}{kind}"] = float(np.mean(turned))
            if shares is not None:
                moved = [np.abs(other - shares).max() for _, other in looks]
                figures[f"attributes moved at mean {mean:g}{kind}"] = float(np.mean(moved))
    return figures


def _look(images, network):
    """Mean hue in degrees, weighted by saturation times brightness; share of images that show each label, or None."""
    parts = [network(images[start : start + _AT_ONCE])[1] for start in range(0, len(images), _AT_ONCE)]
    shares = None if parts[0] is None else (np.concatenate(parts) > 0.5).mean(axis=0)
    return mean_hue(images), shares


def mean_hue(images: np.ndarray) -> float:
    """The mean hue of uint8 [N, H, W, 3] in degrees, each pixel weighted by its chroma; 0 where there is no colour.

    Hue is an angle, so its mean is that of points on a circle: the chroma plane's, in which red lies at 0 degrees,
    green at 120, blue at 240.
    """
    if images.shape[-1] == 1:
        return 0.0
    red, green, blue = images.reshape(-1, 3).mean(axis=0, dtype=np.float64)
    return float(np.degrees(np.arctan2(np.sqrt(3) / 2 * (green - blue), red - (green + blue) / 2)) % 360)
