"""What the loop costs: images per second of train(), of its bare compiled step, and of the tutorial's own loop.

    python benchmarks/loop_cost.py [--recipe tutorial] [--rounds 5] [--seconds 20] [--output results/benchmarks]

The three take turns in one process (A B C, A B C, ...), because a machine's speed drifts; what counts is the
ratios within a round. train() runs with everything it does by default: history, grids, checkpoints. Beside them
stands how much of the machine's rate of multiplying matrices, measured in the same round, train() makes use of.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.system.quiet import tensorflow_quiet

with tensorflow_quiet():
    import tensorflow as tf
from arithmetic import matrix_multiply_rate, step_flops
from tutorial_loop import BATCH_SIZE, TutorialLoop

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train


class _Clock(NoProgress):
    """Measures train() between a time by which all is traced and the end."""

    def __init__(self, warm_up):
        self.warm_up, self.first, self.last = warm_up, None, None

    def advance(self, step, row):
        self.last = time.perf_counter(), step
        if self.first is None and row["seconds"] > self.warm_up:
            self.first = self.last

    def say(self, text):
        pass


def train_speed(recipe, dataset, seconds):
    clock = _Clock(warm_up=6)
    with tempfile.TemporaryDirectory() as folder:
        train(recipe, dataset, Path(folder) / "run", max_seconds=seconds + 6, progress=clock)
    return (clock.last[1] - clock.first[1]) * recipe.batch_size / (clock.last[0] - clock.first[0])


def bare_step(recipe, dataset):
    gan = GAN(recipe, dataset.image_shape)
    step = tf.function(gan.train_step)
    batch = tf.constant(dataset.images[: recipe.batch_size])
    step(batch)
    return lambda seconds: _repeat(lambda: step(batch), seconds) * recipe.batch_size


def tutorial_speed(loop, seconds):
    if loop.images_seen == 0:
        loop.train_step(next(iter(loop.batches)))
        loop.train(epochs=1)
    started, before = time.perf_counter(), loop.images_seen
    loop.train(max_seconds=seconds)
    return (loop.images_seen - before) / (time.perf_counter() - started)


def _repeat(call, seconds):
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        call()
        count += 1
    return count / (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="tutorial")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--output", default="results/benchmarks")
    options = parser.parse_args()

    recipe, dataset = get_recipe(options.recipe), load_dataset("mnist5k")
    bare = bare_step(recipe, dataset)
    loop = TutorialLoop(dataset.images) if options.recipe == "tutorial" else None
    gan = GAN(recipe, dataset.image_shape)
    flops_per_image = step_flops(recipe, gan.generator, gan.discriminator) / recipe.batch_size
    rounds, shares = [], []
    for number in range(options.rounds):
        row = {"train()": train_speed(recipe, dataset, options.seconds), "bare step": bare(options.seconds)}
        if loop:
            row[f"tutorial's loop, batch {BATCH_SIZE}"] = tutorial_speed(loop, options.seconds)
        rounds.append(row)
        shares.append(row["train()"] * flops_per_image / matrix_multiply_rate())
        print(
            f"round {number + 1}: " + "  ".join(f"{name} {speed:,.0f} images/s" for name, speed in row.items()),
            flush=True,
        )
    ratios = {}
    for other in list(rounds[0])[1:]:
        values = [row["train()"] / row[other] for row in rounds]
        ratios[f"train() / {other}"] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        print(f"train() / {other}: median {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    print(f"of the rate of multiplying matrices: {', '.join(f'{share:.0%}' for share in shares)}")
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"loop_cost_{options.recipe}.json"
    path.write_text(
        json.dumps({"images_per_second": rounds, "ratios": ratios, "share_of_matmul": shares}, indent=2) + "\n"
    )
    print(path)


if __name__ == "__main__":
    main()
