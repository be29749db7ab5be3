"""A generator in other programs' formats: ONNX, and TensorFlow's SavedModel. (The browser's: export_web.py.)

Each export is loaded again by the program it is meant for and compared with the original before it takes its
place; one that differs is not kept. What was exported before is replaced, anything else that is in the way is not.
"""

import contextlib
import hashlib
import importlib.util
import json
import shutil
import uuid
import warnings
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dcgan_tf import __version__
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import draw_latents, load_generator
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, write_bytes, write_json

# Largest difference of any value in [-1, 1] that an export may show: one step of a pixel is 80 times as large.
TOLERANCE = 1e-4
COMPARED_IMAGES = 16
MANIFEST = "export.json"  # in an exported folder: what it is, and which files are ours
ONNX_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")


class Original(NamedTuple):
    """A generator to be exported, and what is known of it."""

    generator: keras.Model
    latents: dict  # distribution, mean, std
    about: dict  # for the export's own records: name, recipe, dataset, ...

    def images(self, latents: np.ndarray) -> np.ndarray:
        """float32 [N, H, W, C] in [-1, 1], computed on the CPU: GPUs round multiplications (TF32)."""
        with tf.device("CPU:0"):
            return self.generator(tf.constant(latents), training=False).numpy()


def load_original(source, best: bool = False) -> Original:
    """The generator that `sample` draws from, of a run directory or a `.keras` file, ready to be exported.

    best: the run's best_generator.keras instead of its last one.
    """
    path = Path(source)
    generator, latents = load_generator(source, best=best)
    generator = in_float32(generator)
    about = {
        "name": path.resolve().name.removesuffix(".keras"),
        "generator": "best" if best else "last",
        "image_shape": list(generator.output_shape[1:]),
        "latent_dim": generator.input_shape[1],
        "latents": latents,
        "versions": {"dcgan_tf": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
    }
    if path.suffix == ".keras":
        return Original(generator, latents, about)
    run = Run(path)
    rows = run.rows()
    about["recipe"], about["dataset"] = run.config["recipe"]["name"], Path(run.config["dataset"]["name"]).name
    about["epochs"], about["steps"] = (rows[-1]["epoch"], rows[-1]["step"]) if rows else (0, 0)
    return Original(generator, latents, about)


def in_float32(generator: keras.Model) -> keras.Model:
    """The same network with the same weights, computing in float32: itself, if it was not trained in half precision.

    Browsers and ONNX Runtime on CPUs know no bfloat16. Half precision's images differ from these by its rounding.
    """
    if all(layer.compute_dtype == "float32" for layer in generator.layers):
        return generator
    clone = keras.models.clone_model(
        generator, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    )
    clone.set_weights(generator.get_weights())
    return clone


def place(source, output, best: bool, name: str) -> Path:
    """Where an export goes: `output`, or `name` in the run directory, or beside the `.keras` file."""
    path = Path(source)
    if output:
        return Path(output)
    if path.suffix == ".keras":
        return path.with_name(f"{path.stem}.onnx" if name.endswith(".onnx") else f"{path.stem}_{name}")
    return path / (f"best_{name}" if best else name)


# --- ONNX -------------------------------------------------------------------------------------------------


def export_onnx(source, output=None, *, best: bool = False) -> tuple[Path, float]:
    """Write the generator as one ONNX file; its path, and its largest difference from the original.

    Input `latents` float32 [N, latent_dim], output `images` float32 [N, H, W, C] in [-1, 1]; how latents are
    distributed is in the file's metadata. output: by default generator.onnx in the run directory.

    Raises UserError when there is no generator, packages are missing or the place is taken; RuntimeError when the
    export differs from the original by more than TOLERANCE.
    """
    check_onnx_packages()
    path = place(source, output, best, "generator.onnx")
    _check_onnx_target(path)
    original = load_original(source, best)
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        model = onnx_bytes(original)
        difference = compare_onnx(original, model)
        write_bytes(path, model)
    return path, difference


def check_onnx_packages():
    """UserError when a package that ONNX needs is not installed."""
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"exporting to ONNX or to a web page needs {' and '.join(missing)}, not installed here: "
            f'pip install {" ".join(missing)} (or this package with its extra: pip install "dcgan-tf[web]")'
        )


def onnx_bytes(original: Original) -> bytes:
    """The generator as an ONNX model, with its metadata; not yet compared with the original."""
    import onnx

    original.images(draw_latents(1, original.about["latent_dim"], 0))  # Keras exports only what was called
    with _folder_for_scraps() as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tf2onnx, about NumPy's younger versions
            original.generator.export(folder / "generator.onnx", format="onnx", verbose=False)
        model = onnx.load(folder / "generator.onnx")
    graph = model.graph
    _rename(graph, graph.input[0].name, "latents")
    _rename(graph, graph.output[0].name, "images")
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "images"
    model.doc_string = "A DCGAN's generator: latents [N, D] -> images [N, H, W, C] in [-1, 1]"
    metadata = {"dcgan_tf": __version__, "about": json.dumps(original.about)}
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _rename(graph, old, new):
    """Give a graph's input or output another name, everywhere."""
    for names in [names for node in graph.node for names in (node.input, node.output)]:
        for index, name in enumerate(names):
            if name == old:
                names[index] = new
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.name == old:
            value.name = new


def compare_onnx(original: Original, model: bytes) -> float:
    """The largest difference between the original and an ONNX model, see compare."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return compare(original, lambda latents: session.run(["images"], {"latents": latents})[0])


def _check_onnx_target(path):
    if path.suffix != ".onnx":
        raise UserError(f"output {str(path)!r}: give the name of a file ending in .onnx")
    if path.is_dir():
        raise UserError(f"output {str(path)!r} is a folder: give the name of a file")
    if path.exists():
        import onnx

        try:
            ours = any(entry.key == "dcgan_tf" for entry in onnx.load(path, load_external_data=False).metadata_props)
        except Exception:  # protobuf raises nearly anything on what is no ONNX file
            ours = False
        if not ours:
            raise UserError(f"{str(path)!r} exists and is no earlier export of this kind: choose another name")


# --- TensorFlow SavedModel ------------------------------------------------------------------------------------


def export_saved_model(source, output=None, *, best: bool = False) -> tuple[Path, float]:
    """Write the generator as a TensorFlow SavedModel; its folder, and its largest difference from the original.

    `model = tf.saved_model.load(folder)`, and `model.serve(latents)` gives images float32 [N, H, W, C] in [-1, 1].
    output: by default the folder saved_model in the run directory. Raises as export_onnx does.
    """
    path = place(source, output, best, "saved_model")
    check_folder(path, "saved-model")
    original = load_original(source, best)
    with new_folder(path, "saved-model", original.about) as folder:
        original.generator.export(folder, format="tf_saved_model", verbose=False)
        loaded = tf.saved_model.load(str(folder))
        with tf.device("CPU:0"):
            difference = compare(original, lambda latents: loaded.serve(tf.constant(latents)).numpy())
    return path, difference


# --- that it is right ------------------------------------------------------------------------------------------


def compare(original: Original, exported) -> float:
    """The largest difference between what the original and an exported function make of the same latents.

    Raises UserError when the original makes no numbers, RuntimeError when they differ by more than TOLERANCE.
    """
    latents = draw_latents(COMPARED_IMAGES, original.about["latent_dim"], 0, **original.latents)
    wanted, got = original.images(latents), np.asarray(exported(latents))
    if not np.isfinite(wanted).all():
        raise UserError(f"the generator of {original.about['name']!r} makes values that are not numbers: train it anew")
    difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else np.inf
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"the exported generator's images {got.shape} differ from the original's {wanted.shape} by "
            f"{difference:.1e}, more than {TOLERANCE:.0e}: nothing was written"
        )
    return difference


# --- folders ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _folder_for_scraps():
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dcgan_tf-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def new_folder(path: Path, kind: str, about: dict):
    """Give a temporary folder; when the block ends well it becomes `path`, with a MANIFEST of what is in it.

    An earlier export of the same kind is replaced, if nothing was added to it or changed in it. When the block
    fails, it stays as it was. Raises UserError when something else is in the way.
    """
    check_folder(path, kind)
    mark = uuid.uuid4().hex[:8]
    temporary, old = (path.with_name(f".{path.name}.{mark}.{word}") for word in ("partial", "old"))
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        try:
            yield temporary
            files = {name: _sha256(temporary / name) for name in _files(temporary)}
            write_json(temporary / MANIFEST, {"kind": kind, **about, "files": files})
            if path.exists():
                path.rename(old)
            try:
                temporary.replace(path)
            except OSError:
                if old.exists():
                    old.rename(path)
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_folder(path: Path, kind: str):
    """UserError when an export of that kind cannot go there: a file, or a folder with other things in it."""
    if path.exists() and not path.is_dir():
        raise UserError(f"output {str(path)!r} is a file: give the name of a folder")
    if not path.exists() or not any(path.iterdir()):
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
    return sorted(str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if not path.is_dir())


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
