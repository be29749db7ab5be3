"""What the runs of a sweep share: the work of runs that differ in their length alone, and the cores and GPUs."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dcgan_tf
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.asked import LENGTHS
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained
from dcgan_tf.system.workers import arithmetic_threads, available_cores

# --- work --------------------------------------------------------------------------------------------------


def is_beginning(run: Run, length: tuple[str, int], cores: int) -> bool:
    """Whether a longer training of the same settings begins with exactly this run, which ended at `length`.

    cores: how many threads the longer one will have. Sums are split among threads, so that more or fewer of them round
    otherwise, and after some hundred steps it is another training. So is one by another version of this package, whose
    recipe of that name may be another.
    """
    try:
        ended = {name: value for name, value in run.config["length"].items() if value is not None}
        recipe = Recipe.from_record({**run.config["recipe"], **dict.fromkeys(LENGTHS)})
        steps = length[1] * (run.config["steps_per_epoch"] if length[0] == "epochs" else 1)
        reached = bool(run.rows()) and run.rows()[-1]["step"] == steps
        reached = reached and run.config["hardware"]["cores"] == cores
        reached = reached and run.version == dcgan_tf.__version__
    except (UserError, KeyError, TypeError, AttributeError):
        return False
    return ended == dict([length]) and reached and not recipe.depends_on_length and run.checkpoints_path.is_dir()


_OF_THE_TRAINING = (
    "config", "history", "grids", "samples", "gif", "webp", "metrics", "alarms", "generator", "best_generator",
    "discriminator", "checkpoints", "tensorboard",
)  # fmt: skip


def copy_run(source: Run, target: Path):
    """Copy what a training has written, in one step, to be extended: no notebook, no evaluation of its end, ...

    `target` may hold what a failed attempt has left before it began to train, and nothing else.
    """
    temporary = target.with_name(f".{target.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    with disk_errors_explained(target):
        temporary.mkdir()
        for path in (getattr(source, f"{name}_path") for name in _OF_THE_TRAINING):
            if path.is_dir():
                shutil.copytree(path, temporary / path.name, ignore=shutil.ignore_patterns(".*"))
            elif path.exists():
                shutil.copy2(path, temporary / path.name)
        copy = Run(temporary)
        copy.keep_metrics(lambda line: line.get("while_training"))  # they belong to the longer run, too
        shutil.rmtree(target, ignore_errors=True)
        os.replace(temporary, target)


# --- cores and GPUs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """What one run at a time has of a machine."""

    cores: int | None = None  # how many threads of arithmetic; None: as many as there are
    bound: tuple[int, ...] = ()  # the cores that it may use; (): all of them
    gpus: tuple[str, ...] | None = None  # as CUDA_VISIBLE_DEVICES names them; None: whatever there is

    @property
    def threads(self) -> int:
        return self.cores or arithmetic_threads()

    def environment(self) -> dict[str, str]:
        """Environment variables that keep a run to its place."""
        threads = thread_settings(self.cores) if self.cores else {}
        return threads if self.gpus is None else {**threads, "CUDA_VISIBLE_DEVICES": ",".join(self.gpus)}


def share_cores(jobs: int, cores: list[int] | None = None) -> list[list[int]]:
    """The cores that this process may use, dealt out to `jobs` runs at a time, as evenly as they go.

    Neighbours stay together. With more runs than cores several have the same one; a single run has no list: [].
    Where the system binds no process to cores (macOS, Windows), they count the threads that each run has.
    """
    if cores is None:
        cores = _own_cores()
    if jobs == 1 or not cores:
        return [[]] * jobs
    if jobs >= len(cores):
        return [[cores[job % len(cores)]] for job in range(jobs)]
    ends = [round((job + 1) * len(cores) / jobs) for job in range(jobs)]
    return [cores[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def share_places(jobs: int, cores: int | None = None, gpus: int | None = None) -> list[Place]:
    """Places for `jobs` runs at a time: so many cores and GPUs for each; without a number of cores, an even share."""
    if cores is None:
        shares = share_cores(jobs)
    else:
        own = _own_cores()
        shares = [own[job * cores : (job + 1) * cores] for job in range(jobs)]
    visible = visible_gpus() if gpus else ()
    devices = [visible[job * gpus : (job + 1) * gpus] if gpus is not None else None for job in range(jobs)]
    return [Place(len(share) or None, tuple(share), own) for share, own in zip(shares, devices, strict=True)]


def _own_cores():
    bound = hasattr(os, "sched_getaffinity")
    return sorted(os.sched_getaffinity(0)) if bound else list(range(available_cores()))


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that a run started here would see, as CUDA_VISIBLE_DEVICES names them; TensorFlow is not asked."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return tuple(name.strip() for name in given.split(",") if name.strip() not in ("", "-1"))
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(map(str, range(sum(line.startswith("GPU ") for line in listed.splitlines()))))


def thread_settings(count: int) -> dict[str, str]:
    """Environment variables that keep a run to `count` threads of arithmetic."""
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**{name: str(count) for name in names}, "TF_NUM_INTEROP_THREADS": str(min(count, 2))}
