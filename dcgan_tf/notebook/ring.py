"""A GAN on a plane: its data are eight spots on a ring, its images points, and all that D thinks can be drawn.

Two small dense networks play the game with the losses and penalties that the DCGANs of this package play it with.
Source of the ring: Metz et al. 2017 (arXiv:1611.02163), section 3.1; of the counting: Srivastava et al. 2017
(arXiv:1705.07761), section 4.1.
"""

from typing import NamedTuple

import numpy as np

from dcgan_tf.system.errors import UserError, check_above_zero, nearest
from dcgan_tf.system.quiet import tensorflow_quiet

with tensorflow_quiet():  # a notebook may have imported nothing of it before
    import tensorflow as tf

    from dcgan_tf.game.losses import LOSSES
    from dcgan_tf.game.smoothness import gradient_penalty, squared_slope
    from dcgan_tf.system.keras_backend import keras, layers

MODES = 8
DEVIATION = 0.05  # of each spot; the ring's radius is 2
CENTRES = 2.0 * np.stack([f(np.arange(MODES) * 2 * np.pi / MODES) for f in (np.cos, np.sin)], axis=1)
EDGE = 3.2  # what is drawn reaches from -EDGE to EDGE
BATCH = 128
COUNTED = 2000  # samples in which modes are counted
LEAST = 20  # of them near a mode, and it is covered; a fair share would be 250


class Moment(NamedTuple):
    """What is seen after so many steps."""

    step: int
    points: np.ndarray  # generated ones, [COUNTED, 2]
    pushes: np.ndarray  # where G is told to move them, [COUNTED, 2]: minus the slope of G's loss at each
    field: np.ndarray  # D's scores over the square, [81, 81]; rows go up along y
    covered: int  # modes with at least LEAST points within three deviations
    near: float  # share of points that are so near to any


class RingGAN:
    """Latents float32 [N, 2] -> points [N, 2] -> logits [N, 1], by two hidden layers of 64 in each network.

    The options are the fields of a recipe of the same names. Raises UserError for a loss or a rate that cannot be.
    """

    def __init__(
        self, loss="bce", *, generator_learning_rate=1e-3, discriminator_learning_rate=1e-3, beta_1=0.5,
        r1_gamma=0.0, gradient_penalty=0.0, seed=0,
    ):  # fmt: skip
        if loss not in LOSSES:
            raise UserError(f"unknown loss {loss!r}.{nearest(loss, LOSSES)} There are {', '.join(LOSSES)}")
        check_above_zero("generator_learning_rate", generator_learning_rate)
        check_above_zero("discriminator_learning_rate", discriminator_learning_rate)
        keras.utils.set_random_seed(seed)
        self.random = tf.random.Generator.from_seed(seed)
        self.loss, self.r1_gamma, self.penalty_weight = LOSSES[loss], r1_gamma, gradient_penalty
        self.generator, self.discriminator = _dense(2), _dense(1)
        self.generator_optimizer = keras.optimizers.Adam(generator_learning_rate, beta_1)
        self.discriminator_optimizer = keras.optimizers.Adam(discriminator_learning_rate, beta_1)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self._steps = tf.function(self._steps)

    def step(self):
        """D moves on a new batch, then G through the new D; both losses before their moves."""
        real, latents = self.real_points(), self.random.normal([BATCH, 2])
        with tf.GradientTape() as tape:
            fake = self.generator(latents)
            loss = self.loss.discriminator(self.discriminator(real), self.discriminator(fake), 1.0, 0.0)
            smooth = loss + self.penalties(real, fake)
        weights = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(smooth, weights), weights)

        with tf.GradientTape() as tape:
            fake = self.generator(latents)
            generator_loss = self.loss.generator(self.discriminator(real), self.discriminator(fake), 1.0)
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(generator_loss, weights), weights)
        return generator_loss, loss

    def real_points(self):
        """A batch of them, float32 [BATCH, 2]: a mode by chance, and a normal step away from its centre."""
        modes = self.random.uniform([BATCH], maxval=MODES, dtype=tf.int32)
        return tf.gather(tf.constant(CENTRES, tf.float32), modes) + DEVIATION * self.random.normal([BATCH, 2])

    def penalties(self, real, fake):
        """What keeps D smooth (game/smoothness.py); for it, a point is an image of one pixel and two channels."""
        judge, total = lambda images: self.discriminator(images[:, 0, 0]), 0.0
        real, fake = real[:, None, None], fake[:, None, None]
        if self.r1_gamma:
            total += self.r1_gamma / 2 * squared_slope(0.0, judge, real, None)
        if self.penalty_weight:
            total += self.penalty_weight * gradient_penalty(judge, real, fake, self.random.make_seeds(1)[:, 0])
        return total

    def _steps(self, count):
        """So many of them, in one graph; both losses of each, [count, 2]."""
        losses = tf.TensorArray(tf.float32, count, element_shape=[2])
        for index in tf.range(count):
            losses = losses.write(index, tf.stack(self.step()))
        return losses.stack()

    def train(self, steps: int = 4000, moments: int = 6) -> "RingRun":
        """Make so many steps, and look at it so many times on the way, at equal distances."""
        if steps < moments:
            raise UserError(f"steps={steps!r} must be at least {moments}: so many pictures are taken on the way")
        ends = [steps * (number + 1) // moments for number in range(moments)]
        losses, seen = [], []
        for begin, end in zip([0, *ends], ends, strict=False):
            losses.append(self._steps(tf.constant(end - begin)).numpy())
            seen.append(self.look(end))
        both = np.concatenate(losses)
        history = {"generator_loss": both[:, 0], "discriminator_loss": both[:, 1]}
        return RingRun({"step": np.arange(1, steps + 1), **history}, seen)

    def look(self, step: int) -> Moment:
        """What there is to see now; always from the same latents."""
        latents = np.random.default_rng(0).standard_normal((COUNTED, 2)).astype(np.float32)
        points = self.generator(latents)
        with tf.GradientTape() as tape:
            tape.watch(points)
            loss = self.loss.generator(tf.zeros([1, 1]), self.discriminator(points), 1.0)
        axis = np.linspace(-EDGE, EDGE, 81, dtype=np.float32)
        places = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        field = self.discriminator(places).numpy().reshape(81, 81)
        points, pushes = points.numpy(), -COUNTED * tape.gradient(loss, points).numpy()
        return Moment(step, points, pushes, field, *modes_covered(points))


class RingRun(NamedTuple):
    """A training on the ring: its losses at each step, as Run.history() names them, and what was seen."""

    history: dict[str, np.ndarray]
    moments: list[Moment]


def modes_covered(points: np.ndarray) -> tuple[int, float]:
    """Of points [N, 2]: how many modes have a LEAST share of them within three deviations; the share that is so near.

    Source: Srivastava et al. 2017, section 4.1, where one point is enough. Ten thousand points find every mode by
    accident, so here it takes LEAST in COUNTED.
    """
    distances = np.linalg.norm(points[:, None] - CENTRES, axis=2)
    is_near = distances.min(axis=1) < 3 * DEVIATION
    counts = np.bincount(distances.argmin(axis=1)[is_near], minlength=MODES)
    return int((counts >= LEAST * len(points) / COUNTED).sum()), float(is_near.mean())


def _dense(outputs):
    hidden = [layers.Dense(64, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input([2]), *hidden, layers.Dense(outputs)])
