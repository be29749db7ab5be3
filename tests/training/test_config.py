"""What is written down of a training before it begins."""

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.training.config import describe
from dcgan_tf.training.request import resolve


def request(**given):
    names = ("epochs", "steps", "max_seconds", "batch_size", "learning_rate", "overrides", "classes", "evaluate_every")
    switches = ("resize", "stretch", "all_frames", "drop_small", "keep_samples", "tensorboard", "stop_on_alarm")
    defaults = {**dict.fromkeys(names), **dict.fromkeys(switches, False), "evaluation": None}
    return resolve("quick", **{**defaults, "seed": 0, "log_every": 50, "checkpoint_seconds": 5.0, **given})


def test_data_that_a_run_knew_before_they_had_labels_keep_their_fingerprint():
    pixels = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8)
    plain, labelled = Dataset("mine", pixels), Dataset("mine", pixels, np.arange(200) % 2)
    before = describe(request(), plain)
    assert describe(request(), labelled, before)["dataset"]["fingerprint"] == plain.fingerprint
    assert describe(request(), labelled)["dataset"]["fingerprint"] == labelled.fingerprint
    others = Dataset("mine", 255 - pixels)
    assert describe(request(), others, before)["dataset"]["fingerprint"] == others.fingerprint


def test_how_the_pictures_were_read_is_written_down():
    data = Dataset("mine", np.zeros((200, 28, 28, 1), np.uint8))
    found = describe(request(stretch=True, drop_small=True, classes=np.array([3, 7])), data)["dataset"]
    assert (found["stretch"], found["all_frames"], found["resize"], found["drop_small"]) == (True, False, False, True)
    assert found["classes"] == [3, 7]
    read = Dataset("mine", data.images, options=("all_frames",)).changed(name="yours")
    found = describe(request(resize=True), read)["dataset"]
    assert (found["stretch"], found["all_frames"], found["resize"], found["drop_small"]) == (False, True, True, False)
