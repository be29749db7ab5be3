"""Metrics against closed forms, and against figures of independent implementations on the same features."""

import numpy as np
import pytest

from dcgan_tf.evaluation.metrics import (
    ClassifierScore,
    Gaussian,
    density_coverage,
    divergence_bound,
    frechet_distance,
    grain_ratio,
    inception_score,
    intensity_divergence,
    intensity_histogram,
    is_better,
    jensen_shannon,
    kernel_distance,
    mean_laplacian,
    nearest,
    neighbour_distances,
    precision_recall,
)

# (images, dimensions): computed once from made_up_features() below, in float64, with torch-fidelity 0.4.0
# (fid_statistics_to_metric, kernel_mmd with all pairs, isc_features_to_metric of the first 8 columns with 5 splits
# and no shuffling, calculate_precision_recall_full with k=3), clean-fid 0.1.35 (frechet_distance, kernel_distance)
# and prdc 0.2 (compute_prdc with k=5). "exact" is the Frechet distance in 40 digits, by mpmath 1.3.
INDEPENDENT = {
    (300, 8): {
        "fid": [0.16150252473406246, 0.16150252473421256],
        "kid": [0.6653822733785759, 0.6653822733785819],
        "score": (1.0200527460134885, 0.001415354641170542),
        "precision_recall": (283 / 300, 290 / 300),
        "density_coverage": (0.932, 0.96),
    },
    (300, 64): {
        "fid": [73.77677840000388, 73.77677840001445],
        "exact": 73.776778402049815218,
        "kid": [51703.99748162972, 51703.99748162985],
        "score": (1.135621775047928, 0.01148135904501468),
        "precision_recall": (0.84, 275 / 300),
        "density_coverage": (0.8746666666666667, 0.7),
    },
    (90, 128): {
        "fid": [664.6397545181493, 664.6397540983048],
        "kid": [3591830.365798056, 3591830.3657980496],
        "score": (1.2382961293664063, 0.03157674494854614),
        "precision_recall": (80 / 90, 80 / 90),
        "density_coverage": (0.9088888888888889, 0.6888888888888889),
    },
    (40, 60): {"exact": 112.18872931868459918},  # fewer images than dimensions
}


def made_up_features(count, dimensions):
    random = np.random.default_rng(5)
    mixing = random.random((dimensions, dimensions))
    real = np.maximum(random.random((count, dimensions)) - 0.3, 0) @ mixing
    generated = np.maximum(random.random((count, dimensions)) - 0.25, 0) @ mixing
    return real, generated


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize("size", INDEPENDENT)
def test_figures_of_independent_implementations(size):
    real, generated = made_up_features(*size)
    figures = INDEPENDENT[size]
    distance = frechet_distance(Gaussian.of(real), Gaussian.of(generated))
    if "exact" in figures:
        assert distance == pytest.approx(figures["exact"], rel=1e-13)
    for value in figures.get("fid", []):  # their matrix roots are good to 7 to 12 digits
        assert distance == pytest.approx(value, rel=1e-6 if size[0] < size[1] else 1e-9)
    for value in figures.get("kid", []):
        assert kernel_distance(real, generated, blocks=None).mean == pytest.approx(value, rel=1e-12)
    if "score" in figures:
        assert inception_score(softmax(generated[:, :8]), 5) == pytest.approx(figures["score"], rel=1e-11)
        assert precision_recall(real, generated) == pytest.approx(figures["precision_recall"])
        assert density_coverage(real, generated) == pytest.approx(figures["density_coverage"])


# --- Frechet distance -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count, dimensions", [(500, 20), (10, 20), (2, 3)])
def test_a_shift_by_one_in_d_dimensions_gives_d(random, count, dimensions):
    features = random.standard_normal((count, dimensions))
    real = Gaussian.of(features)
    assert frechet_distance(real, Gaussian.of(features + 1)) == pytest.approx(dimensions, abs=1e-12)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-12)
    # Twice as wide: the trace of C + 4C - 2 * 2C, whatever C is.
    wide = Gaussian.of(features.mean(axis=0) + 2 * (features - features.mean(axis=0)))
    assert frechet_distance(real, wide) == pytest.approx(np.trace(real.covariance), rel=1e-12)


def test_known_gaussians():
    """Covariances that commute: the sum of (sigma1 - sigma2)^2. And one pair that does not."""
    one = Gaussian.from_moments(np.zeros(3), np.diag([1.0, 4.0, 0.0]), 100)
    two = Gaussian.from_moments(np.array([0.0, 0.0, 2.0]), np.diag([9.0, 1.0, 0.25]), 50)
    assert frechet_distance(one, two) == pytest.approx(4 + 4 + 1 + 0.25, rel=1e-12)
    a, b = np.array([[2.0, 1.0], [1.0, 2.0]]), np.diag([3.0, 1.0])
    # The trace of the root of a 2x2 matrix M is sqrt(tr M + 2 sqrt(det M)).
    expected = np.trace(a + b) - 2 * np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    found = frechet_distance(Gaussian.from_moments(np.zeros(2), a, 9), Gaussian.from_moments(np.zeros(2), b, 9))
    assert found == pytest.approx(expected, rel=1e-12)


def test_features_that_never_vary_and_collapsed_images(random):
    features = random.standard_normal((300, 10))
    features[:, :4] = 7.0
    one_image = np.repeat(features[:1], 300, axis=0)
    real, collapsed = Gaussian.of(features), Gaussian.of(one_image)
    expected = np.square(features[0] - features.mean(axis=0)).sum() + np.trace(real.covariance)
    assert frechet_distance(real, collapsed) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="two samples"):
        frechet_distance(real, Gaussian.of(features[:1]))


def test_statistics_do_not_depend_on_the_pieces(random):
    features = (1e4 + random.standard_normal((1000, 12))).astype(np.float32)
    pieces = Gaussian()
    for start, stop in ((0, 1), (1, 3), (3, 3), (3, 500), (500, 1000)):
        pieces.add(features[start:stop])
    assert pieces.count == 1000 and pieces.factor.shape == (12, 12)
    np.testing.assert_allclose(pieces.mean, features.mean(axis=0, dtype=np.float64), rtol=1e-14)
    np.testing.assert_allclose(pieces.covariance, np.cov(features.astype(float), rowvar=False), rtol=1e-9, atol=1e-12)
    assert frechet_distance(Gaussian.of(features), pieces) < 1e-9


# --- kernel distance, classifier score --------------------------------------------------------------------


def test_kernel_distance_by_hand(random):
    # One dimension, kernel (xy + 1)^3: within the reals k(0, 1) = 1, within the others k(1, 2) = 27;
    # across k(0,1), k(0,2), k(1,1), k(1,2) = 1, 1, 8, 27.
    found = kernel_distance(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]]), blocks=None)
    assert found == pytest.approx((1 + 27 - 2 * (1 + 1 + 8 + 27) / 4, 0))
    features = random.standard_normal((1600, 6))
    halves = features[:800], features[800:]
    exact = kernel_distance(*halves, blocks=None).mean
    mean, std = kernel_distance(*halves, blocks=40, block_size=300)
    assert abs(exact) < 0.02 and abs(mean - exact) < 3 * std / np.sqrt(40) + 0.01 and std > 0
    assert kernel_distance(*halves, blocks=40, block_size=300) == (mean, std)  # its own seed
    assert kernel_distance(*halves, blocks=2, block_size=800) == pytest.approx((exact, 0), abs=1e-12)
    with pytest.raises(ValueError, match="801"):
        kernel_distance(*halves, block_size=801)


def test_one_image_has_no_pairs_and_what_is_no_number_is_no_zero(random):
    for real, generated in ((1, 5), (5, 1)):
        for blocks in (None, 3):
            with pytest.raises(ValueError, match="pairs need two images"):
                kernel_distance(random.normal(size=(real, 4)), random.normal(size=(generated, 4)), blocks)
    with pytest.raises(ValueError, match="no numbers"):
        divergence_bound(float("nan"))
    with pytest.raises(ValueError, match="no numbers"):
        jensen_shannon([np.nan, 1], [1, 1])


def test_the_score_is_between_one_and_the_number_of_classes(random):
    certain = np.eye(10)[np.arange(1000) % 10]
    assert inception_score(certain, 10) == pytest.approx((10, 0))
    assert inception_score(np.full((100, 10), 0.1), 4) == pytest.approx((1, 0))
    assert inception_score(certain[:1].repeat(50, axis=0), 5) == pytest.approx((1, 0))  # one class only
    probabilities = softmax(3 * random.standard_normal((103, 7)))
    streamed = ClassifierScore(103, 10)
    for start in range(0, 103, 17):
        streamed.add(probabilities[start : start + 17])
    assert streamed.result() == pytest.approx(inception_score(probabilities, 10), rel=1e-13)
    with pytest.raises(ValueError, match="3 images"):
        ClassifierScore(3, 10)
    with pytest.raises(ValueError, match="0 images were added, not 20"):
        ClassifierScore(20, 10).result()


# --- manifolds --------------------------------------------------------------------------------------------


def test_manifolds_on_a_line():
    real = np.arange(10.0)[:, None]  # balls of radius 1 (k=1), of radius 2 at the ends (k=2) and 1 inside
    generated = np.array([[0.25], [4.5], [9.5], [20.0], [30.0]])
    # In a real ball: the first three. Their balls reach 4.25, 4.25, 5, 10.5, 10: all reals are within one.
    assert precision_recall(real, generated, k=1) == pytest.approx((3 / 5, 1.0))
    # Balls that hold each: {0, 1}, {4, 5}, {9}. Reals with a generated image within 1: 0, 1, 4, 5, 9.
    assert density_coverage(real, generated, k=1) == pytest.approx((5 / 5, 5 / 10))
    assert neighbour_distances(real, 2).tolist() == [2, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    index, distance = nearest(generated, real)
    assert index.tolist() == [0, 4, 9, 9, 9] and distance.tolist() == [0.25, 0.5, 0.5, 11, 21]
    with pytest.raises(ValueError, match="neighbour number 5"):
        precision_recall(real, generated, k=5)


def test_manifolds_of_copies_of_strangers_and_of_one_image(random):
    real = random.standard_normal((1300, 5))  # more than is looked at at once
    assert precision_recall(real, real) == (1, 1)
    assert density_coverage(real, real).coverage == 1
    assert precision_recall(real, real + 100) == (0, 0)
    assert density_coverage(real, real + 100) == (0, 0)
    collapsed = np.repeat(real[:1], 1100, axis=0)
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1 and recall == 1 / 1300  # that very image
    assert density_coverage(real, collapsed).coverage < 0.02
    other = random.standard_normal((1300, 5))
    assert density_coverage(real, other).density == pytest.approx(1, abs=0.1)
    assert density_coverage(real, other).coverage == pytest.approx(1 - 2**-5, abs=0.03)  # Naeem et al., 3.3


# --- Jensen-Shannon ---------------------------------------------------------------------------------------


def test_jensen_shannon_in_nats():
    assert jensen_shannon([1, 0], [0, 5]) == pytest.approx(np.log(2))
    assert jensen_shannon([2, 2], [1, 1]) == 0
    # p = (1, 0), q = (1/2, 1/2), middle (3/4, 1/4): half of log(4/3) and of log(2/3)/2 + log(2)/2.
    assert jensen_shannon([1, 0], [1, 1]) == pytest.approx((np.log(4 / 3) + np.log(2 / 3) / 2 + np.log(2) / 2) / 2)


def test_grain_is_what_is_left_beside_even_slopes(random):
    slope = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (3, 20, 1))[..., None]
    assert mean_laplacian(slope) == 0
    noisy = [np.clip(128 + random.normal(0, s, (20, 32, 32, 3)), 0, 255).astype(np.uint8) for s in (5, 10)]
    # brightness is the mean of three channels, so its noise has 5 / sqrt(3); the weights 4, -1, -1, -1, -1 make it
    # sqrt(20) times as large, and the mean distance from 0 of a normal distribution is sqrt(2 / pi) deviations
    assert mean_laplacian(noisy[0]) == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(20 / 3) * 5, rel=0.03)
    assert grain_ratio(*map(mean_laplacian, noisy)) == pytest.approx(2, rel=0.03)
    assert grain_ratio(0.0, 0.0) == 1 and grain_ratio(0.0, 3.0) > 1
    assert is_better("grain_ratio", 1.1, 0.8) and is_better("grain_ratio", 0.9, 1.2)
    assert not is_better("grain_ratio", 2.0, 0.6) and is_better("grain_ratio", 5.0, None)


def test_intensities(random):
    images = random.integers(0, 256, (5, 4, 3, 2), np.uint8)
    histogram = intensity_histogram(images)
    assert histogram.shape == (2, 256) and histogram.sum() == images.size
    assert histogram[1, images[0, 0, 0, 1]] == (images[..., 1] == images[0, 0, 0, 1]).sum()
    assert intensity_divergence(histogram, 3 * histogram) == pytest.approx(0, abs=1e-12)
    black, white = (intensity_histogram(np.full((1, 2, 2, 1), value, np.uint8)) for value in (0, 255))
    assert intensity_divergence(black, white) == pytest.approx(np.log(2))


def test_the_bound_that_a_discriminator_proves():
    """Over two outcomes the best discriminator is known, p / (p + q), and its loss proves the divergence itself."""
    p, q = np.array([0.9, 0.1]), np.array([0.3, 0.7])

    def loss(d):
        return -(p * np.log(d)).sum() - (q * np.log(1 - d)).sum()

    best = p / (p + q)
    assert divergence_bound(loss(best)) == pytest.approx(jensen_shannon(p, q), rel=1e-12)
    assert 0 < divergence_bound(loss(best + [0.05, -0.02])) < jensen_shannon(p, q)
    assert divergence_bound(2 * np.log(2)) == 0 and divergence_bound(5.0) == 0
    assert divergence_bound(0.0) == pytest.approx(np.log(2))
