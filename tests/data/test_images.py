"""Images as arrays: their values, crops and sizes."""

import subprocess
import sys

import numpy as np
import pytest

from dcgan_tf.data import images


def noise(height=20, width=30, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def test_every_pixel_value_survives_the_way_there_and_back():
    values = np.arange(256, dtype=np.uint8)
    model_range = images.to_model_range(values.astype(np.float32))
    assert model_range.dtype == np.float32
    assert (model_range.min(), model_range.max()) == (-1, 1)
    assert np.array_equal(images.to_uint8(model_range), values)


def test_to_uint8_clips_and_never_stretches():
    values = np.array([-9, -1, -0.5, 0.5, 1, 9, np.nan, np.inf, -np.inf], np.float32)
    assert images.to_uint8(values).tolist() == [0, 0, 64, 191, 255, 255, 128, 255, 0]


def test_importing_does_not_bring_tensorflow_along():
    modules = "dcgan_tf.data.images, dcgan_tf.data.decoding, dcgan_tf.data.preparing, dcgan_tf.data.datasets"
    code = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_centre_crop_and_square():
    image = noise(5, 9)
    assert np.array_equal(images.centre_crop(image, (3, 5)), image[1:4, 2:7])
    assert np.array_equal(images.square(image), image[:, 2:7])
    with pytest.raises(ValueError, match="cannot crop 6x6 out of an image of 5x9"):
        images.centre_crop(image, 6)


@pytest.mark.parametrize("shape", [(12, 12, 3), (13, 29, 1), (108, 108, 3), (64, 65, 3)])
def test_shrinking_averages_exact_areas(shape):
    image = noise(*shape)
    size = (9, 7)
    # By definition: repeat every pixel so often that each new pixel is a whole number of them.
    fine = image.astype(float).repeat(size[0], axis=0).repeat(size[1], axis=1)
    wanted = fine.reshape(size[0], shape[0], size[1], shape[1], shape[2]).mean(axis=(1, 3))
    got = images.resize(image, size)
    assert got.dtype == np.uint8
    assert np.abs(got - wanted).max() <= 0.5 + 1e-9


def test_a_fine_chessboard_shrinks_to_even_gray():
    board = (np.indices((200, 200)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None]
    assert np.abs(images.resize(board, 64).astype(int) - 128).max() <= 20
    assert set(images.resize(board, 50).ravel()) == {128}


def test_enlarging_keeps_flat_areas_and_the_same_size_is_the_same_image():
    assert set(images.resize(np.full((4, 5, 3), 77, np.uint8), (9, 11)).ravel()) == {77}
    assert images.resize(noise(8, 40), 16).shape == (16, 16, 3)  # one axis grows, the other shrinks
    assert np.array_equal(images.resize(noise(), (20, 30)), noise())
    assert images.resize(noise(channels=1), (40, 60)).shape == (40, 60, 1)
    with pytest.raises(ValueError, match="at least 1x1"):
        images.resize(noise(), 0)
