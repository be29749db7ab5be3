"""Going through folders, links included, without going in circles."""

import os
from collections.abc import Iterator
from pathlib import Path


def walk(folder) -> Iterator[tuple[Path, list[str], list[str]]]:
    """(path, names of folders, names of files) of `folder` and all below it, as os.walk: what is taken out of the
    list of folders is passed over.

    Links to folders are followed, but no folder is come to twice, none that holds `folder` itself is entered, and
    a folder is preferred to a link to it. Hidden folders are passed over.
    """
    around = {str(path) for path in Path(folder).resolve().parents}
    been = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in been or real in around:
            folders.clear()
            continue
        been.add(real)
        names = [name for name in folders if not name.startswith(".")]
        folders[:] = sorted(names, key=lambda name: (os.path.islink(os.path.join(place, name)), name))
        yield Path(place), folders, files
