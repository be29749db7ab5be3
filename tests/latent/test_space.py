"""A generator with its latents' distribution: what is drawn, and that walks stay inside."""

import numpy as np
import pytest

from dcgan_tf.latent import formulas as latent
from dcgan_tf.system.errors import UserError


def test_a_seed_is_the_first_sample_of_that_seed(space, trained, tmp_path):
    from dcgan_tf.run.sampling import sample

    images = space.draw(space.of_seeds([4, 9]))
    np.testing.assert_allclose(images[1].astype(int), sample(trained.path, 1, seed=9)[0], atol=1)
    np.save(tmp_path / "z.npy", space.of_seeds([9])[0])
    np.testing.assert_array_equal(space.of_seeds([4, str(tmp_path / "z.npy")]), space.of_seeds([4, 9]))
    assert space.draw(np.zeros((2, 3, 6))).shape == (2, 3, 16, 16, 1)
    for wrong in ("nothing.npy", tmp_path / "short.npy", tmp_path / "objects.npy"):
        np.save(tmp_path / "short.npy", np.zeros(3))
        np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
        with pytest.raises(UserError, match=r"\.npy'.*(numbers|latent)"):
            space.of_seeds([wrong])


def test_uniform_latents_stay_in_their_box(linear_space):
    box = linear_space(np.eye(2, 16), "uniform", std=0.5)
    assert np.abs(box.random(1000, 0)).max() <= 0.5
    a, b = np.float32([0.5, 0.4]), np.float32([0.4, 0.5])
    np.testing.assert_allclose(box.way(a, b, 0.5), [0.45, 0.45])  # straight: round would be outside
    assert np.abs(box.walk(a, np.float32([1, 0]), [-9, 9])).max() == 0.5
    normal = linear_space(np.eye(2, 16))
    np.testing.assert_allclose(normal.way(a, b, 0.5), latent.spherical(a, b, 0.5))
    assert normal.walk(a, np.float32([1, 0]), 3.0)[0] == pytest.approx(3.5)
    assert box.walk(a, np.float32([-1, 0]), 1.0)[0] == pytest.approx(0.5 - 0.5 / 3**0.5)
