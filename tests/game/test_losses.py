"""Losses against their formulas in NumPy, and labels that are drawn anew on every step."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.game.losses import LOSSES, target_drawer
from dcgan_tf.pictures.curves import generator_losses
from dcgan_tf.recipe.fields import Recipe

REAL = np.array([[2.0], [-1.0], [0.5]], np.float32)
FAKE = np.array([[-3.0], [0.25], [4.0]], np.float32)


def _drawer(low, high, noise, target="as_real"):
    fields = {"real_label_low": low, "real_label_high": high, "label_noise": noise, "generator_target": target}
    return target_drawer(Recipe(**fields))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


EXPECTED = {
    "bce": (-np.log(_sigmoid(REAL)).mean() - np.log(1 - _sigmoid(FAKE)).mean(), -np.log(_sigmoid(FAKE)).mean()),
    "minimax": (-np.log(_sigmoid(REAL)).mean() - np.log(1 - _sigmoid(FAKE)).mean(), np.log(1 - _sigmoid(FAKE)).mean()),
    "least_squares": (0.5 * ((REAL - 1) ** 2).mean() + 0.5 * (FAKE**2).mean(), 0.5 * ((FAKE - 1) ** 2).mean()),
    "hinge": (np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(), -FAKE.mean()),
    "wasserstein": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "relativistic": (-np.log(_sigmoid(REAL - FAKE)).mean(), -np.log(_sigmoid(FAKE - REAL)).mean()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_closed_forms(name):
    targets = _drawer(1.0, 1.0, 0.0)(3, tf.constant([1, 2], tf.int64))
    discriminator = LOSSES[name].discriminator(tf.constant(REAL), tf.constant(FAKE), targets.real, targets.fake)
    generator = LOSSES[name].generator(tf.constant(REAL), tf.constant(FAKE), targets.wanted)
    assert float(discriminator) == pytest.approx(EXPECTED[name][0], rel=1e-5)
    assert float(generator) == pytest.approx(EXPECTED[name][1], rel=1e-5)


def test_the_drawn_losses_of_g_are_those_it_is_trained_with():
    losses, slopes = generator_losses().axes
    for name, loss, slope in zip(("minimax", "bce"), losses.lines, slopes.lines, strict=True):
        logits = tf.constant(loss.get_xdata()[:, None])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            mean = LOSSES[name].generator(None, logits, 1.0)
        assert float(mean) == pytest.approx(loss.get_ydata().mean())
        np.testing.assert_allclose(-len(logits) * tape.gradient(mean, logits)[:, 0], slope.get_ydata(), atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_large_logits_stay_finite(name):
    huge = tf.constant([[1e4], [-1e4]])
    targets = _drawer(1.0, 1.0, 0.0)(2, tf.constant([1, 2], tf.int64))
    assert np.isfinite(float(LOSSES[name].discriminator(huge, huge, targets.real, targets.fake)))
    assert np.isfinite(float(LOSSES[name].generator(huge, huge, targets.wanted)))


def test_smoothed_labels_enter_the_cross_entropy():
    targets = _drawer(0.9, 0.9, 0.0)(3, tf.constant([1, 2], tf.int64))
    p, q = _sigmoid(REAL), _sigmoid(FAKE)
    expected = -(0.9 * np.log(p) + 0.1 * np.log(1 - p)).mean() - np.log(1 - q).mean()
    found = LOSSES["bce"].discriminator(tf.constant(REAL), tf.constant(FAKE), targets.real, targets.fake)
    assert float(found) == pytest.approx(expected, rel=1e-5)  # one-sided: the fake label stays 0
    expected = -(0.9 * np.log(q) + 0.1 * np.log(1 - q)).mean()
    assert float(LOSSES["bce"].generator(None, tf.constant(FAKE), targets.wanted)) == pytest.approx(expected, rel=1e-5)


def test_smoothing_is_drawn_on_every_step_of_a_traced_function():
    draw = tf.function(lambda step: _drawer(0.9, 1.0, 0.0)(4, tf.stack([tf.constant(7, tf.int64), step])).real)
    drawn = [float(draw(tf.constant(4 * step, tf.int64))) for step in range(200)]
    assert len(set(drawn)) > 150
    assert 0.9 <= min(drawn) < 0.91 and 0.99 < max(drawn) <= 1.0
    assert drawn[3] == float(draw(tf.constant(12, tf.int64)))


def test_label_noise_is_drawn_for_each_image_and_added_to_both_labels():
    targets = _drawer(1.0, 1.0, 0.05)(1000, tf.constant([3, 4], tf.int64))
    real, fake = targets.real.numpy(), targets.fake.numpy()
    assert real.shape == fake.shape == (1000, 1)
    assert real.min() >= 1.0 and real.max() < 1.05 and fake.min() >= 0.0 and fake.max() < 0.05
    assert fake.std() == pytest.approx(0.05 / np.sqrt(12), rel=0.1)
    assert abs(np.corrcoef(real.ravel(), fake.ravel())[0, 1]) < 0.15
    assert float(targets.wanted) == 1.0


def test_what_g_wants_d_to_say():
    """Smoothing moves it too, as most programs do; or it stays at 1 (Salimans et al. 2016); or is drawn by itself."""
    seed = tf.constant([3, 4], tf.int64)
    as_real, one, drawn = (_drawer(0.5, 1.0, 0.0, target)(2, seed) for target in ("as_real", "one", "drawn"))
    assert float(as_real.wanted) == float(as_real.real) == float(one.real) == float(drawn.real) != 1
    assert float(one.wanted) == 1
    assert 0.5 <= float(drawn.wanted) < 1 and float(drawn.wanted) != float(drawn.real)
