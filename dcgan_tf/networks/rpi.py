"""The `rpi` report: celebrity faces, 64x64 colour, no BatchNorm."""

from dcgan_tf.networks.layers import batch_norm, latent_input, logit_of, only
from dcgan_tf.system.keras_backend import keras, layers

check_size = only((64, 64, 3))


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """Transposed convolutions all the way: 4x4 from 1x1x100, then 5x5 of stride 2; ReLU, biases, tanh.

    No BatchNorm, as reported, when the recipe's batch_norm is `none`; else it stands before each ReLU.
    """
    inputs, latents = latent_input(recipe, label_count)
    x = layers.Reshape([1, 1, latents.shape[1]])(latents)
    for index, multiple in enumerate((8, 4, 2, 1)):
        kernel, stride, padding = (4, 1, "valid") if index == 0 else (5, 2, "same")
        x = layers.Conv2DTranspose(recipe.width * multiple, kernel, stride, padding)(x)
        x = layers.ReLU()(x if recipe.batch_norm == "none" else batch_norm(x))
    x = layers.Conv2DTranspose(3, 5, 2, "same", activation="tanh", dtype="float32")(x)
    return keras.Model(inputs, x, name="generator")


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
    """Four convolutions of stride 2 with ReLU (2x2 as reported: no pixel is seen by two of them), a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for filters in (max(1, recipe.width // 2), recipe.width, recipe.width * 2, recipe.width * 4):
        x = layers.Conv2D(filters, recipe.discriminator_kernel, 2, "same")(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x) if recipe.leaky_slope else layers.ReLU()(x)
    return logit_of(recipe, images, x, label_count)
