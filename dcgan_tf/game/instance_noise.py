"""Normal noise on everything D sees: constant, falling over time, or as much as D needs.

Noise makes the real and the generated images overlap, so that D cannot be sure of its case and G goes on
getting useful gradients: Sønderby et al. 2017 (arXiv:1610.04490) and Arjovsky and Bottou 2017
(arXiv:1701.04862). How much is needed depends on the data and grows as D learns them by heart; so it can
follow D, as the strength of augmentation does in Karras et al. 2020 (arXiv:2006.06676, section 3) and the
length of the diffusion in Wang et al. 2022 (arXiv:2206.02262).
"""

import tensorflow as tf

from dcgan_tf.game import replicas

_FULL_SPEED = 0.1  # so far from its target the noise moves at full speed; nearer, in proportion


class InstanceNoise:
    """The noise of one training, its standard deviation in units of the image range [-1, 1].

    A recipe with `instance_noise_target` lets it rise from 0 while D tells real from generated better than that,
    and fall while it does worse: at most to `instance_noise`, at most all the way in `instance_noise_images`.
    How well D tells them is the share of pairs (real, generated) in which it scores the real one higher: 1/2
    is guessing, 1 is certain, whatever the loss. `variables` holds what a later step depends on.
    """

    def __init__(self, recipe):
        self.most, self.images = recipe.instance_noise, recipe.instance_noise_images
        self.target = recipe.instance_noise_target
        follows = self.most > 0 and self.target is not None
        self.variables = [tf.Variable(0.0, name="instance_noise")] if follows else []

    def deviation(self, images_seen):
        """The standard deviation after so many images."""
        if self.variables:
            return self.variables[0]
        if self.images is None:
            return self.most
        return self.most * tf.maximum(0.0, 1.0 - tf.cast(images_seen, tf.float32) / self.images)

    def add(self, images, seed, images_seen):
        """float32 images [N, H, W, C] with noise drawn from the seed [2]; the images themselves where there is none."""
        if not self.most:
            return images
        return images + self.deviation(images_seen) * replicas.normal(tf.shape(images), seed)

    def follow(self, real_logits, fake_logits):
        """After a step in which D gave these logits, [N, 1] each."""
        if not self.variables:
            return
        real_logits, fake_logits = replicas.gather(real_logits), replicas.gather(fake_logits)
        higher = (1.0 + tf.reduce_mean(tf.sign(real_logits - tf.transpose(fake_logits)))) / 2.0
        speed = tf.clip_by_value((higher - self.target) / _FULL_SPEED, -1.0, 1.0)
        way = self.most * tf.cast(tf.shape(real_logits)[0], tf.float32) / self.images
        self.variables[0].assign(tf.clip_by_value(self.variables[0] + way * speed, 0.0, self.most))
