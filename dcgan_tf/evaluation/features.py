"""From images to the features that metrics compare: three networks, each always named as what it is.

    classifier   a small CNN trained once on the dataset's own labels, then kept on disk: works offline
    inception    the reference network of published FID, KID and Inception Scores: a download of 96 MB
    pixels       the picture itself, averaged down to 16 pixels: for data without labels, offline; knows no shapes

Whatever is trained here draws from generators of its own: a training that runs in the same process is not
changed by one bit.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from dcgan_tf.system.downloads import download
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.files import atomic_file, check_readable, disk_errors_explained
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.system.places import CACHE_VARIABLE, cached, expanded

# The frozen graph of 2015-12-05. Size and MD5 are those of the copy that the guided-diffusion evaluations
# (Dhariwal and Nichol 2021) download; the size is that of the original archive's file, too.
INCEPTION_URL = "https://openaipublic.blob.core.windows.net/diffusion/jul-2021/ref_batches/classify_image_graph_def.pb"
INCEPTION_BYTES = 95_673_916
INCEPTION_MD5 = "e6bb154e85f5d4331c22abcddb5dcf31"
INCEPTION_VARIABLE = "DCGAN_TF_INCEPTION"

_CLASSIFIER_VERSION = 1  # of the network and its training below: a change of either makes new features
_CLASSIFIER_STEPS = 1500
_HELD_OUT_EVERY = 10
_PIXEL_SIDE = 16


@dataclass(frozen=True)
class FeatureNetwork:
    """A function: images uint8 [N, H, W, C] -> (features float32 [N, dimension], probabilities or None).

    name: one of FEATURES. description: for people, with what is known of its worth.
    key: follows from its weights, so that it changes when its features do; statistics are cached under it.
    earlier_key: what earlier versions called the same features, by the data they were learned from.
    label_names: what the probabilities [N, K] are of; None where that is nothing to speak of.
    exclusive: whether the K are classes (each row sums to 1), or attributes (each is for itself).
    """

    name: str
    description: str
    key: str
    dimension: int
    compute: Callable
    batch_size: int = 128
    label_names: tuple[str, ...] | None = None
    exclusive: bool = True
    earlier_key: str = ""

    def __call__(self, images: np.ndarray):
        """Works in batches of one size (the last is padded), so that memory is bounded and numbers repeat."""
        parts = []
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            padded = np.concatenate([batch, np.zeros((self.batch_size - len(batch), *batch.shape[1:]), np.uint8)])
            parts.append([None if part is None else np.asarray(part)[: len(batch)] for part in self.compute(padded)])
        return tuple(None if part[0] is None else np.concatenate(part) for part in zip(*parts, strict=True))


def feature_network(name: str, dataset, inception=None, say=print) -> FeatureNetwork:
    """The network of that name, for images like those of `dataset`; "auto" takes the best there is offline.

    inception: the path of the frozen graph, instead of the environment variable or the cache.
    Raises UserError when the network cannot be had, or not for these data.
    """
    if name == "auto":
        if can_classify(dataset):
            name = "classifier"
        else:
            name = "inception" if inception or _inception_path(None).is_file() else "pixels"
    check_features(name)
    if inception and name != "inception":
        raise UserError(
            f"inception={str(inception)!r} is only of use with features='inception', and these are {name!r}: give "
            "features='inception' (--features inception), or leave it out"
        )
    return FEATURES[name](dataset, inception, say)


def check_features(name: str):
    """UserError for a name that is neither "auto" nor one of FEATURES."""
    if name not in ("auto", *FEATURES):
        raise UserError(f"unknown features {name!r}.{nearest(name, FEATURES)} Known are {', '.join(FEATURES)} and auto")


def save_arrays(path: Path, say: Callable, **arrays):
    """Write a .npz of arrays in one step. A cache that takes nothing is said, and ends nothing."""
    try:
        with disk_errors_explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(path) as temporary:
                np.savez(temporary, **arrays)
    except UserError as error:
        say(f"{error}; it will be computed again next time (the environment variable {CACHE_VARIABLE} names the cache)")


def load_arrays(path: Path) -> dict | None:
    """The arrays of a .npz; None when there is none, or it is damaged: then they are computed anew.

    Raises Unreadable when the disk does not give them at the moment.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception:  # NumPy and zipfile raise nearly anything on a damaged file
        check_readable(path)
        return None


# --- pixels -----------------------------------------------------------------------------------------------


def _pixels(dataset, inception, say):
    height, width, channels = dataset.image_shape
    size = min(_PIXEL_SIDE, height), min(_PIXEL_SIDE, width)

    @tf.function(reduce_retracing=True, autograph=False)
    def average(images):
        small = tf.image.resize(tf.cast(images, tf.float32) / 255.0, size, "area")
        return tf.reshape(small, [-1, size[0] * size[1] * channels])

    description = f"pixels averaged to {size[0]}x{size[1]}x{channels}"
    key = f"pixels-1-{size[0]}x{size[1]}x{channels}"
    return FeatureNetwork("pixels", description, key, int(np.prod(size)) * channels, lambda x: (average(x), None))


# --- the reference Inception network ----------------------------------------------------------------------


def _inception_path(path):
    return expanded(path or os.environ.get(INCEPTION_VARIABLE) or cached("features", "inception-2015-12-05.pb"))


def _inception(dataset, path, say):
    """The graph does its own bilinear resizing to 299x299 (TensorFlow 1's) of values 0..255, as in published FID.

    Probabilities are of the 1008 logits without their bias, as in the code of Salimans et al. 2016.
    """
    given = bool(path or os.environ.get(INCEPTION_VARIABLE))
    path = _inception_path(path)
    if not path.is_file():
        if given:
            raise UserError(f"there is no Inception graph at {str(path)!r}: give the path of a frozen graph (.pb)")
        _download_inception(path, say)
    data = path.read_bytes()
    if hashlib.md5(data).hexdigest() != INCEPTION_MD5:
        raise UserError(
            f"{str(path)!r} is not the Inception graph of 2015-12-05 (classify_image_graph_def.pb, "
            f"{INCEPTION_BYTES:,} bytes), or is damaged: remove it to download it again, or give another path"
        )
    graph_definition = tf.compat.v1.GraphDef()
    graph_definition.ParseFromString(data)
    # A session of its own, as in TensorFlow 1: some of the graph's operations are too old for a tf.function.
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3])
        pool, multiply = tf.graph_util.import_graph_def(
            graph_definition, {"ExpandDims:0": images}, ["pool_3:0", "softmax/logits/MatMul"], name=""
        )
        # The graph itself reshapes for one image; this is the same for many.
        features = tf.reshape(pool, [-1, multiply.inputs[1].shape[0]])
        probabilities = tf.nn.softmax(features @ multiply.inputs[1])
    options = tf.compat.v1.ConfigProto()
    options.gpu_options.allow_growth = True
    session = tf.compat.v1.Session(graph=graph, config=options)

    def compute(batch):
        colour = batch if batch.shape[-1] == 3 else batch.repeat(3, axis=-1)
        return session.run([features, probabilities], {images: colour.astype(np.float32)})

    dimension = int(features.shape[1])
    description = "Inception of 2015-12-05, pool_3"
    return FeatureNetwork("inception", description, f"inception-1-{INCEPTION_MD5[:12]}", dimension, compute, 32)


def _download_inception(path, say):
    say(f"downloading the Inception graph of published FID, {INCEPTION_BYTES / 1e6:.0f} MB, once")
    download(
        INCEPTION_URL,
        path,
        "the Inception graph",
        "connect to the internet, or give the path of a copy of classify_image_graph_def.pb (--inception PATH, or the "
        f"environment variable {INCEPTION_VARIABLE}), or take --features classifier or pixels, which need no download",
        is_right=lambda came: True,  # by its MD5
        md5=INCEPTION_MD5,
    )


# --- the classifier ---------------------------------------------------------------------------------------


def can_classify(dataset) -> bool:
    """Whether there are labels that tell the dataset's images apart."""
    return dataset.labels is not None and _targets(dataset)[0].shape[1] > 1


def _targets(dataset):
    """Labels as float32 [N, K], the name of each of the K, and whether they exclude each other."""
    labels = dataset.labels
    if labels.ndim == 1:
        classes = np.unique(labels)
        names = dataset.label_names or {number: str(number) for number in classes.tolist()}
        return (labels[:, None] == classes).astype(np.float32), tuple(names[n] for n in classes.tolist()), True
    varying = np.flatnonzero((labels > 0).any(axis=0) & (labels == 0).any(axis=0))
    names = dataset.label_names or tuple(map(str, range(labels.shape[1])))
    return (labels[:, varying] > 0).astype(np.float32), tuple(names[n] for n in varying), False


def _classifier(dataset, inception, say):
    if not can_classify(dataset):
        raise UserError(
            f"dataset {dataset.name!r} has no labels that tell its images apart, so no classifier can be trained: "
            "take --features inception (a download) or pixels"
        )
    targets, label_names, exclusive = _targets(dataset)
    model = build_classifier(dataset.image_shape, targets.shape[1])
    path = cached("features", f"classifier-{_CLASSIFIER_VERSION}-{dataset.fingerprint[:24]}.npz", say=say)
    stored = load_arrays(path)
    weights = _weights_for(model, stored)
    if weights is None:
        say(f"training the classifier of {dataset.name!r} whose features are compared, once")
        accuracy = train_classifier(model, dataset.images, targets, exclusive)
        weights = model.get_weights()
        save_arrays(
            path, say, accuracy=np.array(accuracy), **{f"weight_{i:02d}": weight for i, weight in enumerate(weights)}
        )
    else:
        accuracy = float(stored["accuracy"])
    model.set_weights(weights)
    link = tf.nn.softmax if exclusive else tf.sigmoid

    @tf.function(reduce_retracing=True, autograph=False)
    def compute(images):
        features, logits = model(images, training=False)
        return features, link(logits)

    # Trained on another machine, or with another number of threads, it is another network: its sums round otherwise.
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in weights)).hexdigest()
    what = f"{targets.shape[1]} {'classes' if exclusive else 'attributes'}"
    right = "too few images to say how good" if np.isnan(accuracy) else f"{accuracy:.1%} right on held-out images"
    return FeatureNetwork(
        "classifier",
        f"classifier {digest[:6]} ({what}, {right})",
        f"classifier-{_CLASSIFIER_VERSION}-{digest[:24]}",
        model.output_shape[0][1],
        compute,
        label_names=label_names,
        exclusive=exclusive,
        earlier_key=f"classifier-{_CLASSIFIER_VERSION}-{dataset.fingerprint[:24]}",
    )


def _weights_for(model, stored) -> list[np.ndarray] | None:
    """The weights that were kept, when they are those of such a network."""
    names = sorted(name for name in stored or {} if name.startswith("weight_"))
    weights = [stored[name] for name in names]
    fits = [weight.shape for weight in weights] == [weight.shape for weight in model.get_weights()]
    return weights if names and fits and "accuracy" in stored else None


def build_classifier(image_shape, outputs: int) -> keras.Model:
    """uint8 images -> (128 features, logits): strided convolutions down to 4 pixels, one dense layer."""
    seeds = iter(range(1, 100))

    def he():
        return keras.initializers.HeNormal(seed=next(seeds))  # unseeded, it would draw from Python's own generator

    images = keras.Input(image_shape, dtype="uint8")
    x = keras.layers.Rescaling(1 / 127.5, -1.0, dtype="float32")(images)
    width = 32
    while min(x.shape[1:3]) > 4:
        x = keras.layers.Conv2D(width, 3, 2, "same", activation="relu", kernel_initializer=he())(x)
        width = min(2 * width, 128)
    x = keras.layers.Dense(128, activation="relu", kernel_initializer=he())(keras.layers.Flatten()(x))
    dropped = keras.layers.Dropout(0.4, seed=next(seeds))(x)
    logits = keras.layers.Dense(outputs, kernel_initializer=he())(dropped)
    return keras.Model(images, [x, logits], name="classifier")


def held_out_rows(count: int) -> np.ndarray:
    """The rows of `count` images that the classifier is not trained on, every tenth; none of fewer than ten."""
    return np.arange(_HELD_OUT_EVERY - 1, count, _HELD_OUT_EVERY)


def train_classifier(model, images, targets, exclusive, steps=None, batch_size=64) -> float:
    """Train on all but every tenth image; the share of those that it then gets right (of attributes: the mean).

    nan where there are so few that none is held out.
    """
    steps = steps or _CLASSIFIER_STEPS
    held_out = held_out_rows(len(images))
    kept, random = np.delete(np.arange(len(images)), held_out), np.random.default_rng(0)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps))
    optimizer.build(model.trainable_variables)
    loss_of = tf.nn.softmax_cross_entropy_with_logits if exclusive else tf.nn.sigmoid_cross_entropy_with_logits

    @tf.function(autograph=False)
    def step(batch, wanted):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(loss_of(labels=wanted, logits=model(batch, training=True)[1]))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    for _ in range(steps):
        rows = kept[random.integers(len(kept), size=batch_size)]
        step(tf.constant(images[rows]), tf.constant(targets[rows]))
    if not len(held_out):
        return float("nan")
    right = []
    for rows in np.array_split(held_out, max(1, len(held_out) // 500)):
        logits = model(tf.constant(images[rows]), training=False)[1].numpy()
        if exclusive:
            right.append(logits.argmax(axis=1) == targets[rows].argmax(axis=1))
        else:
            right.append(((logits > 0) == (targets[rows] > 0)).mean(axis=1))
    return float(np.concatenate(right).mean())


FEATURES = {"classifier": _classifier, "inception": _inception, "pixels": _pixels}
