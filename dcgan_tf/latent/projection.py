"""Projection: the latent whose image comes closest to a given one, found by gradient descent."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan_tf.data.decoding import ImageError, decode
from dcgan_tf.data.images import centre_crop, resize, to_model_range
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras

_CANDIDATES = 512
_FILM_FRAMES = 40
_SHELL = 1e-3  # weight of the distance to the shell that latents of a normal distribution lie on


class Projection(NamedTuple):
    """What was found, the best start first.

    latents: float32 [S, dim]. images: uint8 [S, H, W, C]. losses: [S]. errors: root of the mean squared
        difference of the pixels, 0 to 255, [S]. film: the latents of the best start on its way, [F, dim].
    """

    latents: np.ndarray
    images: np.ndarray
    losses: np.ndarray
    errors: np.ndarray
    film: np.ndarray


def read_image(path, space: LatentSpace) -> np.ndarray:
    """A picture file as an image of the generator's size and channels, its middle cut out: uint8 [H, W, C].

    Raises UserError when it is no picture that can be read.
    """
    height, width, channels = space.image_shape
    picture = read_picture(path, channels)
    scale = min(picture.shape[0] / height, picture.shape[1] / width)
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    return resize(centre_crop(picture, shape), (height, width))


def read_picture(path, channels: int = 3) -> np.ndarray:
    """A picture file as it is: uint8 [H, W, channels]. Raises UserError when it is no picture that can be read."""
    try:
        return decode(path, channels)
    except ImageError as error:
        raise UserError(
            f"{str(path)!r} cannot be projected ({error}): give a picture file, such as a JPEG or PNG"
        ) from None


def project(space: LatentSpace, target: np.ndarray, starts: int = 8, steps: int = 300, seed: int = 0) -> Projection:
    """Look for the latent whose image is most like `target`, uint8 [H, W, C].

    The loss is the mean squared difference of the pixels in [-1, 1], averaged over the image at its own size and
    averaged down by 2, 4, ... to no less than 4 pixels: the small ones see where things are before their
    edges meet. Of 512 random latents the `starts` best are each improved by `steps` steps of Adam. Latents of a
    normal distribution are drawn gently to the length of those of the training, uniform ones kept in their box.

    Source: Creswell and Bharath 2016 (arXiv:1611.05644) and Lipton and Tripathi 2017 (arXiv:1702.04782), both by
    gradient descent on the pixels; several starts, since each may end in a valley of its own.
    """
    if target.shape != space.image_shape or target.dtype != np.uint8:
        raise ValueError(f"the target must be uint8 {space.image_shape}, not {target.dtype} {target.shape}")
    goal = _pyramid(to_model_range(tf.cast(target, tf.float32))[None])

    def losses_of(latents):
        images = tf.cast(space.values(latents), tf.float32)
        levels = [tf.reduce_mean(tf.square(a - b), axis=[1, 2, 3]) for a, b in zip(_pyramid(images), goal, strict=True)]
        return tf.add_n(levels) / len(levels)

    candidates = space.random(_CANDIDATES, seed)
    first = tf.function(losses_of, reduce_retracing=True, autograph=False)
    found = np.concatenate([first(tf.constant(part)).numpy() for part in np.array_split(candidates, _CANDIDATES // 64)])
    latents = tf.Variable(candidates[np.argsort(found, kind="stable")[:starts]])
    rate = keras.optimizers.schedules.CosineDecay(0.1 * space.unit, steps)
    optimizer = keras.optimizers.Adam(rate, beta_1=0.9, beta_2=0.99)
    optimizer.build([latents])

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latents)
            losses = losses_of(latents)
            loss = tf.reduce_sum(losses)
            if space.is_normal:
                length = tf.reduce_mean(tf.square((latents - space.mean) / space.std), axis=1)
                loss += _SHELL * tf.reduce_sum(tf.square(length - 1))
        optimizer.apply([tape.gradient(loss, latents)], [latents])
        if not space.is_normal:
            latents.assign(tf.clip_by_value(latents, space.mean - space.std, space.mean + space.std))

    film, every = [latents.numpy()], max(1, steps // _FILM_FRAMES)
    for number in range(1, steps + 1):
        step()
        if number % every == 0 or number == steps:
            film.append(latents.numpy())
    losses = first(latents).numpy()
    best = np.argsort(losses, kind="stable")
    images = space.draw(film[-1][best])
    errors = np.sqrt(np.square(images.astype(np.float64) - target).mean(axis=(1, 2, 3)))
    return Projection(film[-1][best], images, losses[best], errors, np.stack(film)[:, best[0]])


def _pyramid(images):
    """Images [N, H, W, C], and averaged down by 2, 4, ... while they have at least 4 pixels each way."""
    levels = [images]
    while min(levels[-1].shape[1:3]) >= 8:
        levels.append(tf.nn.avg_pool2d(levels[-1], 2, 2, "VALID"))
    return levels
