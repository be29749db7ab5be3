"""What a person sees while a training runs: plain lines, a bar in a terminal, or a live picture in Jupyter."""

import math
import sys
import time

import numpy as np

from dcgan_tf.system.errors import UserError, in_short
from dcgan_tf.system.saying import say

_SECONDS_WITHOUT_A_PICTURE = 10  # then one is drawn for whoever watches, though none is recorded
_SECONDS_AGO = 60  # of the picture that the newest is shown beside; before, the oldest of at least a sixth of that


class PlainProgress:
    """One line per grid, and nothing else: for papermill, log files and pipes."""

    is_live = False  # whether pictures are shown
    nearest = None  # a function: what live_view shows of the real images nearest to the newest grid's

    def start(self, run, step: int, total_steps: int | None):
        self.run, self.total_steps = run, total_steps

    def advance(self, step: int, row_so_far: dict):
        """Some steps were made; called several times a second."""

    def interval(self, row: dict, grid: np.ndarray):
        """An epoch (or whatever lies between two grids) is over; `grid` is the picture just recorded."""
        self.say(describe_row(row, self.run.config))

    def wants_picture(self) -> bool:
        """Whether somebody has watched for long without a new picture, so that one should be drawn for them."""
        return False

    def picture(self, step: int, grid: np.ndarray):
        """A picture between two intervals: before the first step, or because it was wanted."""

    def say(self, text: str):
        say(text)

    def close(self):
        """The training has ended, in whatever way."""


class BarProgress(PlainProgress):
    """The same lines above a bar, for a terminal that somebody is watching."""

    def start(self, run, step, total_steps):
        from tqdm import tqdm

        super().start(run, step, total_steps)
        self.bar = tqdm(total=total_steps, initial=step, unit="step", dynamic_ncols=True, leave=False)

    def advance(self, step, row_so_far):
        self.bar.set_postfix_str(f"{row_so_far['images_per_second']:,.0f} images/s", refresh=False)
        self.bar.update(step - self.bar.n)

    def say(self, text):
        from tqdm import tqdm

        with tqdm.external_write_mode(file=sys.stdout):
            say(text)

    def close(self):
        self.bar.close()


class NotebookProgress(PlainProgress):
    """A line on how far it is, the newest grid, the same latents a minute ago and the curves, updated in place: for
    Jupyter, watched live."""

    is_live = True

    def start(self, run, step, total_steps):
        from IPython.display import HTML, display

        super().start(run, step, total_steps)
        self.status = display(HTML("preparing the first step ..."), display_id=True)
        self.view = display(HTML("&nbsp;"), display_id=True)
        self.row_so_far, self.newest, self.drawn = None, None, []
        self.next_status, self.next_view, self.last_view = 0.0, 0.0, time.monotonic()

    def advance(self, step, row_so_far):
        from IPython.display import HTML

        self.row_so_far = row_so_far
        if time.monotonic() >= self.next_status:
            self.status.update(HTML(self._describe_progress(row_so_far)))
            self.next_status = time.monotonic() + 0.5

    def interval(self, row, grid):
        self.newest = (describe_row(row, self.run.config), grid)
        if time.monotonic() >= self.next_view:
            self._draw()

    def wants_picture(self):
        return time.monotonic() >= max(self.next_view, self.last_view + _SECONDS_WITHOUT_A_PICTURE)

    def picture(self, step, grid):
        row = self.row_so_far
        self.newest = (describe_row(row, self.run.config) if row else "before the first step: noise", grid)
        self._draw()

    def close(self):
        from IPython.display import HTML

        if self.newest:
            self._draw()
        if self.row_so_far:
            self.status.update(HTML(self._describe_progress(self.row_so_far)))

    def _draw(self):
        from IPython.display import Image

        from dcgan_tf.pictures.curves import live_view

        started = time.monotonic()
        (title, grid), self.newest = self.newest, None
        earlier, nearest = self._earlier(started), self.nearest() if self.nearest else None
        self.view.update(Image(live_view(grid, self.run.history(), title, earlier, nearest).png(96)))
        self.drawn.append((started, grid))
        # Looking must not slow the training down: at most a fortieth of the time goes into drawing. The first picture
        # does not count: it also loads what draws, and it would be a minute and more until the second.
        self.last_view = time.monotonic()
        self.next_view = self.last_view + (40 * (self.last_view - started) if len(self.drawn) > 1 else 0)

    def _earlier(self, now):
        """(the picture of a minute ago, or the oldest, how long ago that was); None in the first seconds."""
        while len(self.drawn) > 1 and now - self.drawn[1][0] >= _SECONDS_AGO:
            del self.drawn[0]
        if not self.drawn or now - self.drawn[0][0] < _SECONDS_AGO / 6:
            return None
        drawn, grid = self.drawn[0]
        return grid, f"the same latents {describe_moment(round(now - drawn))} ago"

    def _describe_progress(self, row):
        length = self.run.config["length"]
        done = max(row["step"] / (self.total_steps or math.inf), row["seconds"] / (length["max_seconds"] or math.inf))
        left = f", about {describe_seconds(row['seconds'] * (1 - done) / done)} left" if 0 < done < 1 else ""
        return (
            f'<progress value="{done:.4f}" style="width: 20em"></progress> {min(done, 1):.0%} &ensp; '
            f"step {row['step']:,} &ensp; {row['images_per_second']:,.0f} images/s &ensp; "
            f"{describe_seconds(row['seconds'])}{left}"
        )


class NoProgress(PlainProgress):
    """Nothing but messages."""

    def interval(self, row, grid):
        pass


def choose_progress(asked: PlainProgress | None = None) -> PlainProgress:
    """The progress that was asked for, else the one that suits whoever is, or is not, watching.

    Raises UserError for what lacks a method of PlainProgress.
    """
    told = [name for name, kind in vars(PlainProgress).items() if callable(kind) and not name.startswith("_")]
    if asked is not None:
        if not all(callable(getattr(asked, name, None)) for name in told):
            raise UserError(
                f"progress={in_short(asked)} must be a PlainProgress, such as {__name__}.NoProgress(), or None"
            )
        return asked
    if in_watched_notebook():
        return NotebookProgress()
    if sys.stderr.isatty() and sys.stdout.isatty():
        return BarProgress()
    return PlainProgress()


def in_watched_notebook() -> bool:
    """Whether this is a notebook in front of a person, and not one that papermill executes."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    kernel = getattr(shell, "kernel", None)
    # Jupyter's front ends let a cell ask for input; papermill, where nobody could answer, does not.
    return bool(kernel is not None and getattr(kernel, "_allow_stdin", False))


def describe_row(row: dict, config: dict) -> str:
    """One row of the history as a line for people."""
    epochs = config["length"].get("epochs")
    epoch = f"epoch {row['epoch']}/{epochs}" if epochs else f"epoch {row['epoch']}"
    return (
        f"{epoch}  step {row['step']:,}  loss G {row['generator_loss']:.3f} D {row['discriminator_loss']:.3f}  "
        f"D(real) {row['discriminator_real']:.2f} D(fake) {row['discriminator_fake']:.2f}  "
        f"{row['images_per_second']:,.0f} images/s  {describe_seconds(row['seconds'])}"
    )


def epochs_over(step: int, steps_per_epoch: int) -> int | float:
    """Passes over the data, to the hundredth: 3, 0.42, never more than there were."""
    whole, hundredths = divmod(100 * step // steps_per_epoch, 100)
    return whole + hundredths / 100 if hundredths else whole


def describe_epochs(epochs: float) -> str:
    """3.0 -> '3 epochs', 0.423 -> '0.42 epochs': never more than there were."""
    hundredths = math.floor(100 * epochs + 1e-9)
    return f"{hundredths / 100:,g} epoch{'' if hundredths == 100 else 's'}"


def describe_seconds(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def describe_moment(seconds: float) -> str:
    """Early ones to a tenth: 0.4 s, 41 s, 2:05 min, 1:02:05 h."""
    if seconds < 119.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{describe_seconds(seconds)} {'min' if seconds < 3599.5 else 'h'}"
