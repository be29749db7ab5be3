"""Generators from files: of a run, or made elsewhere, brought to one form: [N, latent_dim] -> [N, H, W, C] in [-1, 1].

What a file holds is said when it cannot be used. Nothing is loaded that could run code: Keras' safe mode stays on.
"""

import json
import math
import warnings
import zipfile
from pathlib import Path

import numpy as np

from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError, check_switch
from dcgan_tf.system.files import check_readable
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.system.places import expanded

FILES = (".keras", ".h5", ".hdf5")
_PASSED_THROUGH = ("Reshape", "Permute", "Flatten", "Cropping2D", "UpSampling2D", "Dropout", "Identity", "InputLayer")


def latent_dim_of(generator: keras.Model) -> int:
    """The length of its latents."""
    return generator.inputs[0].shape[1]


def is_conditional(generator: keras.Model) -> bool:
    """Whether it takes labels beside latents."""
    return len(generator.inputs) > 1


def is_generator_file(source) -> bool:
    """Whether that is the path of a generator's file, there or not, rather than of a run directory."""
    return Path(source).suffix in FILES and not Path(source).is_dir()


def load_generator(source, best: bool = False) -> tuple[keras.Model, dict]:
    """The generator of a run directory, or of a `.keras` or `.h5` file, and what is known of its latents.

    best: the run's best_generator.keras, kept where the training was evaluated, instead of its last one.
    The second value holds `distribution`, `mean` and `std`; for a file outside of any run N(0, 1) is assumed.
    Latents of another shape, such as [1, 1, 100], and images of another known range (a sigmoid's [0, 1]) are
    brought to this package's form.
    Raises UserError when there is no generator, when the file is damaged, no generator or in the directory of another
    run, or when its weights are no numbers.
    """
    path = source = expanded(source)
    check_switch("best", best)
    latents = {"distribution": "normal", "mean": 0.0, "std": 1.0}
    is_file = is_generator_file(source)
    if is_file and not path.is_file():
        raise UserError(f"there is no file {str(source)!r}: give a run directory, or a .keras or .h5 file")
    if is_file and best:
        raise UserError(f"{str(source)!r} is a file: give a run directory to have its best generator")
    if not is_file:
        _check_not_something_else(path)
    run = Run(path.parent if is_file else path)
    if not is_file or run.config_path.is_file():
        recipe = run.config["recipe"]
        latents = {name: recipe.get(f"latent_{name}", usual) for name, usual in latents.items()}
    if not is_file:
        path = run.best_generator_path if best else run.generator_path
        if best and not path.is_file():
            raise UserError(
                f"run {str(source)!r} has no {path.name}: it is kept when one trains with --evaluate-every STEPS, and "
                "makes so many"
            )
        if not path.is_file():
            raise UserError(f"run {str(source)!r} has no generator.keras yet: {how_it_gets_networks(run)}")
    generator = _in_our_form(load_network(path, "generator"), path)
    if not is_file:
        check_is_of(run, path, generator.outputs[0], is_conditional(generator), latent_dim_of(generator))
    return generator, latents


def check_is_of(run: Run, path: Path, images, takes_labels: bool, latent_dim: int | None = None):
    """UserError where the network in one of a run's files is another run's, by its images, its labels or its latents.

    images: what it makes or judges, a tensor [N, H, W, C]. latent_dim: of a generator.
    """
    recipe, shape = run.config["recipe"], run.config["dataset"]["image_shape"]
    latents = (latent_dim, recipe["latent_dim"]) if latent_dim and "latent_dim" in recipe else (None, None)
    theirs = _what_it_is_for(images.shape[1:], takes_labels, latents[0])
    ours = _what_it_is_for(shape, recipe.get("conditional"), latents[1])
    if theirs != ours:
        anew = ", or remove it, and the command that trained the run writes it anew"
        raise UserError(
            f"{str(path)!r} is of another run, for {theirs}, and this run is of {ours}: put the run's own back"
            f"{anew if path != run.best_generator_path else ''}"
        )


def _what_it_is_for(shape, labels, latent_dim):
    latents = f" from {latent_dim} latents" if latent_dim else ""
    return f"images of {'x'.join(map(str, shape))} {'with' if labels else 'without'} labels{latents}"


def how_it_gets_networks(run: Run) -> str:
    """What a person can do about a run that has left none: the same training would diverge again."""
    if run.diverged_path.exists():
        return "its training diverged before anything was saved, so train anew, with other settings"
    return "let its training finish, or resume it"


def moment_of(run: Run, best: bool = False) -> dict:
    """The step and epoch that a run's last, or best, generator is of; {} where they are not known."""
    if best:
        moments = [line for line in run.metrics() if line.get("best")]
        return {name: value for name, value in moments[-1].items() if name in ("step", "epoch")} if moments else {}
    step = run.results_step
    return {"step": step, "epoch": -(-step // run.config["steps_per_epoch"])} if step else {}


def load_with_moment(source, best: bool = False) -> tuple[keras.Model, dict, dict]:
    """What load_generator gives, and the moment_of it; {} for a file. Raises as load_generator.

    A training that is under way may leave another generator while one is loaded: then that one is loaded.
    """
    if is_generator_file(source):
        return *load_generator(source, best), {}
    before, loaded = moment_of(Run(source), best), load_generator(source, best)
    while (after := moment_of(Run(source), best)) != before:  # another Run: one reads its config once
        before, loaded = after, load_generator(source, best)
    return *loaded, before


def load_network(path: Path, what: str) -> keras.Model:
    """The network in a `.keras` or `.h5` file, its weights checked. what: "generator" or "discriminator"."""
    try:
        if path.suffix != ".keras":
            _check_h5(path)
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except UserError:
        raise
    except Exception as error:  # Keras raises nearly anything on a damaged archive
        check_readable(path)
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        if path.suffix == ".keras" and not zipfile.is_zipfile(path):
            reason = "it is no Keras archive"
        raise UserError(
            f"{str(path)!r} is not a {what} that can be loaded, or is damaged ({reason}): the command that trained a "
            "run writes its networks anew"
        ) from error
    wrong = [variable.path for variable in network.variables if not _all_finite(variable)]
    if wrong:
        raise UserError(
            f"the {what} {str(path)!r} has weights that are no numbers, in {len(wrong)} of its "
            f"{len(network.variables)} arrays (the first is {wrong[0]}): its training diverged; take an earlier or the "
            "best generator, or train it anew"
        )
    return network


def _all_finite(variable):
    values = np.asarray(variable)
    return values.dtype.kind in "iub" or bool(np.isfinite(values.astype(np.float32)).all())


def _check_not_something_else(path):
    """UserError that says what was found, where it is neither a run directory nor a file that can be loaded."""
    if (path / "saved_model.pb").is_file():
        found = "a TensorFlow SavedModel"
    elif path.is_file():
        found = {".pt": "a PyTorch file", ".pth": "a PyTorch file", ".onnx": "an ONNX file", ".pkl": "a pickle"}.get(
            path.suffix.lower(), f"a {path.suffix} file" if path.suffix else "a file"
        )
    else:
        return
    raise UserError(
        f"{str(path)!r} is {found}, which cannot be loaded here: give a run directory, or a whole network that Keras "
        "has saved, as .keras or .h5"
    )


def _check_h5(path):
    """UserError for an .h5 file that holds no network, or one with code in it."""
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
    if text is None:
        raise UserError(
            f"{str(path)!r} holds weights only, no network: build the network in the program that made it, load them, "
            "and save the whole with model.save('generator.keras')"
        )
    if '"Lambda"' in json.dumps(json.loads(text)):
        raise UserError(f"{str(path)!r} has a Lambda layer, which is code and is not run: save it without one")


# --- brought to one form ----------------------------------------------------------------------------------


def _in_our_form(network, path) -> keras.Model:
    """The same network as a function [N, latent_dim] -> [N, H, W, C] in [-1, 1]; itself where it is that already."""
    if _is_conditional_of_ours(network):
        return network
    taken, given = network.input_shape, network.output_shape
    if isinstance(taken, list | dict) or isinstance(given, list | dict):
        raise UserError(
            f"{str(path)!r} takes or gives several arrays ({taken} -> {given}): a generator here takes latents "
            "[N, latent_dim], and where it is conditional labels [N, K], inputs of these names, and gives images"
        )
    size = math.prod(taken[1:]) if None not in taken[1:] else None
    if size is None or max(taken[1:]) != size or len(given) not in (3, 4) or None in given[1:]:
        raise _no_generator(path, taken, given)
    latents = keras.Input((size,))
    images = network(latents if len(taken) == 2 else keras.layers.Reshape(taken[1:])(latents))
    if len(given) == 3:
        images = keras.layers.Reshape((*given[1:], 1))(images)
    elif given[3] not in (1, 3) and given[1] in (1, 3):
        images = keras.layers.Permute((2, 3, 1))(images)
    if images.shape[-1] not in (1, 3):
        raise _no_generator(path, taken, given)
    limits = _range_of(network.outputs[0])
    if limits is None:
        warnings.warn(
            f"{str(path)!r} does not end in tanh or sigmoid: its values are taken to lie in [-1, 1], and what is "
            "beyond is cut off",
            stacklevel=3,
        )
    if limits not in (None, (-1.0, 1.0)):
        scale = 2 / (limits[1] - limits[0])
        images = keras.layers.Rescaling(scale, -1 - scale * limits[0], dtype="float32")(images)
    is_ours = len(taken) == 2 and len(given) == 4 and given[3] in (1, 3) and limits in (None, (-1.0, 1.0))
    return network if is_ours else keras.Model(latents, images, name=network.name)


def _is_conditional_of_ours(network):
    """Whether it takes `latents` and `labels`, and gives images in [-1, 1]."""
    return (
        [tensor.name for tensor in network.inputs] == ["latents", "labels"]
        and all(len(tensor.shape) == 2 for tensor in network.inputs)
        and len(network.outputs) == 1
        and len(network.outputs[0].shape) == 4
        and _range_of(network.outputs[0]) == (-1.0, 1.0)
    )


def _no_generator(path, taken, given):
    shapes = [f"[{', '.join('N' if n is None else str(n) for n in shape)}]" for shape in (taken, given)]
    return UserError(
        f"{str(path)!r} is a network {shapes[0]} -> {shapes[1]}: a generator takes latents [N, latent_dim] (or "
        "[N, 1, 1, latent_dim]) and gives gray or colour images [N, height, width, 1 or 3]"
    )


def _range_of(tensor) -> tuple[float, float] | None:
    """Between what the values of a network's tensor lie, by its last activation; None when that sets no limits."""
    operation, node, _ = tensor._keras_history
    if isinstance(operation, keras.Model):
        return _range_of(operation.outputs[0])
    kind = type(operation).__name__
    activation = getattr(getattr(operation, "activation", None), "__name__", kind.lower())
    if kind in _PASSED_THROUGH or kind == "Rescaling" or (kind == "Activation" and activation == "linear"):
        taken = operation._inbound_nodes[node].input_tensors
        before = _range_of(taken[0]) if taken else None
        if before is None or kind != "Rescaling":
            return before
        return tuple(sorted(float(value * operation.scale + operation.offset) for value in before))
    return {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softsign": (-1.0, 1.0)}.get(activation)
