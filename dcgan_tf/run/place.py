"""Where a run may go, what its folder is called, and that it stays the same run when it is called again."""

import hashlib
import os
from itertools import zip_longest
from pathlib import Path

import dcgan_tf
from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.recipe.combinations import inert, uses
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import LOST_CONFIG, Run, looks_like_a_run
from dcgan_tf.run.records import read_config
from dcgan_tf.run.repeat import as_option
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable, disk_errors_explained
from dcgan_tf.system.saying import counted

_LONGEST = 150  # bytes of a name: file systems take 255, and some programs add to it


def run_name(dataset: str, recipe: str, changes: dict, seed: int) -> str:
    """A folder name that tells runs apart: `mnist5k-quick-batch_size=32-seed0`.

    Never hidden, which the gallery would pass over. A long one is shortened in its middle to 150 bytes, with eight
    digits that follow from all of it.
    """
    path = Path(dataset)
    name = path.stem if path.suffix.lower() == ".zip" else path.name  # of folders, pics.v1 and pics.v2 are two
    parts = [name.lstrip(".") or "data", recipe]
    parts += [f"{name}={value}" for name, value in sorted(changes.items())]
    name = "-".join([*parts, f"seed{seed}"])
    name = "".join(c if c.isalnum() or c in "-_=.+" else "_" for c in name)
    if len(name.encode()) <= _LONGEST:
        return name
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}-seed{seed}"
    return name.encode()[: _LONGEST - len(end)].decode(errors="ignore") + end


def check_place(path: Path):
    """UserError when `path` can hold no run: a file, a folder with other things in it, or a new one inside of a run."""
    with disk_errors_explained(path):
        _check_place(path)


def _check_place(path):
    if path.exists() and not path.is_dir():
        raise UserError(f"run directory {str(path)!r} is a file: choose another name")
    if path.is_dir() and not (path / "config.json").exists():
        others = _others(path)
        if looks_like_a_run(path):
            raise UserError(f"{str(path)!r} {LOST_CONFIG}")
        if others:
            raise UserError(
                f"{str(path)!r} is not a run directory and holds {others[0]!r}: "
                "choose a new or empty folder, so that nothing of yours is overwritten"
            )
    if not (path / "config.json").exists():
        check_outside_of_runs(path)


def check_outside_of_runs(path: Path):
    """UserError when `path` would lie in a run directory, where nobody who looks for runs would find one."""
    for folder in Path(os.path.realpath(path)).parents:
        if _is_run(folder):
            raise UserError(
                f"{str(path)!r} would lie in the run directory {str(folder)!r}, and no run is looked for inside of "
                "another: choose a folder outside of it"
            )


def _is_run(folder):
    try:
        return read_config(folder / "config.json") is not None
    except UserError:  # other programs have a config.json, too
        return False


def holds_nothing(path: Path) -> bool:
    """Whether no run has begun in `path`, and nothing of anybody's is there."""
    return not path.exists() or (path.is_dir() and not (path / "config.json").exists() and not _others(path))


def _others(path):
    return sorted(entry.name for entry in path.iterdir() if not _may_be_there(entry.name))


def _may_be_there(name):
    """What may lie in a folder before its run begins: papermill's notebook, or what a kill left."""
    return name in ("notebook.ipynb", ".lock", ".writer.json", ".ipynb_checkpoints") or name.endswith(".partial.json")


def agree_on_config(run, config, say):
    """Write config.json, or see that the run that is there was started with the same settings, and where its data are.

    Raises UserError with the list of what differs; `say` is told why its last bits may differ.
    """
    if not run.config_path.exists():
        run.write_config(config)
        return
    differences = _differences(run.config, config)
    if differences:
        raise UserError(
            f"run {str(run.path)!r} was started with other settings ({'; '.join(differences)}): "
            f"give the same ones, or another run directory{_as_it_was(run, config)}"
        )
    for then, now, surely in _other_sums(run.config, config):
        say(
            f"note: this run was started {then} and goes on {now}: "
            f"the last bits of its numbers {surely} differ from an uninterrupted run"
        )
    _follow_data(run, config["dataset"], say)


def _follow_data(run, data, say):
    """Note where the run's data are, when they are the same and where they were nothing is any more."""
    before = run.config["dataset"]
    then, now = before.get("name"), data.get("name")
    if not before.get("fingerprint") or None in (then, now) or not Path(then).is_absolute() or os.path.lexists(then):
        return
    if then != now and os.path.exists(now):
        run.write_config({**run.config, "dataset": {**before, "name": now}})
        say(f"note: this run's data were at {then!r}, where nothing is any more: it is noted that they are at {now!r}")


def agree_on_labels(run: Run, labels: Labels):
    """Write labels.npz, or see that the run that is there was started with labels of the same names.

    The data's fingerprint tells which rows they are, and not what they are called. Raises UserError with the first
    name that differs.
    """
    try:
        then = run.labels.names
    except Unreadable:
        raise
    except UserError:  # gone or damaged, or the run is new
        then = labels.names
    for number, (old, new) in enumerate(zip_longest(then, labels.names)):
        if old != new:
            raise UserError(
                f"run {str(run.path)!r} was started with other names of its labels (number {number}: {old!r} then, "
                f"{new!r} now): name them as they were, or go on in another run directory, with --start-from"
            )
    run.write_labels(labels)


def _other_sums(old, new):
    """What decides how numbers are added and differs: how it was, how it is, and whether the sums will or may differ.

    What the run does not know is younger than it, and nothing can be said of it.
    """
    before, after = ({"replicas": 1, **config.get("hardware", {})} for config in (old, new))
    if before["replicas"] != after["replicas"]:
        yield f"on {counted(before['replicas'], 'device')}", f"with {counted(after['replicas'], 'device')}", "will"
    if before.get("cores", after.get("cores")) != after.get("cores"):
        yield f"with {counted(before['cores'], 'core')}", f"with {counted(after['cores'], 'core')}", "will"
    if before.get("onednn", after.get("onednn")) != after.get("onednn"):
        yield *("with oneDNN" if one["onednn"] else "without oneDNN" for one in (before, after)), "will"
    for name, version in old.get("versions", {}).items():
        if version != new["versions"].get(name):
            yield f"with {name} {version}", f"with {name} {new['versions'].get(name)}", "may"


def _started_from(config):
    start = config.get("start_from")
    return start and f"{start['run']} after step {start['step']}, weights {start['weights'][:8]}"


def _other_fields(old: dict, new: dict) -> dict:
    """The fields of the recipe that differ, with the values of then."""
    # A field that the run does not know is younger than it: it was trained with what changes nothing, the default.
    then = {**Recipe().as_dict(), **old["recipe"]}
    # What its architecture does not use changed nothing, whatever an older version let it be set to; so did what is
    # switched off, then and now.
    idle = inert(then, new["recipe"]) | {"source", "summary"}
    fields = [n for n in new["recipe"] if n not in idle and uses(new["recipe"]["architecture"], n)]
    return {name: then.get(name) for name in fields if then.get(name) != new["recipe"][name]}


def _as_it_was(run, config):
    """How to go on with a run of another version, whose recipe of that name may have been another; else nothing."""
    fields = _other_fields(run.config, config)
    if not fields or "name" in fields or run.version in (None, dcgan_tf.__version__):
        return ""
    changes = " ".join(f"--set {name}={as_option(value)}" for name, value in fields.items())
    return f"; version {run.version} began it, and where only the recipe has changed since, this goes on: {changes}"


def _differences(old: dict, new: dict) -> list[str]:
    """What differs between two configs, apart from length, versions, hardware and mere words.

    Of data: only where they are others, and then all that is known of them; two hashes would tell a person nothing.
    """
    pairs = [(name, then, new["recipe"][name]) for name, then in _other_fields(old, new).items()]
    pairs += [(name, old.get(name), new[name]) for name in ("seed", "log_every", "steps_per_epoch")]
    pairs.append(("start_from", _started_from(old), _started_from(new)))
    found = [f"{name}: {then!r} then, {now!r} now" for name, then, now in pairs if then != now]
    before, data = old["dataset"], new["dataset"]
    # Data made in Python had no fingerprint once; of those nothing can be said but their size.
    known = ("fingerprint", "image_shape") if before.get("fingerprint") else ("images", "image_shape")
    if any(before.get(name) != data.get(name) for name in known):
        asked = [name for name in data if name != "fingerprint" and name in before and before[name] != data[name]]
        found[:0] = [f"dataset {name}: {before[name]!r} then, {data[name]!r} now" for name in asked]
        if set(asked) <= {"images"}:
            found.insert(0, f"dataset {data['name']!r}: its pictures or their labels have changed")
    return found
