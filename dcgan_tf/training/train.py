"""train(): the loop. It owns time: epochs, checkpoints, grids, the history, stopping and resuming."""

import contextlib
import math
import os
import platform
import signal
import threading
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

import dcgan_tf
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.images import decode
from dcgan_tf.game.gan import GAN, METRICS
from dcgan_tf.networks.architectures import ARCHITECTURES, check_image_shape
from dcgan_tf.pictures.films import thin_frames, write_gif
from dcgan_tf.pictures.grids import enlarge, grid, save_png
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run import checkpoints
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import only_writer
from dcgan_tf.run.place import agree_on_config, check_place
from dcgan_tf.run.sampling import Sampler, draw_latents
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, disk_errors_explained, write_text
from dcgan_tf.training.alarm_log import AlarmLog
from dcgan_tf.training.loggers import TensorBoardLog
from dcgan_tf.training.monitor import Monitor
from dcgan_tf.training.progress import PlainProgress, choose_progress, describe_seconds

# A compiled call makes as many steps as fit in this time: long enough that the cost of calling is nothing,
# short enough that Ctrl-C is answered at once.
_SECONDS_PER_CALL = 0.4


class TrainingDiverged(RuntimeError):
    """A loss stopped being a finite number; the run directory holds the last good state."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM: everything is saved, and the same command goes on from here."""

    def _render_traceback_(self):  # in Jupyter, what was said is enough
        return ["TrainingInterrupted: everything is saved; run the cell again to go on"]


def train(
    recipe: str | Recipe = "quick",
    dataset: str | Dataset = "mnist5k",
    run_dir: str | Path = "results/run",
    *,
    epochs: int | None = None,
    steps: int | None = None,
    max_seconds: float | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    overrides: dict | None = None,
    classes=None,
    resize: bool = False,
    log_every: int = 50,
    checkpoint_seconds: float = 5.0,
    evaluate_every: int | None = None,
    evaluation: dict | None = None,
    keep_samples: bool = False,
    tensorboard: bool = False,
    stop_on_alarm: bool = False,
    progress: PlainProgress | None = None,
) -> Run:
    """Train a recipe on a dataset, leaving everything in `run_dir`; or go on with the run that is there.

    Called again with the same settings, it resumes an interrupted run bit for bit and leaves a finished one
    alone; with more epochs, steps or seconds it extends it.

    recipe, dataset: a name (see RECIPES and datasets.py), a path for a dataset, or the object itself.
    epochs, steps, max_seconds: when to stop, whichever comes first; none given: the recipe's own length.
        Seconds are of this training, resumed ones counted together.
    overrides: recipe fields to change, such as {"width": 32}; batch_size and learning_rate are short for two.
    classes, resize: see datasets.load_dataset.
    log_every: steps per row of history.csv (an epoch's end always starts a new one).
    checkpoint_seconds: the least time between checkpoints; large ones are kept further apart, so that
        writing them takes about a hundredth of the time; 0: one after each call, a few times a second.
    evaluate_every: steps between evaluations, which are noted in metrics.jsonl; the generator that was best is
        kept as best_generator.keras. No bit of the training depends on it, and its clock stands still meanwhile.
    evaluation: how, as options of evaluation.evaluate: {"names": "fid", "features": "auto", "samples": 2000, ...}.
    keep_samples: keep the images of each grid with their latents as arrays, in samples/epoch_0001.npz ...: to be
        looked at later without training again. No bit of the training depends on it.
    tensorboard: also write history, grids and evaluations to RUN/tensorboard/ (see tensorboard.py).
    stop_on_alarm: save and return when an alarm begins (see alarms.py; all are written to alarms.jsonl, and said).
        Called again, it goes on, and stops at the next one.

    Raises UserError for a setting that makes no sense, before anything is written; TrainingDiverged when a
    loss is no longer finite; TrainingInterrupted on Ctrl-C or SIGTERM, after saving.
    """
    recipe, length = _resolve(recipe, epochs, steps, max_seconds, batch_size, learning_rate, overrides)
    if type(seed) is not int or not 0 <= seed < 2**31:
        raise UserError(f"seed={seed!r} must be a whole number from 0 to {2**31 - 1}")
    if type(log_every) is not int or log_every < 1:
        raise UserError(f"log_every={log_every!r} must be a whole number of at least 1")
    if not isinstance(checkpoint_seconds, int | float) or not 0 <= checkpoint_seconds < math.inf:
        raise UserError(f"checkpoint_seconds={checkpoint_seconds!r} must be a number of seconds of at least 0")
    for name, value in (("keep_samples", keep_samples), ("tensorboard", tensorboard), ("stop_on_alarm", stop_on_alarm)):
        if not isinstance(value, bool):
            raise UserError(f"{name}={value!r} must be True or False")
    run = Run(run_dir)
    check_place(run.path)
    _grow_gpu_memory()
    if not isinstance(dataset, Dataset):
        dataset = load_images_for(recipe, dataset, "image_size" in (overrides or {}), classes, resize)
    check_image_shape(recipe, dataset.image_shape)
    config = _describe(recipe, dataset, seed, length, log_every)
    config["dataset"].update(classes=classes, resize=resize)
    gan = GAN(recipe, dataset.image_shape, seed)
    progress = progress or choose_progress()
    monitor = None
    if evaluate_every is not None:
        monitor = Monitor(run, gan, dataset, evaluate_every, evaluation, progress.say)
    with only_writer(run), _Signals() as signals:
        agree_on_config(run, config, progress.say)
        for note in dataset.notes:
            progress.say(note)
        training = _Training(run, gan, dataset, length, checkpoint_seconds, monitor, keep_samples, progress, signals)
        training.go(tensorboard, stop_on_alarm)
    return run


def load_images_for(recipe, name, size_is_asked=False, classes=None, resize=False) -> Dataset:
    """The dataset of that name or path, as the recipe needs it.

    A recipe with one image size only, or a size that was asked for, is insisted on; any other recipe takes
    named data as they are, and a folder's or zip's images at its own usual size.
    """
    if size_is_asked:  # a size that cannot be made is said before any image is read
        check_image_shape(recipe, (recipe.image_size, recipe.image_size, recipe.channels or 3))
    size_is_asked = size_is_asked or ARCHITECTURES[recipe.architecture].fixed_size
    return load_dataset(
        name,
        image_size=recipe.image_size if size_is_asked else None,
        folder_size=recipe.image_size,
        channels=recipe.channels,
        classes=classes,
        resize=resize,
    )


# --- what is asked for -----------------------------------------------------------------------------------


class _Length(NamedTuple):
    """When to stop: at the first of these that is given."""

    epochs: int | None
    steps: int | None
    max_seconds: float | None


def _resolve(recipe, epochs, steps, max_seconds, batch_size, learning_rate, overrides):
    """The recipe with all changes in it, and the length of the training."""
    recipe = get_recipe(recipe) if isinstance(recipe, str) else recipe
    changes = dict(overrides or {})
    named = {"batch_size": batch_size, "learning_rate": learning_rate, "epochs": epochs, "steps": steps}
    for name, value in named.items():
        if value is not None and name in changes:
            raise UserError(f"{name} is given twice, as {value!r} and as {changes[name]!r}: give it once")
        if value is not None:
            changes[name] = value
    recipe = recipe.with_fields(changes)
    if max_seconds is None:
        return recipe, _Length(recipe.epochs, recipe.steps, None)
    is_number = isinstance(max_seconds, int | float) and not isinstance(max_seconds, bool)
    if not is_number or not math.isfinite(max_seconds) or max_seconds <= 0:
        raise UserError(f"max_seconds={max_seconds!r} must be a number of seconds above 0")
    if "epochs" in changes or "steps" in changes:
        return recipe, _Length(recipe.epochs, recipe.steps, float(max_seconds))
    return recipe, _Length(None, None, float(max_seconds))  # the clock alone decides


def _describe(recipe, dataset, seed, length, log_every) -> dict:
    """config.json: everything that is needed to repeat the run."""
    values = recipe.as_dict()
    del values["epochs"], values["steps"]  # the length may grow; it stands by itself
    return {
        "format": 1,
        "recipe": values,
        "seed": seed,
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "images": len(dataset),
            "image_shape": list(dataset.image_shape),
        },
        "log_every": log_every,
        "steps_per_epoch": dataset.steps_per_epoch(recipe.batch_size),
        "length": length._asdict(),
        "versions": {
            "dcgan_tf": dcgan_tf.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "hardware": {
            "system": f"{platform.system()} {platform.machine()}",
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "gpus": [gpu.name for gpu in tf.config.list_physical_devices("GPU")],
        },
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _grow_gpu_memory():
    """Take GPU memory as it is needed: TensorFlow would take all of it, and starve a run beside this one."""
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # too late, TensorFlow runs already: leave it as it is
            tf.config.experimental.set_memory_growth(gpu, True)


class _Signals:
    """Notes Ctrl-C and SIGTERM instead of being stopped by them; a second Ctrl-C stops at once."""

    received = None

    def __enter__(self):
        self._old = {}
        if threading.current_thread() is threading.main_thread():
            self._old = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _note(self, number, frame):
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)

    def __exit__(self, *exception):
        for number, handler in self._old.items():
            signal.signal(number, handler)


# --- the loop --------------------------------------------------------------------------------------------


class _Training:
    """One call of train(): from the newest checkpoint to the end."""

    def __init__(self, run, gan, dataset, length, checkpoint_seconds, monitor, keep_samples, progress, signals):
        self.run, self.gan, self.dataset, self.progress, self.signals = run, gan, dataset, progress, signals
        self.monitor, self.keep_samples = monitor, keep_samples
        self.alarm_log, self.stopped_by = AlarmLog(run, progress.say), None
        self.checkpoint_seconds = checkpoint_seconds
        self.recipe, self.seed = gan.recipe, run.config["seed"]
        self.steps_per_epoch, self.log_every = run.config["steps_per_epoch"], run.config["log_every"]
        self.length = length
        self.total_steps = length.steps or (length.epochs and length.epochs * self.steps_per_epoch)
        self.max_seconds = length.max_seconds or math.inf
        self.totals = tf.Variable(tf.zeros([len(METRICS) + 1], tf.float64))  # sums since the last row; their count
        self.variables = {**gan.variables, "totals": self.totals}
        self.sampler = Sampler(gan.sampling_generator)
        recipe = self.recipe
        latents = (recipe.latent_distribution, recipe.latent_mean, recipe.latent_std)
        self.grid_latents = draw_latents(recipe.grid_images, recipe.latent_dim, self.seed, *latents)

    def go(self, tensorboard=False, stop_on_alarm=False):
        if self.complete_without_checkpoints():
            self.progress.say(f"{self.run.path} is complete; its checkpoints are gone, so more epochs would start over")
            return
        self.restore()
        self.log = TensorBoardLog(self.run) if tensorboard else None
        if self.finished() and self.run.is_presentable():
            self.progress.say(f"{self.run.path} is complete ({self.where()}): give more epochs to extend it")
            return
        self.run.write_config({**self.run.config, "length": self.length._asdict()})
        self.run.diverged_path.unlink(missing_ok=True)  # another attempt
        self.progress.start(self.run, self.step, self.total_steps)
        try:
            with disk_errors_explained(self.run.path):
                self.train_to_the_end(stop_on_alarm)
                self.save_checkpoint()
                self.write_results()
        finally:
            self.progress.close()
        if not self.finished() and self.signals.received is None:
            self.progress.say(
                f"stopped on an alarm, as asked, after {self.where()}: {self.stopped_by}; all is saved in "
                f"{self.run.path}, the same command goes on from here"
            )
            return
        if not self.finished():
            self.progress.say(
                f"stopped by {self.signals.received.name} after {self.where()}; all is saved in {self.run.path}, "
                "the same command goes on from here"
            )
            raise TrainingInterrupted
        self.progress.say(f"done: {self.where()} in {describe_seconds(self.seconds())}, see {self.run.gif_path}")

    def complete_without_checkpoints(self) -> bool:
        """Whether the history says it is complete, and somebody removed its checkpoints to make room."""
        rows = self.run.rows()
        if not rows or any(self.run.checkpoints_path.glob("*")) or not self.run.is_presentable():
            return False
        return self.is_enough(rows[-1]["step"], rows[-1]["seconds"])

    def restore(self):
        """Go back to the newest whole checkpoint, and forget what was recorded after it."""
        self.run.remove_partial_files()
        extra = checkpoints.restore_latest(self.run.checkpoints_path, self.variables)
        if extra is None and self.run.has_been_saved():
            folder = self.run.set_aside()
            self.progress.say(
                f"no checkpoint of {self.run.path} is there or can be read, so it starts over; "
                f"what it had recorded is kept in {folder}"
            )
        self.step = self.saved_step = int(self.gan.step.numpy())
        self.seconds_before = extra["seconds"] if extra else 0.0
        self.clock_started = time.perf_counter()
        self.next_checkpoint = self.seconds_before + self.checkpoint_seconds
        self.row_images, self.row_started = 0, self.seconds_before
        if extra and not self.finished():
            self.progress.say(f"resuming {self.run.path} after {self.where()}")
        if not self.finished():
            self.run.forget_after(self.step)
            if self.monitor:
                self.monitor.forget_after(self.step)
            self.alarm_log.restore(self.step)

    def train_to_the_end(self, stop_on_alarm):
        batches = iter(self.dataset.batches(self.recipe.batch_size, self.seed, self.step))
        run_steps = compile_steps(self.gan, self.totals, batches)
        first_step, seconds_per_step = self.step, None
        stopping = self.step > 0 and self.finished()  # however short the time is, make one step
        while not stopping:
            count = self.steps_of_next_call(seconds_per_step)
            started = self.seconds()
            totals = run_steps(batches, tf.constant(count, tf.int64)).numpy()
            if self.step > first_step:  # the very first call warms up
                seconds_per_step = min(seconds_per_step or math.inf, (self.seconds() - started) / count)
            self.step += count
            self.row_images += count * self.recipe.batch_size
            if not np.isfinite(totals).all():
                self.diverged()
            stopping = self.finished() or bool(self.signals.received or self.stopped_by)  # once: the clock goes on
            row = self.row(totals)
            self.progress.advance(self.step, row)
            self.record(row, at_end=stopping)
            evaluation = self.evaluate(row["epoch"])
            new_alarms = self.alarm_log.update(row, evaluation)
            if new_alarms and stop_on_alarm:
                self.stopped_by = new_alarms[0].name
            if self.seconds() >= self.next_checkpoint:
                self.save_checkpoint()

    def evaluate(self, epoch) -> dict | None:
        """The evaluation that is due after this step, if there is one. It is no training time."""
        if not self.monitor or not self.monitor.is_due(self.step):
            return None
        started = time.perf_counter()
        line = self.monitor.evaluate(self.step, epoch)
        if self.log:
            self.log.add_scores(line)
        self.clock_started += time.perf_counter() - started
        return line

    def steps_of_next_call(self, seconds_per_step):
        """Up to the next row or grid, but no longer than a person waits for an answer to Ctrl-C."""
        position = self.step % self.steps_per_epoch
        limits = [self.log_every - position % self.log_every, self.steps_per_epoch - position]
        if self.recipe.grid_every:
            limits.append(self.recipe.grid_every - self.step % self.recipe.grid_every)
        if self.monitor:
            limits.append(self.monitor.every - self.step % self.monitor.every)
        if self.total_steps:
            limits.append(self.total_steps - self.step)
        seconds = min(_SECONDS_PER_CALL, self.max_seconds - self.seconds())
        limits.append(int(seconds / seconds_per_step) if seconds_per_step else 1)
        return max(1, min(limits))

    def record(self, row, at_end):
        """Write the row and the grid that are due after this step; at the very end both are."""
        if self.run.row_is_due(self.step) or at_end:
            self.run.append_row(row)
            if self.log:
                self.log.add_row(row)
            if self.run.row_is_due(self.step):  # otherwise a longer run would go on with this row
                self.totals.assign(tf.zeros_like(self.totals))
            self.row_images, self.row_started = 0, self.seconds()
        if self.run.grid_is_due(self.step) or at_end:
            picture = self.draw_grid()
            self.run.grids_path.mkdir(exist_ok=True)
            save_png(self.run.grid_path(self.step), picture)
            if self.log:
                self.log.add_grid(self.step, self.run.grid_path(self.step))
            self.progress.interval(row, picture)

    def row(self, totals) -> dict:
        seconds = self.seconds()
        return {
            "step": self.step,
            "epoch": -(-self.step // self.steps_per_epoch),
            "seconds": round(seconds, 3),
            "images_per_second": round(self.row_images / max(seconds - self.row_started, 1e-9), 1),
            **dict(zip(METRICS, (totals[:-1] / totals[-1]).tolist(), strict=True)),
        }

    def draw_grid(self):
        images = self.sampler(self.grid_latents)
        if self.keep_samples:
            self.run.write_samples(self.step, self.grid_latents, images)
        picture = grid(images)
        return enlarge(picture, max(1, round(480 / picture.shape[0])))  # small images are hard to see

    def save_checkpoint(self):
        if self.step == self.saved_step:
            return
        if not all(np.isfinite(np.asarray(variable)).all() for variable in self.gan.variables.values()):
            self.diverged()
        started = time.perf_counter()
        self.run.checkpoints_path.mkdir(exist_ok=True)
        checkpoints.save(self.run.checkpoints_path, self.step, self.variables, {"seconds": self.seconds()})
        self.saved_step = self.step
        pause = max(self.checkpoint_seconds, 100 * (time.perf_counter() - started)) if self.checkpoint_seconds else 0
        self.next_checkpoint = self.seconds() + pause

    def write_results(self):
        """The two networks, loadable by themselves, and the GIF of the grids so far."""
        for network, path in (
            (self.gan.sampling_generator, self.run.generator_path),
            (self.gan.discriminator, self.run.discriminator_path),
        ):
            with atomic_file(path) as temporary:
                network.save(temporary)
        paths = self.run.grids()
        if len(paths) > 200 or self.recipe.gif_thinned:
            paths = [paths[index] for index in thin_frames(len(paths))]
        if paths:
            seconds_per_frame = min(0.5, max(0.05, 10 / len(paths)))
            write_gif(self.run.gif_path, [decode(path) for path in paths], seconds_per_frame)

    def diverged(self):
        """Leave the last good state as the run's result, and say what happened."""
        when = self.where()
        extra = checkpoints.restore_latest(self.run.checkpoints_path, self.variables)
        kept = "there is no earlier checkpoint"
        if extra:
            self.step = int(self.gan.step.numpy())
            self.run.forget_after(self.step)
            self.write_results()
            self.log = self.log and TensorBoardLog(self.run)
            kept = f"the last good state ({self.where()}) is kept in {self.run.path}"
        said = (
            f"a loss or a weight is no longer a finite number, at or before {when}; {kept}. "
            "Usual remedies: a lower learning rate, clip_norm=1, another loss, or another seed"
        )
        write_text(self.run.diverged_path, said + "\n")
        raise TrainingDiverged(said)

    def seconds(self) -> float:
        """Seconds of training, those before an interruption included."""
        return self.seconds_before + time.perf_counter() - self.clock_started

    def finished(self) -> bool:
        return self.is_enough(self.step, self.seconds())

    def is_enough(self, step, seconds) -> bool:
        return step >= (self.total_steps or math.inf) or seconds >= self.max_seconds

    def where(self) -> str:
        return f"epoch {-(-self.step // self.steps_per_epoch)}, step {self.step:,}"


def compile_steps(gan, totals, batches):
    """A function (batches, count) -> totals that makes `count` training steps in one compiled call.

    `batches` is an iterator of uint8 [N, H, W, C]. The metrics are summed up in `totals` inside the graph, so
    that no step waits for Python to read a loss; how many steps a call makes changes no bit of the result.
    """
    step = tf.function(gan.train_step, jit_compile=True) if gan.recipe.jit_compile else gan.train_step

    @tf.function
    def run_steps(batches, count):
        for _ in tf.range(count):
            metrics = tf.cast(step(next(batches)), tf.float64)
            totals.assign_add(tf.concat([metrics, [1.0]], axis=0))
        return totals.read_value()

    return run_steps.get_concrete_function(batches, tf.TensorSpec([], tf.int64))
