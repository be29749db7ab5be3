"""What the architectures share: the end of a discriminator, BatchNorm, initial weights, checks of sizes."""

import math

from dcgan_tf.system.keras_backend import keras, layers, ops

_EMBEDDED = 32  # numbers that stand for the labels beside the latents


def fresh(initializer):
    """The same initializer with a seed of its own: Keras draws the same numbers for a shared one."""
    return type(initializer).from_config({**initializer.get_config(), "seed": None})


def batch_norm(x, epsilon=1e-5):
    """BatchNorm with momentum 0.9, not Keras' 0.99: the moving statistics must have caught up after a short run too."""
    return layers.BatchNormalization(momentum=0.9, epsilon=epsilon)(x)


def given(first, labels=None):
    """What a network is called with: latents or images alone, or with the labels that a conditional one takes, too."""
    return first if labels is None else [first, labels]


def latent_input(recipe, label_count: int):
    """A generator's inputs, and what its first layer takes: the latents, and beside them an embedding of the labels.

    Labels come as float32 [N, label_count], one-hot for classes and multi-hot for attributes. Their embedding has no
    bias: no attribute at all is no vector. Its numbers begin at a tenth of the latents' size: as loud as these, they
    drown them, and the images of a class get alike (benchmarks/README.md).
    Source: Mirza and Osindero 2014 (arXiv:1411.1784), section 3.2.
    """
    latents = keras.Input([recipe.latent_dim], name="latents")
    if not label_count:
        return latents, latents
    labels = keras.Input([label_count], name="labels")
    normal = keras.initializers.RandomNormal(0.0, 0.1)
    embedding = layers.Dense(_EMBEDDED, use_bias=False, kernel_initializer=fresh(normal), name="label_embedding")
    return [latents, labels], layers.Concatenate()([latents, embedding(labels)])


def logit_of(recipe, images, features, label_count=0, kernel_initializer="glorot_uniform") -> keras.Model:
    """The discriminator that ends in one float32 logit of these features of `images`.

    With labels it takes [images, labels], and adds the projection of the embedded labels on the features, over the
    root of their number and times recipe.label_projection: without the root, one step of Adam would change the answer
    by that much more; with it alone, D is slow to see what is wrong in a kind (benchmarks/README.md).
    Source: Miyato and Koyama 2018 (arXiv:1802.05637), equation 3.
    """
    if recipe.minibatch_std:
        features = _with_minibatch_std(features, recipe.discriminator_batch != "apart")
    flat = layers.Flatten()(features)
    logit = layers.Dense(1, dtype="float32", name="logit", kernel_initializer=kernel_initializer)(flat)
    if not label_count:
        return keras.Model(images, logit, name="discriminator")
    labels = keras.Input([label_count], name="labels")
    count, initializer = flat.shape[1], fresh(keras.initializers.get(kernel_initializer))
    embedding = layers.Dense(
        count, use_bias=False, dtype="float32", name="label_embedding", kernel_initializer=initializer
    )
    projection = ops.sum(ops.cast(flat, "float32") * embedding(labels), axis=1, keepdims=True)
    projection /= math.sqrt(count) / recipe.label_projection
    return keras.Model([images, labels], layers.Add(dtype="float32")([logit, projection]), name="discriminator")


def _with_minibatch_std(features, in_halves):
    """One more feature map: the standard deviation over the batch, averaged over places and features.

    in_halves: over each half of it, the real images and the generated ones of a batch that holds both: one number
    for all of them would not tell D which are too alike.
    Source: Karras et al. 2018 (arXiv:1710.10196), section 3. From Keras' own operations, so that a saved
    discriminator needs nothing of this project to load.
    """
    x = ops.cast(features, "float32")
    # The gradient through the mean is 0, so it is not asked for: three terms would be added in no fixed order.
    mean = ops.stop_gradient(_means(x, in_halves))
    deviation = ops.sqrt(_means(ops.square(x - mean), in_halves) + 1e-8)  # a gradient also where all are equal
    return ops.concatenate([x, ops.ones_like(x[..., :1]) * ops.mean(deviation, axis=[1, 2, 3], keepdims=True)], axis=-1)


def _means(x, in_halves):
    """The mean over the batch of x [N, H, W, C]: [1, H, W, C]; in_halves: that of an image's half, [N, H, W, C]."""
    if not in_halves:
        return ops.mean(x, axis=0, keepdims=True)
    flat = ops.reshape(x, [-1, math.prod(x.shape[1:])])
    row = ops.cumsum(ops.ones_like(flat[:, :1]), axis=0)  # 1 to N, which is not known yet
    second = ops.cast(2 * row > ops.max(row) + 1, "float32")
    halves = ops.concatenate([1 - second, second], axis=1)
    sums, counts = ops.matmul(ops.transpose(halves), flat), ops.reshape(ops.sum(halves, axis=0), [2, 1])
    return ops.reshape(ops.matmul(halves, sums / ops.maximum(counts, 1)), [-1, *x.shape[1:]])


def only(*shapes):
    """A size check for an architecture of fixed shapes."""

    def check(image_shape):
        if tuple(image_shape) in shapes:
            return None
        wanted = " or ".join("x".join(map(str, shape)) for shape in shapes)
        return f"its networks are for {wanted}: add --resize to change the images, or take the recipe quick"

    return check
