"""The GAN: two networks, their optimizers, the averaged generator, and one `train_step`.

It knows nothing of epochs, files or screens. `GAN.train_step` is one step of the algorithm of Goodfellow et
al. 2014 (arXiv:1406.2661): draw latents and labels, let an update rule move the networks, follow the
generator with its average. The rules themselves are the functions below the class.
"""

import contextlib

import tensorflow as tf

from dcgan_tf.data.images import to_model_range
from dcgan_tf.game.augmentation import mirror_half, viewer
from dcgan_tf.game.fused_batch_norm import fuse_batch_norm
from dcgan_tf.game.instance_noise import InstanceNoise
from dcgan_tf.game.losses import LOSSES, label_drawer
from dcgan_tf.game.smoothness import SpectralNorm, penalty
from dcgan_tf.networks.architectures import build_discriminator, build_generator
from dcgan_tf.system.keras_backend import keras

# What train_step returns, in this order.
METRICS = ("generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")

# What a step draws beside latents and labels: each way of drawing has a number of its own.
_REAL, _FAKE, _FAKE_AGAIN, _PENALTY, _FLIPS = range(1, 6)


class GAN:
    """Generator, discriminator and all that moves them, for images of shape (H, W, C).

    Setting the initial weights resets Keras' global random seed to `seed`; everything drawn later is a
    function of (seed, step) or of a seed that is part of `variables`, so a restored GAN goes on bit for bit.
    Raises UserError when the recipe cannot make images of that shape.
    """

    def __init__(self, recipe, image_shape, seed: int = 0):
        keras.utils.set_random_seed(seed)
        self.recipe, self.image_shape, self.seed = recipe, tuple(image_shape), seed
        with _precision(recipe.precision):
            self.generator = build_generator(recipe, image_shape)
            self.discriminator = build_discriminator(recipe, image_shape)
        self.generator_optimizer = _optimizer(recipe, recipe.generator_learning_rate, self.generator)
        self.discriminator_optimizer = _optimizer(recipe, recipe.discriminator_learning_rate, self.discriminator)
        self.averaged_generator = None
        if recipe.ema_images:
            self.averaged_generator = keras.models.clone_model(self.generator)
            self.averaged_generator.set_weights(self.generator.get_weights())
        fuse_batch_norm(self.generator)
        fuse_batch_norm(self.discriminator)
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        self.loss = LOSSES[recipe.loss]
        self.draw_labels = label_drawer(recipe.real_label_low, recipe.real_label_high, recipe.label_noise)
        self.view = viewer(recipe)
        self.noise = InstanceNoise(recipe)
        self.penalty = penalty(recipe)
        self.spectral_norm = SpectralNorm(self.discriminator, seed) if recipe.spectral_norm else None
        self.update = UPDATE_RULES[recipe.update_rule]

    def train_step(self, real_images):
        """One step on uint8 images [N, H, W, C]; returns the METRICS as a float32 vector."""
        real_images = to_model_range(tf.cast(real_images, tf.float32))
        seed = self.seed_of_step()
        if self.recipe.horizontal_flips:
            real_images = mirror_half(real_images, tf.random.experimental.stateless_fold_in(seed, _FLIPS))
        latents = self.draw_latents(tf.shape(real_images)[0], seed)
        labels = self.draw_labels(tf.shape(real_images)[0], seed + [0, 1])
        generator_loss, discriminator_loss, real_logits, fake_logits = self.update(self, real_images, latents, labels)
        self.noise.follow(real_logits, fake_logits)
        self.step.assign_add(1)
        if self.averaged_generator is not None:
            self.follow_with_average(tf.shape(real_images)[0])
        scores = [tf.reduce_mean(self.loss.score(logits)) for logits in (real_logits, fake_logits)]
        return tf.stack([generator_loss, discriminator_loss, *scores])

    def seed_of_step(self):
        """The seed [2] of everything that is drawn on this step; each step owns four seeds."""
        return tf.stack([tf.constant(self.seed, tf.int64), 4 * self.step])

    def judge(self, images, draw: int):
        """D's logits [N, 1] of float32 images [N, H, W, C], augmented and noisy where the recipe asks for it.

        `draw` tells the calls of one step apart: each is shown the images in another way.
        """
        seed = tf.random.experimental.stateless_fold_in(self.seed_of_step(), draw)
        seen = self.step * tf.cast(tf.shape(images)[0], tf.int64)
        return self.discriminator(self.noise.add(self.view(images, seed), seed, seen), training=True)

    def discriminator_penalty(self, real_images, fake_images):
        """What the recipe adds to D's loss to keep D smooth; 0 in most."""
        seed = tf.random.experimental.stateless_fold_in(self.seed_of_step(), _PENALTY)
        return self.penalty(lambda images: self.judge(images, _PENALTY), real_images, fake_images, seed, self.step)

    def move_generator(self, tape, loss):
        gradients = _gradients(tape, loss, self.generator, self.generator_optimizer)
        self.generator_optimizer.apply(gradients, self.generator.trainable_variables)

    def move_discriminator(self, tape, loss):
        gradients = _gradients(tape, loss, self.discriminator, self.discriminator_optimizer)
        self.discriminator_optimizer.apply(gradients, self.discriminator.trainable_variables)
        if self.spectral_norm:
            self.spectral_norm.project()

    def draw_latents(self, count, seed):
        """float32 [count, latent_dim] from the recipe's distribution; the same for the same seed [2]."""
        recipe, shape = self.recipe, [count, self.recipe.latent_dim]
        if recipe.latent_distribution == "uniform":
            unit = tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
        else:
            unit = tf.random.stateless_normal(shape, seed)
        return recipe.latent_mean + recipe.latent_std * unit

    def follow_with_average(self, batch_size):
        """Move the averaged generator towards the generator, BatchNorm's statistics included.

        The half-life in images is ramped up with the images seen, so a short run is not averaged with its
        own beginnings. Source: Karras et al. 2020 (arXiv:2006.06676), appendix, `ema_rampup`.
        """
        batch = tf.cast(batch_size, tf.float32)
        seen = tf.cast(self.step, tf.float32) * batch
        half_life = tf.minimum(self.recipe.ema_images, self.recipe.ema_rampup * seen)
        beta = tf.pow(0.5, batch / half_life)
        for average, weight in zip(self.averaged_generator.weights, self.generator.weights, strict=True):
            average.assign(weight + beta * (average - weight))

    @property
    def sampling_generator(self) -> keras.Model:
        """The generator that images are drawn from: the averaged one where there is one."""
        return self.generator if self.averaged_generator is None else self.averaged_generator

    @property
    def variables(self) -> dict:
        """name -> variable, of everything that a later step depends on, in a fixed order.

        `model.variables`, not `.weights`: the state of each Dropout's random seed is only in the former.
        """
        owners = {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
            "averaged_generator": self.averaged_generator.weights if self.averaged_generator else [],
            "spectral_norm": self.spectral_norm.vectors if self.spectral_norm else [],
            "instance_noise": self.noise.variables,
        }
        named = {f"{owner}/{i:03d}": v for owner, variables in owners.items() for i, v in enumerate(variables)}
        return {**named, "step": self.step}


@contextlib.contextmanager
def _precision(name):
    """Layers made meanwhile compute in this precision; their weights, tanh and logits stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _optimizer(recipe, learning_rate, network):
    schedules = keras.optimizers.schedules
    steps = recipe.learning_rate_images and max(1, round(recipe.learning_rate_images / recipe.batch_size))
    floor = recipe.learning_rate_floor
    if recipe.learning_rate_decay:
        learning_rate = schedules.InverseTimeDecay(learning_rate, 1, recipe.learning_rate_decay)
    elif recipe.learning_rate_schedule == "linear":
        learning_rate = schedules.PolynomialDecay(learning_rate, steps, floor * learning_rate)
    elif recipe.learning_rate_schedule == "cosine":
        learning_rate = schedules.CosineDecay(learning_rate, steps, floor)
    options = {"learning_rate": learning_rate, "clipvalue": recipe.clip_value, "clipnorm": recipe.clip_norm}
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(beta_1=recipe.beta_1, beta_2=recipe.beta_2, **options)
    else:
        optimizer = keras.optimizers.RMSprop(**options)
    # Keras sums gradients over devices even where there is one. That changes nothing, but TensorFlow registers the
    # sum for the whole process, its graph with it, so that no GAN would ever be freed again.
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
    if recipe.precision == "float16":  # small gradients would round to 0 (Micikevicius et al. 2018)
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)  # before any restoring: unbuilt moments would be lost
    return optimizer


def _gradients(tape, loss, network, optimizer):
    scale = optimizer.scale_loss(tf.ones_like(loss))  # 1, but with float16; applying divides by it again
    return tape.gradient(loss, network.trainable_variables, output_gradients=scale)


# --- update rules: (gan, real_images, latents, labels) -> losses of G and D, logits of real and generated ----


def simultaneous(gan, real_images, latents, labels):
    """One forward pass, both gradients at the same weights, then both steps (the TensorFlow tutorial)."""
    with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
        fake_images = gan.generator(latents, training=True)
        real_logits = gan.judge(real_images, _REAL)
        fake_logits = gan.judge(fake_images, _FAKE)
        generator_loss = gan.loss.generator(fake_logits, labels.target)
        discriminator_loss = gan.loss.discriminator(real_logits, fake_logits, labels.real, labels.fake)
        discriminator_goal = discriminator_loss + gan.discriminator_penalty(real_images, fake_images)
    gan.move_generator(generator_tape, generator_loss)
    gan.move_discriminator(discriminator_tape, discriminator_goal)  # its gradient is at the weights recorded above
    return generator_loss, discriminator_loss, real_logits, fake_logits


def alternating(gan, real_images, latents, labels):
    """D first; then G through the new D, with the same latents (Radford et al. 2016's released code).

    With discriminator_steps = n, G moves on every n-th step only (Goodfellow et al. 2014, algorithm 1: k).
    """
    with tf.GradientTape() as generator_tape:
        fake_images = gan.generator(latents, training=True)
    with tf.GradientTape() as discriminator_tape:
        # Two calls, not one on both batches: BatchNorm would tell D which images came together.
        real_logits = gan.judge(real_images, _REAL)
        fake_logits = gan.judge(tf.stop_gradient(fake_images), _FAKE)
        discriminator_loss = gan.loss.discriminator(real_logits, fake_logits, labels.real, labels.fake)
        discriminator_goal = discriminator_loss + gan.discriminator_penalty(real_images, fake_images)
    gan.move_discriminator(discriminator_tape, discriminator_goal)

    def generator_step():
        with generator_tape:
            new_logits = gan.judge(fake_images, _FAKE_AGAIN)
            generator_loss = gan.loss.generator(new_logits, labels.target)
        gan.move_generator(generator_tape, generator_loss)
        return generator_loss

    if gan.recipe.discriminator_steps == 1:
        generator_loss = generator_step()
    else:
        its_turn = (gan.step + 1) % gan.recipe.discriminator_steps == 0
        generator_loss = tf.cond(its_turn, generator_step, lambda: gan.loss.generator(fake_logits, labels.target))
    return generator_loss, discriminator_loss, real_logits, fake_logits


def loss_gated(gan, real_images, latents, labels):
    """Only the network that is behind moves: G when its loss is the larger one, else D (the `vrdl` report)."""
    with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
        fake_images = gan.generator(latents, training=True)
        real_logits = gan.judge(real_images, _REAL)
        fake_logits = gan.judge(fake_images, _FAKE)
        generator_loss = gan.loss.generator(fake_logits, labels.target)
        discriminator_loss = gan.loss.discriminator(real_logits, fake_logits, labels.real, labels.fake)
        discriminator_goal = discriminator_loss + gan.discriminator_penalty(real_images, fake_images)

    def generator_step():
        gan.move_generator(generator_tape, generator_loss)
        return tf.constant(True)

    def discriminator_step():
        gan.move_discriminator(discriminator_tape, discriminator_goal)
        return tf.constant(False)

    tf.cond(generator_loss > discriminator_loss, generator_step, discriminator_step)
    return generator_loss, discriminator_loss, real_logits, fake_logits


UPDATE_RULES = {"simultaneous": simultaneous, "alternating": alternating, "loss_gated": loss_gated}
