"""What the architectures share: the end of a discriminator, BatchNorm, initial weights, checks of sizes."""

from dcgan_tf.system.keras_backend import keras, layers, ops


def fresh(initializer):
    """The same initializer with a seed of its own: Keras draws the same numbers for a shared one."""
    return type(initializer).from_config({**initializer.get_config(), "seed": None})


def batch_norm(x, epsilon=1e-5):
    """BatchNorm with momentum 0.9, not Keras' 0.99: the moving statistics must have caught up after a short run too."""
    return layers.BatchNormalization(momentum=0.9, epsilon=epsilon)(x)


def logit_of(recipe, images, features, **dense_options) -> keras.Model:
    """The discriminator that ends in one float32 logit of these features of `images`."""
    x = _with_minibatch_std(features) if recipe.minibatch_std else features
    logit = layers.Dense(1, dtype="float32", name="logit", **dense_options)(layers.Flatten()(x))
    return keras.Model(images, logit, name="discriminator")


def _with_minibatch_std(features):
    """One more feature map: the standard deviation over the batch, averaged over places and features.

    Source: Karras et al. 2018 (arXiv:1710.10196), section 3. From Keras' own operations, so that a saved
    discriminator needs nothing of this project to load.
    """
    x = ops.cast(features, "float32")
    # The gradient through the mean is 0, so it is not asked for: three terms would be added in no fixed order.
    mean = ops.stop_gradient(ops.mean(x, axis=0, keepdims=True))
    variance = ops.mean(ops.square(x - mean), axis=0, keepdims=True)
    deviation = ops.sqrt(variance + 1e-8)  # a gradient also where all are equal
    return ops.concatenate([x, ops.ones_like(x[..., :1]) * ops.mean(deviation)], axis=-1)


def only(*shapes):
    """A size check for an architecture of fixed shapes."""

    def check(image_shape):
        if tuple(image_shape) in shapes:
            return None
        wanted = " or ".join("x".join(map(str, shape)) for shape in shapes)
        return f"its networks are for {wanted}: add --resize to change the images, or take the recipe quick"

    return check
