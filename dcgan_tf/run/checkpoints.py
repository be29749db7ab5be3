"""Checkpoints: the exact state of a training, written atomically, read back bit for bit.

A checkpoint is one `.npz` file (no pickle) with an array for each variable and a JSON text for what is no
variable. A `.npz` is a zip, so every array has a checksum that is verified when it is read, and a truncated
file has no directory and is noticed at once.
"""

import json
import re
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable, atomic_file, check_readable, paths_in

_EXTRA = "extra.json"
_NAME = re.compile(r"step_[0-9]+\.npz")


def save(folder, step: int, variables: dict, extra: dict, keep: int = 3) -> Path:
    """Write the state after `step` steps, then remove all but the newest `keep` checkpoints.

    `variables`: name -> tf.Variable or Keras variable; `extra`: what JSON can hold, exactly.
    Raises UserError when the disk is full; the checkpoints that are there stay.
    """
    folder = Path(folder)
    arrays = {name: np.asarray(variable) for name, variable in variables.items()}
    arrays[_EXTRA] = np.frombuffer(json.dumps(extra).encode(), np.uint8)
    path = folder / f"step_{step:08d}.npz"
    with atomic_file(path, durable=True) as temporary:
        np.savez(temporary, **arrays)
    for old in all_checkpoints(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def all_checkpoints(folder) -> list[Path]:
    """The checkpoints of a run, newest first. What is called otherwise, such as `step_00000100 (1).npz`, is none.

    Raises Unreadable when the folder cannot be listed: that is no run without checkpoints.
    """
    found = [path for path in paths_in(folder, "step_*.npz") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.stem[5:]), reverse=True)


def read(path, names=None) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays (only `names`, when given) and the extra values of one checkpoint, checksums verified.

    Raises ValueError when it was read and is damaged, Unreadable when the disk does not give it at the moment.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [name for name in stored.files if name != _EXTRA] if names is None else names
            return {name: stored[name] for name in names}, json.loads(stored[_EXTRA].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        check_readable(path)  # an error of the disk says nothing of what is in the file
        raise ValueError(f"{type(error).__name__}: {error}") from error


def restore_latest(folder, variables: dict) -> dict | None:
    """Put the newest checkpoint that is whole into `variables`; returns its extra values, None without one.

    A damaged checkpoint is set aside (renamed to `.damaged`) with a warning, and the one before it is tried.
    Raises UserError, and changes nothing, when a whole one is of other networks, or one, or the folder, cannot be
    read at the moment.
    """
    for path in paths_in(folder, "step_*.npz"):
        if not _NAME.fullmatch(path.name):
            warnings.warn(f"{str(path)!r} is passed over: no checkpoint is called so", stacklevel=2)
    for path in all_checkpoints(folder):
        try:
            arrays, extra = read(path)
        except Unreadable:
            raise  # not damaged: it may be whole in a moment
        except ValueError as error:
            warnings.warn(f"checkpoint {path} is damaged ({error}); trying the one before it", stacklevel=2)
            path.replace(path.with_suffix(".npz.damaged"))
            continue
        _check(path, arrays, variables)
        for name, variable in variables.items():
            variable.assign(arrays[name])
        return extra
    return None


def _check(path, arrays, variables):
    """UserError when the networks are others: a recipe of the same name may have changed between two versions."""
    then = {name: array.shape for name, array in arrays.items()}
    now = {name: tuple(variable.shape) for name, variable in variables.items()}
    if then != now:
        changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
        raise UserError(
            f"checkpoint {str(path)!r} is of other networks than this version of dcgan_tf makes of the recipe "
            f"({len(changed)} arrays differ, the first {changed[0]}): go on with the version in the run's config.json, "
            "or give another run directory; the run stays as it is"
        )
