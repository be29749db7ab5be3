"""Directions of a generator's latent space: those that change its images most, and those that mean something."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan_tf.evaluation.features import FeatureNetwork
from dcgan_tf.latent import formulas as latent
from dcgan_tf.latent.formulas import Directions
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras

_AT_ONCE = 64
_STEP = 0.01  # of a standard deviation, to either side, where the Jacobian is taken by differences
_IMAGES_AT_ONCE = 512
_THE_SAME = (
    0.5  # cosine between directions of attributes that cannot be told apart: dark and pale, smile and open mouth
)
_LEFT = 0.1  # of a direction's length, or it hardly leads where it is named for any more
_SURE = 1e-4  # a classifier's probabilities are trusted no further than this from 0 and 1


def jacobian_directions(space: LatentSpace, latents: np.ndarray) -> Directions:
    """The directions that change the pixels most, on average over latents [N, dim]; all `dim` of them.

    The right singular vectors of the generator's Jacobian J, as eigenvectors of the mean of J'J. J is taken exactly, in
    forward mode; where the generator enlarges smoothly, which TensorFlow has no forward mode for, by differences.
    Values: change of the images (in [-1, 1], root mean square over their pixels) for each standard deviation walked.
    Source: Ramesh et al. 2018 (arXiv:1812.01161), section 3, at a single latent.
    """

    exactly, step = not _enlarges_smoothly(space.generator), _STEP * space.unit

    @tf.function(autograph=False)
    def changes(point, tangents):
        points = tf.repeat(point[None], tf.shape(tangents)[0], axis=0)
        if not exactly:
            there, back = (space.values(points + way * tangents) for way in (step, -step))
            return tf.reshape(tf.cast(there - back, tf.float32) / (2 * step), [tf.shape(tangents)[0], -1])
        with tf.autodiff.ForwardAccumulator(points, tangents) as accumulator:
            images = space.values(points)
        return tf.reshape(tf.cast(accumulator.jvp(images), tf.float32), [tf.shape(tangents)[0], -1])

    axes = np.eye(space.dim, dtype=np.float32)
    total = np.zeros((space.dim, space.dim))
    for point in np.asarray(latents, np.float32):
        rows = [
            changes(tf.constant(point), tf.constant(axes[start : start + _AT_ONCE])).numpy()
            for start in range(0, space.dim, _AT_ONCE)
        ]
        jacobian = np.concatenate(rows).astype(np.float64)  # transposed: [dim, pixels]
        total += jacobian @ jacobian.T / jacobian.shape[1]
    return latent.principal(total / len(latents) * space.unit**2)


def _enlarges_smoothly(network) -> bool:
    """Whether a layer interpolates between pixels; its tangents would be missing, or silently left out of a sum."""
    return any(
        getattr(layer, "interpolation", "nearest") != "nearest"
        or (hasattr(layer, "layers") and _enlarges_smoothly(layer))
        for layer in network.layers
    )


def first_layer_directions(space: LatentSpace) -> Directions | None:
    """The directions that the generator's first layer passes on most strongly: no image needs to be drawn.

    The singular vectors of its weights; a BatchNorm right behind counts with its scale. Values: singular values.
    Labels that the layer takes beside the latents add the same to all images, whatever they are.
    None when the first layer with weights is neither dense nor a transposed convolution of a 1x1 image.
    Source: Shen and Zhou 2021 (arXiv:2007.06600), section 3 (`SeFa`).
    """
    layers, first = _layers_of_latents(space)
    if not layers:
        return None
    if isinstance(layers[0], keras.layers.Conv2DTranspose):
        weights = np.asarray(layers[0].kernel, np.float64)  # [height, width, out, in]
        weights = np.moveaxis(weights, -1, 0).reshape(weights.shape[-1], -1)
    elif isinstance(layers[0], keras.layers.Dense):
        weights = np.asarray(layers[0].kernel, np.float64)
    else:
        return None
    if space.told is not None:
        weights = weights[first : first + space.dim]
    if weights.shape[0] != space.dim:
        return None
    if len(layers) > 1 and isinstance(layers[1], keras.layers.BatchNormalization):
        norm = layers[1]
        scale = 1 / np.sqrt(np.asarray(norm.moving_variance, np.float64) + norm.epsilon)
        scale = scale * np.asarray(norm.gamma) if norm.scale else scale
        if weights.shape[1] % len(scale) == 0:  # of all outputs, or of the channels of the image they become
            weights = weights * np.tile(scale, weights.shape[1] // len(scale))
    return latent.principal(weights @ weights.T)


def _layers_of_latents(space):
    """The layers with weights that latents pass through, and at which input of the first of them they begin."""
    if space.told is None:
        return [layer for layer in space.generator.layers if layer.weights], 0
    passed, layers, first = {id(space.generator.inputs[0])}, [], 0
    for layer in space.generator.layers:
        for node in layer._inbound_nodes:
            are_latents = [id(tensor) in passed for tensor in node.input_tensors]
            if not any(are_latents):
                continue
            passed.update(map(id, node.output_tensors))
            if layer.weights:
                layers.append(layer)
            elif isinstance(layer, keras.layers.Concatenate) and not layers:
                first += sum(tensor.shape[-1] for tensor in node.input_tensors[: are_latents.index(True)])
    return layers, first


class Attributes(NamedTuple):
    """What a classifier sees in the samples of seeds 0 ... N-1, and the direction in which each of it grows.

    names: K attributes or classes. scores: how sure the classifier is of each, as log-odds, float32 [N, K].
    directions: vectors [K, dim]; values R², what of a score the latent explains linearly, on held-out samples.
    exclusive: whether an image has one of them only: then they are classes.
    """

    names: tuple[str, ...]
    scores: np.ndarray
    directions: Directions
    exclusive: bool = False

    def shown(self, most: int | None = None) -> list[int]:
        """The places of those worth a slider: classes all, in the order of their labels; of attributes the `best`.

        None of them has no direction at all, which is so where no score ever changed.
        """
        if not self.exclusive:
            return self.best(len(self.names) if most is None else most)
        return [place for place, vector in enumerate(self.directions.vectors) if vector.any()]

    def best(self, count: int) -> list[int]:
        """The places of those that are explained best, best first; never one that no sample or every sample has."""
        seen = (self.scores > 0).mean(axis=0)
        order = np.argsort(-self.directions.values, kind="stable")
        return [int(place) for place in order if 0 < seen[place] < 1][:count]

    def plainest(self, count: int) -> list[int]:
        """The seeds of clear samples with few attributes: on them one sees best what a direction adds."""
        sure = 1 / (1 + np.exp(-self.scores))
        doubt = 1 - np.abs(2 * sure - 1)
        return [int(seed) for seed in np.argsort((sure + doubt).sum(axis=1), kind="stable")[:count]]

    def held(self, place: int, others: list[int]) -> np.ndarray:
        """The direction of one attribute that leaves the others alone, as far as lines can tell: float32 [dim].

        Others that are nearly the same, or its contrary (dark and pale), are not among those held. Of classes none
        is: an image is more of one by being less of the others, and what would hold those still leads nowhere.
        Of more others than the space has room for, those most like it are held, as many as leave a tenth of it.
        """
        vectors, kept = self.directions.vectors, self._kept(place, others)
        return latent.without(vectors[place], vectors[kept]) if kept else vectors[place]

    def how_held(self, places: list[int]) -> str:
        """What to say of the others where each of these is held against the rest."""
        if all(self._kept(place, places) == self._apart(place, places) for place in places):
            return "the others held"
        return "the others most like it held"

    def _apart(self, place, others):
        vectors = self.directions.vectors
        alike = {other: abs(vectors[other] @ vectors[place]) for other in others if other != place}
        return [] if self.exclusive else [other for other in alike if alike[other] < _THE_SAME]

    def _kept(self, place, others):
        """Those of the others that `held` holds, in their order."""
        vectors, apart = self.directions.vectors, self._apart(place, others)
        nearest = sorted(apart, key=lambda other: -abs(vectors[other] @ vectors[place]))

        def too_many(count):
            try:
                latent.without(vectors[place], vectors[nearest[:count]], _LEFT)
            except ValueError:
                return True
            return False

        count = bisect_left(range(1, len(nearest) + 1), True, key=too_many)  # the more are held, the less is left
        return [other for other in apart if other in nearest[:count]]


def attribute_directions(space: LatentSpace, classifier: FeatureNetwork, count: int = 4000) -> Attributes:
    """Regress the classifier's scores of `count` samples on their latents, see latent.regress."""
    latents = space.of_seeds(range(count))
    scores = attribute_scores(space, classifier, latents)
    names = tuple(name.replace("_", " ") for name in classifier.label_names)
    return Attributes(names, scores, latent.regress(latents, scores), classifier.exclusive)


def attribute_scores(space: LatentSpace, classifier: FeatureNetwork, latents: np.ndarray) -> np.ndarray:
    """How sure the classifier is of each attribute (or class) in each image, as log-odds: float32 [N, K].

    Raises UserError when the classifier knows no attributes.
    """
    if classifier.label_names is None:
        raise UserError(f"features {classifier.name!r} know no labels: attributes need the classifier of labelled data")
    parts = []
    for start in range(0, len(latents), _IMAGES_AT_ONCE):
        _, probabilities = classifier(space.draw(latents[start : start + _IMAGES_AT_ONCE]))
        sure = np.clip(probabilities.astype(np.float64), _SURE, 1 - _SURE)
        parts.append(np.log(sure / (1 - sure)))
    return np.concatenate(parts).astype(np.float32)


def telling_terms(attributes: Attributes, each: int = 3) -> list[tuple[int, list[int], str]] | None:
    """Terms (sign, seeds, name) of an arithmetic that can be checked: A with B - B without A + neither = A alone.

    "Smiling woman - woman + man" is of this kind. A and B are the two attributes explained best that are not nearly
    the same and of which all three combinations occur; the seeds those of which the classifier is surest. None
    where there are none, as for classes, of which an image has one.
    """
    if attributes.exclusive:
        return None
    places = attributes.best(8)
    alike = np.abs(attributes.directions.vectors @ attributes.directions.vectors.T) >= _THE_SAME
    pairs = [(a, b) for a in places for b in places if not alike[a, b]]
    pairs.sort(key=lambda pair: -attributes.directions.values[list(pair)].sum())
    for a, b in pairs:
        with_a, with_b = attributes.scores[:, a], attributes.scores[:, b]
        names = attributes.names[a], attributes.names[b]
        terms = []
        for sign, one, other in ((1, 1, 1), (-1, -1, 1), (1, -1, -1)):
            sureness = np.minimum(one * with_a, other * with_b)
            seeds = np.argsort(-sureness, kind="stable")[:each]
            if sureness[seeds[-1]] < 1:  # log-odds: about three to one
                break
            words = [name if there > 0 else f"no {name}" for name, there in zip(names, (one, other), strict=True)]
            terms.append((sign, [int(seed) for seed in seeds], ", ".join(words)))
        if len(terms) == 3:
            return terms
    return None
