"""The GAN: two networks that learn from each other, step by step, after Goodfellow et al. 2014 (arXiv:1406.2661).

From top to bottom: the update rules, which say in what order the networks move; `GAN.train_step`, one step of the
algorithm; what the rules are made of (judging, the two moves); and the state. It knows nothing of epochs, files or
screens. Losses, penalties, optimizers and what D is shown have files of their own.
"""

import contextlib
import math

import tensorflow as tf

from dcgan_tf.data.images import to_model_range
from dcgan_tf.game import replicas
from dcgan_tf.game.augmentation import mirror_half, viewer
from dcgan_tf.game.batch_norm import fuse_batch_norm, seeing_both_kinds
from dcgan_tf.game.feature_matching import unlikeness
from dcgan_tf.game.instance_noise import InstanceNoise
from dcgan_tf.game.losses import LOSSES, target_drawer
from dcgan_tf.game.optimizers import gradients_of, optimizer_of
from dcgan_tf.game.smoothness import Penalties, SpectralNorm
from dcgan_tf.game.whole_batch import see_whole_batch
from dcgan_tf.networks.architectures import build_discriminator, build_generator
from dcgan_tf.networks.layers import given
from dcgan_tf.system.keras_backend import keras

# What train_step returns, in this order.
METRICS = ("generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")

# What a step draws beside latents and labels: each way of drawing has a number of its own.
_REAL, _FAKE, _FAKE_AGAIN, _PENALTY, _FLIPS, _REAL_AGAIN, _PENALTY_SHOWN = range(1, 8)


# --- update rules -> losses of G and D, logits of real and generated images ----------------------------------
#
# real_images [N, H, W, C] and latents [N, dim]; targets: the numbers that the losses compare with (losses.py);
# labels: what the images are to show, the same for real and generated ones, or None where nothing is asked for.


def simultaneous(gan, real_images, latents, targets, labels):
    """One forward pass, both gradients at the same weights, then both steps (the TensorFlow tutorial)."""
    with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
        fake_images = gan.generate(latents, labels)
        real_logits, fake_logits, features = gan.judge_both(real_images, fake_images, labels)
        generator_loss = gan.loss.generator(real_logits, fake_logits, targets.wanted)
        generator_aim = gan.aim(generator_loss, features)
        discriminator_loss = gan.loss.discriminator(real_logits, fake_logits, targets.real, targets.fake)
    gan.move_generator(gan.generator_gradients(generator_tape, generator_aim))
    both = real_images, fake_images, labels
    gan.move_discriminator(gan.discriminator_gradients(discriminator_tape, discriminator_loss, *both))
    return generator_loss, discriminator_loss, real_logits, fake_logits


def alternating(gan, real_images, latents, targets, labels):
    """D first; then G through the new D, with the same latents (Radford et al. 2016's released code).

    With discriminator_steps = n, G moves on every n-th step only (Goodfellow et al. 2014, algorithm 1: k).
    """
    with tf.GradientTape() as generator_tape:
        fake_images = gan.generate(latents, labels)
    with tf.GradientTape() as discriminator_tape:
        real_logits, fake_logits, _ = gan.judge_both(real_images, tf.stop_gradient(fake_images), labels)
        discriminator_loss = gan.loss.discriminator(real_logits, fake_logits, targets.real, targets.fake)
    both = real_images, fake_images, labels
    gan.move_discriminator(gan.discriminator_gradients(discriminator_tape, discriminator_loss, *both))

    def loss_and_gradients():
        with generator_tape:
            real_again, fake_again, features = gan.judge_again(real_images, fake_images, labels)
            generator_loss = gan.loss.generator(real_again, fake_again, targets.wanted)
            generator_aim = gan.aim(generator_loss, features)
        return generator_loss, gan.generator_gradients(generator_tape, generator_aim)

    def generator_step():
        generator_loss, gradients = computed()
        gan.move_generator(gradients)
        return generator_loss

    if gan.recipe.discriminator_steps == 1:
        computed = loss_and_gradients
        generator_loss = generator_step()
    else:
        computed, undo = replicas.before_branch(loss_and_gradients, gan.discriminator.non_trainable_variables)
        its_turn = (gan.step + 1) % gan.recipe.discriminator_steps == 0

        def would_be():
            undo()
            return gan.loss.generator(real_logits, fake_logits, targets.wanted)

        generator_loss = tf.cond(its_turn, generator_step, would_be)
    return generator_loss, discriminator_loss, real_logits, fake_logits


def loss_gated(gan, real_images, latents, targets, labels):
    """Only the network that is behind moves: G when its loss is the larger one, else D (the `vrdl` report)."""
    with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
        fake_images = gan.generate(latents, labels)
        real_logits, fake_logits, features = gan.judge_both(real_images, fake_images, labels)
        generator_loss = gan.loss.generator(real_logits, fake_logits, targets.wanted)
        generator_aim = gan.aim(generator_loss, features)
        discriminator_loss = gan.loss.discriminator(real_logits, fake_logits, targets.real, targets.fake)
    both = real_images, fake_images, labels
    for_generator, _ = replicas.before_branch(lambda: gan.generator_gradients(generator_tape, generator_aim))
    for_discriminator, undo = replicas.before_branch(
        lambda: gan.discriminator_gradients(discriminator_tape, discriminator_loss, *both),
        gan.discriminator.non_trainable_variables,  # penalties let D judge once more
    )

    def generator_step():
        undo()
        gan.move_generator(for_generator())
        return tf.constant(True)

    def discriminator_step():
        gan.move_discriminator(for_discriminator())
        return tf.constant(False)

    tf.cond(replicas.mean(generator_loss) > replicas.mean(discriminator_loss), generator_step, discriminator_step)
    return generator_loss, discriminator_loss, real_logits, fake_logits


UPDATE_RULES = {"simultaneous": simultaneous, "alternating": alternating, "loss_gated": loss_gated}


class GAN:
    """Generator, discriminator and all that moves them, for images of shape (H, W, C).

    label_count: of the data's classes or attributes; a conditional recipe's networks are told which, see train_step.

    Setting the initial weights resets Keras' global random seed to `seed`; everything drawn later is a
    function of (seed, step) or of a seed that is part of `variables`, so a restored GAN goes on bit for bit.
    Raises UserError when the recipe cannot make images of that shape, or is conditional and there are no labels.
    """

    def __init__(self, recipe, image_shape, seed: int = 0, label_count: int = 0):
        keras.utils.set_random_seed(seed)
        self.recipe, self.image_shape, self.seed = recipe, tuple(image_shape), seed
        self.step = tf.Variable(0, dtype=tf.int64, name="step")  # how many were made
        with _precision(recipe.precision):
            self.generator = build_generator(recipe, image_shape, label_count)
            self.discriminator = build_discriminator(recipe, image_shape, label_count)
        self.generator_optimizer = optimizer_of(recipe, recipe.generator_learning_rate, self.generator, self.step)
        self.discriminator_optimizer = optimizer_of(
            recipe, recipe.discriminator_learning_rate, self.discriminator, self.step
        )
        self.averaged_generator = None
        if recipe.ema_images:
            self.averaged_generator = keras.models.clone_model(self.generator)
            self.averaged_generator.set_weights(self.generator.get_weights())
        for network in (self.generator, self.discriminator):
            (fuse_batch_norm if replicas.count() == 1 else see_whole_batch)(network)
        self.update = UPDATE_RULES[recipe.update_rule]
        self.loss = LOSSES[recipe.loss]
        self.draw_targets = target_drawer(recipe)
        self.view = viewer(recipe)
        self.noise = InstanceNoise(recipe)
        self.penalties = Penalties(recipe)
        self.spectral_norm = SpectralNorm(self.discriminator, seed) if recipe.spectral_norm else None
        self.judges_together = recipe.discriminator_batch != "apart"
        first_apart = recipe.discriminator_batch == "first_apart"
        if first_apart and recipe.first_apart_images:
            still = math.ceil(recipe.first_apart_images)
            first_apart = lambda: self.images_seen < still  # noqa: E731
        self.discriminator_of_both = seeing_both_kinds(self.discriminator, first_apart, bool(recipe.feature_matching))

    @tf.autograph.experimental.do_not_convert  # no Python in it needs rewriting, which took about a quarter of a start
    def train_step(self, real_images, labels=None):
        """One step on uint8 images [N, H, W, C]; returns the METRICS as a float32 vector.

        labels: of a conditional recipe, those of the images, float32 [N, label_count], one-hot or multi-hot.
        Generated images are to have the same ones: attributes keep the company they have in the data.

        Draw latents and targets; let the update rule move the networks; follow D with the noise and G with its average.
        """
        real_images = to_model_range(tf.cast(real_images, tf.float32))
        seed, count = self.seed_of_step(), tf.shape(real_images)[0]
        if self.recipe.horizontal_flips:
            real_images = mirror_half(real_images, tf.random.experimental.stateless_fold_in(seed, _FLIPS))
        latents = self.draw_latents(count, seed)
        targets = self.draw_targets(count, seed + [0, 1])
        generator_loss, discriminator_loss, real_logits, fake_logits = self.update(
            self, real_images, latents, targets, labels
        )
        self.noise.follow(real_logits, fake_logits)
        self.step.assign_add(1)
        if self.averaged_generator is not None:
            self.follow_with_average(count * replicas.count())
        metrics = tf.stack([generator_loss, discriminator_loss, *self.loss.score(real_logits, fake_logits)])
        return replicas.mean(metrics)

    # --- what the rules are made of ---------------------------------------------------------------------------

    def generate(self, latents, labels):
        """Images [N, H, W, C] as they are made in training."""
        return self.generator(given(latents, labels), training=True)

    def judge_both(self, real_images, fake_images, labels=None):
        """D's logits of real and of generated images, [N, 1] each: of two batches, or of one that holds both.

        Where D has BatchNorm, two batches have statistics of their own: what all generated images share is subtracted
        before D can see it. One batch has one set of statistics (but for D's first BatchNorm, if that is to have them
        apart), and one draw of everything else.
        Third, the features of that batch in D's layers, none where nobody asks (feature_matching.py).
        """
        if self.judges_together:
            return self.judge_one_batch(real_images, fake_images, _REAL, labels)
        return self.judge(real_images, _REAL, labels), self.judge(fake_images, _FAKE, labels), []

    def judge_again(self, real_images, fake_images, labels=None):
        """The same once more, for G, in the same company and shown in another way.

        The logits of the real images are None where they would be computed for nothing.
        """
        if self.judges_together:
            return self.judge_one_batch(real_images, fake_images, _FAKE_AGAIN, labels)
        real_logits = self.judge(real_images, _REAL_AGAIN, labels) if self.loss.compares else None
        return real_logits, self.judge(fake_images, _FAKE_AGAIN, labels), []

    def judge_one_batch(self, real_images, fake_images, draw: int, labels=None):
        """What judge_both returns, of one batch that holds both."""
        both = tf.concat([real_images, fake_images], axis=0)
        answer = self.judge(both, draw, labels, self.discriminator_of_both)
        logits, *features = answer if self.recipe.feature_matching else [answer]
        return *tf.split(logits, 2), features

    def aim(self, generator_loss, features):
        """What G's gradients are of: its loss, which is what the log has, and the feature matching."""
        return generator_loss + self.recipe.feature_matching * unlikeness(features) if features else generator_loss

    def judge(self, images, draw: int, labels=None, discriminator=None):
        """D's logits [N, 1] of float32 images [N, H, W, C], augmented and noisy where the recipe asks for it.

        `draw` tells the calls of one step apart: each is shown the images in another way.
        labels: those of the step's batch; there may be fewer images, its first ones, or twice as many, of both kinds.
        discriminator: D itself, or another view of it.
        """
        seed = tf.random.experimental.stateless_fold_in(self.seed_of_step(), draw)
        shown = self.noise.add(self.view(images, seed), seed, self.images_seen)
        if labels is not None:
            labels = tf.concat([labels, labels], 0)[: tf.shape(images)[0]]
        return (discriminator or self.discriminator)(given(shown, labels), training=True)

    def generator_gradients(self, tape, loss) -> list:
        """Those of G's loss by its weights."""
        return replicas.mean(gradients_of(tape, loss, self.generator.trainable_variables, self.generator_optimizer))

    def discriminator_gradients(self, tape, loss, real_images, fake_images, labels=None) -> list:
        """Those of D's weighted loss, and of what keeps it smooth, by its weights."""
        weights, optimizer = self.discriminator.trainable_variables, self.discriminator_optimizer
        gradients = gradients_of(tape, loss, weights, optimizer, self.recipe.discriminator_loss_weight)
        seed = tf.random.experimental.stateless_fold_in(self.seed_of_step(), _PENALTY)
        # Noise of a draw of its own: along the penalty's own direction, D's slope is another than elsewhere.
        judge = lambda images: self.judge(images, _PENALTY_SHOWN, labels)  # noqa: E731
        given = judge, real_images, fake_images, seed, self.step, self.discriminator.non_trainable_variables
        return replicas.mean(self.penalties.add(gradients, weights, optimizer, *given))

    def move_generator(self, gradients):
        """G's step."""
        self.generator_optimizer.apply(gradients, self.generator.trainable_variables)

    def move_discriminator(self, gradients):
        """D's step."""
        self.discriminator_optimizer.apply(gradients, self.discriminator.trainable_variables)
        if self.spectral_norm:
            self.spectral_norm.project()

    def seed_of_step(self):
        """The seed [2] of everything that is drawn on this step; each step owns four seeds."""
        return tf.stack([tf.constant(self.seed, tf.int64), 4 * self.step])

    def draw_latents(self, count, seed):
        """float32 [count, latent_dim] from the recipe's distribution; the same for the same seed [2]."""
        recipe, shape = self.recipe, [count, self.recipe.latent_dim]
        if recipe.latent_distribution == "uniform":
            unit = replicas.uniform(shape, seed, -1.0, 1.0)
        else:
            unit = replicas.normal(shape, seed)
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

    # --- its state ------------------------------------------------------------------------------------------

    @property
    def images_seen(self):
        """Of real images, how many the steps made so far were shown: an int64 scalar."""
        return self.step * self.recipe.batch_size

    @property
    def is_conditional(self) -> bool:
        return self.recipe.conditional

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
