"""What a search's runs do, in place of dcgan_tf.sweeps.worker: the same job, the same run directory, no training.

A run has ten steps of nothing, and measures itself after each. How good it comes out follows from its settings; how
long it takes is FAKE_PAUSE seconds for each step. FAKE_FAIL names runs that fail, FAKE_WAIT a step at which it waits.
"""

import json
import math
import os
import select
import sys
import time
from pathlib import Path

from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.worker import FAILED, FINISHED, INTERRUPTED, STATUS

STEPS = 10


def main():
    job = json.loads(sys.stdin.buffer.raw.readline())
    name, folder = job["parameters"]["run_name"], Path(job["parameters"]["results_dir"])
    run = Run(folder / name)
    run.path.mkdir(parents=True, exist_ok=True)
    note(folder / "begun.txt", name)
    if name in os.environ.get("FAKE_FAIL", "").split(","):
        end(job, FAILED, "ValueError: made to fail")
    if not run.config_path.exists():
        begin(run, job["parameters"])
    for step in range(len(run.rows()) + 1, STEPS + 1):
        if step == int(os.environ.get("FAKE_WAIT", "0")):
            note(folder / "waiting.txt", name)
            select.select([0], [], [])
        if select.select([0], [], [], float(os.environ.get("FAKE_PAUSE", "0")))[0]:
            end(job, INTERRUPTED, "stopped; everything is saved")
        make_step(run, step, job["parameters"])
        note(folder / "steps.txt", f"{name} {step}")
    end(job, FINISHED, None)


def begin(run, parameters):
    recipe = get_recipe("quick").with_fields({"batch_size": parameters.get("batch_size") or 64}).as_dict()
    del recipe["epochs"], recipe["steps"]
    data = {"name": "fake", "fingerprint": "f" * 64, "images": 1000, "image_shape": [28, 28, 1]}
    run.write_config(
        {"format": 1, "recipe": recipe, "seed": 0, "dataset": data, "log_every": 1, "steps_per_epoch": 10,
         "length": {"epochs": None, "steps": STEPS, "max_seconds": None}, "started": "2026-01-01T00:00:00+0000"}
    )  # fmt: skip


def make_step(run, step, parameters):
    row = {"step": step, "epoch": 1, "seconds": step / 2, "images_per_second": 5.0, "generator_loss": 1.0}
    run.append_row({**row, "discriminator_loss": 1.0, "discriminator_real": 0.6, "discriminator_fake": 0.4})
    value = quality(parameters) * (1 + 1 / step)
    line = {"step": step, "while_training": True, "generator": "averaged", "samples": 100, "seeds": [0],
            "metrics": {"frechet_distance": {"mean": value}, "precision": {"mean": 1 / value}},
            "features": {"description": "pixels"},
            "real": {"dataset": "fake", "split": "all", "images": 1000, "fingerprint": "f" * 64}}  # fmt: skip
    run.append_metrics(line)


def quality(parameters):
    """The smaller the better: best at a rate of 5e-4, a little better with hinge, and a little by luck."""
    rate = parameters.get("overrides", {}).get("generator_learning_rate", 5e-4)
    luck = 0.01 * parameters.get("seed", 0)
    return 1 + abs(math.log10(rate / 5e-4)) + 0.1 * (parameters.get("loss") == "bce") + luck


def end(job, outcome, error):
    metadata = {"papermill": {"parameters": job["parameters"]}, "dcgan_tf": {"outcome": outcome, "error": error}}
    Path(job["output"]).write_text(json.dumps({"metadata": metadata, "cells": []}))
    sys.exit(STATUS[outcome])


def note(path, text):
    with open(path, "a") as file:
        file.write(f"{text}\n")


if __name__ == "__main__":
    time.sleep(0)
    main()
