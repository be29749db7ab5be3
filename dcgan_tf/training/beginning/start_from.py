"""Weights to begin with: those of another run's generator, its average, and its discriminator (train --start-from RUN).

Optimizers start fresh, and so does all that follows D, such as the noise. Where the other run has checkpoints its
newest is taken, which holds the generator and its average; else its two networks, whose generator is the average.
"""

import hashlib
from pathlib import Path

import numpy as np

from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.combinations import NETWORK_FIELDS
from dcgan_tf.run import checkpoints
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import how_it_gets_networks, is_generator_file, load_network
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable, in_utf8

_NETWORKS = ("generator", "discriminator", "averaged_generator")


class Start:
    """Another run to start from; its weights are read when they are needed.

    record: what config.json says of it: {"run": absolute path, "step": after so many steps, "weights": their SHA-256}.
    """

    def __init__(self, source: Run, record: dict | None = None):
        self.source = source
        self._weights = None  # network -> arrays
        if record is None:
            self._weights, step = _read(source)
            run = in_utf8(str(source.path.absolute()))
            record = {"run": run, "step": step, "weights": _checksum(self._weights)}
        self.record = record

    def check(self, gan: GAN, labels: int):
        """UserError that names what differs, where its networks have other shapes. labels: how many there are here.

        Nothing is looked at where a run that began with it goes on.
        """
        if self._weights is None:
            return
        for name in _NETWORKS[:2]:
            here = [tuple(weight.shape) for weight in getattr(gan, name).weights]
            if [array.shape for array in self._weights[name]] != here:
                raise UserError(
                    f"--start-from {str(self.source.path)!r} has other networks than this training: "
                    f"{_difference(self.source, gan, labels) or f'the {name} is another'}; give the same here, or "
                    "another run to start from"
                )

    def give_to(self, gan: GAN):
        """Put the weights into the networks. UserError where they are no longer those that the record says."""
        weights = self._weights or _read(self.source)[0]
        if _checksum(weights) != self.record["weights"]:
            raise UserError(
                f"--start-from {str(self.source.path)!r} has other weights by now than those this run began with, "
                f"after step {self.record['step']:,}: give another run directory, to begin with these"
            )
        for name in _NETWORKS:
            network = getattr(gan, name)
            for variable, array in zip(network.weights if network else (), weights[name], strict=bool(network)):
                variable.assign(array)
        if gan.spectral_norm:
            gan.spectral_norm.project(iterations=20)  # of these weights, too, the first step begins at norm 1

    def notes(self, labels) -> list[str]:
        """What to say when a training begins with it. labels: the Labels of its data, where it is conditional."""
        notes = [f"beginning with the weights of {self.source.path} after step {self.record['step']:,}"]
        theirs = self.source.labels if labels is not None else None
        if theirs is not None and theirs.names != labels.names:
            notes.append(
                f"note: its labels were called otherwise ({', '.join(theirs.names[:3])}, ...): the weights of each go "
                "to the one of the same number"
            )
        return notes


def starting_point(given: str | None, run: Run) -> Start | None:
    """What `run` is to start from; None where nothing is. given: a run directory.

    A run that began with it already goes on without it, so it need not be there any more.
    Raises UserError when it is no run, or has not both networks.
    """
    if given is None:
        return None
    if is_generator_file(given):
        raise UserError(
            f"--start-from {given!r} is a generator alone, and a training goes on with its discriminator, too: give "
            "the run directory"
        )
    source = Run(given)
    if source.path.resolve() == run.path.resolve():
        raise UserError(f"--start-from {given!r} is this run itself: leave it out, and the run goes on")
    recorded = (run.config.get("start_from") if run.config_path.exists() else None) or {}
    is_same = bool(recorded) and Path(recorded["run"]).resolve() == Path(in_utf8(str(source.path.resolve())))
    if is_same and run.has_been_saved():
        return Start(source, recorded)
    start = Start(source)
    if recorded and start.record["weights"] == recorded["weights"]:  # it was moved
        start.record = recorded
    return start


def _read(source: Run) -> tuple[dict, int]:
    """(network -> its weights in order, after how many steps)."""
    source.config  # noqa: B018 (says so when it is no run)
    for path in checkpoints.all_checkpoints(source.checkpoints_path):
        try:
            arrays, _ = checkpoints.read(path)
        except Unreadable:
            raise
        except ValueError:
            continue  # damaged: the one before it will do
        weights = {network: _of(network, arrays) for network in _NETWORKS}
        return _with_average(weights), int(arrays["step"])
    for path, name in ((source.generator_path, "generator"), (source.discriminator_path, "discriminator")):
        if not path.is_file():
            raise UserError(
                f"--start-from {str(source.path)!r} has no {path.name}, and no checkpoint: a training goes on with "
                f"both networks, and the {name} is missing; {how_it_gets_networks(source)}, or start from another run"
            )
    weights = {
        "generator": [np.asarray(weight) for weight in load_network(source.generator_path, "generator").weights],
        "discriminator": [
            np.asarray(weight) for weight in load_network(source.discriminator_path, "discriminator").weights
        ],
        "averaged_generator": [],
    }
    rows = source.rows()
    return _with_average(weights), rows[-1]["step"] if rows else 0


def _of(network, arrays):
    """Its weights; the seeds of dropout, which are whole numbers, are none."""
    names = sorted(name for name in arrays if name.startswith(f"{network}/"))
    return [arrays[name] for name in names if arrays[name].dtype.kind == "f"]


def _with_average(weights):
    return {**weights, "averaged_generator": weights["averaged_generator"] or weights["generator"]}


def _checksum(weights):
    digest = hashlib.sha256()
    for network in _NETWORKS:
        for array in weights[network]:
            digest.update(f"{network} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _difference(source, gan, labels):
    """What makes the networks others: the images, the labels, or fields of the recipe; in words."""
    there, here = source.config["recipe"], gan.recipe.as_dict()
    pairs = [("images", _size(source.config["dataset"]["image_shape"]), _size(gan.image_shape))]
    if there.get("conditional") and here["conditional"]:
        pairs.append(("labels", len(source.labels), labels))
    shaping = ("architecture", "conditional", "latent_dim", "width", "minibatch_std", "spectral_norm")
    fields = [*shaping, *NETWORK_FIELDS.get(here["architecture"], ())]
    pairs += [(field, there[field], here[field]) for field in fields if field in there]
    return ", ".join(f"{name} {then} there and {now} here" for name, then, now in pairs if then != now)


def _size(shape):
    return "x".join(map(str, shape))
