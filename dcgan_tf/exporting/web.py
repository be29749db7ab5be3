"""A page to play with a generator: one folder that needs no network, no server and no Python.

The page's own files are in page/. Browsers let no page fetch() files beside it when it was opened from
the disk, so the model and the runtime go along inside scripts, compressed, as base64.
"""

import base64
import gzip
import html
import json
import re
from pathlib import Path

from dcgan_tf.data.images import to_uint8
from dcgan_tf.evaluation.evaluate import training_data
from dcgan_tf.evaluation.features import can_classify, feature_network
from dcgan_tf.exporting.onnx import check_onnx_packages, compare_onnx, onnx_bytes
from dcgan_tf.exporting.onnxruntime_web import VERSION, runtime_files
from dcgan_tf.exporting.original import Original, load_original
from dcgan_tf.exporting.targets import check_folder, new_folder, place
from dcgan_tf.latent.directions import attribute_directions, first_layer_directions, jacobian_directions
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import is_generator_file
from dcgan_tf.run.sampling import draw_latents
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import write_text
from dcgan_tf.training.progress import describe_epochs

PAGE = Path(__file__).parent / "page"
_AS_THEY_ARE = ("page.css", "random.js", "latents.js", "state.js", "labels.js", "painter.js", "sharing.js", "page.js")
DIRECTIONS = 8
ATTRIBUTES = 8
MOST_CLASSES = 40
_ICON_SIZE = 64


def export_web(
    source, output=None, *, best: bool = False, attributes: bool = False, dataset=None, say=print
) -> tuple[Path, float]:
    """Write the page; its folder, and the largest difference of its generator from the original.

    Open index.html in it, or put the folder on any web server. output: by default the folder web in the run
    directory. Of a conditional generator the page has a button for each class, or a switch for each attribute.
    attributes: sliders for what the labels of the run's data name, too (`dataset`: where those are now);
    a classifier of them is trained, once. say: is told what takes a while.

    Raises as export_onnx does, and UserError when the runtime's files or labelled data cannot be had.
    """
    check_onnx_packages()
    if dataset is not None and not attributes:
        raise UserError(f"dataset={str(dataset)!r} is only of use with attributes (--attributes)")
    data = _labelled_data(source, dataset) if attributes else None
    path = web_target(source, output, best)
    original = load_original(source, best)
    with new_folder(path, "web", original.about) as folder:
        model = onnx_bytes(original)
        difference = compare_onnx(original, model)
        runtime = runtime_files(say)
        for name in _AS_THEY_ARE:
            write_text(folder / name, (PAGE / name).read_text(encoding="utf-8"))
        write_text(folder / "index.html", _index(original.about))
        groups = [_attributes(original, data, say)] if attributes else []
        write_text(folder / "generator.js", _generator_script(original, model, [*groups, _principal(original)]))
        write_text(folder / "runtime.js", _runtime_script(runtime))
        save_png(folder / "icon.png", _icon(original))
    return path, difference


def web_target(source, output, best: bool) -> Path:
    """Where export_web writes. Raises UserError when something else is there."""
    path = place(source, output, best, "web")
    check_folder(path, "web")
    return path


def describe(about: dict) -> str:
    """'28x28 gray, recipe quick, 35 epochs of mnist5k': one line about a generator."""
    height, width, channels = about["image_shape"]
    parts = [f"{width}×{height} {'gray' if channels == 1 else 'colour'}"]
    if "recipe" in about:
        epochs, steps = about["epochs"], about["steps"]
        length = describe_epochs(epochs) if epochs else f"{steps:,} step{'' if steps == 1 else 's'}"
        parts += [f"recipe {about['recipe']}", f"{length} of {about['dataset']}"]
    if about["generator"] == "best":
        parts.append("the best generator kept")
    return ", ".join(parts)


def _index(about):
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    source = "FILE" if "recipe" not in about else "RUN --best" if about["generator"] == "best" else "RUN"
    texts = {"name": about["name"], "description": describe(about), "source": source}
    # All at once: a run's name may itself look like one of them.
    return re.sub(r"{{(name|description|source)}}", lambda found: html.escape(texts[found[1]]), page)


def _generator_script(original, model, groups):
    told = [] if original.labels is None else original.usual_labels.astype(int).tolist()
    values = {"about": original.about, "groups": groups, "told": told, "model": _packed(model)}
    return f"const GENERATOR = {_script_json(values)};\n"


def _runtime_script(files):
    values = {
        "ort": files["ort.wasm.min.js"].decode(),
        "loader": files["ort-wasm-simd-threaded.mjs"].decode(),
        "wasm": _packed(files["ort-wasm-simd-threaded.wasm"]),
        "worker": (PAGE / "worker.js").read_text(encoding="utf-8"),
    }
    notice = f"// ONNX Runtime Web {VERSION}, copyright (c) Microsoft Corporation, under the MIT licence (below).\n"
    return f"{notice}// {_MIT}\nconst RUNTIME = {_script_json(values)};\n"


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, compresslevel=6, mtime=0)).decode()


def _script_json(value) -> str:
    """JSON that may stand in any script: no text in it can end one, or a line."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _icon(original):
    latents, told = draw_latents(1, original.about["latent_dim"], 0, **original.latents), original.usual_labels
    image = to_uint8(original.images(latents, told if told is None else told[None])[0])
    times = -(-_ICON_SIZE // image.shape[0])
    return image.repeat(times, axis=0).repeat(times, axis=1)


# --- directions, for the page's sliders ------------------------------------------------------------------------


def _principal(original: Original) -> dict:
    """Those that change the images most."""
    space = original.space()
    if space.dim <= 1024:  # it takes latent_dim passes for each point
        found = jacobian_directions(space, space.random(8, seed=0))  # the same that `explore` shows
        note = "What changes the pixels most, strongest first: principal directions of the generator's Jacobian."
    else:
        found = first_layer_directions(space)
        note = "What the generator's first layer passes on most strongly (SeFa)."
    if space.told is not None:
        note += f" Found in images {'of ' if space.labels.are_classes else ''}{space.labels.in_words(space.told)}."
    vectors = [] if found is None else found.vectors[:DIRECTIONS]
    return _group("Directions", note, [f"Direction {number}" for number in range(1, len(vectors) + 1)], vectors)


def _attributes(original: Original, data, say) -> dict:
    """Those along which a classifier sees an attribute grow, the others held; or each class, in their order."""
    space = original.space()
    classifier = feature_network("classifier", data, say=say)
    found = attribute_directions(space, classifier)
    shown = found.shown(ATTRIBUTES)
    if not shown:
        raise UserError("the classifier sees the same in all images: leave out --attributes")
    if len(shown) > MOST_CLASSES:
        say(f"the page has sliders for the first {MOST_CLASSES} of {len(shown)} classes")
        shown = shown[:MOST_CLASSES]
    if found.exclusive:
        heading, note = "Classes", "What a classifier of the training data's labels sees more of."
    else:
        heading = "Attributes"
        note = f"What a classifier of the training data's labels sees grow, {found.how_held(shown)}."
    return _group(heading, note, [found.names[at] for at in shown], [found.held(at, shown) for at in shown])


def _group(heading, note, names, vectors):
    letter = heading[0].lower()  # d3, the third of the Directions: its name in the page's address
    directions = [
        {"key": f"{letter}{number}", "name": name, "vector": [round(float(x), 7) for x in vector]}
        for number, (name, vector) in enumerate(zip(names, vectors, strict=True), 1)
    ]
    return {"heading": heading, "note": note, "directions": directions}


def _labelled_data(source, dataset):
    if is_generator_file(source):
        raise UserError(f"{str(source)!r} is a file: attributes need a run directory, which knows its data")
    run = Run(source)
    if run.labels is not None and run.labels.are_classes:
        raise UserError(
            f"run {str(source)!r} is asked for its classes, and the page has a button for each: leave out --attributes"
        )
    data = training_data(run, dataset)
    if not can_classify(data):
        raise UserError(
            f"dataset {data.name!r} has no labels that tell its images apart: leave out --attributes "
            "(the page has sliders for the strongest directions anyhow)"
        )
    return data


_MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    'documentation files (the "Software"), to deal in the Software without restriction, including without limitation '
    "the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and "
    "to permit persons to whom the Software is furnished to do so, subject to the following conditions: The above "
    "copyright notice and this permission notice shall be included in all copies or substantial portions of the "
    'Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT '
    "LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT "
    "SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION "
    "OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER "
    "DEALINGS IN THE SOFTWARE."
)
