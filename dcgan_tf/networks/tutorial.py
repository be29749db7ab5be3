"""TensorFlow's DCGAN tutorial: 28x28 gray."""

from dcgan_tf.networks.layers import latent_input, logit_of, only
from dcgan_tf.system.keras_backend import keras, layers

check_size = only((28, 28, 1))


def generator(recipe, image_shape, label_count=0) -> keras.Model:
    """Dense to 7x7x256, transposed convolutions to 128, 64 (14x14) and 1 (28x28)."""
    width = recipe.width
    inputs, latents = latent_input(recipe, label_count)
    x = layers.Dense(7 * 7 * width * 4, use_bias=False)(latents)
    x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(layers.BatchNormalization()(x))
    x = layers.Reshape([7, 7, width * 4])(x)
    for filters, stride in ((width * 2, 1), (width, 2)):
        x = layers.Conv2DTranspose(filters, 5, stride, "same", use_bias=False)(x)
        x = layers.LeakyReLU(negative_slope=recipe.leaky_slope)(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 5, 2, "same", use_bias=False, activation="tanh", dtype="float32")(x)
    return keras.Model(inputs, x, name="generator")


def discriminator(recipe, image_shape, label_count=0) -> keras.Model:
    """Two strided 5x5 convolutions with dropout and no BatchNorm, then a dense logit."""
    images = keras.Input(image_shape, name="images")
    x = images
    for filters in (recipe.width, recipe.width * 2):
        x = layers.Conv2D(filters, 5, 2, "same")(x)
        x = layers.Dropout(recipe.dropout)(layers.LeakyReLU(negative_slope=recipe.leaky_slope)(x))
    return logit_of(recipe, images, x, label_count)
