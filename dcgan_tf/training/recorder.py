"""What a training writes down on its way: rows of the history, grids with their samples, and their log."""

import numpy as np

from dcgan_tf.evaluation.alarms import COPY
from dcgan_tf.evaluation.metrics import PAIRED_IMAGES
from dcgan_tf.evaluation.neighbours import RealImages
from dcgan_tf.game.gan import GAN, METRICS
from dcgan_tf.pictures.grids import enlarge, grid, save_png
from dcgan_tf.run import wishes
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import Sampler, draw_latents
from dcgan_tf.training.loggers import TensorBoardLog
from dcgan_tf.training.request import Request

_SHOWN_WITH_NEAREST = 8  # images of a grid, where the nearest real ones are wanted


class Recorder:
    """Of one training. What it writes follows from the steps that were made, apart from seconds."""

    def __init__(self, run: Run, gan: GAN, request: Request):
        recipe = gan.recipe
        self.run, self.request, self.log = run, request, None
        self.steps_per_epoch = run.config["steps_per_epoch"]
        self.sampler = Sampler(gan.sampling_generator)
        latents = (recipe.latent_distribution, recipe.latent_mean, recipe.latent_std)
        self.grid_latents = draw_latents(recipe.grid_images, recipe.latent_dim, request.seed, *latents)
        self.grid_labels = self.grid_columns = None
        if gan.is_conditional:
            self.grid_latents, self.grid_labels, self.grid_columns = wishes.for_grid(
                run.labels, self.grid_latents, request.seed
            )
        self.newest_images = None  # uint8 [N, H, W, C], of the newest grid
        self.row_images, self.row_started = 0, 0.0  # images since the last row, and when that was
        self.first_speed = 0.0  # images per second of this process's first step, which is no training time

    def begin(self, seconds: float):
        """Go on after so many seconds of training; where a TensorBoard log was asked for, it is begun anew."""
        self.row_images, self.row_started = 0, seconds
        self.log = TensorBoardLog(self.run) if self.request.tensorboard else None

    # --- rows -------------------------------------------------------------------------------------------------

    def row(self, step: int, totals, seconds: float) -> dict:
        """The row of history.csv, were it to end after this step. totals: sums of the METRICS, and of how many."""
        speed = self.row_images / max(seconds - self.row_started, 1e-9) if self.row_images else self.first_speed
        return {
            "step": step,
            "epoch": -(-step // self.steps_per_epoch),
            "seconds": round(seconds, 3),
            "images_per_second": round(speed, 1),
            **dict(zip(METRICS, (totals[:-1] / totals[-1]).tolist(), strict=True)),
        }

    def write_row(self, row: dict):
        self.run.append_row(row)
        if self.log:
            self.log.add_row(row)
        self.row_images, self.row_started = 0, row["seconds"]

    # --- grids ------------------------------------------------------------------------------------------------

    def draw_grid(self) -> np.ndarray:
        """The picture uint8 [H, W, C] of the fixed latents as the generator makes them now."""
        self.newest_images = self.sampler(self.grid_latents, self.grid_labels)
        return self._picture(self.newest_images)

    def write_grid(self, step: int) -> np.ndarray:
        """Draw and record it; the images behind it too, where that was asked for."""
        picture = self.draw_grid()
        if self.request.keep_samples:
            self.run.write_samples(step, self.grid_latents, self.newest_images, self.grid_labels)
        self.run.grids_path.mkdir(exist_ok=True)
        save_png(self.run.grid_path(step), picture)
        if self.log:
            self.log.add_grid(step, self.run.grid_path(step))
        return picture

    def nearest_real(self, dataset):
        """A function: the first images of the newest grid, and the real ones that are nearest to them, as live_view
        shows them. What can be computed beforehand is, now."""
        real, shown = RealImages(dataset, PAIRED_IMAGES), min(_SHOWN_WITH_NEAREST, len(self.grid_latents))

        def nearest():
            images = self.newest_images[:shown]
            found, ratios = real.nearest_to(images)
            texts = [f"{ratio:.2f}{' copy' if ratio <= COPY else ''}" for ratio in ratios]
            over = f"the first {shown} of the grid, and below each the nearest of {len(real.rows):,} real images; "
            return images, found, texts, f"{over}{COPY} or less: nearly a copy"

        return nearest

    def _picture(self, images):
        picture = grid(images, self.grid_columns)
        return enlarge(picture, max(1, round(480 / picture.shape[0])))  # small images are hard to see

    def log_scores(self, line: dict):
        """An evaluation, a line of metrics.jsonl."""
        if self.log:
            self.log.add_scores(line)
