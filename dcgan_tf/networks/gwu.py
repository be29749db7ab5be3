"""The `gwu` report: small faces, 32x32 and, with more layers, larger."""

from dcgan_tf.networks.layers import batch_norm, fresh, latent_input, logit_of
from dcgan_tf.system.keras_backend import keras, layers


def _layers(size):
    layers_wanted = 2
    while size >> layers_wanted > 7:
        layers_wanted += 1
    return layers_wanted


def check_size(image_shape):
    """What is wrong with images of shape (H, W, C), and what would do; None where nothing is."""
    size = image_shape[0]
    step = 2 ** _layers(size)
    if 8 <= size <= 512 and size % step == 0:
        return None
    near = min(max(round(size / step) * step, 8), 512)
    sizes = "m * 2^k with m from 2 to 7 and k of at least 2, from 8 to 512"
    return f"sizes are {sizes}: take {near} instead of {size}, or the recipe quick"


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """Dense, then 4x4 transposed convolutions of stride 2 with BatchNorm and ReLU, doubling up to the image."""
    size, _, channels = image_shape
    depth = _layers(size)
    start, widest = size >> depth, recipe.width << (depth - 1)
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    inputs, latents = latent_input(recipe, label_count)
    x = layers.Dense(start * start * widest, kernel_initializer=fresh(normal))(latents)
    x = layers.Reshape([start, start, widest])(x)
    for index in range(depth - 1):
        x = layers.Conv2DTranspose(
            widest >> (index + 1), 4, 2, "same", use_bias=False, kernel_initializer=fresh(normal)
        )(x)
        x = layers.ReLU()(batch_norm(x))
    x = layers.Conv2DTranspose(channels, 4, 2, "same", use_bias=False, kernel_initializer=fresh(normal))(x)
    return keras.Model(inputs, layers.Activation("tanh", dtype="float32")(x), name="generator")


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
    """4x4 convolutions of stride 2 (padding 1), BatchNorm on all but the first, LeakyReLU; a dense logit."""
    normal = keras.initializers.RandomNormal(0.0, recipe.initial_std)
    images = keras.Input(image_shape, name="images")
    x = images
    for index in range(_layers(image_shape[0])):
        normalised = recipe.discriminator_has_batch_norm and index > 0
        x = layers.Conv2D(recipe.width << index, 4, 2, "same", use_bias=False, kernel_initializer=fresh(normal))(x)
        x = batch_norm(x) if normalised else x
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x)
    return logit_of(recipe, images, x, label_count, kernel_initializer=fresh(normal))
