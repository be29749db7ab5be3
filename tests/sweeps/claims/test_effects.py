"""Effects with intervals: against numbers worked out by hand, and against what chance does."""

import numpy as np
import pytest
from scipy import stats

from dcgan_tf.sweeps.claims.effects import correlation, paired_effect


def test_a_ratio_is_the_geometric_mean_of_the_pairs_quotients():
    effect = paired_effect([2.0, 8.0, 2.0], [1.0, 1.0, 4.0])
    assert effect.value == pytest.approx(8 ** (1 / 3)) and effect.pairs == 3
    assert effect.each == pytest.approx((2, 8, 0.5))
    assert 0.5 <= effect.low < effect.value < effect.high <= 8
    assert effect.says("larger") == effect.says("smaller") == "nothing"


def test_a_difference_is_the_mean_of_the_pairs_differences():
    effect = paired_effect([0.5, 0.6, 0.7], [0.4, 0.4, 0.4], "difference")
    assert effect.value == pytest.approx(0.2) and effect.nothing == 0
    assert (effect.says("larger"), effect.says("smaller")) == ("as expected", "the contrary")


def test_pairs_without_a_figure_are_left_out_and_two_are_too_few_for_an_interval():
    effect = paired_effect([1.0, np.nan, 3.0, 0.0], [1.0, 1.0, 1.0, 1.0])
    assert effect.pairs == 2 and np.isnan(effect.low) and effect.says("larger") == "nothing"
    assert np.isnan(paired_effect([], []).value)


def test_intervals_of_five_pairs_cover_the_truth_about_as_often_as_they_say():
    """The plain percentile bootstrap covers 83% of the time here; 400 draws tell 95% apart from that."""
    draws = np.random.default_rng(1).normal(1.0, 1.0, (400, 5))
    effects = [paired_effect(values, np.zeros(5), "difference") for values in draws]
    assert 0.90 < np.mean([one.low <= 1.0 <= one.high for one in effects]) < 0.99


def test_the_correlation_is_spearmans_with_ties():
    one, other = [1, 2, 2, 4, 5, 6], [2, 1, 3, 3, 7, 5]
    effect = correlation(one, other)
    assert effect.value == pytest.approx(stats.spearmanr(one, other).statistic)
    assert -1 <= effect.low < effect.value < effect.high <= 1
    assert correlation([1, 2, 3, 4], [5, 5, 5, 5]).value == 0
