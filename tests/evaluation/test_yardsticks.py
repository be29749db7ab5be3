"""Yardsticks: what real images and noise give in the place of generated ones, measured once."""

import numpy as np
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import yardsticks as module
from dcgan_tf.evaluation.evaluator import Evaluator
from dcgan_tf.evaluation.metrics import METRICS
from dcgan_tf.evaluation.yardsticks import halves, noise_images, yardsticks

pytestmark = pytest.mark.usefixtures("short_training")


def quiet(text):
    pass


def test_halves_have_nothing_in_common_and_as_many_as_there_can_be():
    for count, against, shown, sizes in (
        (5000, 5000, 10_000, (2500, 2500)), (5000, 5000, 1000, (4000, 1000)), (5000, 2000, 1000, (2000, 1000)),
        (5, 5, 10, (3, 2)), (1, 1, 10, (1, 0)),
    ):  # fmt: skip
        one, other = halves(count, against, shown)
        assert (len(one), len(other)) == sizes and not set(one) & set(other) and max([*one, *other]) < count
        assert (np.diff(one) > 0).all()
    assert np.abs(np.corrcoef(np.arange(1000), halves(5000, 5000, 1000)[1])[0, 1]) < 0.1  # data may be sorted by class


def test_real_images_are_near_and_noise_is_far_and_both_are_measured_once(digits, monkeypatch):
    names = [name for name, metric in METRICS.items() if metric.needs not in ("discriminator", "asked labels")]
    first = yardsticks(Evaluator(digits, "fid", samples=300, say=quiet), bar=False, say=quiet)
    evaluator = Evaluator(digits, names, samples=300, say=quiet)
    found = yardsticks(evaluator, bar=False, say=quiet)
    assert found["images"] == {"real": [700, 300], "noise": [1000, 300]}
    real, noise = found["real"], found["noise"]
    assert set(real) == set(noise) == {METRICS[name].title for name in names}
    assert real["frechet_distance"] == first["real"]["frechet_distance"] < noise["frechet_distance"] / 20
    assert abs(real["kernel_distance"]) < noise["kernel_distance"] / 20 and real["classes_covered"] == 10
    for name in ("precision", "recall", "coverage", "density"):
        assert real[name] > 0.8 and noise[name] < 0.5
    assert real["grain_ratio"] == pytest.approx(1, abs=0.05) and noise["grain_ratio"] > 5
    # They are what an evaluation gives that is shown these images.
    one, other = halves(1000, 1000, 300)
    half = digits.changed(images=digits.images[one], labels=digits.labels[one], fingerprint="half of the digits")
    judge = Evaluator(half, "js,grain", "pixels", samples=300, say=quiet)
    by_hand = judge.measure(lambda seed: iter([digits.images[other]]))["metrics"]
    for title in ("intensity_divergence", "grain_ratio"):
        assert real[title] == pytest.approx(by_hand[title]["mean"])
    shown = evaluator.measure(lambda seed: noise_images(300, (28, 28, 1)))["metrics"]
    assert all(noise[title] == pytest.approx(result["mean"], rel=1e-6) for title, result in shown.items())
    monkeypatch.setattr(module, "summarise", lambda *arguments: 1 / 0)
    said = []
    assert yardsticks(evaluator, say=said.append) == found and said == []
    assert yardsticks(Evaluator(digits, "recall", samples=300, say=quiet))["real"] == {"recall": real["recall"]}


def test_a_discriminator_is_shown_noise(digits):
    judge = lambda images: np.where(images.std(axis=(1, 2, 3)) < 90, 30.0, -30.0)[:, None]  # noqa: E731
    evaluator = Evaluator(digits, "bound", "pixels", samples=50, discriminator=judge, say=quiet)
    found = yardsticks(evaluator, bar=False, say=quiet)
    assert found["real"] == {"divergence_bound": 0.0}
    right = np.mean(judge(digits.images) > 0)
    loss = evaluator.loss_on_real  # 0 for those it takes for real, 30 for the others
    assert loss == pytest.approx(30 * (1 - right)) and found["noise"]["divergence_bound"] >= 0


def test_what_few_images_do_not_allow_has_no_yardstick(digits):
    few = Dataset("few", digits.images[:7], fingerprint="seven digits")
    found = yardsticks(Evaluator(few, None, "pixels", samples=20, say=quiet), bar=False, say=quiet)
    assert found["images"]["real"] == [4, 3]
    assert set(found["noise"]) - set(found["real"]) == {"precision", "recall", "density", "coverage"}
    one = Dataset("one", digits.images[:1], fingerprint="one digit")
    found = yardsticks(Evaluator(one, "js", "pixels", samples=20, say=quiet), bar=False, say=quiet)
    assert found["real"] == {} and set(found["noise"]) == {"intensity_divergence"}
