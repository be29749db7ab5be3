"""The formulas of the latent space, against closed forms."""

from statistics import NormalDist

import numpy as np
import pytest

from dcgan_tf.latent import formulas as latent


def unit(dim, place):
    return np.eye(dim, dtype=np.float32)[place]


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# --- paths ------------------------------------------------------------------------------------------------


def test_the_straight_way_is_a_weighted_mean():
    a, b = random(2, 5)
    path = latent.linear(a, b, [0, 0.25, 1])
    assert path.shape == (3, 5) and path.dtype == np.float32
    np.testing.assert_array_equal(path[0], a)
    np.testing.assert_array_equal(path[2], b)
    np.testing.assert_allclose(path[1], 0.75 * a + 0.25 * b, rtol=1e-6)
    assert latent.linear(a, b, 0.5).shape == (5,)


def test_the_round_way_turns_evenly_and_keeps_the_length():
    a, b = 3 * unit(4, 0), 3 * unit(4, 2)
    path = latent.spherical(a, b, np.linspace(0, 1, 7))
    angles = np.arange(7) * np.pi / 12
    np.testing.assert_allclose(path[:, 0], 3 * np.cos(angles), atol=1e-6)
    np.testing.assert_allclose(path[:, 2], 3 * np.sin(angles), atol=1e-6)
    assert not path[:, [1, 3]].any()


def test_the_round_way_is_whites_formula_and_ends_exactly():
    a, b = random(2, 100)
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    path = latent.spherical(a, b, [0, 0.3, 1])
    np.testing.assert_array_equal(path[[0, 2]], [a, b])
    np.testing.assert_allclose(path[1], (np.sin(0.7 * angle) * a + np.sin(0.3 * angle) * b) / np.sin(angle), atol=1e-5)
    middle = latent.spherical(a, b, 0.5)
    assert np.linalg.norm(middle) > 1.3 * np.linalg.norm(latent.linear(a, b, 0.5))


def test_the_round_way_turns_about_its_centre():
    a, b = random(2, 8)
    np.testing.assert_allclose(
        latent.spherical(a + 5, b + 5, [0.2, 0.8], centre=5), latent.spherical(a, b, [0.2, 0.8]) + 5, atol=1e-5
    )


@pytest.mark.parametrize("factor", [1.0, 2.5, 1 + 1e-9])
def test_parallel_vectors_go_straight(factor):
    a = random(6)
    np.testing.assert_allclose(
        latent.spherical(a, factor * a, [0, 0.5, 1]), latent.linear(a, factor * a, [0, 0.5, 1]), rtol=1e-6
    )


def test_opposite_vectors_go_round_and_not_through_the_middle():
    a = random(6)
    path = latent.spherical(a, -a, np.linspace(0, 1, 9))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linalg.norm(a), rtol=1e-5)
    np.testing.assert_array_equal(path[[0, -1]], [a, -a])
    assert abs(path[4] @ a) < 1e-5
    np.testing.assert_allclose(np.diff(path @ a / (a @ a)), np.diff(np.cos(np.linspace(0, np.pi, 9))), atol=1e-6)


def test_a_zero_vector_has_no_direction_and_goes_straight():
    a = random(4)
    np.testing.assert_allclose(latent.spherical(np.zeros(4), a, 0.25), 0.25 * a, rtol=1e-6)


def test_a_loop_passes_every_point_once_and_closes():
    points = random(3, 4)
    path = latent.loop(points, 5, latent.spherical)
    assert path.shape == (15, 4)
    np.testing.assert_array_equal(path[::5], points)
    np.testing.assert_allclose(path[12], latent.spherical(points[2], points[0], 0.4))


def test_a_plane_has_its_corners_and_is_flat():
    a, b, c = random(3, 10)
    points = latent.plane(a, b, c, [0, 0.5, 1], [0, 1])
    assert points.shape == (2, 3, 10)
    np.testing.assert_allclose(points[0, [0, 2]], [a, b], rtol=1e-6)
    np.testing.assert_allclose(points[1, [0, 2]], [c, b + c - a], atol=1e-6)
    np.testing.assert_allclose(points[0, 1], (a + b) / 2, atol=1e-6)
    flat = np.linalg.svd((points.reshape(-1, 10) - a).astype(np.float64))[1]
    assert flat[1] > 0.1 and flat[2] < 1e-5


def test_a_plane_that_keeps_lengths_keeps_its_corners():
    a, b, c = random(3, 10)
    points = latent.plane(a + 2, b + 2, c + 2, [0, 0.5, 1], [0, 1], centre=2.0)
    np.testing.assert_allclose(points[0, [0, 2]], [a + 2, b + 2], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(points[0, 1] - 2), (np.linalg.norm(a) + np.linalg.norm(b)) / 2, rtol=1e-5)
    assert np.isfinite(latent.plane(a, -a, c, [0.5], [0], centre=0.0)).all()


# --- sums and spreads -------------------------------------------------------------------------------------


def test_combine_adds_means():
    a, b, c = random(3, 3, 6)
    np.testing.assert_allclose(
        latent.combine([(1, a), (-1, b), (1, c[0])]), a.mean(axis=0) - b.mean(axis=0) + c[0], atol=1e-6
    )


def test_respread_gives_the_mean_and_the_std_asked_for():
    z = 3 + 2 * random(2000, 5)
    np.testing.assert_allclose(latent.respread(z, -1, 0.4, 3, 2), -1 + 0.4 * (z - 3) / 2, atol=1e-6)
    np.testing.assert_allclose(latent.respread(z, -1, 0, 3, 2), -1)
    np.testing.assert_array_equal(latent.mean_points([-1, 0.8], 3), np.float32([[-1] * 3, [0.8] * 3]))


@pytest.mark.parametrize("limit", [0.3, 1.0, 2.5])
def test_truncation_gives_a_truncated_normal_and_keeps_ranks(limit):
    z = random(4000)
    cut = latent.truncate(5 + 2 * z, limit, mean=5, std=2)
    inside = (cut - 5) / 2
    assert np.abs(inside).max() <= limit * (1 + 1e-5)
    normal = NormalDist()
    density, share = normal.pdf(limit), 2 * normal.cdf(limit) - 1
    assert inside.var() == pytest.approx(1 - 2 * limit * density / share, rel=0.06)  # that of a truncated normal
    order = np.argsort(z)
    assert (np.diff(inside[order]) >= 0).all()


def test_truncation_at_its_ends():
    z = np.float32([[-40, -1, 0, 1, 40]])
    np.testing.assert_allclose(latent.truncate(z, 50.0)[0, 1:4], z[0, 1:4], atol=1e-6)
    assert np.isfinite(latent.truncate(z, 50.0)).all()
    np.testing.assert_allclose(latent.truncate(z, 0.5)[0], [-0.5, *latent.truncate(z, 0.5)[0, 1:4], 0.5], atol=1e-6)
    with pytest.raises(ValueError, match="must be above 0"):
        latent.truncate(z, 0)


def test_uniform_latents_are_truncated_to_a_smaller_box():
    z = np.random.default_rng(0).uniform(-1, 1, (50, 4)).astype(np.float32)
    np.testing.assert_allclose(latent.truncate(2 + 3 * z, 0.5, "uniform", 2, 3), 2 + 1.5 * z, atol=1e-6)
    np.testing.assert_allclose(latent.truncate(z, 7, "uniform"), z, atol=1e-6)


def test_the_average_of_batches_is_the_mean_of_all():
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 1), np.uint8)
    np.testing.assert_array_equal(latent.average([images[:7], images[7:]]), np.rint(images.mean(axis=0)))


# --- directions -------------------------------------------------------------------------------------------


def test_moves_go_so_far_as_asked_whatever_the_direction_is_long():
    z, direction = random(2, 5), 7 * unit(5, 1)
    moved = latent.move(z, direction, [-1, 0, 2])
    assert moved.shape == (2, 3, 5)
    np.testing.assert_array_equal(moved[:, 1], z)
    np.testing.assert_allclose(moved[:, 2] - z, 2 * np.stack([unit(5, 1)] * 2), atol=1e-6)
    assert latent.move(z[0], direction, 1.0).shape == (5,)


def test_without_leaves_nothing_along_the_others():
    direction, others = random(6), random(2, 6, seed=1)
    rest = latent.without(direction, others)
    assert np.linalg.norm(rest) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(others @ rest, 0, atol=1e-6)
    np.testing.assert_allclose(latent.without(unit(3, 0) + unit(3, 1), unit(3, 1)), unit(3, 0), atol=1e-6)
    with pytest.raises(ValueError, match="nothing of it is left"):
        latent.without(others[0] - others[1], others)


def test_principal_directions_are_the_singular_vectors():
    turn = np.linalg.qr(random(5, 5).astype(np.float64))[0]
    jacobian = np.linalg.qr(random(20, 5, seed=1).astype(np.float64))[0] @ np.diag([5.0, 4, 3, 2, 1]) @ turn.T
    found = latent.principal(jacobian.T @ jacobian)
    np.testing.assert_allclose(found.values, [5, 4, 3, 2, 1], rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(found.vectors * turn.T, axis=1)), 1, rtol=1e-6)
    assert (found.vectors.max(axis=1) == np.abs(found.vectors).max(axis=1)).all()


def test_regression_finds_the_direction_and_says_how_much_it_explains():
    z = random(8000, 10) * np.linspace(0.5, 2, 10).astype(np.float32) + 1
    weights = random(10, seed=1)
    clean = z @ weights
    noise = clean.std() * random(8000, seed=2)
    scores = np.stack([4 + 100 * clean, clean + noise, random(8000, seed=3), np.full(8000, 7.0)], axis=1)
    found = latent.regress(z, scores)
    wanted = weights / np.linalg.norm(weights)
    assert found.vectors[0] @ wanted > 0.99999 and found.vectors[1] @ wanted > 0.98
    assert found.values[0] == pytest.approx(1, abs=1e-4)
    assert found.values[1] == pytest.approx(0.5, abs=0.06)  # as much signal as noise
    assert found.values[2] < 0.02  # nothing, on samples that were not seen
    assert found.values[3] == 0 and not found.vectors[3].any()  # a score that never changes
