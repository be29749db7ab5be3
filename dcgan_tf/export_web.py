"""A page to play with a generator: one folder that needs no network, no server and no Python.

The page's own files are in dcgan_tf/web_page. Browsers let no page fetch() files beside it when it was opened from
the disk, so the model and the runtime go along inside scripts, compressed, as base64.
"""

import base64
import gzip
import html
import json
from pathlib import Path

import numpy as np

from dcgan_tf.directions import first_layer_directions, jacobian_directions
from dcgan_tf.export import (
    Original,
    check_folder,
    check_onnx_packages,
    compare_onnx,
    load_original,
    new_folder,
    onnx_bytes,
    place,
)
from dcgan_tf.files import write_text
from dcgan_tf.images import save_png, to_uint8
from dcgan_tf.onnxruntime_web import VERSION, runtime_files
from dcgan_tf.sampling import draw_latents
from dcgan_tf.space import LatentSpace

PAGE = Path(__file__).parent / "web_page"
_AS_THEY_ARE = ("page.css", "random.js", "latents.js", "state.js", "painter.js", "sharing.js", "page.js")
DIRECTIONS = 8
_ICON_SIZE = 64


def export_web(source, output=None, *, best: bool = False, say=print) -> tuple[Path, float]:
    """Write the page; its folder, and the largest difference of its generator from the original.

    Open index.html in it, or put the folder on any web server. output: by default the folder web in the run
    directory. Raises as export_onnx does, and UserError when the runtime's files cannot be had.
    """
    check_onnx_packages()
    path = place(source, output, best, "web")
    check_folder(path, "web")
    original = load_original(source, best)
    with new_folder(path, "web", original.about) as folder:
        model = onnx_bytes(original)
        difference = compare_onnx(original, model)
        runtime = runtime_files(say)
        for name in _AS_THEY_ARE:
            write_text(folder / name, (PAGE / name).read_text(encoding="utf-8"))
        write_text(folder / "index.html", _index(original.about))
        write_text(folder / "generator.js", _generator_script(original, model))
        write_text(folder / "runtime.js", _runtime_script(runtime))
        save_png(folder / "icon.png", _icon(original))
    return path, difference


def describe(about: dict) -> str:
    """'28x28 gray, recipe quick, 35 epochs of mnist5k': one line about a generator."""
    height, width, channels = about["image_shape"]
    parts = [f"{width}×{height} {'gray' if channels == 1 else 'colour'}"]
    if "recipe" in about:
        epochs = about["epochs"]
        length = f"{epochs} epoch{'s' if epochs != 1 else ''}" if epochs else f"{about['steps']} steps"
        parts += [f"recipe {about['recipe']}", f"{length} of {about['dataset']}"]
    if about["generator"] == "best":
        parts.append("the best generator kept")
    return ", ".join(parts)


def _index(about):
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    for name, text in (("name", about["name"]), ("description", describe(about))):
        page = page.replace("{{" + name + "}}", html.escape(text))
    return page


def _generator_script(original, model):
    directions, note = _directions(original)
    values = {"about": original.about, "directions": directions, "directions_note": note, "model": _packed(model)}
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
    latents = draw_latents(1, original.about["latent_dim"], 0, **original.latents)
    image = to_uint8(original.images(latents)[0])
    times = -(-_ICON_SIZE // image.shape[0])
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _directions(original: Original):
    """The directions that change the images most, for the page's sliders, and a line about them."""
    space = LatentSpace(original.generator, **original.latents)
    if space.dim <= 1024:  # it takes latent_dim passes for each point
        found = jacobian_directions(space, space.random(8, seed=0))  # the same that `explore` shows
        note = "Those that change the pixels most, strongest first: principal directions of the generator's Jacobian."
    else:
        found = first_layer_directions(space)
        note = "Those that the generator's first layer passes on most strongly (SeFa)."
        if found is None:
            return [], ""
    vectors = np.asarray(found.vectors[:DIRECTIONS], np.float64)
    names = [f"Direction {number}" for number in range(1, len(vectors) + 1)]
    return [{"name": n, "vector": [round(x, 7) for x in v.tolist()]} for n, v in zip(names, vectors, strict=True)], note


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
