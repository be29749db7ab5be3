"""Projection finds the latent of an image that the generator can draw."""

import numpy as np
import pytest

from dcgan_tf.latent.projection import project, read_image
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.system.errors import UserError

SIZE, DIM = 16, 6


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_projecting_a_generated_image_comes_back_to_it(space, distribution):
    space = LatentSpace(space.generator, distribution)
    latents = space.of_seeds([41])
    target = space.draw(latents)[0]
    found = project(space, target, starts=4, steps=120)
    assert found.images.shape == (4, SIZE, SIZE, 1) and found.film.shape[1:] == (DIM,)
    assert (np.diff(found.losses) >= 0).all()
    others = space.draw(space.random(50, 3)).astype(float) - target
    assert found.errors[0] < 3 < np.sqrt(np.square(others).mean(axis=(1, 2, 3))).min()
    np.testing.assert_array_equal(found.images[0], space.draw(found.latents[:1])[0])
    np.testing.assert_array_equal(found.film[-1], found.latents[0])
    if distribution == "uniform":
        assert np.abs(found.latents).max() <= 1


def test_any_picture_becomes_one_of_the_generators_size(space, tmp_path):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 200
    save_png(tmp_path / "wide.png", wide)
    target = read_image(tmp_path / "wide.png", space)
    assert target.shape == (SIZE, SIZE, 1) and (target == 200).all()  # the middle, gray
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(UserError, match=r"no\.png' cannot be projected \(not an image\)"):
        read_image(tmp_path / "no.png", space)
