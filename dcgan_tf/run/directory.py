"""The run directory: the only thing that outlives a training.

    config.json      everything needed to repeat the run
    history.csv      one row per logging interval
    grids/           the same fixed latents every time: step_000000.png ... before the first epoch is over,
                     then epoch_0001.png ... or step_000100.png ... (see grid_steps.py)
    samples/         those latents and their images as arrays, where they are kept: epoch_0001.npz ...
    progress.gif     a film of the recorded grids; progress.webp: the same, lighter
    metrics.jsonl    one line per evaluation
    alarms.jsonl     one line when an alarm begins, and one when it is over; absent when there was none
    generator.keras, discriminator.keras
    best_generator.keras   the best by metric, where the training was evaluated
    checkpoints/     exact training state
    notebook.ipynb   the executed notebook, when one ran it
    tensorboard/     its logs, where they were asked for
    labels.npz       what a conditional run knows of its data's labels: their names, and those of 10,000 images
    diverged.txt     what happened, when a loss was no longer finite
    NAME.damaged     a record that could not be read and had to be written anew
    earlier_1/ ...   what it had recorded, when no checkpoint could be read and it started over

All viewing tools read run directories through `Run` and nothing else.
"""

import functools
import itertools
import json
import warnings
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np

from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.run import records
from dcgan_tf.run.grid_steps import GridRule
from dcgan_tf.run.records import HISTORY_COLUMNS
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, check_readable, looks_whole, paths_in, unreadable, write_json
from dcgan_tf.system.places import expanded

# What train() leaves in a folder, beside config.json.
TRACES = ("history.csv", "checkpoints", "grids", "metrics.jsonl", "generator.keras", "progress.gif", "diverged.txt")
LOST_CONFIG = (
    "has lost its config.json, which says what was trained, and its other files are kept as they are: "
    f"{records.CONFIG_BACK}"
)


class Run:
    """A run directory, for reading and for writing; nothing is touched until a method asks for it."""

    def __init__(self, path):
        self.path = expanded(path)
        self.config_path = self.path / "config.json"
        self.history_path = self.path / "history.csv"
        self.grids_path = self.path / "grids"
        self.samples_path = self.path / "samples"
        self.gif_path = self.path / "progress.gif"
        self.webp_path = self.path / "progress.webp"
        self.metrics_path = self.path / "metrics.jsonl"
        self.alarms_path = self.path / "alarms.jsonl"
        self.generator_path = self.path / "generator.keras"
        self.best_generator_path = self.path / "best_generator.keras"
        self.discriminator_path = self.path / "discriminator.keras"
        self.checkpoints_path = self.path / "checkpoints"
        self.notebook_path = self.path / "notebook.ipynb"
        self.diverged_path = self.path / "diverged.txt"
        self.labels_path = self.path / "labels.npz"
        self.tensorboard_path = self.path / "tensorboard"
        self.lock_path = self.path / ".lock"
        self.lease_path = self.path / ".writer.json"
        self._warned = set()

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    def __fspath__(self):
        return str(self.path)  # wherever a run directory is asked for, a Run will do

    @cached_property
    def config(self) -> dict:
        """config.json, its shape checked (see shapes.Config).

        Raises UserError when this is no run directory, or its config.json is missing, damaged or out of reach.
        """
        config = records.read_config(self.config_path)
        if config is None and looks_like_a_run(self.path):
            raise UserError(f"{str(self.path)!r} {LOST_CONFIG}")
        if config is None:
            raise UserError(
                f"{str(self.path)!r} is not a run directory (no config.json in it): "
                "give a folder that `train` has written, such as results/NAME"
            )
        return config

    def write_config(self, config: dict):
        write_json(self.config_path, config)
        self.__dict__["config"] = config
        self.__dict__.pop("grid_rule", None)

    @property
    def version(self) -> str | None:
        """The version of this package that began it; None where that is not known."""
        return self.config.get("versions", {}).get("dcgan_tf")

    @property
    def results_step(self) -> int:
        """After how many steps its generator, discriminator and film were made; 0 where that is not known.

        A training writes them at its end, after the last row and the last checkpoint: a kill may come between. Runs of
        earlier versions did not note it: what they have is taken to be of their last row.
        """
        if "results_step" in self.config:
            return self.config["results_step"] or 0
        rows = self.rows()
        return rows[-1]["step"] if rows else 0

    def note_results(self, step: int):
        """Note that generator, discriminator and film are of this step; 0: that they are being written."""
        self.write_config({**self.config, "results_step": step})

    # --- labels -------------------------------------------------------------------------------------------

    def write_labels(self, labels: Labels):
        """Keep the names of the data's classes or attributes, and the labels of some images."""
        with atomic_file(self.labels_path) as temporary:
            np.savez_compressed(temporary, rows=labels.rows, names=np.array(labels.names))
        self.__dict__.pop("labels", None)

    @cached_property
    def labels(self) -> Labels | None:
        """What is known of the data's labels; None where the run is not conditional.

        Raises UserError when the file is damaged or missing.
        """
        if not self.config["recipe"].get("conditional"):
            return None
        try:
            with np.load(self.labels_path, allow_pickle=False) as stored:
                rows, names = stored["rows"], tuple(stored["names"].tolist())
            if rows.ndim not in (1, 2) or not len(rows) or rows.dtype.kind not in "iu" or not names:
                raise ValueError("no labels in it")
            if (rows.max() >= len(names)) if rows.ndim == 1 else (rows.shape[1] != len(names)):
                raise ValueError("its names do not fit its rows")
        except Exception as error:  # NumPy and zipfile raise nearly anything on a damaged file
            check_readable(self.labels_path)
            reason = "is missing" if isinstance(error, FileNotFoundError) else "is damaged"
            raise UserError(
                f"{str(self.labels_path)!r} {reason}, which says what this conditional run can be asked for: the "
                "command that trained it writes it anew"
            ) from error
        return Labels(rows, names)

    # --- records of lines ---------------------------------------------------------------------------------

    def rows(self) -> list[dict]:
        """history.csv as one dict per row; a last line that a kill cut short is left out."""
        return self._whole(records.read_history(self.history_path), self.history_path)

    def metrics(self) -> list[dict]:
        """metrics.jsonl, one dict per evaluation."""
        return self._whole(records.read_evaluations(self.metrics_path), self.metrics_path)

    def alarms(self) -> list[dict]:
        """alarms.jsonl, one dict for each alarm that began or was over in the training (see alarm_log.py)."""
        return self._whole(records.read_alarms(self.alarms_path), self.alarms_path)

    def _whole(self, record, path) -> list[dict]:
        """The whole lines; the others are left out, which is said once."""
        if record.problem:
            self._warn(path, f"run {str(self.path)!r}: {record.problem}")
        return record.lines

    def _warn(self, path, text):
        if path not in self._warned:
            self._warned.add(path)
            warnings.warn(text, stacklevel=4)

    def history(self) -> dict[str, np.ndarray]:
        """history.csv as one array per column, each [number of rows]."""
        rows = self.rows()
        return {name: np.array([row[name] for row in rows]) for name in HISTORY_COLUMNS}

    def append_row(self, row: dict):
        text = ",".join(str(row[name]) for name in HISTORY_COLUMNS)
        records.append_line(self.history_path, text, ",".join(HISTORY_COLUMNS))

    def append_metrics(self, line: dict):
        records.append_line(self.metrics_path, json.dumps(line, allow_nan=False))

    def append_alarm(self, line: dict):
        records.append_line(self.alarms_path, json.dumps(line, allow_nan=False))

    def rewrite_history(self, rows: list[dict]):
        """Replace history.csv, in one step; a damaged one is kept under another name."""
        lines = [",".join(HISTORY_COLUMNS)] + [",".join(str(row[name]) for name in HISTORY_COLUMNS) for row in rows]
        records.rewrite(self.history_path, records.read_history(self.history_path), lines)

    def keep_metrics(self, wanted):
        """Drop the lines of metrics.jsonl for which `wanted(line)` is false; a damaged file is kept beside it."""
        self._keep(records.read_evaluations(self.metrics_path), self.metrics_path, wanted)

    def keep_alarms(self, wanted):
        """Drop the lines of alarms.jsonl for which `wanted(line)` is false; a damaged file is kept beside it."""
        self._keep(records.read_alarms(self.alarms_path), self.alarms_path, wanted)

    def _keep(self, record, path, wanted):
        kept = [line for line in self._whole(record, path) if wanted(line)]
        if kept != record.lines or record.problem or record.is_cut:
            records.rewrite(path, record, [json.dumps(line) for line in kept])

    def row_is_due(self, step: int) -> bool:
        """Whether a row ends after `step`: every log_every steps of an epoch, at its end, and at each regular grid."""
        position = step % self.config["steps_per_epoch"]
        return position % self.config["log_every"] == 0 or self.grid_rule.is_regular(step)

    # --- grids --------------------------------------------------------------------------------------------

    @cached_property
    def grid_rule(self) -> GridRule:
        """When its grids are drawn (see grid_steps.py)."""
        return GridRule(self.config)

    def grid_path(self, step: int) -> Path:
        """Where the grid after `step` steps is."""
        return self.grids_path / f"{self.grid_rule.name(step)}.png"

    def grids(self) -> list[Path]:
        """The recorded grids in order, up to the last row of the history; never a file of another run.

        The last one may have been drawn between two that were due, where the training stopped.
        """
        return [self.grid_path(step) for step in self.grid_steps()]

    def grid_steps(self, rows: list[dict] | None = None) -> list[int]:
        """After how many steps each of `grids()` was drawn; 0: before the first one.

        rows: its rows, where they were read already.
        """
        rows = self.rows() if rows is None else rows
        last = rows[-1]["step"] if rows else 0
        return [step for step in self.grid_rule.up_to(last) if self._has_grid(self.grid_path(step))]

    def seconds_at(self, steps, rows: list[dict] | None = None) -> list[float]:
        """How long it had trained by each of these steps, from the rows around them; none without rows."""
        rows = self.rows() if rows is None else rows
        if not rows:
            return [0.0 for _ in steps]
        at, seconds = ([0, *(row[name] for row in rows)] for name in ("step", "seconds"))
        return np.interp(steps, at, seconds).tolist()

    def _has_grid(self, path) -> bool:
        """Whether that grid is there and whole; a damaged one is left out, which is said once."""
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise unreadable(path, error) from error
        whole = _is_whole_png(path, status.st_mtime_ns, status.st_size)
        if not whole:
            self._warn(self.grids_path, f"{str(path)!r} is damaged: it is not shown")
        return whole

    @property
    def film_path(self) -> Path | None:
        """The lighter of its films that are whole; None before there is one. Older runs have only a GIF."""
        films = [path for path in (self.webp_path, self.gif_path) if path.is_file() and looks_whole(path)]
        return min(films, key=lambda path: path.stat().st_size, default=None)

    # --- samples ------------------------------------------------------------------------------------------

    def write_samples(self, step: int, latents: np.ndarray, images: np.ndarray, labels: np.ndarray | None = None):
        """Keep the images uint8 [N, H, W, C] behind the grid after `step`, with their latents float32 [N, dim].

        labels: what they were to show, float32 [N, K], where the run is conditional.
        """
        self.samples_path.mkdir(exist_ok=True)
        with atomic_file(self.samples_path / f"{self.grid_rule.name(step)}.npz") as temporary:
            told = {} if labels is None else {"labels": labels}
            np.savez_compressed(temporary, step=np.int64(step), latents=latents, images=images, **told)

    def samples(self) -> list[Path]:
        """The kept samples in the order of training: .npz files of `step`, `latents` and `images`."""
        return [path for path, _ in sorted(self._all_samples(), key=lambda found: found[1])]

    def _all_samples(self):
        """(path, step) of each whole file in samples/; a damaged one is left out, which is said once."""
        for path in paths_in(self.samples_path, "[!.]*.npz"):
            try:
                with np.load(path, allow_pickle=False) as stored:
                    step = int(stored["step"])
                yield path, step
            except FileNotFoundError:
                continue
            except Exception:  # NumPy and zipfile raise nearly anything on a damaged file
                check_readable(path)
                self._warn(self.samples_path, f"{str(path)!r} is damaged: its images are not shown")

    def forget_after(self, step: int):
        """Drop what a resumed training will record again: all that is later than `step`, and a last row and
        a last grid that were written only because the training stopped there."""
        record = records.read_history(self.history_path)
        rows = self._whole(record, self.history_path)
        for path in paths_in(self.grids_path, "*.png"):
            records.set_aside_other(path)  # a folder where a picture will be written
        kept = [row for row in rows if row["step"] <= step and self.row_is_due(row["step"])]
        stopped_at = rows[-1]["step"] if rows else 0

        def is_forgotten(drawn):
            return drawn > step or (drawn == stopped_at and not self.grid_rule.is_due(drawn))

        for drawn in filter(is_forgotten, self.grid_rule.up_to(stopped_at)):
            self.grid_path(drawn).unlink(missing_ok=True)
        for path, kept_at in self._all_samples():
            if is_forgotten(kept_at):
                path.unlink()
        if kept != rows or record.is_cut or record.problem:
            self.rewrite_history(kept)

    def is_presentable(self) -> bool:
        """Whether it has what it leaves at its end: a generator and the GIF."""
        return self.generator_path.exists() and self.gif_path.exists()

    def has_been_saved(self) -> bool:
        """Whether a training was saved here once: not when it was killed before its first checkpoint."""
        return self.generator_path.exists() or (bool(paths_in(self.checkpoints_path)) and self.history_path.exists())

    def set_aside(self) -> Path:
        """Move all that was recorded to a new folder in the run, earlier_1, earlier_2 ..., and return that.

        For a training that must start over. Settings, checkpoints and the notebook (which may be the one that
        is running) stay where they are.
        """
        folder = next(f for n in itertools.count(1) if not (f := self.path / f"earlier_{n}").exists())
        folder.mkdir()
        recorded = (self.history_path, self.grids_path, self.samples_path, self.gif_path, self.webp_path,
                    self.metrics_path, self.alarms_path, self.best_generator_path, self.discriminator_path,
                    self.generator_path, self.diverged_path, self.tensorboard_path)  # fmt: skip
        for path in recorded:
            if path.exists():
                path.rename(folder / path.name)
        return folder

    def remove_partial_files(self):
        """Remove what a kill left half-written under temporary names (see files.atomic_file).

        Raises Unreadable, and removes nothing, when one of the run's folders cannot be listed.
        """
        folders = (self.path, self.grids_path, self.samples_path, self.checkpoints_path)
        for path in [path for folder in folders for path in paths_in(folder, ".*.partial.*")]:
            path.unlink(missing_ok=True)


def looks_like_a_run(path: Path) -> bool:
    """Whether a folder holds what a training leaves, whatever became of its config.json."""
    return any((path / name).exists() for name in TRACES)


@functools.lru_cache(maxsize=4096)
def _is_whole_png(path, changed, size) -> bool:
    """Whether all parts of a PNG are there and as they were written, by their checksums (PNG specification, 5.3).

    `changed` and `size` are those of the file: what was looked at once need not be read again.
    """
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        return False
    except OSError as error:
        if path.is_dir():  # what Windows says of folders
            return False
        raise unreadable(path, error) from error
    place = 8
    if data[:place] != b"\x89PNG\r\n\x1a\n":
        return False
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4].ljust(4, b"\0"), "big"):
            return False
        if kind == b"IEND":
            return True
        place = end + 4
    return False
