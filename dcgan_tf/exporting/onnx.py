"""The generator as one ONNX file."""

import importlib.util
import json
import tempfile
import warnings
from pathlib import Path

from dcgan_tf import __version__
from dcgan_tf.exporting.original import Original, compare, load_original
from dcgan_tf.exporting.targets import place
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import check_writable, disk_errors_explained, write_bytes

ONNX_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")


def export_onnx(source, output=None, *, best: bool = False) -> tuple[Path, float]:
    """Write the generator as one ONNX file; its path, and its largest difference from the original.

    Input `latents` float32 [N, latent_dim], output `images` float32 [N, H, W, C] in [-1, 1]; of a conditional generator
    a second input `labels` float32 [N, K]. How latents are distributed, and what the labels are called, is in the
    file's metadata. output: by default generator.onnx in the run directory.

    Raises UserError when there is no generator, packages are missing or the place is taken; RuntimeError when the
    export differs from the original by more than TOLERANCE.
    """
    path = onnx_target(source, output, best)
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
            f"pip install {' '.join(missing)}"
        )


def onnx_bytes(original: Original) -> bytes:
    """The generator as an ONNX model, with its metadata; not yet compared with the original."""
    import onnx

    original.images(*original.random_inputs(1))  # Keras exports only what was called
    scraps = tempfile.TemporaryDirectory(prefix="dcgan_tf-")
    with disk_errors_explained(scraps.name), scraps:
        folder = Path(scraps.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tf2onnx, about NumPy's younger versions
            original.generator.export(folder / "generator.onnx", format="onnx", verbose=False)
        model = onnx.load(folder / "generator.onnx")
    graph = model.graph
    names = _names(original)
    if len(names) == 1:
        _rename(graph, graph.input[0].name, "latents")
    elif {value.name for value in graph.input} != set(names):  # in some order; Keras keeps the names of several
        raise RuntimeError(f"the ONNX model's inputs are {[value.name for value in graph.input]}, not {names}")
    _rename(graph, graph.output[0].name, "images")
    for value in (*graph.input, graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "images"
    taken = "latents [N, D]" + ("" if len(names) == 1 else ", labels [N, K]")
    model.doc_string = f"A DCGAN's generator: {taken} -> images [N, H, W, C] in [-1, 1]"
    metadata = {"dcgan_tf": __version__, "about": json.dumps(original.about)}
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _names(original):
    return ["latents"] if original.labels is None else ["latents", "labels"]


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
    names = _names(original)
    return compare(original, lambda *inputs: session.run(["images"], dict(zip(names, inputs, strict=True)))[0])


def onnx_target(source, output, best: bool) -> Path:
    """Where export_onnx writes. Raises UserError when packages are missing, or something else is there."""
    check_onnx_packages()
    path = place(source, output, best, "generator.onnx")
    if path.suffix.lower() != ".onnx":
        raise UserError(f"output {str(path)!r}: give the name of a file ending in .onnx")
    if path.is_dir():
        raise UserError(f"output {str(path)!r} is a folder: give the name of a file")
    check_writable(path)
    if path.exists():
        import onnx

        try:
            ours = any(entry.key == "dcgan_tf" for entry in onnx.load(path, load_external_data=False).metadata_props)
        except Exception:  # protobuf raises nearly anything on what is no ONNX file
            ours = False
        if not ours:
            raise UserError(f"{str(path)!r} exists and is no earlier export of this kind: choose another name")
    return path
