"""evaluate(): a run directory -> metrics.jsonl and a table, with the protocol beside every number.

Everything random follows from the evaluation's own seeds; a training in the same process does not notice it.
"""

import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import tensorflow as tf

from dcgan_tf.data.dataset import OPTIONS, Dataset
from dcgan_tf.data.datasets import check_is_name, load_dataset
from dcgan_tf.data.images import to_model_range
from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.data.prepared import is_prepared
from dcgan_tf.evaluation import alarms
from dcgan_tf.evaluation.alarms import looks_of
from dcgan_tf.evaluation.evaluator import REAL_IMAGES, Evaluator, check_names
from dcgan_tf.evaluation.label_report import label_frame, label_notes
from dcgan_tf.evaluation.metrics import describe_value, metric_of, paired_images
from dcgan_tf.evaluation.yardsticks import describe_yardsticks
from dcgan_tf.evaluation.yardsticks import yardsticks as measure_yardsticks
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import check_is_of, is_conditional, latent_dim_of, load_network, load_with_moment
from dcgan_tf.run.sampling import Sampler, draw_latents, labels_of_generator
from dcgan_tf.run.wishes import as_in_the_data
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import DiskError
from dcgan_tf.system.text_tables import as_text

_AT_ONCE = 512
_NOT_RECORDED = "the evaluation is not recorded"


def draw_in_batches(
    sampler: Sampler, latent_dim: int, latents: dict, count: int, seed: int, labels: Labels | None = None
) -> Iterator[np.ndarray]:
    """The images that `sample` gives for that seed, uint8 [n, H, W, C] at a time.

    labels: of a conditional generator, those of its data.
    """
    drawn = draw_latents(count, latent_dim, seed, **latents)
    told = None if labels is None else as_in_the_data(labels, count, seed)
    for start in range(0, count, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield sampler(drawn[part], None if told is None else told[part])


def evaluate(run, metrics=None, *, features="auto", samples=10_000, seeds=1, real_images=REAL_IMAGES, dataset=None,
             best=False, split="train", against=None, inception=None, yardsticks=True, bar=None, record=True,
             say=print) -> dict:  # fmt: skip
    """Measure a run's generator, append the result to its metrics.jsonl, and return that line as a dict.

    run: a run directory or a Run. metrics: some (keys of METRICS, a list or "fid,kid"); None: all that apply.
    features: "classifier", "inception", "pixels" (see features.py), or "auto".
    samples: generated images per seed; seeds: how many times, with 0, 1, ...: `sample` gives the same images.
    real_images: at most so many of the dataset, evenly spread; None: all.
    dataset: a name, path or Dataset, where the run's own cannot be found under its name any more.
    best: measure best_generator.keras, kept where the training was evaluated, instead of the last generator.
    split: compare with the "train" or "test" images of the dataset; few have test images (see datasets.py).
    against: a name, path or Dataset of other images to compare with, such as a test set that was prepared apart.
        The classifier whose features are compared, and the alarms, know the training images in any case.
    inception: path of the frozen graph. bar: progress bars; None: in a terminal.
    yardsticks: measure what real images and noise give, too (see yardsticks.py): the first time with so many images of
        these data it takes up to three times as long.
    record: False: only measure; record_line() records it later. What cannot be recorded is a warning.

    Raises UserError when the run, its data or the features cannot be had, or a number makes no sense.
    """
    run = run if isinstance(run, Run) else Run(run)
    config = run.config
    metrics = check_names(metrics)
    generator, latents, moment = load_with_moment(run.path, best)
    labels = labels_of_generator(run, generator) if is_conditional(generator) else None
    data = training_data(run, dataset)
    real = _other_images(run, data, split, against)
    discriminator = _discriminator_of(run, metrics, say)
    evaluator = Evaluator(
        data, metrics, features, samples, seeds, real_images, inception, discriminator, bar, say, real, labels
    )
    sampler = Sampler(generator)
    compared_with = {"yardsticks": measure_yardsticks(evaluator, bar, say)} if yardsticks else {}
    line = evaluator.measure(
        lambda seed: draw_in_batches(sampler, latent_dim_of(generator), latents, samples, seed, labels)
    )
    kind = "averaged" if config["recipe"].get("ema_images") else "last step's"
    line = {**moment, "generator": f"best, {kind}" if best else kind, **line, **compared_with}
    line["alarms"] = alarms_of_run(run, line)
    if record:
        try:
            record_line(run, line)
        except UserError as error:  # it took minutes, and is as true on a disk that is read-only
            warnings.warn(str(error), stacklevel=2)
    return line


def _other_images(run, data, split, against):
    """What to compare with other than the training images, and what it is called; None: nothing else."""
    if against is not None and split != "train":
        raise UserError(f"split={split!r} and against={str(against)!r} are both given: give one of the two")
    if against is None:
        other = data if split == "train" else data_of(run, data.name, split)
        kind = "test images"
    else:
        other = against if isinstance(against, Dataset) else data_of(run, against)
        kind = "images of another dataset"
        if other.image_shape != data.image_shape:
            shapes = ["x".join(map(str, dataset.image_shape)) for dataset in (other, data)]
            raise UserError(f"images of {other.name!r} are {shapes[0]}, not {shapes[1]} as those of {data.name!r}")
    return None if other.fingerprint == data.fingerprint else (other, kind)


def alarms_of_run(run: Run, line: dict) -> list[str]:
    """What is wrong with a run, one line each, by its history and its evaluations, `line` being the newest."""
    now = line.get("step", np.inf)  # the best generator may be an earlier one
    looks = looks_of(old for old in (*run.metrics(), line) if old.get("step", 0) <= now)
    history = run.history()
    history = {name: values[history["step"] <= now] for name, values in history.items()}
    recipe = run.config["recipe"]
    return [str(alarm) for alarm in alarms.alarms_of(history, looks, recipe.get("loss", "bce"), recipe)]


def record_line(run: Run, line: dict):
    """Add one evaluation, which took minutes, to metrics.jsonl. run: as it was read before.

    Raises UserError where that cannot be written, or another run is there now.
    """
    try:
        if Run(run.path).config.get("started") != run.config.get("started"):
            raise UserError(f"another run is in {str(run.path)!r} by now: evaluate the one that was meant where it is")
    except UserError as error:
        raise UserError(f"{_NOT_RECORDED}: {error}") from error
    append_line(run, line)


def append_line(run: Run, line: dict):
    """Add one evaluation to metrics.jsonl. Raises DiskError where that cannot be written."""
    try:
        run.append_metrics({**line, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z")})
    except DiskError as error:
        raise DiskError(f"{_NOT_RECORDED}: {error}") from error


def as_judge(discriminator) -> Callable:
    """A discriminator as a function: uint8 images [n, H, W, C] -> logits [n, 1], without dropout."""

    def logits(images):
        return discriminator(to_model_range(images), training=False)

    judge = tf.function(logits, reduce_retracing=True, autograph=False)
    return lambda images: judge(tf.constant(images, tf.float32))


def _discriminator_of(run, names, say):
    """The run's discriminator where it is one whose loss says something, else None; a wrong one is said."""
    if run.config["recipe"].get("conditional"):
        if names is not None and "bound" in names:
            raise UserError(f"run {str(run.path)!r} is conditional: D judges images with labels, bound is without any")
        return None
    if run.config["recipe"].get("loss", "bce") not in ("bce", "minimax") or not run.discriminator_path.is_file():
        return None
    try:
        discriminator = load_network(run.discriminator_path, "discriminator")
        check_is_of(run, run.discriminator_path, discriminator.inputs[0], is_conditional(discriminator))
        return as_judge(discriminator)
    except UserError as error:
        if names is not None and "bound" in names:
            raise
        say(f"left out: bound ({error})")
        return None


def training_data(run: Run, dataset=None) -> Dataset:
    """What the run was trained on, found by its name, or where `dataset` (a name, a path or a Dataset) says it is now.

    Raises UserError when it is not there any more, or is not the same images: known by the fingerprint, and where an
    older version recorded none, by the shape.
    """
    data = dataset if isinstance(dataset, Dataset) else data_of(run, dataset)
    recorded, shape = run.config["dataset"], "x".join(map(str, data.image_shape))
    then = "x".join(map(str, recorded["image_shape"]))
    if shape != then or not data.is_what_had(recorded.get("fingerprint")):
        why = f"images of {shape}, not {then}" if shape != then else "its images, or their labels, are others"
        raise UserError(
            f"dataset {data.name!r} is not what run {str(run.path)!r} was trained on ({why}): "
            "give the same images with the labels of then, as a name or a path, with --dataset"
        )
    return data


def data_of(run: Run, name=None, split="train") -> Dataset:
    """The run's dataset, found by its name or under another, or others made to fit in the same way.

    Raises UserError when they are not there any more.
    """
    recorded, recipe = run.config["dataset"], run.config["recipe"]
    height, width, _ = recorded["image_shape"]
    if name is None and not isinstance(recorded.get("name"), str):
        raise UserError(f"run {str(run.path)!r} does not say what it was trained on: give --dataset")
    place = recorded["name"] if name is None else name
    check_is_name(place)
    # What was prepared is as it is; pictures are brought to what they were for the run.
    options = ("resize",) if is_prepared(place) else OPTIONS
    try:
        return load_dataset(
            place,
            image_size=height if height == width else None,
            channels=recipe.get("channels"),
            classes=recorded.get("classes"),
            split=split,
            **{option: bool(recorded.get(option)) for option in options},
        )
    except UserError as error:
        if name is not None:
            raise
        raise UserError(f"the data of run {str(run.path)!r} cannot be loaded ({error}): give --dataset") from None


def table_frame(line: dict) -> pd.DataFrame:
    """One evaluation as texts for people: a row per metric, with its protocol.

    After the value stands its standard deviation over the seeds; of one seed, that between the parts it is a mean of.
    Beside it, where they were measured, what real images and what noise give (see yardsticks.py).
    """
    seeds = f" x {len(line['seeds'])} seeds" if len(line["seeds"]) > 1 else ""
    rows, given = [], line.get("yardsticks")
    for title, result in line["metrics"].items():
        value, parts = describe_value(result["mean"]), result.get("part_stds")
        if "std" in result:
            value += f" +- {describe_value(result['std'])}"
        elif parts:
            value += f" +- {describe_value(parts[0])} between parts"
        metric = metric_of(title)
        real, generated = paired_images(line, title) or (line["real"]["images"], line["samples"])
        rows.append(
            {
                "metric": title,
                "value": value,
                **{what: _beside(given[what], title) for what in ("real", "noise") if given},
                "better": metric.better if metric else "",
                "features": (metric and metric.measured_on) or line["features"]["description"],
                "samples": f"{generated:,}{seeds}",
                "real images": f"{real:,} of {line['real']['dataset']}, {line['real']['split']}",
                "generator": line["generator"],
            }
        )
    return pd.DataFrame(rows)


def _beside(values, title):
    return describe_value(values[title]) if title in values else ""


def table(line: dict) -> str:
    """One evaluation as a table for people; of a conditional generator with a second one, a row per label."""
    tables = [as_text(table_frame(line)), *([as_text(label_frame(line["labels"]))] if "labels" in line else [])]
    return "\n".join(["\n\n".join(tables), *notes(line)])


def notes(line: dict) -> list[str]:
    """What stands under the tables, line by line: how labels were heard, what is missing, and the alarms."""
    lines = label_notes(line["labels"]) if "labels" in line else []
    if "yardsticks" in line:
        lines.append(describe_yardsticks(line["yardsticks"]))
    if line.get("missing_classes"):
        lines.append(f"missing classes: {', '.join(line['missing_classes'])}")
    if "frechet_distance" in line["metrics"]:
        lines.append("frechet_distance is no FID: that name is for --features inception only")
    return [*lines, *line.get("alarms", [])]
