"""Faces with equal steps or seconds, judged by what nothing was tuned to: a classifier of another kind, and the grain.

    python benchmarks/faces.py [--ways "quick" "quick loss=hinge" ...] [--seeds 0,1] [--steps 350,700]
                               [--seconds 180,600] [--data avatars] [--output results/benchmarks/faces]

A way is a recipe and fields that are changed in it. Each is trained by train(), on 10,000 avatars of 64x64 or on a
prepared folder with attributes. Three numbers for each, at each number of steps (or of seconds), of 2,500 images: the
Fréchet distance by the classifier that `evaluate` uses; that by another network, trained here with other seeds on
*noisy* images, which cannot rely on single pixels; and the grain ratio, which knows no shapes (metrics.py). Real
against real comes first.
Grids lie beside: look at them at full size before you believe any number. What is trained already is kept.
"""

import argparse
import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.system.quiet import tensorflow_quiet

with tensorflow_quiet():
    import keras
    import tensorflow as tf
import numpy as np
from by_hand import recipe_and_fields

from data_prep.avatars import avatars
from dcgan_tf import sample, train
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation import metrics
from dcgan_tf.evaluation.features import feature_network
from dcgan_tf.pictures.grids import grid, save_png
from dcgan_tf.training.progress import NoProgress

_IMAGES = 2500
_NOISE = 0.25  # at most, of the range -1 to 1
_CLASSIFIER_STEPS, _BATCH, _SEED = 900, 64, 11


def noisy_classifier(data, path):
    """A function: uint8 images -> 64 features of a network that saw each training image under noise of its own."""
    if path.exists():
        network = keras.saving.load_model(path)
    else:
        network = _trained(data)
        network.save(path)
    return lambda images: np.asarray(network(images / np.float32(127.5) - 1, training=False)[0])


def _trained(data):
    keras.utils.set_random_seed(_SEED)
    images = x = keras.Input(data.image_shape)
    for width in (24, 48, 96, 128):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.AveragePooling2D(2)(keras.layers.ReLU()(keras.layers.BatchNormalization()(x)))
    features = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(x))
    network = keras.Model(images, [features, keras.layers.Dense(data.labels.shape[1])(features)])
    optimizer, rows = keras.optimizers.Adam(1e-3), np.random.default_rng(_SEED)

    @tf.function
    def step(images, labels):
        deviation = tf.random.uniform([_BATCH, 1, 1, 1], 0, _NOISE)
        with tf.GradientTape() as tape:
            logits = network(images + deviation * tf.random.normal(tf.shape(images)), training=True)[1]
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)

    for _ in range(_CLASSIFIER_STEPS):
        chosen = np.sort(rows.choice(len(data), _BATCH, replace=False))
        step(data.images[chosen] / np.float32(127.5) - 1, data.labels[chosen].astype(np.float32))
    return network


def judge_of(data, output):
    """A function: uint8 images -> (own distance, distance by the noisy classifier, grain), against half of the data."""
    own = feature_network("classifier", data)
    networks = [lambda images: own(images)[0], noisy_classifier(data, output / "noisy_classifier.keras")]
    real = data.images[np.sort(np.random.default_rng(0).permutation(len(data))[: len(data) // 2])]
    of_real = [_gaussian(network, real) for network in networks]
    grain = metrics.mean_laplacian(real)

    def judge(images):
        distances = [
            metrics.frechet_distance(known, _gaussian(network, images))
            for network, known in zip(networks, of_real, strict=True)
        ]
        return (*distances, metrics.grain_ratio(grain, metrics.mean_laplacian(images)))

    return judge


def _gaussian(network, images):
    parts = [network(images[start : start + 250]) for start in range(0, len(images), 250)]
    return metrics.Gaussian.of(np.concatenate(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--ways", nargs="+", default=["quick", "quick last_doubling=depth_to_space"], metavar='"RECIPE FIELD=VALUE ..."'
    )
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--steps", default="350,700")
    parser.add_argument("--seconds", help="of training, in the place of steps")
    parser.add_argument("--data", default="avatars", help="a prepared folder with attributes; avatars: they are drawn")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/faces"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.data == "avatars":
        options.data = str(options.output / "avatars")
        avatars(options.data)
    data = load_dataset(options.data)
    judge = judge_of(data, options.output)
    rest = np.sort(np.random.default_rng(0).permutation(len(data))[len(data) // 2 :][:_IMAGES])
    print("| way | seed | steps | seconds | own classifier | noisy classifier | grain |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    _say("*real against real*", "", "", "", judge(data.images[rest]))
    unit = "max_seconds" if options.seconds else "steps"
    for seed in map(int, options.seeds.split(",")):
        for way in options.ways:
            recipe, fields = recipe_and_fields(way)
            name = f"{way.replace(' ', '-')}-seed{seed}"
            for length in map(int, (options.seconds or options.steps).split(",")):
                with contextlib.redirect_stdout(sys.stderr):  # the table stays one
                    run = train(recipe, options.data, options.output / name, **{unit: length}, seed=seed,
                                overrides=fields, progress=NoProgress(), evaluate_every=0)  # fmt: skip
                images = sample(run.path, _IMAGES, seed=1)
                save_png(options.output / f"{name}-{length}{'s' if options.seconds else ''}.png", grid(images[:64]))
                last = run.rows()[-1]
                _say(way, seed, last["step"], f"{last['seconds']:.0f}", judge(images))


def _say(way, seed, steps, seconds, found):
    own, noisy, grain = found
    print(f"| {way} | {seed} | {steps} | {seconds} | {own:.1f} | {noisy:.1f} | {grain:.2f} |", flush=True)


if __name__ == "__main__":
    main()
