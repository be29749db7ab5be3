"""Where things lie that a computer can make again: one rule for all caches, one for prepared data.

    a cache          under DCGAN_TF_CACHE when that is set, else in the user's cache folder; where neither can be
                     written, in the temporary folder, which is said
    prepared data    of notebooks: `prepared` under DCGAN_TF_CACHE when that is set, else `data` in the project; on
                     Kaggle outside of /kaggle/working, all of which becomes a part of what is saved

Only a folder or zip of pictures has its cache beside itself when it can (see data/folders.py), and not under
DCGAN_TF_CACHE: it is as large as the pictures, and goes with them when they are removed.
"""

import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path

import platformdirs

from dcgan_tf.system.errors import UserError, in_short
from dcgan_tf.system.files import DiskError, check_writable

CACHE_VARIABLE = "DCGAN_TF_CACHE"
LONGEST_NAME = 255  # bytes, of a file or folder
KAGGLES_OUTPUT, KAGGLES_TEMPORARY = Path("/kaggle/working"), Path("/kaggle/temp")

_said = set()  # what was said already: once in a process is enough


def expanded(path) -> Path:
    """The path with the home folder for a leading ~: no shell has put it there behind an option's =, or in Python.

    The ~name of nobody here is a name like any other; Path.expanduser would raise RuntimeError. Raises UserError for
    what is no path at all, or an address.
    """
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"{in_short(path)} is no path: give one as a text, such as 'results/NAME', or as a Path")
    return Path(expanded_text(os.fspath(path)))


def expanded_text(path: str) -> str:
    """The same of a text, as it is otherwise. UserError for an address, of which a folder "file:" would be made."""
    if isinstance(path, str) and (found := re.match(r"[A-Za-z][\w+.-]+://", path)):
        raise UserError(f"{in_short(path)} is an address ({found[0]}): give a path on this computer")
    return os.path.expanduser(path)


def given_cache() -> Path | None:
    """The folder that DCGAN_TF_CACHE names, as an absolute path; None when it is not set."""
    given = os.environ.get(CACHE_VARIABLE)
    return expanded(given).absolute() if given else None


def cached(*parts: str, say=print) -> Path:
    """Where the file or folder of that name lies in the cache: `cached("features", "statistics.npz")`.

    Where it exists already, even if nothing can be written there; else where it can be written, and its folder
    is there then. say: is told, once, when that is the temporary folder. When nothing can be written anywhere,
    the path in the cache is given all the same: whoever writes there has the error.
    """
    first = (given_cache() or _users_cache()).joinpath(*parts)
    if first.is_absolute() and (first.exists() or can_write(first.parent)):
        return first
    other = _temporary_cache()
    second = other.joinpath(*parts)
    if not _is_ours(other) or not (second.exists() or can_write(second.parent)):
        return first
    cache = Path(*first.parts[: len(first.parts) - len(parts)])
    if cache not in _said:
        _said.add(cache)
        say(
            f"the cache {str(cache)!r} cannot be written: {str(other)!r} takes its place, until it is tidied up; "
            f"the environment variable {CACHE_VARIABLE} names another folder"
        )
    return second


def short(name: str) -> str:
    """The name; of one to which little could be added its beginning, with eight digits that follow from all of it."""
    data = os.fsencode(name)
    return name if len(data) <= LONGEST_NAME - 30 else f"{name[:50]}-{hashlib.sha256(data).hexdigest()[:8]}"


def can_write(folder: Path) -> bool:
    """Whether a file can be made in `folder`, which is made itself if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder)
    except (OSError, DiskError):
        return False
    return True


def _users_cache():
    """The user's cache folder; the name as it is where nobody knows the user's home: without HOME, under a number that
    the system has no name for, as in some containers."""
    try:
        return platformdirs.user_cache_path("dcgan_tf", appauthor=False)
    except RuntimeError:
        return Path("~/.cache/dcgan_tf")


def _temporary_cache():
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir(), f"dcgan_tf-{owner}")


def _is_ours(folder):
    """Make the folder so that only this user can write to it; False when somebody else has made one there."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def project_folder() -> Path:
    """The project's root when that is at or above the working folder, else the working folder.

    Papermill runs a notebook in the caller's folder, Jupyter in the notebook's own: relative paths are taken from
    here, so that both mean the same.
    """
    here = Path.cwd()
    above = [folder for folder in (here, *here.parents) if (folder / "notebooks").is_dir() and _is_project(folder)]
    return above[0] if above else here


def _is_project(folder):
    return (folder / "pyproject.toml").is_file() and (folder / "dcgan_tf").is_dir()


def data_directory() -> Path:
    """Where notebooks keep the data they prepare: the same folder for a notebook alone and for all of a sweep."""
    cache = given_cache()
    if cache:
        return cache / "prepared"
    here = project_folder()
    return KAGGLES_TEMPORARY / "data" if lent_by() == "Kaggle" and here == KAGGLES_OUTPUT else here / "data"


def lent_by() -> str | None:
    """Whose computer this is: "Colab", "Kaggle", or None for anybody else's."""
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:  # asked first: Kaggle's image is made from Colab's
        return "Kaggle"
    return "Colab" if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules else None
