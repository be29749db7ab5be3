"""Feature matching: G is also to make batches that D's layers cannot tell from real ones by mean and deviation."""

import tensorflow as tf

from dcgan_tf.game import replicas


def unlikeness(features):
    """How unlike the two halves of a batch are, real images and generated ones, to D's layers: a scalar of at least 0.

    features: [2 N, ...] of each layer, normalised over the whole batch, which makes one scale of all of them. At
    each place of each, the means over the images of both halves are compared, and their standard deviations: squared
    differences, averaged within a layer and added up over layers. Sources: Salimans et al. 2016 (arXiv:1606.03498),
    section 3.1, has the means of one layer; Mroueh et al. 2017 (arXiv:1702.08398) second moments, too. What a single
    logit for each image cannot tell G is that its images are right one by one and too alike together.
    """
    total = 0.0
    for layer in features:
        real, fake = map(_moments, tf.split(tf.cast(layer, tf.float32), 2))
        total += sum(tf.reduce_mean(tf.square(of_real - of_fake)) for of_real, of_fake in zip(real, fake, strict=True))
    return total


def _moments(features):
    """Mean and standard deviation over the batch, at each place: [...] each."""
    mean = replicas.mean(tf.reduce_mean(features, axis=0))
    # The gradient through the mean is 0, so it is not asked for: more terms would be added in no fixed order.
    variance = replicas.mean(tf.reduce_mean(tf.square(features - tf.stop_gradient(mean)), axis=0))
    return mean, tf.sqrt(variance + 1e-4)  # a gradient also where all are equal
