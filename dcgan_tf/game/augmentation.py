"""What the discriminator is shown instead of the images themselves: augmented, mirrored.

All of it is differentiable and drawn inside the graph as a function of a seed. DiffAugment changes real and
generated images alike on their way into D, so that the changes do not leak into what G makes: Zhao et al. 2020
(arXiv:2006.10738), whose figures (an eighth, a half, ...) these are. Images are float32 [N, H, W, C] in [-1, 1].
"""

from collections.abc import Callable

import tensorflow as tf

from dcgan_tf.game import replicas


def viewer(recipe) -> Callable:
    """A function (images, seed [2]) -> images augmented as the recipe asks for."""
    augmentations = [AUGMENT[name] for name in recipe.augmentations]

    def view(images, seed):
        for index, augment in enumerate(augmentations):
            images = augment(images, tf.random.experimental.stateless_fold_in(seed, index + 1))
        return images

    return view


def mirror_half(images, seed):
    """Each image mirrored left to right, or not, with probability 1/2."""
    mirrored = replicas.uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    return tf.where(mirrored, tf.reverse(images, [2]), images)


def translation(images, seed):
    """Shifted by up to an eighth of the size either way; what comes in from outside is 0, the middle gray.

    A shift is a multiplication with a shifted unit matrix, along rows and then columns: on a CPU, faster than
    gathering pixels, forwards and backwards.
    """
    _, height, width, _ = images.shape
    shifts = replicas.uniform([2, tf.shape(images)[0], 1], seed, axis=1)

    def matrix(size, uniform):
        reach = size // 8
        shift = tf.cast(tf.floor(uniform * (2 * reach + 1)), tf.int32) - reach
        return tf.one_hot(tf.range(size)[None] + shift, size)  # rows beyond the edge are all zero

    images = tf.einsum("nij,njwc->niwc", matrix(height, shifts[0]), images)
    return tf.einsum("nij,nhjc->nhic", matrix(width, shifts[1]), images)


def cutout(images, seed):
    """A square of half the size, around a random place, is set to 0; it may stick out of the image."""
    _, height, width, _ = images.shape
    centres = replicas.uniform([2, tf.shape(images)[0], 1], seed, axis=1)

    def inside(size, uniform):
        half = (size + 1) // 2
        first = tf.floor(uniform * tf.cast(size + 1 - half % 2, tf.float32)) - half // 2
        places = tf.range(size, dtype=tf.float32)[None]
        return tf.cast((places >= first) & (places < first + half), tf.float32)

    hole = inside(height, centres[0])[:, :, None, None] * inside(width, centres[1])[:, None, :, None]
    return images * (1.0 - hole)


def color(images, seed):
    """Brightness by up to a half, saturation from 0 to 2 times, contrast from a half to 3/2 times."""
    drawn = replicas.uniform([3, tf.shape(images)[0], 1, 1, 1], seed, axis=1)
    images += drawn[0] - 0.5
    gray = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - gray) * (2.0 * drawn[1]) + gray
    middle = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - middle) * (drawn[2] + 0.5) + middle


AUGMENT = {"translation": translation, "cutout": cutout, "color": color}
