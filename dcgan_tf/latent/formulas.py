"""The latent space in formulas: paths, planes, sums, spreads and directions, as functions of arrays.

A latent is a vector of D numbers, float32 [D]; several are [N, D]. Nothing here knows a generator, a file or a
picture: what goes in are latents (and numbers found in images), what comes out are latents and directions.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

# --- paths ------------------------------------------------------------------------------------------------


def linear(start: np.ndarray, end: np.ndarray, t) -> np.ndarray:
    """The straight way from start [D] (t = 0) to end [D] (t = 1): float32 [D], or [T, D] for several t [T].

    Between two latents drawn from N(0, 1) it passes nearer to the middle than the generator ever was trained.
    """
    start, end = _vectors(start, end)
    t = np.asarray(t, np.float64)[..., None]
    return ((1 - t) * start + t * end).astype(np.float32)


def spherical(start: np.ndarray, end: np.ndarray, t, centre: float = 0.0) -> np.ndarray:
    """The round way from start [D] to end [D], turning about `centre`: float32 [D], or [T, D] for several t [T].

    Latents of N(centre, std) all lie about as far from the centre, and this way keeps that length. Source:
    White 2016 (arXiv:1609.04468), section 2.1 (`slerp`). For parallel vectors it is the straight way; between
    opposite ones there is no shortest way round, and one is taken that is always the same.
    """
    start, end = (vector - centre for vector in _vectors(start, end))
    t = np.asarray(t, np.float64)[..., None]
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) == 0:
        return (centre + (1 - t) * start + t * end).astype(np.float32)
    one, other = start / lengths[0], end / lengths[1]
    angle = 2 * np.arctan2(np.linalg.norm(one - other), np.linalg.norm(one + other))  # exact near 0 and near pi
    if angle < 1e-6:
        path = (1 - t) * start + t * end
    elif np.pi - angle < 1e-6:
        aside = _perpendicular(one)
        length = (1 - t) * lengths[0] + t * lengths[1]
        path = length * (np.cos(np.pi * t) * one + np.sin(np.pi * t) * aside)
    else:
        path = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
    path = np.where(t == 0, start, np.where(t == 1, end, path))
    return (centre + path).astype(np.float32)


def _vectors(*vectors):
    return [np.asarray(vector, np.float64) for vector in vectors]


def _perpendicular(unit):
    """A unit vector at right angles to `unit`: from the axis that it has the least of."""
    axis = np.zeros_like(unit)
    axis[np.abs(unit).argmin()] = 1
    aside = axis - (axis @ unit) * unit
    return aside / np.linalg.norm(aside)


def loop(points: np.ndarray, steps: int, way: Callable = linear) -> np.ndarray:
    """A closed path through points [N, D] and back to the first: float32 [N * steps, D], no point twice.

    way: `linear`, `spherical`, or another function (start, end, t) -> latents.
    """
    t = np.arange(steps) / steps
    return np.concatenate([way(points[i], points[(i + 1) % len(points)], t) for i in range(len(points))])


def plane(origin, right, down, across, along, centre: float | None = None) -> np.ndarray:
    """Points of the plane that three latents [D] span: float32 [len(along), len(across), D].

    (0, 0) is `origin`, (1, 0) `right`, (0, 1) `down`; so (1, 1) is right + down - origin.
    centre: where given, each point's distance to it becomes the mean of the three latents' distances, each
        counted by its share in the point: the corners stay, and the middle is as far out as latents of N(centre,
        std) are. A point at the centre itself stays there.
    """
    origin, right, down = _vectors(origin, right, down)
    across, along = np.meshgrid(_vectors(across)[0], _vectors(along)[0])
    shares = np.stack([1 - across - along, across, along], axis=-1)
    points = shares @ np.stack([origin, right, down])
    if centre is not None:
        lengths = np.linalg.norm(np.stack([origin, right, down]) - centre, axis=1)
        wanted = (np.abs(shares) @ lengths / np.abs(shares).sum(axis=-1))[..., None]
        away = points - centre
        length = np.linalg.norm(away, axis=-1, keepdims=True)
        points = centre + away * np.divide(wanted, length, out=np.ones_like(length), where=length > 1e-9)
    return points.astype(np.float32)


# --- sums and spreads -------------------------------------------------------------------------------------


def combine(terms: Iterable[tuple[float, np.ndarray]]) -> np.ndarray:
    """The sum of the terms (sign, latents [N, D]), each by the mean of its latents: float32 [D].

    "Smiling woman - woman + man" works with means of three latents each, and is unsteady with single ones.
    Source: Radford et al. 2016 (arXiv:1511.06434), section 6.3.2.
    """
    return sum(sign * np.mean(np.atleast_2d(latents), axis=0, dtype=np.float64) for sign, latents in terms).astype(
        np.float32
    )


def respread(latents: np.ndarray, mean: float, std: float, old_mean: float = 0.0, old_std: float = 1.0) -> np.ndarray:
    """Latents drawn with (old_mean, old_std) as they would have been drawn with (mean, std): float32, same shape."""
    return (mean + std * ((np.asarray(latents, np.float64) - old_mean) / old_std)).astype(np.float32)


def mean_points(means: Sequence[float], dim: int) -> np.ndarray:
    """For each mean m the latent (m, m, ..., m), the centre of N(m, std) in `dim` dimensions: float32 [M, dim]."""
    return np.repeat(np.asarray(means, np.float32)[:, None], dim, axis=1)


def truncate(latents: np.ndarray, limit: float, distribution: str = "normal", mean=0.0, std=1.0) -> np.ndarray:
    """Latents with no component further than `limit` * std from the mean: float32, same shape.

    The result is distributed as if components beyond the limit had been drawn again until they were inside
    (the truncation trick of Brock et al. 2019, arXiv:1809.11096, section 3.1; for uniform latents that is a
    smaller box). But each component keeps its rank, so that a sample stays itself as the limit shrinks.
    Raises ValueError unless the limit is above 0.
    """
    if not limit > 0:
        raise ValueError(f"limit={limit!r} must be above 0")
    unit = (np.asarray(latents, np.float64) - mean) / std
    if distribution == "uniform":
        unit = unit * min(limit, 1.0)
    else:
        inverse, low = NormalDist().inv_cdf, _tail(limit)

        def keep_rank(x):  # by the lower tail, where floats are finest
            return -inverse(low + (1 - 2 * low) * _tail(x))

        sizes = np.minimum(np.abs(unit), 30.0)  # further out, the tail is 0 to a float
        sizes = np.array([keep_rank(x) for x in sizes.ravel()]).reshape(unit.shape)
        unit = np.copysign(np.clip(sizes, 0, limit), unit)
    return (mean + std * unit).astype(np.float32)


def _tail(x):
    """How much of N(0, 1) lies beyond x."""
    return math.erfc(x / math.sqrt(2)) / 2


def average(batches: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of many images, batch by batch uint8 [n, H, W, C] -> uint8 [H, W, C]."""
    total, count = 0.0, 0
    for images in batches:
        total, count = total + images.sum(axis=0, dtype=np.float64), count + len(images)
    return np.rint(total / count).astype(np.uint8)


# --- directions -------------------------------------------------------------------------------------------


def move(latents: np.ndarray, direction: np.ndarray, amounts) -> np.ndarray:
    """Latents [D] or [N, D] moved along a direction [D], of which only the direction counts.

    amounts: how far, a number or [T]. float32 [D] or [N, D]; for several amounts [T, D] or [N, T, D].
    """
    latents, direction, amounts = _vectors(latents, direction, amounts)
    steps = amounts[..., None] * direction / np.linalg.norm(direction)
    return (latents[..., None, :] + steps if amounts.ndim else latents + steps).astype(np.float32)


def without(direction: np.ndarray, others: np.ndarray, least: float = 1e-6) -> np.ndarray:
    """What is left of a direction [D] when its part along all the others [K, D] is taken away: unit length [D].

    So moves along it change (to first order) nothing that the others stand for. Source: Shen et al. 2020
    (arXiv:1907.10786), section 3.3, conditional manipulation. Raises ValueError when less than the share `least` of its
    length is left, as of any direction that D independent others are taken from.
    """
    direction, others = _vectors(direction, np.atleast_2d(others))
    basis, weights = np.linalg.svd(others.T, full_matrices=False)[:2]
    basis = basis[:, weights > 1e-9 * max(weights.max(initial=0), 1e-300)]
    rest = direction - basis @ (basis.T @ direction)
    if np.linalg.norm(rest) < least * np.linalg.norm(direction):
        raise ValueError("the direction lies among the others: nothing of it is left")
    return (rest / np.linalg.norm(rest)).astype(np.float32)


class Directions(NamedTuple):
    """Directions of unit length, float32 [K, D], and a number for each [K]: its strength, or what it explains."""

    vectors: np.ndarray
    values: np.ndarray


def principal(matrix: np.ndarray) -> Directions:
    """The directions of latents along which a linear map changes most, strongest first.

    matrix: [D, D], the map's (or the mean of many maps') transpose times itself, J'J. Values: the root of the
    mean squared change per unit of latent, the map's singular value. A direction's largest component is positive.
    """
    squares, vectors = np.linalg.eigh(np.asarray(matrix, np.float64))
    vectors, squares = vectors.T[::-1], squares[::-1]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return Directions((vectors * np.sign(largest)).astype(np.float32), np.sqrt(np.maximum(squares, 0)))


def regress(latents: np.ndarray, scores: np.ndarray, ridge: float = 1.0, held_out_every: int = 5) -> Directions:
    """For each of K scores the direction along which it grows fastest, by ridge regression.

    latents: [N, D]. scores: [N, K], such as how sure a classifier is that an image shows glasses. Both are
        standardised, so that `ridge`, the penalty on the squared weights, means the same for all.
    Values: R², the share of a score's variance that the latent explains linearly, on every `held_out_every`-th
        sample, which the regression has not seen: 1 perfect, 0 nothing (or less: worse than the mean).
    Source: a linear boundary per attribute, as in Shen et al. 2020 (arXiv:1907.10786), section 3.2.
    """
    latents, scores = _vectors(latents, scores)
    scores = scores.reshape(len(latents), -1)
    held_out = np.arange(len(latents)) % held_out_every == held_out_every - 1
    centre, spread = latents[~held_out].mean(axis=0), _spread(latents[~held_out])
    x = (latents - centre) / spread
    level, scale = scores[~held_out].mean(axis=0), _spread(scores[~held_out])
    y = (scores - level) / scale
    seen = x[~held_out]
    weights = np.linalg.solve(seen.T @ seen + ridge * np.eye(x.shape[1]), seen.T @ y[~held_out])
    missed = np.square(y[held_out] - x[held_out] @ weights).sum(axis=0)
    total = np.square(y[held_out] - y[held_out].mean(axis=0)).sum(axis=0)
    directions = (weights / spread[:, None]).T
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    directions = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    explained = 1 - np.divide(missed, total, out=np.ones_like(total), where=total > 1e-12)
    return Directions(directions.astype(np.float32), explained)


def _spread(values):
    """The standard deviation of each column; 1 where a column never changes."""
    spread = values.std(axis=0)
    return np.where(spread > 1e-12, spread, 1.0)
