"""How much one setting differs from another over several seeds: an effect, with an interval, from a table of runs.

Runs with the same seed are compared with each other, so that what a seed does to both cancels out. Nothing here knows
what the numbers are of.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95  # of the intervals
_DRAWS = 20_000
_LEAST = 3  # pairs; with fewer an interval says nothing


@dataclass(frozen=True)
class Effect:
    """What was seen of one comparison: the middle of the pairs, an interval, and how many pairs there were."""

    value: float  # a ratio, a difference, or a rank correlation
    low: float
    high: float
    pairs: int
    kind: str  # "ratio", "difference" or "correlation"
    each: tuple[float, ...] = ()  # of every pair

    @property
    def nothing(self) -> float:
        """The value of no effect at all."""
        return 1.0 if self.kind == "ratio" else 0.0

    def says(self, expected: str) -> str:
        """ "as expected", "the contrary" or "nothing", when the claim is that it is "larger" or "smaller"."""
        if np.isnan(self.low) or self.low <= self.nothing <= self.high:
            return "nothing"
        found = "larger" if self.low > self.nothing else "smaller"
        return "as expected" if found == expected else "the contrary"

    def __str__(self):
        form = "{:.2f}" if self.kind == "ratio" else "{:+.2f}"
        value, low, high = (form.format(number) for number in (self.value, self.low, self.high))
        return f"{value}{' x' if self.kind == 'ratio' else ''} [{low}, {high}]"


def paired_effect(of, against, kind: str = "ratio") -> Effect:
    """The effect of one setting against another: of and against are numbers of the same seeds, in the same order.

    ratio: the geometric mean of the quotients, for what is above 0 and has no upper end, as distances; difference: the
    mean of the differences, for shares. The interval is the bootstrap's, by percentiles that are drawn apart for few
    pairs as Student's t is, without which five seeds would cover far less than 95% (Hesterberg 2015,
    arXiv:1411.5279, section 4.1, "expanded percentile"). The draws have a seed of their own.
    """
    of, against = np.asarray(of, float), np.asarray(against, float)
    if kind == "ratio":
        keep = np.isfinite(of) & np.isfinite(against) & (of > 0) & (against > 0)
        each = np.log(of[keep] / against[keep])
    else:
        keep = np.isfinite(of) & np.isfinite(against)
        each = of[keep] - against[keep]
    low, high = _interval(each, lambda rows: each[rows].mean(axis=1))
    middle = float(each.mean()) if len(each) else np.nan
    values = np.array([middle, low, high, *each])
    values = np.exp(values) if kind == "ratio" else values
    return Effect(*map(float, values[:3]), len(each), kind, tuple(map(float, values[3:])))


def correlation(one, other) -> Effect:
    """Spearman's rank correlation of two columns over runs, with the bootstrap's interval over the runs."""
    pairs = np.array([one, other], float)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < _LEAST:
        return Effect(np.nan, np.nan, np.nan, pairs.shape[1], "correlation")

    def of(rows):
        ranks = stats.rankdata(pairs[:, rows], axis=-1)  # [2, draws, runs]
        ranks -= ranks.mean(axis=-1, keepdims=True)
        size = np.sqrt((ranks**2).sum(axis=-1).prod(axis=0))
        return (ranks[0] * ranks[1]).sum(axis=-1) / np.where(size > 0, size, np.inf)

    whole = float(of(np.arange(pairs.shape[1])[None])[0])
    low, high = _interval(pairs[0], of)
    return Effect(whole, low, high, pairs.shape[1], "correlation")


def _interval(values, statistic):
    """(low, high) of a statistic of index arrays [draws, n], by the expanded percentile bootstrap."""
    count = len(values)
    if count < _LEAST:
        return np.nan, np.nan
    tail = stats.norm.cdf(np.sqrt(count / (count - 1)) * stats.t.ppf((1 - LEVEL) / 2, count - 1))
    rows = np.random.default_rng(0).integers(0, count, (_DRAWS, count))
    return tuple(np.quantile(statistic(rows), [tail, 1 - tail]))
