"""evaluate(): a run directory -> metrics.jsonl and a table, with the protocol beside every number.

Everything random follows from the evaluation's own seeds; a training in the same process does not notice it.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.images import to_model_range
from dcgan_tf.data.prepared import is_prepared
from dcgan_tf.evaluation import alarms, metrics
from dcgan_tf.evaluation.alarms import looks_of
from dcgan_tf.evaluation.features import feature_network
from dcgan_tf.evaluation.metrics import METRICS, describe_value, metric_of
from dcgan_tf.evaluation.summaries import PAIRED_IMAGES, Summary, missing_classes, progress_bar, real_summary, summarise
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import load_generator
from dcgan_tf.run.sampling import Sampler, draw_latents
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.keras_backend import keras

KERNEL_BLOCKS = 100  # of 1,000 images, as in published KID
REAL_IMAGES = 50_000  # at most, spread evenly over the dataset; unless another number is asked for
_AT_ONCE = 512
_LOOKED_AT = 500  # generated images, for the alarms


_PAIRED = ("kid", "precision", "recall", "density", "coverage")


def compare(names, real: Summary, generated: Summary) -> dict[str, float]:
    """The values of these metrics (keys of METRICS)."""
    values = {}
    if "fid" in names:
        values["fid"] = metrics.frechet_distance(real.gaussian, generated.gaussian)
    if "kid" in names:
        size = min(1000, len(real.features), len(generated.features))
        values["kid"] = metrics.kernel_distance(real.features, generated.features, KERNEL_BLOCKS, size).mean
    if "is" in names:
        values["is"] = generated.score.result().mean
    for pair, function in ((("precision", "recall"), metrics.precision_recall),
                           (("density", "coverage"), metrics.density_coverage)):  # fmt: skip
        if set(pair) & set(names):
            values.update(zip(pair, function(real.features, generated.features), strict=True))
    if "classes" in names:
        values["classes"] = float(len(generated.shares) - len(missing_classes(real, generated)))
    if "confidence" in names:
        values["confidence"] = generated.confidence
    if "js" in names:
        values["js"] = metrics.intensity_divergence(real.intensities, generated.intensities)
    return {name: float(values[name]) for name in names}


# --- an evaluation ----------------------------------------------------------------------------------------


class Evaluator:
    """Metrics of any generator against one dataset, by one protocol; the real data are looked at once.

    dataset: what the generator was trained on: the features' classifier and the alarms know these images.
    names: keys of METRICS, or None for all that the features allow; the rest as in evaluate().
    real: other images to compare with, and what they are called; None: those of `dataset`.
    Raises UserError for a protocol that makes no sense.
    """

    def __init__(self, dataset: Dataset, names=None, features="auto", samples=10_000, seeds=1, real_images=REAL_IMAGES,
                 inception=None, discriminator=None, bar=None, say=print,
                 real: tuple[Dataset, str] | None = None):  # fmt: skip
        for name, value, low in (("samples", samples, 10), ("seeds", seeds, 1), ("real_images", real_images, 10)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < low):
                raise UserError(f"{name}={value!r} must be a whole number of at least {low}")
        names = _check_names(names)
        self.network = feature_network(features, dataset, inception, say)
        self.discriminator = discriminator  # a function: uint8 images -> logits [n, 1]; only "bound" asks it
        self.names = [name for name in names or METRICS if self._is_possible(name, insist=names is not None)]
        self.samples, self.seeds, self.dataset, self.bar = samples, seeds, dataset, bar
        self.real_data, self.split = real or (dataset, "training images")
        self.real, self._neighbours = real_summary(self.real_data, self.network, real_images, bar), None

    def _is_possible(self, name, insist):
        needs = METRICS[name].needs
        network = self.network
        possible = {
            "": True,
            "probabilities": network.name != "pixels" and network.exclusive,
            "labels": network.label_names is not None,
            "discriminator": self.discriminator is not None,
        }[needs]
        if not possible and insist:
            wanted = {
                "probabilities": "probabilities of classes: take other features",
                "labels": "the classifier of labelled data: take --features classifier",
                "discriminator": "a discriminator trained with loss=bce or minimax",
            }[needs]
            raise UserError(f"metric {name!r} of {network.description} needs {wanted}, or leave it out")
        return possible

    def title(self, name: str) -> str:
        """What the metric is called with these features: FID only with the reference network."""
        metric = METRICS[name]
        return (self.network.name == "inception" and metric.reference_name) or metric.title

    def measure(self, draw: Callable[[int], Iterator[np.ndarray]]) -> dict:
        """One line of metrics.jsonl, but for what is known of the run.

        draw: seed -> batches of uint8 [n, H, W, C], `samples` images in all.
        """
        started, found, missing = time.perf_counter(), [], []
        keep = PAIRED_IMAGES if set(self.names) & set(_PAIRED) else 0
        for seed in range(self.seeds):
            with progress_bar(self.bar, self.samples, f"generated images, seed {seed}") as progress:
                losses, first = [], []
                batches = self._observed(draw(seed), losses, first)
                generated = summarise(self.network, batches, self.samples, keep, progress)
            found.append(compare([name for name in self.names if name != "bound"], self.real, generated))
            if "bound" in self.names:
                loss = self._loss_on_real() + float(np.concatenate(losses).mean())
                found[-1]["bound"] = metrics.divergence_bound(loss)
            missing += missing_classes(self.real, generated) if "classes" in self.names else []
        line = {"metrics": {}, "look": self._look(np.concatenate(first)[:_LOOKED_AT])}
        for name in self.names:
            values = [values[name] for values in found]
            line["metrics"][self.title(name)] = {"mean": float(np.mean(values)), "values": values}
            if self.seeds > 1:
                line["metrics"][self.title(name)]["std"] = float(np.std(values, ddof=1))
        if "classes" in self.names:
            line["missing_classes"] = sorted(set(missing))
        return {**line, **self.protocol(), "evaluation_seconds": round(time.perf_counter() - started, 1)}

    def _observed(self, batches, losses, first):
        """The same batches; meanwhile -log(1 - D) of each image is noted, and the first images are kept."""
        for images in batches:
            if "bound" in self.names:
                losses.append(np.logaddexp(0, np.asarray(self.discriminator(images), np.float64)))
            if sum(map(len, first)) < _LOOKED_AT:
                first.append(images)
            yield images

    def _look(self, images):
        """What alarms.py wants to know of some generated images: always by their pixels, where copies show best."""
        if self._neighbours is None:
            rows = np.linspace(0, len(self.dataset) - 1, min(len(self.dataset), PAIRED_IMAGES)).astype(int)
            self._pixels = feature_network("pixels", self.dataset)
            self._neighbours = alarms.RealNeighbours(self._pixels(self.dataset.images[rows])[0])
        return alarms.look_at(self._pixels(images)[0], self._neighbours)

    def _loss_on_real(self):
        rows = np.linspace(0, len(self.real_data) - 1, min(len(self.real_data), PAIRED_IMAGES)).astype(int)
        parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
        logits = [np.asarray(self.discriminator(self.real_data.images[part]), np.float64) for part in parts]
        return float(np.logaddexp(0, -np.concatenate(logits)).mean())

    def protocol(self) -> dict:
        """How the numbers came about; without it they cannot be compared."""
        real = self.real.count
        return {
            "features": {"name": self.network.name, "description": self.network.description, "key": self.network.key},
            "samples": self.samples,
            "seeds": list(range(self.seeds)),
            "paired_images": [len(self.real.features), min(self.samples, PAIRED_IMAGES)],
            "real": {
                "dataset": self.real_data.name,
                "split": f"all {self.split}" if real == len(self.real_data) else f"{self.split}, evenly spread",
                "images": real,
                "fingerprint": self.real_data.fingerprint,
            },
        }


def _check_names(names):
    if names is None:
        return None
    names = [name.strip().lower() for name in (names.split(",") if isinstance(names, str) else names)]
    names = list(dict.fromkeys(name for name in names if name))
    for name in names:
        if name not in METRICS:
            raise UserError(f"unknown metric {name!r}.{nearest(name, METRICS)} Known are {', '.join(METRICS)}")
    if not names:
        raise UserError(f"metrics names none: give one or more of {', '.join(METRICS)}")
    return names


def draw_in_batches(sampler: Sampler, latent_dim: int, latents: dict, count: int, seed: int) -> Iterator[np.ndarray]:
    """The images that `sample` gives for that seed, uint8 [n, H, W, C] at a time."""
    drawn = draw_latents(count, latent_dim, seed, **latents)
    for start in range(0, count, _AT_ONCE):
        yield sampler(drawn[start : start + _AT_ONCE])


def evaluate(run, names=None, *, features="auto", samples=10_000, seeds=1, real_images=REAL_IMAGES, dataset=None,
             best=False, split="train", against=None, inception=None, bar=None, say=print) -> dict:  # fmt: skip
    """Measure a run's generator, append the result to its metrics.jsonl, and return that line as a dict.

    run: a run directory or a Run. names: metrics (keys of METRICS, a list or "fid,kid"); None: all that apply.
    features: "classifier", "inception", "pixels" (see features.py), or "auto".
    samples: generated images per seed; seeds: how many times, with 0, 1, ...: `sample` gives the same images.
    real_images: at most so many of the dataset, evenly spread; None: all.
    dataset: a name, path or Dataset, where the run's own cannot be found under its name any more.
    best: measure best_generator.keras, kept where the training was evaluated, instead of the last generator.
    split: compare with the "train" or "test" images of the dataset; few have test images (see datasets.py).
    against: a name, path or Dataset of other images to compare with, such as a test set that was prepared apart.
        The classifier whose features are compared, and the alarms, know the training images in any case.
    inception: path of the frozen graph. bar: progress bars; None: in a terminal.

    Raises UserError when the run, its data or the features cannot be had, or a number makes no sense.
    """
    run = run if isinstance(run, Run) else Run(run)
    config = run.config
    generator, latents = load_generator(run.path, best)
    data = dataset if isinstance(dataset, Dataset) else data_of(run, dataset)
    if not data.is_what_had(config["dataset"].get("fingerprint")):
        raise UserError(
            f"dataset {data.name!r} is not what run {str(run.path)!r} was trained on (another fingerprint): "
            "give the same images, as a name or a path, with --dataset"
        )
    real = _other_images(run, data, split, against)
    discriminator = _discriminator_of(run)
    evaluator = Evaluator(data, names, features, samples, seeds, real_images, inception, discriminator, bar, say, real)
    sampler = Sampler(generator)
    line = evaluator.measure(lambda seed: draw_in_batches(sampler, generator.input_shape[1], latents, samples, seed))
    kind = "averaged" if config["recipe"].get("ema_images") else "last step's"
    line = {**_place(run, best), "generator": f"best, {kind}" if best else kind, **line}
    line["alarms"] = alarms_of_run(run, line)
    append_line(run, line)
    return line


def _place(run, best):
    """The step and epoch that the generator is of, where they are known."""
    places = [line for line in run.metrics() if line.get("best")] if best else run.rows()
    return {name: places[-1][name] for name in ("step", "epoch")} if places else {}


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
    lines = sorted([*run.metrics(), line], key=lambda old: old.get("step", 0))
    looks = looks_of(old for old in lines if old.get("step", 0) <= now)
    history = run.history()
    history = {name: values[history["step"] <= now] for name, values in history.items()}
    return [str(alarm) for alarm in alarms.alarms_of(history, looks, run.config["recipe"].get("loss", "bce"))]


def append_line(run: Run, line: dict):
    """Add one evaluation to metrics.jsonl."""
    run.append_metrics({**line, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z")})


def as_judge(discriminator: keras.Model) -> Callable:
    """A discriminator as a function: uint8 images [n, H, W, C] -> logits [n, 1], without dropout."""
    judge = tf.function(lambda images: discriminator(to_model_range(images), training=False), reduce_retracing=True)
    return lambda images: judge(tf.constant(images, tf.float32))


def _discriminator_of(run):
    """The run's discriminator where it is one whose loss says something, else None."""
    if run.config["recipe"].get("loss", "bce") not in ("bce", "minimax") or not run.discriminator_path.is_file():
        return None
    try:
        return as_judge(keras.saving.load_model(run.discriminator_path, compile=False, safe_mode=True))
    except Exception as error:  # Keras raises nearly anything on a damaged archive
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{str(run.discriminator_path)!r} cannot be loaded, or is damaged ({reason})") from error


def data_of(run: Run, name=None, split="train") -> Dataset:
    """The run's dataset, found by its name or under another, or others made to fit in the same way.

    Raises UserError when they are not there any more.
    """
    recorded, recipe = run.config["dataset"], run.config["recipe"]
    height, width, _ = recorded["image_shape"]
    if name is None and not isinstance(recorded.get("name"), str):
        raise UserError(f"run {str(run.path)!r} does not say what it was trained on: give --dataset")
    place = name or recorded["name"]
    # What was prepared is as it is; pictures are brought to what they were for the run.
    raw = {} if is_prepared(place) else {option: bool(recorded.get(option)) for option in ("stretch", "all_frames")}
    try:
        return load_dataset(
            place,
            image_size=height if height == width else None,
            channels=recipe.get("channels"),
            classes=recorded.get("classes"),
            resize=bool(recorded.get("resize")),
            split=split,
            **raw,
        )
    except UserError as error:
        if name is not None:
            raise
        raise UserError(f"the data of run {str(run.path)!r} cannot be loaded ({error}): give --dataset") from None


def table_rows(line: dict) -> list[tuple[str, ...]]:
    """One evaluation as rows of text, the heads first: a row per metric, with its protocol."""
    protocol = (
        line["features"]["description"],
        f"{line['samples']:,}" + (f" x {len(line['seeds'])} seeds" if len(line["seeds"]) > 1 else ""),
        f"{line['real']['images']:,} of {line['real']['dataset']}, {line['real']['split']}",
        line["generator"],
    )
    rows = [("metric", "value", "better", "features", "samples", "real images", "generator")]
    for title, result in line["metrics"].items():
        spread = f" +- {describe_value(result['std'])}" if "std" in result else ""
        by = {"intensity_divergence": "the pixels", "divergence_bound": "the discriminator"}.get(title, protocol[0])
        rows.append((title, describe_value(result["mean"]) + spread, metric_of(title).better, by, *protocol[1:]))
    return rows


def table(line: dict) -> str:
    """One evaluation as a table for people."""
    rows = table_rows(line)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if line.get("missing_classes"):
        lines.append(f"missing classes: {', '.join(line['missing_classes'])}")
    if "frechet_distance" in line["metrics"]:
        lines.append("frechet_distance is no FID: that name is for --features inception only")
    return "\n".join([*lines, *line.get("alarms", [])])
