"""export(): a generator in other programs' formats: a web page, ONNX, TensorFlow's SavedModel.

Each export is loaded again by the program it is meant for and compared with the original before it takes its
place; one that differs is not kept.
"""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

from dcgan_tf.exporting.onnx import export_onnx, onnx_target
from dcgan_tf.exporting.saved_model import export_saved_model, saved_model_target
from dcgan_tf.exporting.web import export_web, web_target
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import contents
from dcgan_tf.system.places import expanded


def export(run, *, web=False, onnx=False, saved_model=False, best: bool = False, attributes: bool = False,
           dataset=None, say: Callable = print) -> list[Path]:  # fmt: skip
    """Write the generator of a run directory, a Run or a `.keras` file for other programs; the paths written.

    web, onnx, saved_model: True, or where to write it; True: in the run directory, as web/, generator.onnx and
        saved_model/ (with `best`, as best_web/ ...), or beside the file. Of the page, index.html is what is returned.
    best: the run's best_generator.keras instead of its last one.
    attributes: on the page, sliders for what the labels of the run's data name, too (`dataset`: where they are now).
    say: is told what takes a while, and how far each export's images are from the original's.

    Raises UserError, before anything is written, when nothing is asked for, there is no generator, packages are
    missing, a place is taken or two exports would share one; RuntimeError when an export differs from the original.
    """
    if web is False and (attributes or dataset is not None):
        raise UserError("attributes and dataset are of the page: give them with web (--web)")
    targets = {export_web: web_target, export_onnx: onnx_target, export_saved_model: saved_model_target}
    asked = zip(targets, (web, onnx, saved_model), strict=True)
    asked = [(exporter, None if place is True else place) for exporter, place in asked if place is not False]
    if not asked:
        raise UserError("give at least one of web, onnx, saved_model: `export RUN --web` writes a page to play with")
    run, written = expanded(run), []
    places = [targets[exporter](run, place, best) for exporter, place in asked]
    _check_apart(places)
    for (exporter, place), target in zip(asked, places, strict=True):
        more = {"attributes": attributes, "dataset": dataset, "say": say} if exporter is export_web else {}
        is_earlier = _is_taken(target)
        path, difference = exporter(run, place, best=best, **more)
        instead = " (in the place of an earlier export)" if is_earlier else ""
        say(f"{path}: values in [-1, 1] differ from the original's by at most {difference:.1e}{instead}")
        if exporter is export_web:
            say(_how_to_share(path))
        written.append(path / "index.html" if exporter is export_web else path)
    return written


def _check_apart(paths):
    """UserError when two exports would go to one place, or into one another: each replaces all that is in its own."""
    for one, other in itertools.permutations(paths, 2):
        inner, outer = Path(os.path.realpath(one)), Path(os.path.realpath(other))
        if inner.is_relative_to(outer):
            places = f"{str(other)!r} and {str(one)!r}"
            raise UserError(f"the exports to {places} would overwrite one another: give each a place of its own")


def _is_taken(path):
    return path.is_file() or (path.is_dir() and bool(contents(path)))


def _how_to_share(folder):
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    return (
        f"to show it to others, put that folder ({size:.0f} MB) as it is on any static web host, such as GitHub Pages "
        "or a university's web space, or send it as a zip: nothing of it runs on a server"
    )
