"""What each part of the toolbox costs: seconds of a step of `quick` with it, relative to one without.

    python benchmarks/toolbox_cost.py [--size 28] [--channels 1] [--rounds 7] [--only r1,jit]
                                      [--output results/benchmarks]

All take turns in one process, a few steps each, in another order each round; the median of the rounds' ratios is what
counts. It says nothing of what a part does for the images: that is measured by quality.py, with `--contestants`.
"""

import argparse
import json
import random
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.system.quiet import tensorflow_quiet

PARTS = {
    "no average (EMA)": {"ema_images": 0},
    "DiffAugment: translation": {"augment": "translation"},
    "DiffAugment: cutout": {"augment": "cutout"},
    "DiffAugment: color": {"augment": "color"},
    "horizontal flips": {"horizontal_flips": True},
    "instance noise": {"instance_noise": 0.1},
    "minibatch standard deviation": {"minibatch_std": True},
    "spectral normalisation": {"spectral_norm": True, "discriminator_batch_norm": False},
    "D without BatchNorm": {"discriminator_batch_norm": False},
    "R1": {"r1_gamma": 1.0, "discriminator_batch_norm": False},
    "R1, every 16th step": {"r1_gamma": 1.0, "r1_every": 16, "discriminator_batch_norm": False},
    "WGAN-GP": {"gradient_penalty": 10.0, "discriminator_batch_norm": False},
    "hinge loss": {"loss": "hinge"},
    "cosine schedule": {"learning_rate_schedule": "cosine", "learning_rate_images": 1e6},
    "both from one pass (simultaneous)": {"update_rule": "simultaneous"},
    "labels (of ten classes)": {"conditional": True},
    "bfloat16": {"precision": "bfloat16"},
    "XLA (jit_compile)": {"jit_compile": True},
}

_CLASSES = 10  # those parts that are told labels have


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", help="parts whose name holds one of these words, joined by commas")
    parser.add_argument("--output", default="results/benchmarks")
    options = parser.parse_args()
    with tensorflow_quiet():
        import tensorflow as tf

        from dcgan_tf.game.timing import timed_steps
    tf.get_logger().setLevel("ERROR")  # it warns of a function traced often: here each is another

    wanted = [word.lower() for word in (options.only or "").split(",")]
    parts = {name: changes for name, changes in PARTS.items() if any(word in name.lower() for word in wanted)}
    shape, recipe = (options.size, options.size, options.channels), get_recipe("quick")
    runs = {"quick": timed_steps(recipe, shape)}
    for name, changes in parts.items():
        runs[name] = timed_steps(recipe.with_fields(changes), shape, _CLASSES)
        print(f"ready: {name}", flush=True)
    rounds = []
    for number in range(options.rounds):
        order = random.Random(number).sample(sorted(runs), len(runs))  # being the first of a round costs
        rounds.append({name: runs[name](options.steps) for name in order})
        print(f"round {number + 1}: quick {1e3 * rounds[-1]['quick']:.1f} ms a step", flush=True)
    rows = {}
    for name in parts:
        ratios = [times[name] / times["quick"] for times in rounds]
        rows[name] = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
        print(f"{name:36} {rows[name]['median']:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"toolbox_cost_{options.size}x{options.channels}.json"
    path.write_text(json.dumps({"shape": shape, "times_of_quick": rows}, indent=2) + "\n")
    print(path)


if __name__ == "__main__":
    main()
