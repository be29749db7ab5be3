"""The `sapienza` report: anime faces, 64x64 colour, no BatchNorm."""

from dcgan_tf.networks.layers import latent_input, logit_of, only
from dcgan_tf.system.keras_backend import keras, layers

check_size = only((64, 64, 3))


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """Dense straight to 32x32x128, one transposed convolution, wide 5x5 convolutions, a 7x7 one to the image."""
    width = recipe.width

    def activation():
        return layers.LeakyReLU(negative_slope=recipe.leaky_slope)

    inputs, latents = latent_input(recipe, label_count)
    x = activation()(layers.Dense(32 * 32 * width)(latents))
    x = layers.Reshape([32, 32, width])(x)
    x = activation()(layers.Conv2D(width * 2, 5, padding="same")(x))
    x = activation()(layers.Conv2DTranspose(width * 2, 4, 2, "same")(x))
    x = activation()(layers.Conv2D(width * 2, 5, padding="same")(x))
    x = activation()(layers.Conv2D(width * 2, 5, padding="same")(x))
    x = layers.Conv2D(3, 7, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(inputs, x, name="generator")


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
    """A 3x3 and three strided 4x4 convolutions, all `valid` (62, 30, 14, 6 pixels), dropout, a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for kernel, stride in ((3, 1), (4, 2), (4, 2), (4, 2)):
        x = layers.Conv2D(recipe.width, kernel, stride, "valid")(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x)
    return logit_of(recipe, images, layers.Dropout(recipe.dropout)(x), label_count)
