"""What a search's runs do, in place of dcgan_tf.sweeps.worker: the same job and the same files, and no training.

A run has ten steps, and measures itself after each; how good it is follows from its settings. It imports nothing that
takes time. The environment says what else it does: FAKE_PAUSE, seconds for each step; FAKE_FAIL and FAKE_DIVERGE,
the names of runs that fail in these ways.
"""

import json
import math
import os
import select
import sys
from pathlib import Path

STEPS = 10
COLUMNS = "step,epoch,seconds,images_per_second,generator_loss,discriminator_loss,discriminator_real,discriminator_fake"


def main():
    job = json.loads(sys.stdin.buffer.raw.readline())
    parameters, run = job["parameters"], Path(job["output"]).parent
    run.mkdir(parents=True, exist_ok=True)
    append(run.parent / "begun.txt", run.name)
    if run.name in os.environ.get("FAKE_FAIL", "").split(","):
        end(job, "failed", "ValueError: made to fail", 1)
    if run.name in os.environ.get("FAKE_DIVERGE", "").split(","):
        append(run / "diverged.txt", "a loss is no longer a finite number")
        end(job, "failed", "TrainingDiverged: a loss is no longer a finite number", 1)
    if not (run / "config.json").exists():
        begin(run, parameters)
    for step in range(len((run / "history.csv").read_text().splitlines()), STEPS + 1):
        if select.select([0], [], [], float(os.environ.get("FAKE_PAUSE", "0")))[0]:
            end(job, "interrupted", "stopped; everything is saved", 3)
        append(run / "history.csv", f"{step},1,{step / 2},5.0,1.0,1.0,0.6,0.4")
        append(run / "metrics.jsonl", json.dumps(evaluation(step, quality(parameters) * (1 + 1 / step))))
        append(run.parent / "steps.txt", f"{run.name} {step}")
    end(job, "finished", None, 0)


def begin(run, parameters):
    append(run / "history.csv", COLUMNS)
    config = {"format": 1, "recipe": {"name": "quick", "batch_size": parameters.get("batch_size") or 64}, "seed": 0,
              "dataset": {"name": "fake", "fingerprint": "f" * 64, "images": 1000, "image_shape": [28, 28, 1]},
              "log_every": 1, "steps_per_epoch": 10, "length": {"steps": STEPS}}  # fmt: skip
    (run / "config.json").write_text(json.dumps(config))


def evaluation(step, value):
    real = {"dataset": "fake", "split": "all", "images": 1000, "fingerprint": "f" * 64}
    metrics = {"frechet_distance": {"mean": value}, "precision": {"mean": 1 / value}}
    return {"step": step, "while_training": True, "generator": "averaged", "samples": 100, "seeds": [0],
            "metrics": metrics, "features": {"description": "pixels"}, "real": real}  # fmt: skip


def quality(parameters):
    """The smaller the better: best at a rate of 5e-4, a little better with hinge, and a little by luck."""
    rate = parameters.get("overrides", {}).get("generator_learning_rate", 5e-4)
    return 1 + abs(math.log10(rate / 5e-4)) + 0.1 * (parameters.get("loss") == "bce") + 0.01 * parameters.get("seed", 0)


def end(job, outcome, error, status):
    metadata = {"papermill": {"parameters": job["parameters"]}, "dcgan_tf": {"outcome": outcome, "error": error}}
    Path(job["output"]).write_text(json.dumps({"metadata": metadata, "cells": []}))
    sys.exit(status)


def append(path, line):
    with open(path, "a") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    main()
