"""This project's own networks: small and fast on a CPU, for any size from 28 to 128."""

from dcgan_tf.networks.layers import batch_norm, fresh, latent_input, logit_of
from dcgan_tf.system.keras_backend import keras, layers, ops


def check_size(image_shape):
    """What is wrong with images of shape (H, W, C), and what would do; None where nothing is."""
    size = image_shape[0]
    return None if 28 <= size <= 128 else f"sizes are 28 to 128: take {min(max(size, 28), 128)} instead of {size}"


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """Dense to a small square, a 3x3 convolution, 4x4 transposed ones up to half the size, then the last doubling.

    The widths halve as the size doubles, down to `width` at half the image's size. The features of every size
    also give a small picture, and these are enlarged and summed (the output skips of Karras et al. 2020,
    arXiv:1912.04958, section 4.1): the large shapes need not find their way through all the layers. Odd sizes are
    cropped out of the next even one. With `self_modulation` the latents have a say in every layer: see below.
    """
    size, _, channels = image_shape
    doublings = _doublings(size)
    start = -(-size >> doublings)  # rounded up
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    widths = [recipe.width << level for level in range(doublings - 1, -1, -1)]
    smoothly = recipe.last_doubling == "bilinear" or (recipe.last_doubling == "by_channels" and channels == 3)
    few = [max(1, recipe.width // 2)] if smoothly else []  # features at full size
    inputs, latents = latent_input(recipe, label_count)
    modulated = _modulations(latents, [widths[0], *widths, *few]) if recipe.self_modulation else lambda x: x
    normalised = lambda x: layers.ReLU()(modulated(batch_norm(x, 1e-3)))  # noqa: E731
    x = layers.Dense(start * start * widths[0], use_bias=False, kernel_initializer=fresh(normal))(latents)
    x = normalised(layers.Reshape([start, start, widths[0]])(x))
    x = layers.Conv2D(widths[0], 3, padding="same", use_bias=False, kernel_initializer=fresh(normal))(x)
    x = normalised(x)
    picture = layers.Conv2D(channels, 1, kernel_initializer=fresh(normal))(x)
    for width in widths[1:]:
        x = layers.Conv2DTranspose(width, 4, 2, "same", use_bias=False, kernel_initializer=fresh(normal))(x)
        x = normalised(x)
        picture = _enlarged(picture, smoothly)
        if smoothly or width != widths[-1]:  # what depth to space makes is the picture of the last size
            detail = layers.Conv2D(channels, 1, kernel_initializer=fresh(normal))(x)
            picture = layers.Add()([picture, detail])
    if smoothly:  # even surfaces are what a convolution at full size makes by default, of features enlarged smoothly
        x = layers.Conv2D(*few, 3, padding="same", use_bias=False, kernel_initializer=fresh(normal))(x)
        x = normalised(_enlarged(x, True))
        x = layers.Conv2D(channels, 3, padding="same", kernel_initializer=fresh(normal))(x)
    else:
        x = _four_pixels_at_once(x, channels, normal)
    x = layers.Add()([x, _enlarged(picture, smoothly)])
    extra = x.shape[1] - size
    if extra:
        x = layers.Cropping2D(((extra // 2, extra - extra // 2),) * 2)(x)
    return keras.Model(inputs, layers.Activation("tanh", dtype="float32")(x), name="generator")


def _enlarged(x, smoothly):
    if not smoothly:
        return layers.UpSampling2D(2)(x)
    return layers.UpSampling2D(2, interpolation="bilinear", dtype="float32")(x)  # TensorFlow's kernel knows no other


def _four_pixels_at_once(x, channels, normal):
    """A convolution at half the size, then depth to space (Shi et al. 2016, arXiv:1609.05158).

    On a CPU, layers of one or three channels at full size cost more than they are worth. But each of the four has
    weights of its own: neighbouring pixels that have nothing to do with each other, grain, are what it makes at first.
    """
    half = x.shape[1]
    x = layers.Conv2D(4 * channels, 3, padding="same", kernel_initializer=fresh(normal))(x)
    x = layers.Reshape([half, half, 2, 2, channels])(x)
    return layers.Reshape([2 * half, 2 * half, channels])(layers.Permute([1, 3, 2, 4, 5])(x))


def _modulations(latents, channels):
    """A function that scales and shifts the features of layer after layer, of so many channels, as the latents say.

    What a whole image has in common, such as the colour of its background, is then in reach of every layer, and need
    not be agreed on place by place. A small network in between (Chen et al. 2019, arXiv:1810.01365, equation 2); its
    answers for all layers come from one kernel, since gradients of many parts would be added in no fixed order.
    """
    hidden = layers.Dense(32, activation="relu", kernel_initializer="he_normal")(latents)
    small = keras.initializers.RandomNormal(0.0, 0.02)
    answers = layers.Dense(2 * sum(channels), use_bias=False, kernel_initializer=small, name="modulation")(hidden)
    scales, shifts = ops.split(layers.Reshape([1, 1, 2 * sum(channels)])(answers), 2, axis=-1)
    ends = [sum(channels[:index]) for index in range(1, len(channels))]
    parts = iter(zip(ops.split(scales, ends, axis=-1), ops.split(shifts, ends, axis=-1), strict=True))

    def modulated(x):
        scale, shift = next(parts)
        return layers.Add()([layers.Multiply()([x, 1.0 + scale]), shift])

    return modulated


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
    """Space to depth, a 3x3 convolution, strided 4x4 ones down to 4 pixels or so, one more 3x3.

    The widths double as the size halves, from three quarters of `width` at half the image's size. BatchNorm in
    all but the first (Radford et al. 2016, section 3): it would take from D what all images of a batch share,
    such as a grid over them.
    """
    size, _, channels = image_shape
    doublings = _doublings(size)
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
        x = layers.Conv2D(width, kernel, stride, "same", use_bias=not normalised, kernel_initializer=fresh(normal))(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(batch_norm(x, 1e-3) if normalised else x)
    return logit_of(recipe, images, x, label_count, kernel_initializer=fresh(normal))


def _doublings(size):
    return 2 if size <= 32 else 3 if size <= 64 else 4
