"""Directions of generators whose inside is known are those that were built in."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.evaluation.features import FeatureNetwork
from dcgan_tf.latent import directions as module
from dcgan_tf.latent import formulas as latent
from dcgan_tf.latent import views
from dcgan_tf.latent.directions import _enlarges_smoothly as smooth
from dcgan_tf.latent.directions import attribute_directions, first_layer_directions, jacobian_directions, telling_terms


def test_principal_directions_of_a_linear_generator_are_its_singular_vectors(linear_space):
    random = np.random.default_rng(0)
    left, right = (np.linalg.qr(random.standard_normal((size, 4)))[0] for size in (4, 16))
    weights = left @ np.diag([4.0, 3, 2, 1]) @ right.T
    for std in (1.0, 0.5):
        found = jacobian_directions(linear_space(weights, std=std), random.standard_normal((2, 4)))
        np.testing.assert_allclose(found.values, std * np.array([4, 3, 2, 1]) / 4, rtol=1e-4)  # 16 pixels
        np.testing.assert_allclose(np.abs(np.sum(found.vectors * left.T, axis=1)), 1, rtol=1e-4)
    first = first_layer_directions(linear_space(weights))
    np.testing.assert_allclose(first.values, [4, 3, 2, 1], rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(first.vectors * left.T, axis=1)), 1, rtol=1e-4)
    np.testing.assert_allclose(
        first_layer_directions(linear_space(weights, norm=True)).values, [2, 1.5, 1, 0.5], rtol=1e-4
    )


# At one point of many a kink of ReLU is so near that differences see both of its sides: the median passes over it.
POINTS, STEP = range(5, 10), 1e-3


def test_the_jacobian_of_a_trained_generator_is_that_of_differences(space):
    off = []
    for point in (space.random(1, seed) for seed in POINTS):
        found = jacobian_directions(space, point)
        for direction, value in zip(found.vectors[:3], found.values[:3], strict=True):
            ahead, behind = (
                space.generator(latent.move(point, direction, sign * STEP), training=False).numpy() for sign in (1, -1)
            )
            change = (ahead - behind) / (2 * STEP)
            off.append(np.sqrt(np.square(change).mean()) / value - 1)
        assert (np.diff(found.values) <= 0).all()
    assert np.median(np.abs(off)) < 0.005


def test_where_there_is_no_forward_mode_it_is_taken_by_differences(space, monkeypatch):
    points = [space.random(1, seed) for seed in POINTS]
    exact = [jacobian_directions(space, point) for point in points]
    monkeypatch.setattr(module, "_enlarges_smoothly", lambda network: not smooth(network))
    monkeypatch.setattr(module, "_STEP", STEP)
    found = [jacobian_directions(space, point) for point in points]
    off = [np.abs(one.values[:5] / other.values[:5] - 1).max() for one, other in zip(found, exact, strict=True)]
    cosines = [np.abs(np.sum(a.vectors[:3] * b.vectors[:3], axis=1)).min() for a, b in zip(found, exact, strict=True)]
    assert 0 < np.median(off) < 0.005 and np.median(cosines) > 0.99


@pytest.mark.parametrize("way", ["nearest", "bilinear"])
def test_a_layer_that_interpolates_is_found_wherever_it_is(way):
    images = keras.Input([4, 4, 1])
    inner = keras.Sequential([keras.Input([4, 4, 1]), keras.layers.UpSampling2D(2, interpolation=way)])
    assert smooth(keras.Model(images, inner(images))) == (way == "bilinear")


def brightness_judge(names=("Bright_Left", "Bright_Right")):
    """A classifier that is sure of a half's brightness: log-odds 8 times the mean of the half, in [-1, 1]."""

    def compute(images):
        values = tf.cast(images, tf.float32) / 127.5 - 1
        halves = [tf.reduce_mean(values[:, :, :2], axis=[1, 2, 3]), tf.reduce_mean(values[:, :, 2:], axis=[1, 2, 3])]
        return tf.zeros([len(images), 1]), tf.sigmoid(8 * tf.stack(halves, axis=1))

    return FeatureNetwork("judge", "judge", "judge-1", 1, compute, label_names=names, exclusive=False)


def halves_generator(linear_space, shared=1.0):
    """z0 brightens the left half and, by a share, the right one; z1 the right one; z2 nothing."""
    left, right = np.zeros((4, 4)), np.zeros((4, 4))
    left[:, :2], right[:, 2:] = 0.2, 0.2
    return linear_space(np.stack([left.ravel() + shared * right.ravel(), right.ravel(), np.zeros(16)]))


def test_attribute_directions_are_those_built_in(linear_space):
    found = attribute_directions(halves_generator(linear_space), brightness_judge(), 600)
    assert found.names == ("Bright Left", "Bright Right") and found.scores.shape == (600, 2)
    np.testing.assert_allclose(found.directions.vectors[0], [1, 0, 0], atol=0.02)
    np.testing.assert_allclose(found.directions.vectors[1], [0.5**0.5, 0.5**0.5, 0], atol=0.02)
    assert (found.directions.values > 0.98).all()
    assert found.best(5) in ([0, 1], [1, 0])
    np.testing.assert_array_equal(found.held(0, [0, 1]), found.directions.vectors[0])  # too much the same to be held
    apart = found._replace(directions=latent.Directions(np.float32([[1, 0, 0], [0.4, 0.84**0.5, 0]]), np.ones(2)))
    np.testing.assert_allclose(apart.held(0, [0, 1]), [0.84**0.5, -0.4, 0], atol=1e-6)
    assert not (found.scores[found.plainest(3)] > 0).any()


@pytest.mark.parametrize(("count", "dim"), [(8, 4), (40, 32), (5, 1)])
def test_of_more_attributes_than_dimensions_the_most_alike_are_held(count, dim):
    vectors = np.random.default_rng(0).standard_normal((count, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    places, alike = list(range(count)), np.abs(vectors @ vectors.T)
    found = module.Attributes(tuple("abc"), np.zeros((1, count)), latent.Directions(vectors, np.ones(count)))
    for place in places:
        held = found.held(place, places)
        assert np.linalg.norm(held) == pytest.approx(1, abs=1e-5) and held @ vectors[place] >= 0.1
        apart = sorted((other for other in places if alike[other, place] < 0.5), key=lambda other: -alike[other, place])
        still = np.abs(vectors[apart] @ held) < 1e-5
        assert still.sum() < dim and (np.diff(still.astype(int)) <= 0).all()  # the most alike first, and no gap
        assert still.sum() >= dim - 5 or still.all()
    assert found.how_held(places) == ("the others held" if dim == 1 else "the others most like it held")
    assert found.how_held(places[:2]) == "the others held"


def test_arithmetic_that_tells_comes_out_as_foretold(linear_space):
    space, judge = halves_generator(linear_space, 0.3), brightness_judge()
    found = attribute_directions(space, judge, 600)
    terms = telling_terms(found)
    assert [sign for sign, _, _ in terms] == [1, -1, 1] and all(len(seeds) == 3 for _, seeds, _ in terms)
    a, b = terms[0][2].split(", ")
    assert [name for _, _, name in terms] == [f"{a}, {b}", f"no {a}, {b}", f"no {a}, no {b}"]
    for (_, seeds, _), signs in zip(terms, ((1, 1), (-1, 1), (-1, -1)), strict=True):
        seen = found.scores[seeds][:, [found.names.index(a), found.names.index(b)]]
        assert (seen * signs > 1).all()
    _, probabilities = judge(space.draw(views.add_up(space, terms)[None]))
    seen = dict(zip(found.names, probabilities[0], strict=True))
    assert seen[a] > 0.5 > seen[b]
    alike = latent.Directions(np.float32([[1, 0, 0], [0.8, 0.6, 0]]), np.ones(2))
    assert telling_terms(found._replace(directions=alike)) is None  # nearly the same attribute twice
    digits = found._replace(scores=np.where(np.arange(600)[:, None] % 2 == [0, 1], 5.0, -5.0))
    assert telling_terms(digits) is None  # of classes, an image has one


def thirds_judge(names=("zero", "one", "two", "never")):
    """A classifier of classes: the brightest of three stripes is the image's class; a fourth class never is."""

    def compute(images):
        values = tf.cast(images, tf.float32) / 127.5 - 1
        stripes = [tf.reduce_mean(values[:, :, column], axis=[1, 2]) for column in range(3)]
        return tf.zeros([len(images), 1]), tf.nn.softmax(tf.stack([*(10 * s for s in stripes), stripes[0] * 0 - 50], 1))

    return FeatureNetwork("judge", "judge", "judge-2", 1, compute, label_names=names, exclusive=True)


def test_the_direction_of_a_class_leads_to_that_class_from_any_other(linear_space):
    stripes = [np.where(np.arange(4) == column, 0.3, 0.0) * np.ones((4, 1)) for column in range(3)]
    space = linear_space(np.stack([stripe.ravel() for stripe in [*stripes, np.zeros((4, 4))]]))
    judge = thirds_judge()
    found = attribute_directions(space, judge, 600)
    assert found.exclusive and found.shown(2) == [0, 1, 2]  # all, in their order, but for what never changes
    latents = space.random(40, seed=1)
    for place in found.shown():
        moved = space.walk(latents, found.held(place, found.shown()), [4.0])[:, 0]
        _, probabilities = judge(space.draw(moved))
        assert (probabilities.argmax(axis=1) == place).mean() > 0.95
    assert telling_terms(found) is None  # an image has one class
