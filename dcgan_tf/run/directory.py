"""The run directory: the only thing that outlives a training.

    config.json      everything needed to repeat the run
    history.csv      one row per logging interval
    grids/           the same fixed latents every time: epoch_0001.png ... or step_000100.png ...
    samples/         those latents and their images as arrays, where they are kept: epoch_0001.npz ...
    progress.gif     made from the recorded grids only
    metrics.jsonl    one line per evaluation
    alarms.jsonl     one line when an alarm begins, and one when it is over; absent when there was none
    generator.keras, discriminator.keras
    best_generator.keras   the best by metric, where the training was evaluated
    checkpoints/     exact training state
    notebook.ipynb   the executed notebook, when one ran it
    tensorboard/     its logs, where they were asked for
    diverged.txt     what happened, when a loss was no longer finite
    earlier_1/ ...   what it had recorded, when no checkpoint could be read and it started over

All viewing tools read run directories through `Run` and nothing else.
"""

import contextlib
import csv
import itertools
import json
import shutil
import zipfile
from functools import cached_property
from pathlib import Path

import filelock
import numpy as np

from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, disk_errors_explained, write_json, write_text

HISTORY_COLUMNS = (
    "step",
    "epoch",
    "seconds",
    "images_per_second",
    "generator_loss",
    "discriminator_loss",
    "discriminator_real",
    "discriminator_fake",
)
_WHOLE_NUMBERS = ("step", "epoch")


class Run:
    """A run directory, for reading and for writing; nothing is touched until a method asks for it."""

    def __init__(self, path):
        self.path = Path(path)
        self.config_path = self.path / "config.json"
        self.history_path = self.path / "history.csv"
        self.grids_path = self.path / "grids"
        self.samples_path = self.path / "samples"
        self.gif_path = self.path / "progress.gif"
        self.metrics_path = self.path / "metrics.jsonl"
        self.alarms_path = self.path / "alarms.jsonl"
        self.generator_path = self.path / "generator.keras"
        self.best_generator_path = self.path / "best_generator.keras"
        self.discriminator_path = self.path / "discriminator.keras"
        self.checkpoints_path = self.path / "checkpoints"
        self.notebook_path = self.path / "notebook.ipynb"
        self.diverged_path = self.path / "diverged.txt"
        self.tensorboard_path = self.path / "tensorboard"
        self.lock_path = self.path / ".lock"

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    @cached_property
    def config(self) -> dict:
        """config.json. Raises UserError when this is no run directory, or its config.json is damaged."""
        try:
            text = self.config_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise UserError(
                f"{str(self.path)!r} is not a run directory (no config.json in it): "
                "give a folder that `train` has written, such as results/NAME"
            ) from None
        try:
            config = json.loads(text)
            config["recipe"], config["dataset"], config["seed"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{str(self.config_path)!r} is damaged: it is not the config.json of a run") from None
        return config

    def write_config(self, config: dict):
        write_json(self.config_path, config)
        self.__dict__["config"] = config

    # --- history ------------------------------------------------------------------------------------------

    def rows(self) -> list[dict]:
        """history.csv as one dict per row; a last line that a kill cut short is left out."""
        if not self.history_path.exists():
            return []
        rows = []
        with open(self.history_path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(line for line in file if line.endswith("\n")):
                try:
                    rows.append({name: (int if name in _WHOLE_NUMBERS else float)(text) for name, text in row.items()})
                except (TypeError, ValueError):
                    continue
        return rows

    def history(self) -> dict[str, np.ndarray]:
        """history.csv as one array per column, each [number of rows]."""
        rows = self.rows()
        return {name: np.array([row[name] for row in rows]) for name in HISTORY_COLUMNS}

    def append_row(self, row: dict):
        new = not self.history_path.exists()
        with open(self.history_path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, HISTORY_COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)

    def rewrite_history(self, rows: list[dict]):
        """Replace history.csv, in one step."""
        lines = [",".join(HISTORY_COLUMNS)] + [",".join(str(row[name]) for name in HISTORY_COLUMNS) for row in rows]
        write_text(self.history_path, "\n".join(lines) + "\n")

    def row_is_due(self, step: int) -> bool:
        """Whether a row ends after `step`: every log_every steps of an epoch, at its end, and at each grid."""
        position = step % self.config["steps_per_epoch"]
        return position % self.config["log_every"] == 0 or self.grid_is_due(step)

    # --- grids --------------------------------------------------------------------------------------------

    @property
    def grid_interval(self) -> int:
        """Steps between grids: as the recipe says, or one per epoch."""
        return self.config["recipe"]["grid_every"] or self.config["steps_per_epoch"]

    def grid_is_due(self, step: int) -> bool:
        return step % self.grid_interval == 0

    def grid_path(self, step: int) -> Path:
        """Where the grid after `step` steps is: by epoch (the one under way), or by step if so recorded."""
        if self.config["recipe"]["grid_every"]:
            return self.grids_path / f"step_{step:06d}.png"
        return self.grids_path / f"epoch_{-(-step // self.config['steps_per_epoch']):04d}.png"

    def grids(self) -> list[Path]:
        """The recorded grids in order, up to the last row of the history; never a file of another run.

        The last one may have been drawn between two regular ones, where the training stopped.
        """
        return [self.grid_path(step) for step in self.grid_steps()]

    def grid_steps(self) -> list[int]:
        """After how many steps each of `grids()` was drawn."""
        rows = self.rows()
        last = rows[-1]["step"] if rows else 0
        steps = list(range(self.grid_interval, last + 1, self.grid_interval))
        steps += [last] if not self.grid_is_due(last) else []
        return [step for step in steps if self.grid_path(step).exists()]

    # --- samples ------------------------------------------------------------------------------------------

    def write_samples(self, step: int, latents: np.ndarray, images: np.ndarray):
        """Keep the images uint8 [N, H, W, C] behind the grid after `step`, with their latents float32 [N, dim]."""
        self.samples_path.mkdir(exist_ok=True)
        with atomic_file(self.samples_path / f"{self.grid_path(step).stem}.npz") as temporary:
            np.savez_compressed(temporary, step=np.int64(step), latents=latents, images=images)

    def samples(self) -> list[Path]:
        """The kept samples in the order of training: .npz files of `step`, `latents` and `images`."""
        return [path for path, _ in sorted(self._all_samples(), key=lambda found: found[1])]

    def _all_samples(self):
        """(path, step) of each whole file in samples/."""
        for path in self.samples_path.glob("[!.]*.npz"):
            try:
                with np.load(path, allow_pickle=False) as stored:
                    step = int(stored["step"])
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                continue
            yield path, step

    def forget_after(self, step: int):
        """Drop what a resumed training will record again: all that is later than `step`, and a last row and
        a last grid that were written only because the training stopped there."""
        rows = self.rows()
        kept = [row for row in rows if row["step"] <= step and self.row_is_due(row["step"])]
        if rows and not self.grid_is_due(rows[-1]["step"]):
            self.grid_path(rows[-1]["step"]).unlink(missing_ok=True)
        for path, kept_at in self._all_samples():
            if kept_at > step or not self.grid_is_due(kept_at):
                path.unlink()
        if kept != rows or (self.history_path.exists() and not self.history_path.read_bytes().endswith(b"\n")):
            self.rewrite_history(kept)

    def is_presentable(self) -> bool:
        """Whether it has what it leaves at its end: a generator and the GIF."""
        return self.generator_path.exists() and self.gif_path.exists()

    def has_been_saved(self) -> bool:
        """Whether a training was saved here once: not when it was killed before its first checkpoint."""
        return self.generator_path.exists() or (any(self.checkpoints_path.glob("*")) and self.history_path.exists())

    def set_aside(self) -> Path:
        """Move all that was recorded to a new folder in the run, earlier_1, earlier_2 ..., and return that.

        For a training that must start over. Settings, checkpoints and the notebook (which may be the one that
        is running) stay where they are.
        """
        folder = next(f for n in itertools.count(1) if not (f := self.path / f"earlier_{n}").exists())
        folder.mkdir()
        recorded = (self.history_path, self.grids_path, self.samples_path, self.gif_path, self.metrics_path,
                    self.alarms_path, self.best_generator_path, self.discriminator_path, self.generator_path,
                    self.diverged_path, self.tensorboard_path)  # fmt: skip
        for path in recorded:
            if path.exists():
                path.rename(folder / path.name)
        return folder

    def remove_partial_files(self):
        """Remove what a kill left half-written under temporary names (see files.atomic_file)."""
        for folder in (self.path, self.grids_path, self.samples_path, self.checkpoints_path):
            for path in folder.glob(".*.partial.*"):
                path.unlink(missing_ok=True)

    def metrics(self) -> list[dict]:
        """metrics.jsonl, one dict per evaluation."""
        return _json_lines(self.metrics_path)

    def alarms(self) -> list[dict]:
        """alarms.jsonl, one dict for each alarm that began or was over in the training (see alarm_log.py)."""
        return _json_lines(self.alarms_path)


def _json_lines(path):
    """A file of JSON lines; none when it is absent, and a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def run_name(dataset: str, recipe: str, changes: dict, seed: int) -> str:
    """A folder name that tells runs apart: `mnist5k-quick-batch_size=32-seed0`."""
    parts = [Path(dataset).stem or "data", recipe]
    parts += [f"{name}={value}" for name, value in sorted(changes.items())]
    name = "-".join([*parts, f"seed{seed}"])
    return "".join(c if c.isalnum() or c in "-_=.+" else "_" for c in name)[:150]


# --- writing a run: whose it is, and that it stays the same run ------------------------------------------


def check_place(path: Path):
    """UserError when `path` can hold no run: a file, or a folder with other things in it."""
    if path.exists() and not path.is_dir():
        raise UserError(f"run directory {str(path)!r} is a file: choose another name")
    if path.is_dir() and not (path / "config.json").exists():
        others = _others(path)
        if others:
            raise UserError(
                f"{str(path)!r} is not a run directory and holds {others[0]!r}: "
                "choose a new or empty folder, so that nothing of yours is overwritten"
            )


def holds_nothing(path: Path) -> bool:
    """Whether no run has begun in `path`, and nothing of anybody's is there."""
    return not path.exists() or (path.is_dir() and not (path / "config.json").exists() and not _others(path))


def _others(path):
    return sorted(entry.name for entry in path.iterdir() if not _may_be_there(entry.name))


def _may_be_there(name):
    """What may lie in a folder before its run begins: papermill's notebook, or what a kill left."""
    return name in ("notebook.ipynb", ".lock", ".ipynb_checkpoints") or name.endswith(".partial.json")


@contextlib.contextmanager
def only_writer(run):
    """Hold the run directory's lock; the system frees it when this process ends, however it ends."""
    with disk_errors_explained(run.path):
        created = not run.path.exists()
        run.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(run.lock_path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(
                f"run directory {str(run.path)!r} is being written by another process: wait for it, or choose another"
            ) from None
    try:
        yield
    except UserError:
        if created and not run.config_path.exists():
            shutil.rmtree(run.path, ignore_errors=True)  # it refused before it began: leave nothing behind
        raise
    finally:
        lock.release()


def agree_on_config(run, config, say):
    """Write config.json, or see that the run that is there was started with the same settings.

    Raises UserError with the list of what differs; `say` is told of other versions of the software.
    """
    if not run.config_path.exists():
        run.write_config(config)
        return
    differences = _differences(run.config, config)
    if differences:
        raise UserError(
            f"run {str(run.path)!r} was started with other settings ({'; '.join(differences)}): "
            "give the same ones, or another run directory"
        )
    for name, version in run.config.get("versions", {}).items():
        if version != config["versions"].get(name):
            say(
                f"note: this run was started with {name} {version} and goes on with {config['versions'].get(name)}: "
                "the last bits of its numbers may differ from an uninterrupted run"
            )


def _differences(old: dict, new: dict) -> list[str]:
    """What differs between two configs, apart from length, versions, hardware, the data's name and mere words."""
    # A field that the run does not know is younger than it, and its value in the recipe changes nothing.
    fields = [name for name in new["recipe"] if name in old["recipe"] and name not in ("source", "summary")]
    pairs = [(name, old["recipe"][name], new["recipe"][name]) for name in fields]
    pairs += [
        (f"dataset {name}", old["dataset"].get(name), new["dataset"][name]) for name in ("fingerprint", "image_shape")
    ]
    pairs += [(name, old.get(name), new[name]) for name in ("seed", "log_every", "steps_per_epoch")]
    found = [f"{name}: {then!r} then, {now!r} now" for name, then, now in pairs if then != now]
    if any(text.startswith("dataset") for text in found):
        found.insert(0, f"dataset: {old['dataset'].get('name')!r} then, {new['dataset']['name']!r} now")
    return found
