"""train(): from what is asked for to a run directory. The folder, in the order of a training:

    request.py     what is asked for: the arguments, checked and made plain
    config.py      what is written down before it begins
    signals.py     Ctrl-C and SIGTERM
    loop.py        the loop, and all state of a training: it owns steps, checkpoints, stopping and resuming
    clock.py       what counts as training time, and how much of it is to be expected
    recorder.py    rows, grids and logs on the way
    results.py     the networks and the film at the end
    beginning/     the weights of another run to begin with
    devices/       on what it runs, where that is more than one device

Beside it: progress.py is what a person sees, monitor.py evaluates on the way, alarm_log.py keeps the alarms.
"""

import functools
import time
from pathlib import Path

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import labels_of
from dcgan_tf.data.named import FAKE
from dcgan_tf.game.gan import GAN
from dcgan_tf.game.replicas import check_for_replicas
from dcgan_tf.networks.architectures import check_image_shape
from dcgan_tf.recipe.few import few_note
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import only_writer
from dcgan_tf.run.place import agree_on_config, agree_on_labels, check_place
from dcgan_tf.run.wishes import evenly_kept
from dcgan_tf.training.beginning.start_from import starting_point
from dcgan_tf.training.config import describe
from dcgan_tf.training.devices.choosing import choose_devices
from dcgan_tf.training.devices.followers import follow, leading, see_that_all_train_the_same
from dcgan_tf.training.loop import Training
from dcgan_tf.training.monitor import monitor_for
from dcgan_tf.training.progress import PlainProgress, choose_progress
from dcgan_tf.training.request import load_images_for, resolve
from dcgan_tf.training.signals import Signals


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
    devices: str = "1",
    overrides: dict | None = None,
    classes=None,
    resize: bool = False,
    stretch: bool = False,
    all_frames: bool = False,
    drop_small: bool = False,
    log_every: int = 50,
    checkpoint_seconds: float = 5.0,
    evaluate_every: int | None = None,
    evaluation: dict | None = None,
    keep_samples: bool = False,
    tensorboard: bool = False,
    stop_on_alarm: bool = False,
    show_nearest: bool = False,
    start_from: str | Path | None = None,
    progress: PlainProgress | None = None,
) -> Run:
    """Train a recipe on a dataset, leaving everything in `run_dir`; or go on with the run that is there.

    Called again with the same settings, it resumes an interrupted run bit for bit and leaves a finished one
    alone; with more epochs, steps or seconds it extends it.

    recipe, dataset: a name (see RECIPES and datasets.py), a path for a dataset, or the object itself. By its name,
        `quick` is `quick_colour` on colour images.
    epochs, steps, max_seconds: when to stop, whichever comes first; none given: the recipe's own length.
        Seconds are of training alone, resumed ones counted together: see clock.py.
    overrides: recipe fields to change, such as {"width": 32}; batch_size and learning_rate are short for two.
    devices: "1" (the first), "all" (every GPU), "gpu:0,1" (those) or "cpu:2" (so many parts of the processor): each
        makes its share of every batch. Where TF_CONFIG or SLURM names several processes that run this same call, all
        of them train together; the first one leads, and it alone writes. They are chosen before TensorFlow computes
        anything in this process.
    classes, resize, stretch, all_frames, drop_small: see datasets.load_dataset.
    log_every: steps per row of history.csv (an epoch's end always starts a new one).
    checkpoint_seconds: the least time between checkpoints; large ones are kept further apart, so that
        writing them takes about a hundredth of the time; 0: one after each call, a few times a second.
    evaluate_every: steps between evaluations, which are noted in metrics.jsonl; the generator that was best is
        kept as best_generator.keras. 0: never; None: of a training of 15 minutes or 500,000 images and more, once in
        100,000 images, if it gets so far. No bit of the training depends on it, and its clock stands still meanwhile.
    evaluation: how, as options of evaluation.evaluate: {"metrics": "fid", "features": "auto", "samples": 2000, ...}.
    keep_samples: keep the images of each grid with their latents as arrays, in samples/epoch_0001.npz ...: to be
        looked at later without training again. No bit of the training depends on it.
    tensorboard: also write history, grids and evaluations to RUN/tensorboard/ (see loggers.py).
    stop_on_alarm: save and return when an alarm begins (see alarms.py; all are written to alarms.jsonl, and said).
        Called again, it goes on, and stops at the next one.
    show_nearest: the live view in Jupyter also shows the first eight images of the newest grid, each above the real
        image that is nearest to it. No bit of the training depends on it.
    start_from: another run's directory: begin with the weights of its networks, which have to have the same shapes,
        instead of random ones. Optimizers start fresh. The run remembers which, and goes on without it.

    Raises UserError for a setting that makes no sense, before anything is written; TrainingDiverged when a
    loss is no longer finite; TrainingInterrupted on Ctrl-C or SIGTERM, after saving.
    """
    asked = functools.partial(
        resolve, recipe, epochs=epochs, steps=steps, max_seconds=max_seconds, batch_size=batch_size,
        learning_rate=learning_rate, overrides=overrides, seed=seed, devices=devices, classes=classes,
        resize=resize, stretch=stretch, all_frames=all_frames, drop_small=drop_small, log_every=log_every,
        checkpoint_seconds=checkpoint_seconds, evaluate_every=evaluate_every, evaluation=evaluation,
        keep_samples=keep_samples, tensorboard=tensorboard, stop_on_alarm=stop_on_alarm,
        show_nearest=show_nearest, start_from=start_from,
    )  # fmt: skip
    request = asked()  # mistakes first
    began = time.perf_counter()
    run = Run(run_dir)
    check_place(run.path)
    start = starting_point(request.start_from, run)
    progress = choose_progress(progress)
    devices = choose_devices(request.devices, progress.say)
    dataset = load_images_for(
        request.recipe, dataset, "image_size" in (overrides or {}),
        request.classes, request.resize, request.stretch, request.all_frames, request.drop_small,
    )  # fmt: skip
    request = asked(channels=dataset.image_shape[-1])
    recipe = request.recipe
    check_image_shape(recipe, dataset.image_shape)
    check_for_replicas(recipe, devices.replicas)
    config = describe(request, dataset, run.config if run.config_path.exists() else None, devices,
                      start and start.record)  # fmt: skip
    with devices.lost_ones_named():
        with devices.scope():
            gan = GAN(recipe, dataset.image_shape, request.seed, dataset.label_count)
        if start:
            start.check(gan, dataset.label_count)
        see_that_all_train_the_same(devices, config)
        if not devices.is_chief:
            follow(gan, dataset, devices, progress.say)
            return run
        monitor = monitor_for(run, gan, dataset, request, progress.say)
        with only_writer(run) as lease, Signals() as signals, leading(devices) as leader:
            agree_on_config(run, config, progress.say)
            if recipe.conditional:
                agree_on_labels(run, evenly_kept(labels_of(dataset)))
                progress.say(f"conditional on {run.labels.described()}")
            few = [] if dataset.name == FAKE else few_note(len(dataset), recipe, request.evaluate_every)
            for note in (*dataset.notes, *devices.notes(), *few):
                progress.say(note)
            Training(run, lease, gan, dataset, request, devices, leader, monitor, progress, signals, began, start).go()
    return run
