"""The clock of a training, which counts training alone, and what it foretells."""

import contextlib
import time

from dcgan_tf.recipe.catalogue import IN_COLOUR, changed_recipe

_LISTENED = 2.0  # seconds of training from which the rest is foretold
_SOON = 15.0  # a training that is over in so many seconds foretells nothing
_LONG_EPOCH = 600.0  # seconds; then it is worth the time to measure what a small recipe would take
_MEASURED = 3.0  # seconds of it
_SMALL = ("quick", 32)  # that recipe, and its images' height and width


class Clock:
    """Seconds of training, those before an interruption included.

    It stands still until the first step of a process is made, since that one compiles; while the generator is
    evaluated; and while a picture is drawn for somebody who watches. So `max_seconds` buys the same training
    on a run that is watched, evaluated or resumed as on one that is not.
    """

    def __init__(self):
        self._counted, self._started = 0.0, None

    def restore(self, seconds: float):
        """Go on from so many seconds, standing still."""
        self._counted, self._started = seconds, None

    @property
    def runs(self) -> bool:
        return self._started is not None

    def start(self):
        if not self.runs:
            self._started = time.perf_counter()

    def stop(self):
        self._counted, self._started = self.seconds(), None

    def seconds(self) -> float:
        return self._counted + (time.perf_counter() - self._started if self.runs else 0.0)

    @contextlib.contextmanager
    def stopped(self):
        """It stands still inside, and goes on afterwards if it was running."""
        was_running = self.runs
        self.stop()
        try:
            yield
        finally:
            if was_running:
                self.start()


class Forecast:
    """Says once, after the first seconds of a training, how long the rest of it takes on this machine.

    total_steps, max_seconds: when it stops; math.inf where one does not decide. alone: this process trains by itself,
    so it may measure something else for a moment.
    """

    def __init__(self, gan, steps_per_epoch: int, total_steps: float, max_seconds: float, alone: bool, clock, say):
        self.recipe, self.image_shape, self.alone = gan.recipe, gan.image_shape, alone
        self.steps_per_epoch, self.total_steps, self.max_seconds = steps_per_epoch, total_steps, max_seconds
        self.clock, self.say = clock, say
        self.first, self.is_said = None, False

    def follow(self, step: int):
        """To be told of every step at which the clock runs; the first one was compiled, and is none to go by."""
        if self.is_said:
            return
        seconds = self.clock.seconds()
        self.first = self.first or (step, seconds)
        steps, took = step - self.first[0], seconds - self.first[1]
        if steps == 0 or took < _LISTENED:
            return
        self.is_said = True
        per_step = took / steps
        left = min((self.total_steps - step) * per_step, self.max_seconds - seconds)
        if left < _SOON:
            return
        per_epoch = per_step * self.steps_per_epoch
        self.say(
            f"on this machine about {spoken(1000 * per_step / self.recipe.batch_size)} for 1,000 images: "
            f"{spoken(per_epoch)} an epoch, {self._in_all(step, seconds, per_step)}"
        )
        if per_epoch > _LONG_EPOCH and self.alone and self.first[0] == 1:  # who resumes has heard it
            self._compare_with_a_small_one()

    def _in_all(self, step, seconds, per_step) -> str:
        began = self.first[0] == 1
        to_steps, to_seconds = (self.total_steps - step) * per_step, self.max_seconds - seconds
        if to_steps <= to_seconds:
            return f"{spoken(self.total_steps * per_step)} in all" if began else f"{spoken(to_steps)} to go"
        epochs = (step + to_seconds / per_step) / self.steps_per_epoch
        return f"about {epochs:,.{0 if epochs >= 10 else 1}f} epochs in {spoken(self.max_seconds)}"

    def _compare_with_a_small_one(self):
        """What an epoch of the same data would take with a small recipe; measured, for it is not a question of size."""
        name, side = _SMALL
        if self.recipe.name in (name, IN_COLOUR[name]) and self.image_shape[0] <= side:
            return
        from dcgan_tf.game.timing import timed_steps

        shape = (side, side, self.image_shape[2])
        recipe = changed_recipe(name, {"image_size": side}, shape[2])
        with self.clock.stopped():
            run = timed_steps(recipe, shape)
            per_step = run(max(1, round(_MEASURED / run(1))))  # the mean, as of this training: the machine may be busy
        per_epoch = per_step / recipe.batch_size * self.steps_per_epoch * self.recipe.batch_size
        self.say(f"for comparison, the recipe `{name}` with image_size={side}: about {spoken(per_epoch)} an epoch")


def spoken(seconds: float) -> str:
    """0.834 -> "0.83 s", 24.9 -> "25 s", 130 -> "2.2 minutes", 5000 -> "83 minutes", 20000 -> "5.6 hours"."""
    unit, size = ("s", 1) if seconds < 90 else ("minutes", 60) if seconds < 5400 else ("hours", 3600)
    return f"{float(f'{seconds / size:.2g}'):,g} {unit}"
