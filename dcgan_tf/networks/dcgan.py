"""Radford et al. 2016 (arXiv:1511.06434), for any size m * 2^k; also the networks of the `nitk` report."""

from dcgan_tf.networks.layers import batch_norm, fresh, latent_input, logit_of
from dcgan_tf.system.keras_backend import keras, layers


def _doublings(size: int, layers_wanted: int) -> int:
    """How many of the layers double the size: as many as divide it and leave a start of at least 2 pixels."""
    doublings = 0
    while doublings < layers_wanted and size % 2 == 0 and size // 2 >= 2:
        size //= 2
        doublings += 1
    return doublings


def check_size(image_shape):
    """What is wrong with images of shape (H, W, C), and what would do; None where nothing is."""
    size = image_shape[0]
    if _doublings(size, 4) >= 2 and size <= 512:
        return None
    low, high = (min(max(near, 8), 512) for near in (size // 4 * 4, -(-size // 4) * 4))
    sizes = str(low) if low == high else f"{low} or {high}"
    return f"sizes are m * 2^k with k of at least 2, from 8 to 512: take {sizes} instead of {size}, or the recipe quick"


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """Dense to a small square, then four 5x5 transposed convolutions that halve the width and double the size.

    At sizes with fewer than four factors of 2 (28 = 7 * 2^2) the first layers keep the size.
    Source: Radford et al. 2016, section 3 and figure 1. With `upsampling=resized` each layer that doubles enlarges to
    the nearest neighbour and convolves, so that every pixel is reached by equally many weights (Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts").
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

    inputs, latents = latent_input(recipe, label_count)
    x = layers.Dense(start * start * recipe.width * 8, use_bias=not at_input, kernel_initializer=fresh(normal))(latents)
    x = layers.Reshape([start, start, recipe.width * 8])(x)
    x = batch_norm(x) if at_input else x
    x = activation()(x)
    for index in range(4):
        last = index == 3
        filters = channels if last else recipe.width * 4 >> index
        normalised = at_output if last else inside
        stride = 2 if index >= 4 - doublings else 1
        with_bias = not normalised and not last
        if recipe.upsampling == "resized":
            x = layers.UpSampling2D(2)(x) if stride == 2 else x
            x = layers.Conv2D(filters, 5, padding="same", use_bias=with_bias, kernel_initializer=fresh(normal))(x)
        else:
            x = layers.Conv2DTranspose(
                filters, 5, stride, "same", use_bias=with_bias, kernel_initializer=fresh(normal)
            )(x)
        x = batch_norm(x) if normalised else x
        x = x if last else activation()(x)
    return keras.Model(inputs, layers.Activation("tanh", dtype="float32")(x), name="generator")


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
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
            kernel_initializer=fresh(normal),
        )(x)
        x = batch_norm(x) if normalised else x
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x)
    return logit_of(recipe, images, x, label_count, kernel_initializer=fresh(normal))
