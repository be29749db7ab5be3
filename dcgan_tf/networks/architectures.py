"""The networks: one generator and one discriminator for each architecture, in Keras' functional style.

Shapes are NHWC. A generator maps latents [N, latent_dim] to float32 images [N, H, W, C] in [-1, 1]; a
discriminator maps such images to a float32 logit [N, 1] (its sigmoid, where a report has one, is in the
loss). Builders read their sizes from a recipe and the shape of the images, (H, W, C).

A conditional recipe's networks take two arrays: [latents, labels] and [images, labels], with labels float32
[N, label_count], one-hot for classes and multi-hot for attributes.
"""

from collections.abc import Callable
from typing import NamedTuple

from dcgan_tf.networks import dcgan, gwu, quick, rpi, sapienza, tutorial, vrdl
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras


class Architecture(NamedTuple):
    generator: Callable  # (recipe, image_shape, label_count) -> keras.Model
    discriminator: Callable  # (recipe, image_shape, label_count) -> keras.Model
    check_size: Callable  # (image_shape) -> what is wrong with it and what would do, or None
    fixed_size: bool = False  # whether there is one image size only


WITHOUT_LABELS = (
    "conditional=True needs data with labels, and these have none: a folder has them when each class is a subfolder, "
    "or with a labels.csv beside the pictures; or leave conditional out"
)

ARCHITECTURES: dict[str, Architecture] = {
    "quick": Architecture(quick.generator, quick.discriminator, quick.check_size),
    "dcgan": Architecture(dcgan.generator, dcgan.discriminator, dcgan.check_size),
    "tutorial": Architecture(tutorial.generator, tutorial.discriminator, tutorial.check_size, fixed_size=True),
    "vrdl": Architecture(vrdl.generator, vrdl.discriminator, vrdl.check_size, fixed_size=True),
    "gwu": Architecture(gwu.generator, gwu.discriminator, gwu.check_size),
    "sapienza": Architecture(sapienza.generator, sapienza.discriminator, sapienza.check_size, fixed_size=True),
    "rpi": Architecture(rpi.generator, rpi.discriminator, rpi.check_size, fixed_size=True),
}


def build_generator(recipe, image_shape, label_count: int = 0) -> keras.Model:
    """The recipe's generator for images of shape (H, W, C). Raises UserError when the size does not fit.

    label_count: of the data's classes or attributes; a recipe that is not conditional makes no use of it.
    """
    return _build("generator", recipe, image_shape, label_count)


def build_discriminator(recipe, image_shape, label_count: int = 0) -> keras.Model:
    """The recipe's discriminator for images of shape (H, W, C). Raises UserError when the size does not fit.

    label_count: of the data's classes or attributes; a recipe that is not conditional makes no use of it.
    """
    return _build("discriminator", recipe, image_shape, label_count)


def _build(network, recipe, image_shape, label_count):
    check_image_shape(recipe, image_shape)
    if recipe.conditional and not label_count:
        raise UserError(WITHOUT_LABELS)
    build = getattr(ARCHITECTURES[recipe.architecture], network)
    return build(recipe, tuple(image_shape), label_count if recipe.conditional else 0)


def check_image_shape(recipe, image_shape):
    """UserError when the recipe's architecture cannot make images of shape (H, W, C)."""
    height, width, channels = image_shape
    problem = None
    if height != width:
        problem = "images must be square: crop them, or give a folder, whose images are cropped"
    elif channels not in (1, 3):
        problem = "images must have 1 channel (gray) or 3 (colour)"
    else:
        problem = ARCHITECTURES[recipe.architecture].check_size(image_shape)
    if problem:
        raise UserError(f"recipe {recipe.name!r} cannot make images of {height}x{width}x{channels}: {problem}")
