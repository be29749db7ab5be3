"""The networks: one generator and one discriminator for each architecture, in Keras' functional style.

Shapes are NHWC. A generator maps latents [N, latent_dim] to float32 images [N, H, W, C] in [-1, 1]; a
discriminator maps such images to a float32 logit [N, 1] (its sigmoid, where a report has one, is in the
loss). Builders read their sizes from a recipe and the shape of the images, (H, W, C).
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import layers, ops

from dcgan_tf.system.errors import UserError


class Architecture(NamedTuple):
    generator: Callable  # (recipe, image_shape) -> keras.Model
    discriminator: Callable  # (recipe, image_shape) -> keras.Model
    check_size: Callable  # (image_shape) -> what is wrong with it and what would do, or None
    fixed_size: bool = False  # whether there is one image size only


def build_generator(recipe, image_shape) -> keras.Model:
    """The recipe's generator for images of shape (H, W, C). Raises UserError when the size does not fit."""
    check_image_shape(recipe, image_shape)
    return ARCHITECTURES[recipe.architecture].generator(recipe, tuple(image_shape))


def build_discriminator(recipe, image_shape) -> keras.Model:
    """The recipe's discriminator for images of shape (H, W, C). Raises UserError when the size does not fit."""
    check_image_shape(recipe, image_shape)
    return ARCHITECTURES[recipe.architecture].discriminator(recipe, tuple(image_shape))


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


# --- dcgan: Radford et al. 2016, for any size m * 2^k; also the networks of `nitk` -----------------------


def _doublings(size: int, layers_wanted: int) -> int:
    """How many of the layers double the size: as many as divide it and leave a start of at least 2 pixels."""
    doublings = 0
    while doublings < layers_wanted and size % 2 == 0 and size // 2 >= 2:
        size //= 2
        doublings += 1
    return doublings


def _check_dcgan_size(image_shape):
    size = image_shape[0]
    if _doublings(size, 4) >= 2 and size <= 512:
        return None
    low, high = max(size // 4 * 4, 8), max(-(-size // 4) * 4, 8)
    sizes = str(low) if low == high else f"{low} or {high}"
    return f"sizes are m * 2^k with k of at least 2, from 8 to 512: take {sizes} instead of {size}, or the recipe quick"


def dcgan_generator(recipe, image_shape) -> keras.Model:
    """Dense to a small square, then four 5x5 transposed convolutions that halve the width and double the size.

    At sizes with fewer than four factors of 2 (28 = 7 * 2^2) the first layers keep the size.
    Source: Radford et al. 2016, section 3 and figure 1.
    """
    size, _, channels = image_shape
    doublings = _doublings(size, 4)
    start = size >> doublings
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    normalise = {"paper": (True, True, False), "inner": (False, True, False), "all": (True, True, True)}
    at_input, inside, at_output = normalise.get(recipe.batch_norm, (False, False, False))

    def activation():
        if recipe.generator_activation == "relu":
            return layers.ReLU()
        return layers.LeakyReLU(negative_slope=recipe.leaky_slope)

    latents = keras.Input([recipe.latent_dim], name="latents")
    x = layers.Dense(start * start * recipe.width * 8, use_bias=not at_input, kernel_initializer=_copy(normal))(latents)
    x = layers.Reshape([start, start, recipe.width * 8])(x)
    x = _batch_norm(x) if at_input else x
    x = activation()(x)
    for index in range(4):
        last = index == 3
        filters = channels if last else recipe.width * 4 >> index
        normalised = at_output if last else inside
        stride = 2 if index >= 4 - doublings else 1
        x = layers.Conv2DTranspose(
            filters, 5, stride, "same", use_bias=not normalised and not last, kernel_initializer=_copy(normal)
        )(x)
        x = _batch_norm(x) if normalised else x
        x = x if last else activation()(x)
    return keras.Model(latents, layers.Activation("tanh", dtype="float32")(x), name="generator")


def dcgan_discriminator(recipe, image_shape) -> keras.Model:
    """The generator's mirror: four strided 5x5 convolutions with LeakyReLU, then a dense logit."""
    doublings = _doublings(image_shape[0], 4)
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    images = keras.Input(image_shape, name="images")
    x = images
    for index in range(4):
        stride = 2 if index < doublings else 1
        normalised = recipe.discriminator_has_batch_norm and (recipe.batch_norm == "all" or index > 0)
        x = layers.Conv2D(
            recipe.width << index,
            5,
            stride,
            "same",
            use_bias=not normalised,
            kernel_initializer=_copy(normal),
        )(x)
        x = _batch_norm(x) if normalised else x
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x)
    return _logit(recipe, images, x, kernel_initializer=_copy(normal))


def _copy(initializer):
    """The same initializer with a seed of its own: Keras draws the same numbers for a shared one."""
    return type(initializer).from_config({**initializer.get_config(), "seed": None})


def _batch_norm(x, epsilon=1e-5):
    # Momentum 0.9, not Keras' 0.99: the moving statistics must have caught up after a short run too.
    return layers.BatchNormalization(momentum=0.9, epsilon=epsilon)(x)


def _logit(recipe, images, features, **dense_options) -> keras.Model:
    x = _with_minibatch_std(features) if recipe.minibatch_std else features
    logit = layers.Dense(1, dtype="float32", name="logit", **dense_options)(layers.Flatten()(x))
    return keras.Model(images, logit, name="discriminator")


def _with_minibatch_std(features):
    """One more feature map: the standard deviation over the batch, averaged over places and features.

    Source: Karras et al. 2018 (arXiv:1710.10196), section 3. From Keras' own operations, so that a saved
    discriminator needs nothing of this project to load.
    """
    x = ops.cast(features, "float32")
    deviation = ops.sqrt(ops.var(x, axis=0, keepdims=True) + 1e-8)  # a gradient also where all are equal
    return ops.concatenate([x, ops.ones_like(x[..., :1]) * ops.mean(deviation)], axis=-1)


def _only(*shapes):
    """A size check for an architecture of fixed shapes."""

    def check(image_shape):
        if tuple(image_shape) in shapes:
            return None
        wanted = " or ".join("x".join(map(str, shape)) for shape in shapes)
        return f"its networks are for {wanted}: add --resize to change the images, or take the recipe quick"

    return check


# --- tutorial: TensorFlow's DCGAN tutorial, 28x28 gray ----------------------------------------------------


def tutorial_generator(recipe, image_shape) -> keras.Model:
    """Dense to 7x7x256, transposed convolutions to 128, 64 (14x14) and 1 (28x28)."""
    width = recipe.width
    latents = keras.Input([recipe.latent_dim], name="latents")
    x = layers.Dense(7 * 7 * width * 4, use_bias=False)(latents)
    x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(layers.BatchNormalization()(x))
    x = layers.Reshape([7, 7, width * 4])(x)
    for filters, stride in ((width * 2, 1), (width, 2)):
        x = layers.Conv2DTranspose(filters, 5, stride, "same", use_bias=False)(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 5, 2, "same", use_bias=False, activation="tanh", dtype="float32")(x)
    return keras.Model(latents, x, name="generator")


def tutorial_discriminator(recipe, image_shape) -> keras.Model:
    """Two strided 5x5 convolutions with dropout and no BatchNorm, then a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for filters in (recipe.width, recipe.width * 2):
        x = layers.Conv2D(filters, 5, 2, "same")(x)
        x = layers.Dropout(recipe.dropout)(layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x))
    return _logit(recipe, images, x)


# --- vrdl: celebrity faces, 64x64 colour ------------------------------------------------------------------


def vrdl_generator(recipe, image_shape) -> keras.Model:
    """BatchNorm over all 16384 features of the dense layer; dropout *before* each transposed convolution."""
    width = recipe.width
    latents = keras.Input([recipe.latent_dim], name="latents")
    x = layers.Dense(4 * 4 * width * 8, use_bias=False, kernel_initializer=_truncated(recipe))(latents)
    x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(_batch_norm(x, 5e-5))
    x = layers.Reshape([4, 4, width * 8])(x)
    for filters in (width * 4, width * 2, width):
        x = layers.Dropout(recipe.dropout)(x)
        x = layers.Conv2DTranspose(filters, 5, 2, "same", use_bias=False, kernel_initializer=_truncated(recipe))(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(_batch_norm(x, 5e-5))
    x = layers.Conv2DTranspose(3, 5, 2, "same", use_bias=False, kernel_initializer=_truncated(recipe))(x)
    return keras.Model(latents, layers.Activation("tanh", dtype="float32")(x), name="generator")


def vrdl_discriminator(recipe, image_shape) -> keras.Model:
    """Three strided 5x5 convolutions with dropout and no BatchNorm, then a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for filters in (recipe.width // 2, recipe.width, recipe.width * 2):
        x = layers.Conv2D(filters, 5, 2, "same", kernel_initializer=_truncated(recipe))(x)
        x = layers.Dropout(recipe.dropout)(layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x))
    return _logit(recipe, images, x, kernel_initializer=_truncated(recipe))


def _truncated(recipe):
    return keras.initializers.TruncatedNormal(0.0, recipe.initial_std)


# --- gwu: small faces, 32x32 and, with more layers, larger ------------------------------------------------


def _gwu_layers(size):
    layers_wanted = 2
    while size >> layers_wanted > 7:
        layers_wanted += 1
    return layers_wanted


def _check_gwu_size(image_shape):
    size = image_shape[0]
    step = 2 ** _gwu_layers(size)
    if 8 <= size <= 512 and size % step == 0:
        return None
    near = min(max(round(size / step) * step, 8), 512)
    return f"sizes are m * 2^k with m from 4 to 7: take {near} instead of {size}, or the recipe quick"


def gwu_generator(recipe, image_shape) -> keras.Model:
    """Dense, then 4x4 transposed convolutions of stride 2 with BatchNorm and ReLU, doubling up to the image."""
    size, _, channels = image_shape
    depth = _gwu_layers(size)
    start, widest = size >> depth, recipe.width << (depth - 1)
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    latents = keras.Input([recipe.latent_dim], name="latents")
    x = layers.Dense(start * start * widest, kernel_initializer=_copy(normal))(latents)
    x = layers.Reshape([start, start, widest])(x)
    for index in range(depth - 1):
        x = layers.Conv2DTranspose(
            widest >> (index + 1), 4, 2, "same", use_bias=False, kernel_initializer=_copy(normal)
        )(x)
        x = layers.ReLU()(_batch_norm(x))
    x = layers.Conv2DTranspose(channels, 4, 2, "same", use_bias=False, kernel_initializer=_copy(normal))(x)
    return keras.Model(latents, layers.Activation("tanh", dtype="float32")(x), name="generator")


def gwu_discriminator(recipe, image_shape) -> keras.Model:
    """4x4 convolutions of stride 2 (padding 1), BatchNorm on all but the first, LeakyReLU; a dense logit."""
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    images = keras.Input(image_shape, name="images")
    x = images
    for index in range(_gwu_layers(image_shape[0])):
        normalised = recipe.discriminator_has_batch_norm and index > 0
        x = layers.Conv2D(recipe.width << index, 4, 2, "same", use_bias=False, kernel_initializer=_copy(normal))(x)
        x = _batch_norm(x) if normalised else x
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x)
    return _logit(recipe, images, x, kernel_initializer=_copy(normal))


# --- sapienza: anime faces, 64x64 colour, no BatchNorm ----------------------------------------------------


def sapienza_generator(recipe, image_shape) -> keras.Model:
    """Dense straight to 32x32x128, one transposed convolution, wide 5x5 convolutions, a 7x7 one to the image."""
    width = recipe.width

    def activation():
        return layers.LeakyReLU(negative_slope=recipe.leaky_slope)

    latents = keras.Input([recipe.latent_dim], name="latents")
    x = activation()(layers.Dense(32 * 32 * width)(latents))
    x = layers.Reshape([32, 32, width])(x)
    x = activation()(layers.Conv2D(width * 2, 5, padding="same")(x))
    x = activation()(layers.Conv2DTranspose(width * 2, 4, 2, "same")(x))
    x = activation()(layers.Conv2D(width * 2, 5, padding="same")(x))
    x = activation()(layers.Conv2D(width * 2, 5, padding="same")(x))
    x = layers.Conv2D(3, 7, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(latents, x, name="generator")


def sapienza_discriminator(recipe, image_shape) -> keras.Model:
    """A 3x3 and three strided 4x4 convolutions, all `valid` (62, 30, 14, 6 pixels), dropout, a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for kernel, stride in ((3, 1), (4, 2), (4, 2), (4, 2)):
        x = layers.Conv2D(recipe.width, kernel, stride, "valid")(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x)
    return _logit(recipe, images, layers.Dropout(recipe.dropout)(x))


# --- rpi: celebrity faces, 64x64 colour, no BatchNorm -----------------------------------------------------


def rpi_generator(recipe, image_shape) -> keras.Model:
    """Transposed convolutions all the way: 4x4 from 1x1x100, then 5x5 of stride 2; ReLU, biases, tanh.

    No BatchNorm, as reported, when the recipe's batch_norm is `none`; else it stands before each ReLU.
    """
    latents = keras.Input([recipe.latent_dim], name="latents")
    x = layers.Reshape([1, 1, recipe.latent_dim])(latents)
    for index, multiple in enumerate((8, 4, 2, 1)):
        kernel, stride, padding = (4, 1, "valid") if index == 0 else (5, 2, "same")
        x = layers.Conv2DTranspose(recipe.width * multiple, kernel, stride, padding)(x)
        x = layers.ReLU()(x if recipe.batch_norm == "none" else _batch_norm(x))
    x = layers.Conv2DTranspose(3, 5, 2, "same", activation="tanh", dtype="float32")(x)
    return keras.Model(latents, x, name="generator")


def rpi_discriminator(recipe, image_shape) -> keras.Model:
    """Four convolutions of stride 2 with ReLU (2x2 as reported: no pixel is seen by two of them), a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for filters in (recipe.width // 2, recipe.width, recipe.width * 2, recipe.width * 4):
        x = layers.Conv2D(filters, recipe.discriminator_kernel, 2, "same")(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x) if recipe.leaky_slope else layers.ReLU()(x)
    return _logit(recipe, images, x)


# --- quick: this project's own ----------------------------------------------------------------------------


def _check_quick_size(image_shape):
    size = image_shape[0]
    return None if 28 <= size <= 128 else f"sizes are 28 to 128: take {min(max(size, 28), 128)} instead of {size}"


def quick_generator(recipe, image_shape) -> keras.Model:
    """Dense to a small square, a 3x3 convolution, 4x4 transposed ones up to half the size, depth to space.

    The widths halve as the size doubles, down to `width` at half the image's size. The features of every size
    also give a small picture, and these are enlarged and summed (the output skips of Karras et al. 2020,
    arXiv:1912.04958, section 4.1): the large shapes need not find their way through all the layers. The last
    convolution works at half the size on four pixels at once (Shi et al. 2016, arXiv:1609.05158): on a CPU,
    layers of one or three channels at full size cost more than they are worth. Odd sizes are cropped out of
    the next even one.
    """
    size, _, channels = image_shape
    doublings = _quick_doublings(size)
    start = -(-size >> doublings)  # rounded up
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    widths = [recipe.width << level for level in range(doublings - 1, -1, -1)]
    latents = keras.Input([recipe.latent_dim], name="latents")
    x = layers.Dense(start * start * widths[0], use_bias=False, kernel_initializer=_copy(normal))(latents)
    x = layers.Reshape([start, start, widths[0]])(x)
    x = layers.ReLU()(_batch_norm(x, 1e-3))
    x = layers.Conv2D(widths[0], 3, padding="same", use_bias=False, kernel_initializer=_copy(normal))(x)
    x = layers.ReLU()(_batch_norm(x, 1e-3))
    picture = layers.Conv2D(channels, 1, kernel_initializer=_copy(normal))(x)
    for width in widths[1:]:
        x = layers.Conv2DTranspose(width, 4, 2, "same", use_bias=False, kernel_initializer=_copy(normal))(x)
        x = layers.ReLU()(_batch_norm(x, 1e-3))
        picture = layers.UpSampling2D(2)(picture)
        if width != widths[-1]:  # those of half the size are what the last convolution makes
            detail = layers.Conv2D(channels, 1, kernel_initializer=_copy(normal))(x)
            picture = layers.Add()([picture, detail])
    half = start << (doublings - 1)
    x = layers.Conv2D(4 * channels, 3, padding="same", kernel_initializer=_copy(normal))(x)
    x = layers.Reshape([half, half, 2, 2, channels])(x)
    x = layers.Reshape([2 * half, 2 * half, channels])(layers.Permute([1, 3, 2, 4, 5])(x))
    x = layers.Add()([x, layers.UpSampling2D(2)(picture)])
    extra = 2 * half - size
    if extra:
        x = layers.Cropping2D(((extra // 2, extra - extra // 2),) * 2)(x)
    return keras.Model(latents, layers.Activation("tanh", dtype="float32")(x), name="generator")


def quick_discriminator(recipe, image_shape) -> keras.Model:
    """Space to depth, a 3x3 convolution, strided 4x4 ones down to 4 pixels or so, one more 3x3.

    The widths double as the size halves, from three quarters of `width` at half the image's size. BatchNorm in
    all but the first (Radford et al. 2016, section 3): it would take from D what all images of a batch share,
    such as a grid over them.
    """
    size, _, channels = image_shape
    doublings = _quick_doublings(size)
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    images = keras.Input(image_shape, name="images")
    half = -(-size // 2)
    x = layers.ZeroPadding2D(((0, 1),) * 2)(images) if size % 2 else images
    x = layers.Permute([1, 3, 2, 4, 5])(layers.Reshape([half, 2, half, 2, channels])(x))
    x = layers.Reshape([half, half, 4 * channels])(x)
    width = max(1, recipe.width * 3 // 4)
    convolutions = [(width, 3, 1)]
    convolutions += [(width << level, 4, 2) for level in range(1, doublings + 1)]
    convolutions += [(width << doublings, 3, 1)]
    for index, (width, kernel, stride) in enumerate(convolutions):
        normalised = recipe.discriminator_has_batch_norm and index > 0
        x = layers.Conv2D(width, kernel, stride, "same", use_bias=not normalised, kernel_initializer=_copy(normal))(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(_batch_norm(x, 1e-3) if normalised else x)
    return _logit(recipe, images, x, kernel_initializer=_copy(normal))


def _quick_doublings(size):
    return 2 if size <= 32 else 3 if size <= 64 else 4


ARCHITECTURES: dict[str, Architecture] = {
    "quick": Architecture(quick_generator, quick_discriminator, _check_quick_size),
    "dcgan": Architecture(dcgan_generator, dcgan_discriminator, _check_dcgan_size),
    "tutorial": Architecture(tutorial_generator, tutorial_discriminator, _only((28, 28, 1)), fixed_size=True),
    "vrdl": Architecture(vrdl_generator, vrdl_discriminator, _only((64, 64, 3)), fixed_size=True),
    "gwu": Architecture(gwu_generator, gwu_discriminator, _check_gwu_size),
    "sapienza": Architecture(sapienza_generator, sapienza_discriminator, _only((64, 64, 3)), fixed_size=True),
    "rpi": Architecture(rpi_generator, rpi_discriminator, _only((64, 64, 3)), fixed_size=True),
}
