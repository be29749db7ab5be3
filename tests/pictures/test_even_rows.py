"""Rows of a history that stand for about as many steps each."""

import numpy as np

from dcgan_tf.pictures.curves import curves
from dcgan_tf.pictures.even_rows import even_rows


def history(steps, values):
    steps, values = np.array(steps), np.array(values, float)
    names = ("generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake", "images_per_second")
    return {"step": steps, "epoch": -(-steps // 156), "seconds": steps / 10, **dict.fromkeys(names, values)}


# Two epochs of 156 steps, a row every 50: the last six steps of each have a row of their own, and it is a spike.
EPOCHS = history([50, 100, 150, 156, 206, 256, 306, 312], [1, 1, 1, 9, 1, 1, 1, 9])


def test_a_short_row_weighs_as_many_steps_as_it_has():
    found = even_rows(EPOCHS)
    assert found["step"].tolist() == [50, 100, 150, 206, 256, 312]
    np.testing.assert_allclose(found["generator_loss"], [1, 1, 1, (6 * 9 + 50) / 56, 1, (50 + 6 * 9) / 56])
    np.testing.assert_allclose(found["seconds"], found["step"] / 10)
    assert found["epoch"].tolist() == [1, 1, 1, 2, 2, 2]
    assert EPOCHS["step"].tolist() == [50, 100, 150, 156, 206, 256, 306, 312]  # the history itself stays


def test_the_mean_over_all_steps_stays():
    found = even_rows(EPOCHS)
    for one in (found, EPOCHS):
        lengths = np.diff(one["step"], prepend=0)
        assert np.isclose((one["generator_loss"] * lengths).sum() / 312, (300 + 12 * 9) / 312)


def test_equal_rows_stay_as_they_are():
    same = history([19, 38, 57], [3, 1, 2])
    assert all(np.array_equal(even_rows(same)[name], same[name]) for name in same)
    for few in (history([], []), history([7], [2])):
        assert all(np.array_equal(even_rows(few)[name], few[name]) for name in few)


def test_rows_of_many_lengths_are_joined_until_they_are_long_enough():
    found = even_rows(history([30, 50, 60, 90, 100, 101, 120], [1, 2, 3, 4, 5, 6, 7]))
    assert found["step"].tolist() == [30, 50, 60, 90, 100, 120]  # 1 + 19
    found = even_rows(history([30, 34, 38, 68, 98, 101, 131], [1, 2, 3, 4, 5, 6, 7]))
    assert found["step"].tolist() == [30, 68, 98, 131]  # 4 + 4 + 30, 3 + 30


def test_curves_are_drawn_of_them():
    losses = curves(EPOCHS).axes[0]
    assert losses.lines[0].get_xdata().tolist() == [50, 100, 150, 206, 256, 312]
    assert max(losses.lines[0].get_ydata()) < 2
