"""One contestant of quality.py, in a process of its own: trains for the seconds given and leaves samples.

    python benchmarks/contestant.py CONTESTANT DATASET SEED BUDGETS SAMPLES OUTPUT.npz

CONTESTANT: `tutorial`, `plain`, `flow`, `pytorch` (needs `pip install torch`), or any recipe of this project, with what
is changed in it, such as "quick width=24". BUDGETS: seconds of training, such as 30,90,180; samples are drawn after
each, while the clock stands still. What loading, drawing and importing take does not count; the first step, with its
tracing, does.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
started = time.perf_counter()

from dcgan_tf.system.quiet import tensorflow_quiet  # noqa: E402

with tensorflow_quiet():
    import keras
import numpy as np  # noqa: E402
from by_hand import recipe_and_fields  # noqa: E402

from dcgan_tf.data.datasets import load_dataset  # noqa: E402


def run_loop(loop, budgets, samples):
    """A loop with train(max_seconds) and generate(count)."""
    for budget in budgets:
        loop.train(max_seconds=budget - loop.seconds)
        yield loop.seconds, loop.images_seen, *_timed(loop.generate, samples)


def _timed(draw, count):
    """The images, and the seconds that drawing 1,000 of them takes; what is compiled first does not count."""
    draw(1)
    started = time.perf_counter()
    images = draw(count)
    return images, 1000 / count * (time.perf_counter() - started)


def run_recipe(way, dataset, seed, budgets, samples):
    """train() in a run directory of its own, extended from budget to budget; everything it writes is included."""
    from dcgan_tf import sample, train
    from dcgan_tf.training.progress import NoProgress

    recipe, fields = recipe_and_fields(way)
    with tempfile.TemporaryDirectory() as folder:
        for budget in budgets:
            run = train(recipe, dataset, folder, max_seconds=budget, seed=seed, overrides=fields, progress=NoProgress())
            row = run.rows()[-1]
            seen = int(row["step"]) * run.config["recipe"]["batch_size"]
            yield float(row["seconds"]), seen, *_timed(lambda count: sample(run.path, count, seed=1), samples)  # noqa: B023


def main():
    name, dataset_name, seed, budgets, samples, output = sys.argv[1:]
    dataset = load_dataset(dataset_name)
    keras.utils.set_random_seed(int(seed))
    loop = None  # recipes are trained by train()
    if name == "tutorial":
        from tutorial_loop import TutorialLoop

        loop = TutorialLoop(dataset.images[:])
    elif name == "plain":
        from plain_loop import PlainLoop

        loop = PlainLoop(dataset.images[:])
    elif name == "flow":
        from flow_loop import FlowLoop

        loop = FlowLoop(dataset.images[:])
    elif name == "pytorch":
        from pytorch_dcgan import PyTorchLoop

        loop = PyTorchLoop(dataset.images[:], int(seed))
    ready = time.perf_counter() - started
    budgets, samples = [float(b) for b in budgets.split(",")], int(samples)
    if loop:
        results = list(run_loop(loop, budgets, samples))
    else:
        results = list(run_recipe(name, dataset, int(seed), budgets, samples))
    seconds, seen, images, drawing = zip(*results, strict=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "images_seen": seen, "drawing": drawing, "ready": ready, "memory": memory}
    np.savez(output, images=np.stack(images), **figures)


if __name__ == "__main__":
    main()
