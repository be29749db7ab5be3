"""Evaluating while training: the curve of a metric, and the best generator kept.

Nothing of it changes the training: images are drawn with seeds of their own, and the clock stands still.
"""

import functools
from collections.abc import Callable

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import labels_of
from dcgan_tf.evaluation.evaluate import alarms_of_run, append_line, draw_in_batches
from dcgan_tf.evaluation.evaluator import Evaluator, check_counts, check_names
from dcgan_tf.evaluation.features import check_features
from dcgan_tf.evaluation.metrics import is_better, place_of_best
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import Sampler
from dcgan_tf.run.wishes import evenly_kept
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.files import atomic_file

SAMPLES = 2000  # per evaluation: enough to see a curve; the last number is evaluate()'s business
# A training of at least so many seconds or images is evaluated unasked, once in so many images: a few seconds in ten
# minutes, so that the good generator is there when a long one goes wrong in the end.
LONG_SECONDS, LONG_IMAGES, IMAGES_BETWEEN = 900.0, 500_000, 100_000
OPTIONS = ("metrics", "features", "samples", "seeds", "real_images", "inception")  # of evaluate(), while training


class Monitor:
    """Evaluates a GAN after every `every` steps, and keeps the generator whose first metric was the best.

    options: as in evaluate(): metrics, features, samples, seeds, real_images, inception (see check_options).
    unasked: nobody asked for it: what it needs is made when it is first due, and where it cannot be had the training
    goes on without.
    Everything it knows is in metrics.jsonl, so a resumed training goes on as if it had not been stopped.
    """

    def __init__(self, run: Run, gan, dataset: Dataset, every: int, options: dict | None = None, say=print,
                 unasked: bool = False):  # fmt: skip
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise UserError(f"evaluate_every={every!r} must be a whole number of steps of at least 1")
        options = {"metrics": "fid", "samples": SAMPLES, **(options or {})}
        metrics = options.pop("metrics")
        self.labels = evenly_kept(labels_of(dataset)) if gan.is_conditional else None  # as the run will keep them
        self._make = functools.partial(Evaluator, dataset, metrics, bar=False, say=say, labels=self.labels, **options)
        self.run, self.gan, self.every, self.say, self.unasked = run, gan, every, say, unasked
        self.gave_up = False
        if not unasked:
            _ = self.evaluator  # mistakes first

    @functools.cached_property
    def evaluator(self) -> Evaluator:
        return self._make()

    @functools.cached_property
    def sampler(self) -> Sampler:
        return Sampler(self.gan.sampling_generator)

    @property
    def title(self) -> str:
        """Of the first metric, by which the best generator is chosen."""
        return self.evaluator.title(self.evaluator.names[0])

    def is_due(self, step: int) -> bool:
        return step % self.every == 0 and not self.gave_up

    def forget_after(self, step: int):
        """Drop the evaluations of a training that was killed later than `step`: they will be made again."""
        self.run.keep_metrics(lambda line: not (line.get("while_training") and line["step"] > step))

    def evaluate(self, step: int, epoch: int, check: Callable) -> dict | None:
        """Measure, note, and keep the generator if it is the best so far; None where that cannot be done unasked.

        check: is called before anything is written.
        """
        if not self.unasked:
            return self._evaluate(step, epoch, check)
        try:
            return self._evaluate(step, epoch, check)
        except UserError as error:
            self.gave_up = True
            self.say(f"the best generator is not looked for: {error}")
            return None

    def _evaluate(self, step, epoch, check):
        recipe, samples = self.gan.recipe, self.evaluator.samples
        latents = {name: getattr(recipe, f"latent_{name}") for name in ("distribution", "mean", "std")}
        best = self.best()
        line = self.evaluator.measure(
            lambda seed: draw_in_batches(self.sampler, recipe.latent_dim, latents, samples, seed, self.labels)
        )
        generator = "last step's" if self.gan.averaged_generator is None else "averaged"
        line = {"step": step, "epoch": epoch, "while_training": True, "generator": generator, **line}
        line["alarms"] = alarms_of_run(self.run, line)
        value = line["metrics"][self.title]["mean"]
        check()
        line["best"] = best is None or is_better(self.title, value, best["metrics"][self.title]["mean"])
        if line["best"]:
            with atomic_file(self.run.best_generator_path) as temporary:
                self.gan.sampling_generator.save(temporary)
        append_line(self.run, line)
        self.say(f"step {step:,}: {self.title} {value:.4g} ({line['features']['description']}, {samples:,} samples)")
        return line

    def best(self) -> dict | None:
        """The best evaluation so far by this protocol, of those made while training."""
        lines = _measured_as(self.evaluator.protocol(), curve(self.run, self.title))
        best = place_of_best(self.title, [line["metrics"][self.title]["mean"] for line in lines])
        return None if best is None else lines[best]


def check_options(options: dict):
    """UserError for a name that is none of OPTIONS, or a value that makes no sense, whatever the data are."""
    for name in options:
        if name not in OPTIONS:
            raise UserError(
                f"evaluation={{{name!r}: ...}}: {name!r} is none of {', '.join(OPTIONS)}.{nearest(name, OPTIONS)}"
            )
    check_names(options.get("metrics"))
    check_features(options.get("features", "auto"))
    check_counts(options.get("samples", SAMPLES), options.get("seeds", 1), options.get("real_images"))


def monitor_for(run: Run, gan, dataset: Dataset, request, say) -> Monitor | None:
    """The monitor that a Request asks for, or that its length is worth; None where there is to be none."""
    every, length, batch_size = request.evaluate_every, request.length, gan.recipe.batch_size
    steps_per_epoch = dataset.steps_per_epoch(batch_size)
    if every is None and is_long(length, batch_size, steps_per_epoch):
        every = max(1, IMAGES_BETWEEN // batch_size)
        # A large recipe takes hours for so many images, and how many there is time for nobody knows yet.
        if_so, sooner = (", if there is time for so many", "N: every N; ") if length.max_seconds else ("", "")
        say(
            f"a long training: the best generator is looked for every {every:,} steps{if_so} "
            f"(evaluate_every={sooner}0: it is not)"
        )
    if not every:
        return None
    steps = length.total_steps(steps_per_epoch)
    if steps is not None and every > steps:
        say(
            f"evaluate_every={every} is more than the {steps:,} steps of this training: it is never evaluated, and its "
            "best generator is not looked for"
        )
    return Monitor(run, gan, dataset, every, request.evaluation, say, unasked=request.evaluate_every is None)


def is_long(length, batch_size: int, steps_per_epoch: int) -> bool:
    """Whether a training of this Length (see request.py) is one to look for the best generator in, unasked."""
    steps, seconds = length.total_steps(steps_per_epoch), length.max_seconds
    return (steps is None or steps * batch_size >= LONG_IMAGES) and (seconds is None or seconds >= LONG_SECONDS)


def curve(run: Run, title: str) -> list[dict]:
    """The evaluations that were made while training and hold the metric `title`, in order."""
    return [line for line in run.metrics() if line.get("while_training") and title in line["metrics"]]


def _measured_as(protocol: dict, lines: list[dict]) -> list[dict]:
    """Those of the lines whose numbers can be compared: of fewer samples alone, distances are larger."""

    def how(line):
        return line["features"].get("key"), line["samples"], line["seeds"], line["real"]["images"]

    return [line for line in lines if how(line) == how(protocol)]


def draw_curve(run: Run):
    """A picture of the first metric over the steps of the training, the best marked; where it was measured in several
    ways, of the newest. UserError without any."""
    from dcgan_tf.pictures.curves import progress_axis
    from dcgan_tf.pictures.picture import GENERATOR, Picture

    lines = [line for line in run.metrics() if line.get("while_training")]
    if not lines:
        raise UserError(f"run {str(run.path)!r} was not evaluated while training: train with evaluate_every=N")
    title = next(iter(lines[-1]["metrics"]))
    lines = _measured_as(lines[-1], curve(run, title))
    steps, values = [line["step"] for line in lines], [line["metrics"][title]["mean"] for line in lines]
    best = place_of_best(title, values) or 0
    figure = Picture(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(steps, values, color=GENERATOR, marker="o", markersize=3)
    axes.plot(
        steps[best], values[best], "o", color="black", label=f"best: {values[best]:.4g} after step {steps[best]:,}"
    )
    axes.set_ylabel(title)
    progress_axis(axes, "step", steps[-1])
    axes.set_title(f"{lines[0]['features']['description']}, {lines[0]['samples']:,} samples", fontsize=9)
    axes.legend()
    return figure
