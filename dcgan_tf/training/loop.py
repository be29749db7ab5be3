"""The loop of a training, and all of its state. It owns steps, checkpoints, stopping and resuming."""

import math
import time

import numpy as np
import tensorflow as tf

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation.alarms import advice
from dcgan_tf.game.gan import GAN, METRICS
from dcgan_tf.run import checkpoints
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import Lease
from dcgan_tf.run.records import set_aside_other
from dcgan_tf.system.files import disk_errors_explained, in_utf8, paths_in, write_text
from dcgan_tf.training.alarm_log import AlarmLog
from dcgan_tf.training.clock import Clock, Forecast
from dcgan_tf.training.devices.steps import compile_steps
from dcgan_tf.training.progress import describe_epochs, describe_seconds
from dcgan_tf.training.recorder import Recorder
from dcgan_tf.training.request import Request
from dcgan_tf.training.results import film_is_whole, is_whole_keras_file, networks_are_whole, write_film, write_results
from dcgan_tf.training.signals import TrainingInterrupted

# A compiled call makes as many steps as fit in this time: long enough that the cost of calling is nothing,
# short enough that Ctrl-C is answered at once.
_SECONDS_PER_CALL = 0.4


class TrainingDiverged(RuntimeError):
    """A loss stopped being a finite number; the run directory holds the last good state."""


class Training:
    """One call of train(), from the newest checkpoint to the end; all of its state is here.

    step: how many steps were made, in all. saved_step: at how many the newest checkpoint was written.
    totals [5]: the metrics summed up since the last recorded row, and how many steps that is.
    """

    def __init__(
        self, run: Run, lease: Lease, gan: GAN, dataset: Dataset, request: Request, devices, leader, monitor, progress,
        signals, began, start=None,
    ):  # fmt: skip
        self.run, self.lease, self.gan, self.dataset, self.request = run, lease, gan, dataset, request
        self.devices, self.leader, self.start = devices, leader, start
        self.monitor, self.progress, self.signals = monitor, progress, signals
        self.seed, self.log_every = run.config["seed"], run.config["log_every"]
        self.batch_size, self.steps_per_epoch = gan.recipe.batch_size, run.config["steps_per_epoch"]
        self.total_steps = request.length.total_steps(self.steps_per_epoch) or math.inf
        self.max_seconds = request.length.max_seconds or math.inf
        self.totals = tf.Variable(tf.zeros([len(METRICS) + 1], tf.float64))
        self.variables = {**gan.variables, "totals": self.totals}
        self.clock, self.recorder, self.alarm_log = Clock(), Recorder(run, gan, request), AlarmLog(run, progress.say)
        self.forecast = Forecast(
            gan,
            self.steps_per_epoch,
            self.total_steps,
            self.max_seconds,
            devices.replicas == 1,
            self.clock,
            progress.say,
        )
        self.step = self.saved_step = 0
        self.next_checkpoint, self.seconds_per_step = 0.0, None
        self.began, self.start_up_seconds = began, 0.0  # by the machine's clock, and until the first step was made
        self.complete = self.stopping = False
        self.stopped_by = None  # the name of the alarm that stopped it

    def go(self):
        """Train to the end and leave the results; say what came out, in one line."""
        results_step = self.run.results_step  # of a run of an earlier version: before its history is cut
        if self.complete_without_checkpoints():
            self.say_complete("; its checkpoints are gone, so more epochs would start over")
            return
        self.restore()
        self.recorder.begin(self.clock.seconds())
        if self.is_enough(self.step, self.clock.seconds()) and self.has_results():
            self.say_complete(f" ({self.where()}): give more epochs to extend it")
            return
        length = self.request.length._asdict()
        self.run.write_config({**self.run.config, "length": length, "results_step": results_step})
        set_aside_other(self.run.diverged_path)
        self.run.diverged_path.unlink(missing_ok=True)  # another attempt
        self.progress.start(self.run, self.step, None if self.total_steps == math.inf else self.total_steps)
        self.find_nearest_if_asked()
        try:
            with disk_errors_explained(self.run.path):
                self.train_to_the_end()
                self.clock.stop()  # what is written now is not trained any more
                self.save_checkpoint()
                self.lease.check()
                write_results(self.run, self.gan, self.progress.say)
        finally:
            self.progress.close()
        self.say_how_it_ended()

    # --- the loop ---------------------------------------------------------------------------------------------

    def train_to_the_end(self):
        self.complete = self.stopping = self.step > 0 and self.is_enough(self.step, self.clock.seconds())
        if self.stopping:  # all is trained, only results are missing; however short the time is, one step is made
            return
        self.leader.begin(self.gan.variables.values())
        run_steps = compile_steps(self.gan, self.totals, self.dataset, self.devices)
        if self.step == 0:
            self.show(self.recorder.write_grid(0))  # what every generator begins with: noise
        while not self.stopping:
            totals = self.make_steps(run_steps)
            self.check_finite(totals)
            seconds = self.clock.seconds()
            self.complete = self.is_enough(self.step, seconds)
            self.stopping = self.complete or bool(self.stopped_by_signal() or self.stopped_by)
            row = self.recorder.row(self.step, totals, seconds)
            self.progress.advance(self.step, row)
            self.forecast.follow(self.step)
            self.lease.check()
            self.record(row)
            evaluation = self.evaluate(row)
            self.watch_for_alarms(row, evaluation)
            if self.clock.seconds() >= self.next_checkpoint:
                self.save_checkpoint()

    def make_steps(self, run_steps) -> np.ndarray:
        """Up to the next moment at which there is something to do; the totals since the last row."""
        count, started = self.leader.next_call(self.steps_of_next_call()), time.perf_counter()
        totals = run_steps(count).numpy()
        took = time.perf_counter() - started
        self.step += count
        if self.clock.runs:
            self.seconds_per_step = min(self.seconds_per_step or math.inf, took / count)
            self.recorder.row_images += count * self.batch_size
        else:  # the first step in this process: it has compiled
            self.start_up_seconds = time.perf_counter() - self.began
            self.recorder.first_speed = self.batch_size / took
            self.clock.start()
        return totals

    def steps_of_next_call(self) -> int:
        """Up to the next row, grid or evaluation, but no longer than a person waits for an answer to Ctrl-C."""
        if not self.seconds_per_step:
            return 1
        position = self.step % self.steps_per_epoch
        limits = [self.log_every - position % self.log_every, self.steps_per_epoch - position]
        limits += [self.run.grid_rule.next_after(self.step) - self.step, self.total_steps - self.step]
        if self.monitor:
            limits.append(self.monitor.every - self.step % self.monitor.every)
        seconds = min(_SECONDS_PER_CALL, self.max_seconds - self.clock.seconds())
        return max(1, min(*limits, int(seconds / self.seconds_per_step)))

    def record(self, row):
        """Write the row and the grid that are due after this step; when it stops here both are."""
        grid_is_due = self.run.grid_rule.is_due(self.step) or self.stopping
        if grid_is_due:
            self.check_finite()  # the loss of this step was that of the weights before it
        if self.run.row_is_due(self.step) or self.stopping:
            self.recorder.write_row(row)
        if self.run.row_is_due(self.step):  # otherwise a longer run goes on with this row
            self.totals.assign(tf.zeros_like(self.totals))
        if grid_is_due:
            picture = self.recorder.write_grid(self.step)
            with self.clock.stopped():
                self.progress.interval(row, picture)
        elif self.progress.wants_picture():
            with self.clock.stopped():
                self.show(self.recorder.draw_grid())

    def find_nearest_if_asked(self):
        if self.request.show_nearest and self.progress.is_live:
            self.progress.nearest = self.recorder.nearest_real(self.dataset)
        elif self.request.show_nearest:
            self.progress.say(
                "show_nearest: left out, since only the live view in Jupyter shows the nearest real images"
            )

    def show(self, picture):
        """A picture between two lines of progress."""
        self.progress.picture(self.step, picture)

    def evaluate(self, row) -> dict | None:
        """The evaluation that is due after this step, if there is one. It is no training time."""
        if not self.monitor or not self.monitor.is_due(self.step):
            return None
        self.check_finite()
        with self.clock.stopped():
            line = self.monitor.evaluate(self.step, row["epoch"], self.lease.check)
            self.recorder.log_scores(line)
        return line

    def watch_for_alarms(self, row, evaluation):
        new_alarms = self.alarm_log.update(row, evaluation)
        if new_alarms and self.request.stop_on_alarm:
            self.stopped_by = self.stopped_by or new_alarms[0].name

    # --- its state: restored, saved, kept when it goes wrong --------------------------------------------------

    def has_results(self) -> bool:
        """Whether networks and film are there, whole, and of this step: a kill may have left those of an earlier stop.

        They may be of a later one, where its checkpoint is lost.
        """
        is_new_enough = self.run.results_step >= self.step
        return is_new_enough and networks_are_whole(self.run) and film_is_whole(self.run)

    def complete_without_checkpoints(self) -> bool:
        """Whether the history says it is complete, and somebody removed its checkpoints to make room."""
        rows = [row for row in self.run.rows() if row["step"] <= self.run.results_step]
        if not rows or paths_in(self.run.checkpoints_path) or not is_whole_keras_file(self.run.generator_path):
            return False
        if not self.is_enough(rows[-1]["step"], rows[-1]["seconds"]):
            return False
        if not film_is_whole(self.run):
            write_film(self.run, self.gan.recipe.gif_thinned, self.progress.say)
        return True

    def restore(self):
        """Go back to the newest whole checkpoint, and forget what was recorded after it."""
        self.run.remove_partial_files()
        extra = checkpoints.restore_latest(self.run.checkpoints_path, self.variables)
        if extra is None and self.start:
            self.start.give_to(self.gan)
            for note in self.start.notes(self.run.labels):
                self.progress.say(note)
        if extra is None and self.run.has_been_saved():
            folder = self.run.set_aside()
            self.progress.say(
                f"no checkpoint of {self.run.path} is there or can be read, so it starts over; "
                f"what it had recorded is kept in {folder}"
            )
        self.step = self.saved_step = int(self.gan.step.numpy())
        seconds = extra["seconds"] if extra else 0.0
        self.clock.restore(seconds)
        self.next_checkpoint = seconds + self.request.checkpoint_seconds
        kept = self.step
        if self.is_enough(self.step, seconds):
            kept = max(self.step, self.run.results_step)
            rows = self.run.rows()
            if not rows or rows[-1]["step"] <= kept:
                return
        elif extra:
            self.progress.say(f"resuming {self.run.path} after {self.where()}")
        self.run.forget_after(kept)
        if self.monitor:
            self.monitor.forget_after(kept)
        self.alarm_log.restore(kept)

    def save_checkpoint(self):
        if self.step == self.saved_step:
            return
        self.check_finite(*self.gan.variables.values())
        self.lease.check()
        started, pause = time.perf_counter(), self.request.checkpoint_seconds
        self.run.checkpoints_path.mkdir(exist_ok=True)
        checkpoints.save(self.run.checkpoints_path, self.step, self.variables, {"seconds": self.clock.seconds()})
        self.saved_step = self.step
        took = time.perf_counter() - started
        self.next_checkpoint = self.clock.seconds() + (max(pause, 100 * took) if pause else 0)

    def check_finite(self, *values):
        """TrainingDiverged unless all these numbers are finite; none given: those of the generator."""
        values = values or self.gan.sampling_generator.variables
        if not all(np.isfinite(np.asarray(value)).all() for value in values):
            self.diverged()

    def diverged(self):
        """Leave the last good state as the run's result, and say what happened."""
        self.lease.check()
        when = self.where()
        extra = checkpoints.restore_latest(self.run.checkpoints_path, self.variables)
        kept, recipe = "there is no earlier checkpoint", self.gan.recipe.as_dict()
        if extra:
            self.step = int(self.gan.step.numpy())
            self.run.forget_after(self.step)
            write_results(self.run, self.gan, self.progress.say)
            self.recorder.begin(self.clock.seconds())
            kept = f"the last good state ({self.where()}) is kept in {self.run.path}"
        said = (
            f"a loss or a weight is no longer a finite number, at or before {when}; {kept}. "
            f"Usual remedies: {advice('a lower learning rate; clip_norm=1; another loss; another seed', recipe)}"
        )
        write_text(self.run.diverged_path, in_utf8(said) + "\n")  # it names the run
        raise TrainingDiverged(said)

    # --- in words ---------------------------------------------------------------------------------------------

    def is_enough(self, step, seconds) -> bool:
        return step >= self.total_steps or seconds >= self.max_seconds

    def where(self) -> str:
        return f"{describe_epochs(self.step / self.steps_per_epoch)}, step {self.step:,}"

    def say_complete(self, text):
        """In one line, with what was asked for in vain: only a training leaves it, and this run's did not."""
        asked, run = self.request, self.run
        missing = {
            "--evaluate-every": asked.evaluate_every and not any(line.get("while_training") for line in run.metrics()),
            "--keep-samples": asked.keep_samples and not run.samples(),
        }
        in_vain = " and ".join(name for name, is_missing in missing.items() if is_missing)
        nothing = f"; nothing was trained, so {in_vain} had no effect" if in_vain else ""
        self.progress.say(f"{self.run.path} is complete{text}{nothing}")

    def say_how_it_ended(self):
        """In one line; TrainingInterrupted when a signal ended it."""
        seconds, start_up = describe_seconds(self.clock.seconds()), describe_seconds(self.start_up_seconds)
        if self.complete:
            made = self.run.gif_path if film_is_whole(self.run) else self.run.path
            self.progress.say(f"done: {self.where()} in {seconds} (and {start_up} to start), see {made}")
            return
        why = f"stopped on an alarm, as asked, after {self.where()}: {self.stopped_by}"
        signal = self.stopped_by_signal()
        if signal:
            why = f"stopped by {signal} after {self.where()}"
        self.progress.say(f"{why}; all is saved in {self.run.path}, the same command goes on from here")
        if signal:
            raise TrainingInterrupted

    def stopped_by_signal(self) -> str | None:
        if self.signals.received is not None:
            return self.signals.received.name
        return "a signal to another process" if self.leader.stop_wanted else None
