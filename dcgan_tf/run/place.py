"""Where a run may go, what its folder is called, and that it stays the same run when it is called again."""

import hashlib
from pathlib import Path

from dcgan_tf.recipe.combinations import uses
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import LOST_CONFIG, looks_like_a_run
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained

_LONGEST = 150  # bytes of a name: file systems take 255, and some programs add to it


def run_name(dataset: str, recipe: str, changes: dict, seed: int) -> str:
    """A folder name that tells runs apart: `mnist5k-quick-batch_size=32-seed0`.

    A long one is shortened in its middle to 150 bytes, with eight digits that follow from all of it.
    """
    parts = [Path(dataset).stem or "data", recipe]
    parts += [f"{name}={value}" for name, value in sorted(changes.items())]
    name = "-".join([*parts, f"seed{seed}"])
    name = "".join(c if c.isalnum() or c in "-_=.+" else "_" for c in name)
    if len(name.encode()) <= _LONGEST:
        return name
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}-seed{seed}"
    return name.encode()[: _LONGEST - len(end)].decode(errors="ignore") + end


def check_place(path: Path):
    """UserError when `path` can hold no run: a file, or a folder with other things in it."""
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


def holds_nothing(path: Path) -> bool:
    """Whether no run has begun in `path`, and nothing of anybody's is there."""
    return not path.exists() or (path.is_dir() and not (path / "config.json").exists() and not _others(path))


def _others(path):
    return sorted(entry.name for entry in path.iterdir() if not _may_be_there(entry.name))


def _may_be_there(name):
    """What may lie in a folder before its run begins: papermill's notebook, or what a kill left."""
    return name in ("notebook.ipynb", ".lock", ".writer.json", ".ipynb_checkpoints") or name.endswith(".partial.json")


# What of a machine decides in which order numbers are added, and how it is said.
_SUMS_ARE_SPLIT_BY = {
    "cores": lambda count: f"with {count} core{'s' * (count != 1)}",
    "onednn": lambda is_on: "with oneDNN" if is_on else "without oneDNN",
}


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
    then, now = (one.get("hardware", {}).get("replicas", 1) for one in (run.config, config))
    if then != now:
        say(
            f"note: this run was started on {_devices(then)} and goes on with {_devices(now)}: "
            "the last bits of its numbers will differ from an uninterrupted run"
        )
    for name, said in _SUMS_ARE_SPLIT_BY.items():
        then, now = (one.get("hardware", {}).get(name) for one in (run.config, config))
        if then != now and then is not None:
            say(
                f"note: this run was started {said(then)} and goes on {said(now)}: "
                "the last bits of its numbers will differ from an uninterrupted run"
            )
    for name, version in run.config.get("versions", {}).items():
        if version != config["versions"].get(name):
            say(
                f"note: this run was started with {name} {version} and goes on with {config['versions'].get(name)}: "
                "the last bits of its numbers may differ from an uninterrupted run"
            )


def _started_from(config):
    start = config.get("start_from")
    return start and f"{start['run']} after step {start['step']}, weights {start['weights'][:8]}"


def _devices(count):
    return "1 device" if count == 1 else f"{count} devices"


def _differences(old: dict, new: dict) -> list[str]:
    """What differs between two configs, apart from length, versions, hardware, the data's name and mere words."""
    # A field that the run does not know is younger than it: it was trained with what changes nothing, the default.
    then = {**Recipe().as_dict(), **old["recipe"]}
    # What its architecture does not use changed nothing, whatever an older version let it be set to.
    fields = [n for n in new["recipe"] if n not in ("source", "summary") and uses(new["recipe"]["architecture"], n)]
    pairs = [(name, then.get(name), new["recipe"][name]) for name in fields]
    # Data made in Python had no fingerprint once; of those nothing can be said but their size.
    known = ("fingerprint", "image_shape") if old["dataset"].get("fingerprint") else ("images", "image_shape")
    pairs += [(f"dataset {name}", old["dataset"].get(name), new["dataset"].get(name)) for name in known]
    pairs += [(name, old.get(name), new[name]) for name in ("seed", "log_every", "steps_per_epoch")]
    pairs.append(("start_from", _started_from(old), _started_from(new)))
    found = [f"{name}: {then!r} then, {now!r} now" for name, then, now in pairs if then != now]
    if any(text.startswith("dataset") for text in found):
        found.insert(0, f"dataset: {old['dataset'].get('name')!r} then, {new['dataset']['name']!r} now")
    return found
