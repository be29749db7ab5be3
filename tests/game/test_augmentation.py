"""What D is shown: each change against its definition, on images where the answer is known."""

import numpy as np
import tensorflow as tf

from dcgan_tf.game.augmentation import AUGMENT, color, cutout, mirror_half, translation, viewer
from dcgan_tf.recipe.fields import AUGMENTATIONS, Recipe

SEED = tf.constant([3, 4], tf.int64)


def _random(count, height, width, channels):
    return np.random.default_rng(0).uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def test_the_names_a_recipe_takes_are_those_that_exist():
    assert tuple(AUGMENT) == AUGMENTATIONS


def test_translation_moves_each_image_by_its_own_whole_pixels():
    images = _random(500, 16, 24, 2)
    moved = translation(tf.constant(images), SEED).numpy()
    seen = set()
    for before, after in zip(images, moved, strict=True):
        padded = np.pad(before, ((2, 2), (3, 3), (0, 0)))
        where = [(y, x) for y in range(5) for x in range(7) if np.array_equal(padded[y : y + 16, x : x + 24], after)]
        assert len(where) == 1  # found, at exactly one place
        seen.update(where)
    assert len(seen) == 35  # an eighth either way: 5 rows times 7 columns, all drawn


def test_cutout_sets_a_square_of_half_the_size_to_gray():
    holes = cutout(tf.ones([500, 16, 16, 3]), SEED).numpy() == 0
    assert np.array_equal(holes[..., 0], holes[..., 2])
    for hole in holes[..., 0]:
        rows, columns = hole.any(1), hole.any(0)
        assert np.array_equal(hole, np.outer(rows, columns)) and rows.sum() <= 8 and columns.sum() <= 8
    assert (holes[..., 0].sum((1, 2)) == 64).any()  # not at the edge: whole
    assert holes[..., 0].any(0).all()  # everywhere, sometimes


def test_color_is_brightness_then_saturation_then_contrast():
    images = _random(300, 4, 4, 3)
    changed = color(tf.constant(images), SEED).numpy()
    brightness = changed.mean((1, 2, 3)) - images.mean((1, 2, 3))  # the other two leave the mean alone
    assert -0.5 <= brightness.min() < -0.4 and 0.4 < brightness.max() <= 0.5

    def split(x):  # what contrast scales alone, and what saturation scales too
        gray = x.mean(3, keepdims=True)
        return gray - x.mean((1, 2, 3), keepdims=True), x - gray

    (gray, colours), (gray_after, colours_after) = split(images), split(changed)
    contrast = (gray_after * gray).sum((1, 2, 3)) / (gray**2).sum((1, 2, 3))
    np.testing.assert_allclose(gray_after, gray * contrast[:, None, None, None], atol=1e-5)
    assert 0.5 <= contrast.min() < 0.6 and 1.4 < contrast.max() <= 1.5
    saturation = (colours_after * colours).sum((1, 2, 3)) / (colours**2).sum((1, 2, 3)) / contrast
    assert 0 <= saturation.min() < 0.1 and 1.9 < saturation.max() <= 2.0001


def test_half_of_the_images_are_mirrored():
    images = _random(400, 6, 6, 1)
    after = mirror_half(tf.constant(images), SEED).numpy()
    mirrored = (after == images[:, :, ::-1]).all((1, 2, 3))
    assert np.array_equal(after[~mirrored], images[~mirrored]) and 150 < mirrored.sum() < 250


def test_views_are_drawn_by_their_seed_and_carry_gradients():
    view = viewer(Recipe(augment="color, translation,cutout"))
    images = tf.constant(_random(8, 16, 16, 3))
    with tf.GradientTape() as tape:
        tape.watch(images)
        seen = view(images, SEED)
    assert np.array_equal(seen, view(images, SEED)) and not np.array_equal(seen, view(images, SEED + 1))
    assert np.abs(tape.gradient(seen, images)).max() > 0
    plain = viewer(Recipe())
    assert plain(images, SEED) is images
