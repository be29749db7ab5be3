"""Which devices `train --devices` means: one, several of this computer, or several computers.

Several processes train together where each runs the same command, on as many computers as one likes. Who is there is
said by the variable TF_CONFIG, or by SLURM. The first of them, the chief, leads (followers.py).
"""

import functools
import json
import os
import re

import tensorflow as tf

from dcgan_tf.system.errors import UserError
from dcgan_tf.system.quiet import tensorflow_quiet
from dcgan_tf.training.devices.devices import Devices

_FORMS = "1 (the first), all (every GPU), gpu:0,1 (those), or cpu:2 (so many parts of the processor)"


def choose_devices(asked="1", say=print) -> Devices:
    """What `--devices` says, in a process of its own or in one of several.

    To be called before TensorFlow computes anything. Raises UserError for devices that are not there.
    """
    kind, numbers = _parsed(asked)
    with tensorflow_quiet():  # it tells of every library for GPUs that it does not find
        cluster = _cluster()
        if cluster is None:
            return _of_this_process(asked, kind, numbers)
        if kind == "cpu" and numbers > 1:
            raise UserError(
                f"devices={asked!r}: one of several processes computes on its whole processor, or on its GPUs: "
                "give 1 or all, and start more processes"
            )
        return _one_of_several(asked, kind, numbers, cluster, say)


def _parsed(asked):
    """("cpu", how many), ("gpu", [which]), ("all", None) or ("first", None)."""
    text = str(asked).strip().lower()
    if text in ("1", "all"):
        return ("first" if text == "1" else "all"), None
    if found := re.fullmatch(r"cpu:([1-9]\d?)", text):
        return "cpu", int(found[1])
    if found := re.fullmatch(r"gpu:(\d+(?:,\d+)*)", text):
        numbers = [int(number) for number in found[1].split(",")]
        if len(set(numbers)) == len(numbers):
            return "gpu", numbers
    raise UserError(f"devices={asked!r} must be {_FORMS}")


def _of_this_process(asked, kind, numbers):
    if kind == "cpu":
        return _parts_of_the_processor(asked, numbers)
    if kind == "first" and "SLURM_LOCALID" not in os.environ:
        return Devices()  # TensorFlow's own choice
    gpus = tf.config.list_physical_devices("GPU")
    chosen = _chosen(asked, kind, numbers, gpus)
    if len(chosen) > 1:
        names = [f"gpu:{number}" for number in chosen]
        return Devices(tf.distribute.MirroredStrategy(names), names, communication="nccl")
    if chosen and chosen != [0]:
        _before_anything_is_computed(asked, lambda: tf.config.set_visible_devices([gpus[chosen[0]]], "GPU"))
    return Devices()


def _chosen(asked, kind, numbers, gpus) -> list[int]:
    """The numbers of the GPUs that are meant."""
    if kind == "gpu":
        if missing := [number for number in numbers if number >= len(gpus)]:
            there = f"gpu:0 to gpu:{len(gpus) - 1}" if gpus else "none: take cpu:2, or 1"
            raise UserError(f"devices={asked!r}: there is no gpu:{missing[0]} here; GPUs that TensorFlow sees: {there}")
        return numbers
    everyone = list(range(len(gpus)))
    if kind == "all" or not gpus:
        return everyone
    beside = int(os.environ.get("SLURM_LOCALID") or 0)  # which of its processes on one computer this is
    return [beside % len(gpus)]


def _parts_of_the_processor(asked, count):
    if count == 1:
        _before_anything_is_computed(asked, lambda: tf.config.set_visible_devices([], "GPU"))
        return Devices()
    (processor,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    if len(tf.config.get_logical_device_configuration(processor) or [None]) != count:
        _before_anything_is_computed(asked, lambda: tf.config.set_logical_device_configuration(processor, parts))
    names = [f"cpu:{number}" for number in range(count)]
    in_order = tf.distribute.ReductionToOneDevice(accumulation_fn=lambda terms: functools.reduce(tf.add, terms))
    return Devices(tf.distribute.MirroredStrategy(names, in_order), names, communication="in order")


def _before_anything_is_computed(asked, configure):
    try:
        configure()
    except RuntimeError:
        raise UserError(
            f"devices={asked!r} must be chosen before TensorFlow computes anything in this process: "
            "restart the kernel, and let this be the first that runs"
        ) from None


# --- several processes ---------------------------------------------------------------------------------------


def _cluster():
    """The resolver of tf.distribute that knows the other processes; None where this one is alone."""
    if "TF_CONFIG" in os.environ:
        resolver = _of_tf_config(os.environ["TF_CONFIG"])
    elif int(os.environ.get("SLURM_STEP_NUM_TASKS") or 1) > 1:  # set by srun, in each of what it starts
        resolver = _of_slurm()
    else:
        return None
    return resolver if len(_addresses(resolver.cluster_spec())) > 1 else None


def _of_slurm():
    """Asked only who is there: it counts GPUs with a program, and hides them by a variable, which is too late."""
    jobs = int(os.environ.get("SLURM_JOB_ID") or 0)
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=10_000 + jobs % 20_000, gpus_per_node=1000, gpus_per_task=1, auto_set_gpu=False
    )  # jobs that share a computer have ports of their own
    resolver.cluster_spec()  # notes which of the processes this one is
    return resolver


def _of_tf_config(text):
    """Checked here, since TensorFlow waits without a word for who is not there."""
    example = '{"cluster": {"worker": ["host1:8470", "host2:8470"]}, "task": {"type": "worker", "index": 0}}'
    try:
        said = json.loads(text)
        known = said.get("cluster", {})
        task = said.get("task", {"type": "worker", "index": 0})
        is_there = not known or 0 <= task["index"] < len(known[task["type"]])
    except (ValueError, KeyError, TypeError, AttributeError):
        is_there = False
    if not is_there:
        raise UserError(f"TF_CONFIG={text!r} does not say which of which processes this is: give {example}")
    if not set(known) <= {"chief", "worker"}:
        raise UserError(f"TF_CONFIG names {', '.join(sorted(known))}: give only workers, such as {example}")
    return tf.distribute.cluster_resolver.TFConfigClusterResolver()


def _addresses(cluster) -> list[str]:
    """host:port of every process, the chief's first."""
    return [address for job in ("chief", "worker") if job in cluster.jobs for address in cluster.job_tasks(job)]


def _one_of_several(asked, kind, numbers, cluster, say):
    there = tf.config.list_physical_devices("GPU")
    chosen = _chosen(asked, kind, numbers, there)
    gpus = [there[number] for number in chosen]
    if gpus or kind == "cpu":
        _before_anything_is_computed(asked, lambda: tf.config.set_visible_devices(gpus, "GPU"))
    addresses = _addresses(cluster.cluster_spec())
    process = cluster.task_id + (cluster.task_type == "worker" and "chief" in cluster.cluster_spec().jobs)
    say(f"process {process} of {len(addresses)}, waiting for the others: {', '.join(addresses)}")
    # Pinned, since other ways of adding up round otherwise: a resumed training would be another one.
    kinds = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(implementation=kinds.NCCL if gpus else kinds.RING)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster, options)
    except RuntimeError:
        raise UserError(
            "several processes must find each other before TensorFlow computes anything: restart this one"
        ) from None
    names = [f"gpu:{number}" for number in chosen] or ["cpu:0"]
    return Devices(strategy, names, process, addresses, "nccl" if gpus else "ring")
