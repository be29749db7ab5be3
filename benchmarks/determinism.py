"""Whether one training step has one outcome on a busy machine: the same step from the same state, many times over.

    python benchmarks/determinism.py [--recipes tutorial,quick] [--rules simultaneous] [--repeats 200] [--burners 4]
                                     [--set r1_gamma=1 ...] [--size 64] [--output FILE.json]

A recipe at its full size (or with `--set`, changed), from a state that a few steps have reached; every variable of
the networks, the optimizers and the average is compared bit by bit, and where there is more than one outcome, it is
said which part differs. Other processes that keep the processors busy are started meanwhile and ended afterwards.
"""

import argparse
import collections
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.recipe.catalogue import RECIPES, get_recipe
from dcgan_tf.system.quiet import tensorflow_quiet

RULES = ("simultaneous", "alternating", "loss_gated")
_STEPS_BEFORE = 2  # so that the optimizers' moments are no longer zero
_BURNER = "import os, time\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**6))"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--rules", help="update rules, joined by commas; none: each recipe's own, then the others")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no more than this for each")
    parser.add_argument("--burners", type=int, default=4, help="processes that keep the processors busy")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a recipe field to change")
    parser.add_argument("--size", type=int, help="of the images, where the recipe leaves it open")
    parser.add_argument("--output", help="a JSON file for what came out")
    options = parser.parse_args()
    with tensorflow_quiet():
        import tensorflow  # noqa: F401

    burners = [subprocess.Popen([sys.executable, "-c", _BURNER]) for _ in range(options.burners)]
    results = []
    try:
        for name in options.recipes.split(","):
            own = get_recipe(name).update_rule
            for rule in (options.rules or ",".join([own, *(rule for rule in RULES if rule != own)])).split(","):
                changes = dict(change.split("=", 1) for change in options.set)
                recipe = get_recipe(name).with_fields({**changes, "update_rule": rule})
                result = {"recipe": name, "update_rule": rule, **outcomes(recipe, options)}
                results.append(result)
                print("  ".join(f"{key} {value}" for key, value in result.items()), flush=True)
    finally:
        for burner in burners:
            burner.kill()
    if options.output:
        Path(options.output).write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(any(result["outcomes"] > 1 for result in results))


def outcomes(recipe, options) -> dict:
    """How often each outcome came of one step of this recipe, and where they differ."""
    import tensorflow as tf

    from dcgan_tf.game.gan import GAN

    size = options.size or (28 if recipe.architecture in ("quick", "tutorial") else recipe.image_size)
    shape = (size, size, recipe.channels or (1 if size == 28 else 3))
    images = np.random.default_rng(0).integers(0, 256, (recipe.batch_size, *shape), dtype=np.uint8)
    images = tf.constant(images)
    gan = GAN(recipe, shape, seed=1)
    step = tf.function(gan.train_step, jit_compile=recipe.jit_compile)
    for _ in range(_STEPS_BEFORE):
        step(images)
    saved = {name: tf.identity(variable) for name, variable in gan.variables.items()}
    seen, first, differ, started = collections.Counter(), {}, set(), time.monotonic()
    for repeat in range(options.repeats):
        if repeat and time.monotonic() - started > options.seconds:
            break
        for name, variable in gan.variables.items():
            variable.assign(saved[name])
        step(images)
        hashes = {name: hashlib.sha256(np.asarray(v).tobytes()).hexdigest() for name, v in gan.variables.items()}
        seen[hashlib.sha256("".join(hashes.values()).encode()).hexdigest()] += 1
        first = first or hashes
        differ |= {name.split("/")[0] for name in hashes if hashes[name] != first[name]}
    return {
        "batch": recipe.batch_size,
        "repeats": sum(seen.values()),
        "outcomes": len(seen),
        "counts": sorted(seen.values(), reverse=True),
        "differ in": sorted(differ),
    }


if __name__ == "__main__":
    main()
