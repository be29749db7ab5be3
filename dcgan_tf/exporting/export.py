"""export(): a generator in other programs' formats: a web page, ONNX, TensorFlow's SavedModel.

Each export is loaded again by the program it is meant for and compared with the original before it takes its
place; one that differs is not kept.
"""

from collections.abc import Callable
from pathlib import Path

from dcgan_tf.exporting.onnx import export_onnx
from dcgan_tf.exporting.saved_model import export_saved_model
from dcgan_tf.exporting.web import export_web
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import expanded


def export(run, *, web=False, onnx=False, saved_model=False, best: bool = False, attributes: bool = False,
           dataset=None, say: Callable = print) -> list[Path]:  # fmt: skip
    """Write the generator of a run directory, a Run or a `.keras` file for other programs; the paths written.

    web, onnx, saved_model: True, or where to write it; True: in the run directory, as web/, generator.onnx and
        saved_model/ (with `best`, as best_web/ ...), or beside the file. Of the page, index.html is what is returned.
    best: the run's best_generator.keras instead of its last one.
    attributes: on the page, sliders for what the labels of the run's data name, too (`dataset`: where they are now).
    say: is told what takes a while, and how far each export's images are from the original's.

    Raises UserError when nothing is asked for, there is no generator, packages are missing or a place is taken;
    RuntimeError when an export differs from the original.
    """
    if web is False and (attributes or dataset is not None):
        raise UserError("attributes and dataset are of the page: give them with web (--web)")
    asked = ((export_web, web), (export_onnx, onnx), (export_saved_model, saved_model))
    asked = [(exporter, place) for exporter, place in asked if place is not False]
    if not asked:
        raise UserError("give at least one of web, onnx, saved_model: `export RUN --web` writes a page to play with")
    run, written = expanded(run), []
    for exporter, place in asked:
        more = {"attributes": attributes, "dataset": dataset, "say": say} if exporter is export_web else {}
        path, difference = exporter(run, None if place is True else place, best=best, **more)
        say(f"{path}: values in [-1, 1] differ from the original's by at most {difference:.1e}")
        if exporter is export_web:
            say(_how_to_share(path))
        written.append(path / "index.html" if exporter is export_web else path)
    return written


def _how_to_share(folder):
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    return (
        f"to show it to others, put that folder ({size:.0f} MB) as it is on any static web host, such as GitHub Pages "
        "or a university's web space, or send it as a zip: nothing of it runs on a server"
    )
