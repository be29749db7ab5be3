"""Evaluator: numbers that must come out, and that a training does not notice."""

import re

import numpy as np
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import features, metrics, summaries
from dcgan_tf.evaluation.evaluate import table
from dcgan_tf.evaluation.evaluator import Evaluator
from dcgan_tf.evaluation.metrics import METRICS, describe_value
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.system.errors import UserError

pytestmark = pytest.mark.usefixtures("short_training")


def quiet(text):
    pass


def shows(images, size=400):
    """A generator that shows these images, in batches of uneven size."""
    return lambda seed: (images[start : start + size] for start in range(0, len(images), size))


# --- what must come out -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluator(digits):
    names = [name for name, metric in METRICS.items() if metric.needs not in ("discriminator", "asked labels")]
    return Evaluator(digits, names, samples=len(digits), say=quiet)


def results(evaluator, images):
    line = evaluator.measure(shows(images))
    return {name: result["mean"] for name, result in line["metrics"].items()}, line


def test_copies_are_found_among_all_images_also_where_some_are_kept(digits, monkeypatch):
    """Every third image is kept; a fifth of the generated ones are copies of others."""
    new, copies = digits.images[1::2][:400], digits.images[::2][1:101]
    data = Dataset("half", digits.images[::2])
    looks = []
    for kept in (len(data), len(data) // 3):
        monkeypatch.setattr("dcgan_tf.evaluation.evaluator.PAIRED_IMAGES", kept)
        monkeypatch.setattr("dcgan_tf.evaluation.evaluator._LOOKED_AT_AMONG_ALL", 500)
        evaluator = Evaluator(data, ["js"], "pixels", samples=500, say=quiet)
        looks.append(evaluator.measure(shows(np.concatenate([copies, new])))["look"])
    assert looks[0]["copied"] == looks[1]["copied"] == pytest.approx(0.2, abs=0.02)


def test_real_images_are_perfect(evaluator, digits):
    found, line = results(evaluator, digits.images)
    assert found["frechet_distance"] == pytest.approx(0, abs=1e-8)
    assert found["precision"] == found["recall"] == found["coverage"] == 1
    assert found["intensity_divergence"] == pytest.approx(0, abs=1e-12)
    assert found["classes_covered"] == 10 and line["missing_classes"] == []
    assert abs(found["kernel_distance"]) < 0.2  # unbiased for other images; for the same ones below 0
    assert found["classifier_score"] > 5 and found["classifier_confidence"] > 0.8


def test_a_generator_of_one_digit_is_seen_through(evaluator, digits):
    good, _ = results(evaluator, digits.images)
    ones = digits.images[digits.labels == 1]
    bad, line = results(evaluator, np.resize(ones, digits.images.shape))
    assert bad["classes_covered"] <= 2 and "7" in line["missing_classes"] and "1" not in line["missing_classes"]
    assert bad["recall"] < 0.3 and bad["coverage"] < 0.3 and bad["classifier_score"] < 2
    assert bad["frechet_distance"] > 20 and bad["kernel_distance"] > 10 * abs(good["kernel_distance"])
    assert "missing classes: " in table({**line, "generator": "averaged"})


def test_equal_numbers_are_compared_where_papers_compare_equal_numbers(digits):
    """One distribution against itself is covered, whichever side has more images."""
    found = {}
    for real, generated in ((300, 300), (300, 700), (700, 300)):
        rows = np.random.default_rng(2).permutation(1000)
        half = digits.changed(images=digits.images[rows[:real]], labels=digits.labels[rows[:real]])
        evaluator = Evaluator(half, "precision,recall,density,coverage", "pixels", samples=generated, say=quiet)
        line = evaluator.measure(shows(digits.images[rows[1000 - generated :]]))
        assert line["paired_images"] == [300, 300]
        found[real, generated] = [result["mean"] for result in line["metrics"].values()]
        for row in table({**line, "generator": "averaged"}).splitlines()[1:5]:
            assert re.split(r"  +", row)[4:6] == ["300", "300 of mnist5k, all training images"]
    np.testing.assert_allclose(found[300, 700], found[300, 300], atol=0.07)
    np.testing.assert_allclose(found[700, 300], found[300, 300], atol=0.07)


def test_parts_of_a_mean_have_a_deviation(evaluator, digits):
    line = evaluator.measure(shows(digits.images))
    expected = metrics.kernel_distance(evaluator.real.features, evaluator.real.features, 5, 1000)
    assert line["metrics"]["kernel_distance"]["part_stds"] == [pytest.approx(expected.std)]
    score = metrics.inception_score(evaluator.network(digits.images)[1], 10)
    assert line["metrics"]["classifier_score"]["part_stds"] == [pytest.approx(score.std, rel=1e-4)]
    assert f" +- {describe_value(score.std)} between parts" in table({**line, "generator": "averaged"})


LEFT_OUT = {1: "fid kid precision recall density coverage", 2: "precision recall density coverage",
            4: "density coverage", 5: "density coverage", 6: ""}  # fmt: skip


@pytest.mark.parametrize("count", LEFT_OUT)
def test_what_so_few_real_images_do_not_allow_is_left_out_by_name(digits, count):
    few, said = Dataset("few", digits.images[:count]), []
    evaluator = Evaluator(few, None, "pixels", samples=20, say=said.append)
    line = evaluator.measure(shows(digits.images[:20]))
    everything = ["fid", "kid", "precision", "recall", "density", "coverage", "grain", "js"]
    assert evaluator.names == [name for name in everything if name not in LEFT_OUT[count].split()]
    assert len(said) == bool(LEFT_OUT[count]) and all(name in said[0] for name in LEFT_OUT[count].split())
    assert all(np.isfinite(result["mean"]) for result in line["metrics"].values())
    assert ("look" in line) == (count > 1)
    if LEFT_OUT[count]:
        with pytest.raises(UserError, match="too few images"):
            Evaluator(few, LEFT_OUT[count].split()[-1], "pixels", samples=20, say=said.append)


def test_halves_of_the_real_data_are_near_and_noise_is_far(digits):
    images = digits.images
    half = Evaluator(digits, ["fid", "js"], samples=500, say=quiet)
    near, _ = results(half, images[np.arange(1000) % 2 == 0])
    far, _ = results(half, np.random.default_rng(0).integers(0, 256, (500, 28, 28, 1), np.uint8))
    assert near["frechet_distance"] < far["frechet_distance"] / 20
    assert near["intensity_divergence"] < 0.001 and far["intensity_divergence"] > 0.3


def test_the_size_of_the_batches_changes_nothing(digits):
    evaluator = Evaluator(digits, "fid,is,precision,recall,classes,confidence,js", samples=1000, say=quiet)
    rows = np.random.default_rng(1).permutation(1000)
    one, other = (evaluator.measure(shows(digits.images[rows], size))["metrics"] for size in (1000, 37))
    for name in one:
        assert one[name]["mean"] == pytest.approx(other[name]["mean"], rel=1e-9, abs=1e-9), name


def test_kept_features_are_spread_and_bounded(evaluator, digits, monkeypatch):
    summary = summaries.summarise(evaluator.network, shows(digits.images, 100)(0), 1000, keep=50)
    assert summary.features.shape == (50, evaluator.network.dimension)
    expected = evaluator.network(digits.images[[0, 999]])[0]
    np.testing.assert_allclose(summary.features[[0, -1]], expected, rtol=1e-4, atol=1e-4)
    assert summary.gaussian.count == 1000


def test_a_discriminator_that_sees_all_proves_the_whole_divergence(digits):
    inverted = 255 - digits.images
    judge = lambda images: np.where(images.reshape(len(images), -1).mean(axis=1) < 128, 30.0, -30.0)[:, None]  # noqa: E731
    found = Evaluator(digits, "bound,js", "pixels", samples=1000, discriminator=judge).measure(shows(inverted))
    assert found["metrics"]["divergence_bound"]["mean"] == pytest.approx(np.log(2), abs=1e-6)
    blind = Evaluator(
        digits, ["bound"], "pixels", samples=1000, discriminator=lambda images: np.zeros((len(images), 1))
    )
    assert blind.measure(shows(inverted))["metrics"]["divergence_bound"]["mean"] == 0


# --- a training does not notice ---------------------------------------------------------------------------


def test_evaluating_between_two_steps_changes_no_bit(digits, monkeypatch, tmp_path):
    recipe = get_recipe("vrdl").with_fields({"width": 4, "latent_dim": 8})  # dropout, and labels drawn at random
    images = np.zeros((8, 64, 64, 3), np.uint8)
    images[::2] = 200

    def states(between):
        gan = GAN(recipe, (64, 64, 3), seed=3)
        for step in range(3):
            gan.train_step(images)
            if step == 1:
                between()
        return [np.asarray(variable) for variable in gan.variables.values()]

    def look():
        monkeypatch.setattr(features, "_CLASSIFIER_STEPS", 20)
        monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path))  # so that the classifier is trained right then
        Evaluator(digits, samples=100, say=quiet).measure(shows(digits.images[:100]))

    for one, other in zip(states(lambda: None), states(look), strict=True):
        assert np.array_equal(one, other)
