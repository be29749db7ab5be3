"""Where exports go, and how they take their place: what was exported before is replaced, nothing else is."""

import contextlib
import hashlib
import json
from pathlib import Path

from dcgan_tf.run.generators import is_generator_file
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import check_writable, contents, whole_folder, write_json
from dcgan_tf.system.places import expanded

MANIFEST = "export.json"  # in an exported folder: what it is, and which files are ours


def place(source, output, best: bool, name: str) -> Path:
    """Where an export goes: `output`, or `name` in the run directory, or beside the generator's file."""
    path = Path(source)
    if output:
        return expanded(output)
    if is_generator_file(source):
        return path.with_name(f"{path.stem}.onnx" if name.endswith(".onnx") else f"{path.stem}_{name}")
    return path / (f"best_{name}" if best else name)


@contextlib.contextmanager
def new_folder(path: Path, kind: str, about: dict):
    """Give a temporary folder; when the block ends well it becomes `path`, with a MANIFEST of what is in it.

    An earlier export of the same kind is replaced, if nothing was added to it or changed in it. When the block
    fails, it stays as it was. Raises UserError when something else is in the way.
    """
    check_folder(path, kind)
    earlier = []
    with whole_folder(path, earlier, MANIFEST) as temporary:
        try:
            yield temporary
            files = {name: _sha256(temporary / name) for name in _files(temporary)}
            write_json(temporary / MANIFEST, {"kind": kind, **about, "files": files})
            check_folder(path, kind)  # it took minutes: another export may have come, or a person's file
            earlier += [one.name for one in contents(path)] if path.is_dir() else []
        except UserError as error:  # of a file in it: the person knows the folder by its later name
            raise UserError(str(error).replace(str(temporary), str(path))) from error


def check_folder(path: Path, kind: str):
    """UserError when an export of that kind cannot go there: a file, or a folder with other things in it."""
    if path.exists() and not path.is_dir():
        raise UserError(f"output {str(path)!r} is a file: give the name of a folder")
    check_writable(path)
    if not path.exists() or not contents(path):
        return
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        files = dict(manifest["files"]) if manifest["kind"] == kind else None
    except (OSError, ValueError, KeyError, TypeError):
        files = None
    if files is None:
        raise UserError(f"{str(path)!r} is not empty and is no earlier export of this kind: choose a new folder")
    for name in _files(path):
        if name != MANIFEST and files.get(name) != _sha256(path / name):
            what = "was changed since the export" if name in files else "is not part of the export"
            raise UserError(f"{str(path / name)!r} {what}: move it away, or choose another folder, and nothing is lost")


def _files(folder):
    tops = {path.name for path in contents(folder)}
    files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.as_posix() for path in files if path.parts[0] in tops)


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
