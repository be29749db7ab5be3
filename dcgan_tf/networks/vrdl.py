"""The `vrdl` report: celebrity faces, 64x64 colour."""

from dcgan_tf.networks.layers import batch_norm, latent_input, logit_of, only
from dcgan_tf.system.keras_backend import keras, layers

check_size = only((64, 64, 3))


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """BatchNorm over all 16384 features of the dense layer; dropout *before* each transposed convolution.

    `generator_dropout` puts it elsewhere, which the report found to hurt: between the convolution and its BatchNorm,
    or nowhere.
    """
    width = recipe.width

    def dropped(x, where):
        return layers.Dropout(recipe.dropout)(x) if recipe.generator_dropout == where else x

    inputs, latents = latent_input(recipe, label_count)
    x = layers.Dense(4 * 4 * width * 8, use_bias=False)(latents)
    x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(batch_norm(x, 5e-5))
    x = layers.Reshape([4, 4, width * 8])(x)
    for filters in (width * 4, width * 2, width):
        x = dropped(x, "before")
        x = layers.Conv2DTranspose(filters, 5, 2, "same", use_bias=False, kernel_initializer=_truncated(recipe))(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(batch_norm(dropped(x, "between"), 5e-5))
    x = layers.Conv2DTranspose(3, 5, 2, "same", use_bias=False)(x)
    return keras.Model(inputs, layers.Activation("tanh", dtype="float32")(x), name="generator")


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
    """Three strided 5x5 convolutions with dropout and no BatchNorm, then a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for filters in (max(1, recipe.width // 2), recipe.width, recipe.width * 2):
        x = layers.Conv2D(filters, 5, 2, "same", kernel_initializer=_truncated(recipe))(x)
        x = layers.Dropout(recipe.dropout)(layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x))
    return logit_of(recipe, images, x, label_count)


def _truncated(recipe):
    return keras.initializers.TruncatedNormal(0.0, recipe.initial_std)
