"""The table of recipes in the README: how long each takes, what it has after equal minutes, and how that looks.

    taskset -c 0 python benchmarks/recipes.py --minutes 5        # on one core; trains what is missing, writes the table

Each is trained for equal minutes by the command line, then measured by `evaluate` with the classifier of its data's
own labels (digits: mnist5k; faces: avatars drawn offline; no FID, comparable within a data set only). Networks made for
GPUs would see a few hundred images in that time, so they are trained at a width a laptop can stand, and the table says
so; beside it stands how long 1,000 images take at full width. Writes results/recipes/recipes.csv, which the README's
table is made of by hand, and a strip of eight images for each recipe.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import click
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dcgan_tf.system.quiet import tensorflow_quiet

with tensorflow_quiet():
    from dcgan_tf.game.timing import seconds_per_1000_images
    from dcgan_tf.recipe.catalogue import get_recipe
    from dcgan_tf.run.sampling import sample

from dcgan_tf.pictures.grids import enlarge, grid, without_gray_axis
from dcgan_tf.run.directory import Run

ROOT = Path(__file__).resolve().parents[1]
DIGITS, FACES = "mnist5k", "avatars"
NARROW = {"width": 16, "batch_size": 32}
SMALL = {"batch_size": 32}  # for the time at full width: a thousand images at once would need the memory of a GPU
# What is trained: as it is, or at a width that sees enough images in minutes on a CPU.
TURNS = {
    "quick": (DIGITS, {}),
    "quick_colour": (FACES, {}),
    "tutorial": (DIGITS, {}),
    "radford": (FACES, NARROW),
    "nitk": (FACES, NARROW),
    "vrdl": (FACES, NARROW),
    "gwu": (FACES, {"image_size": 32}),
    "sapienza": (FACES, {"width": 16}),
    "rpi": (FACES, NARROW),
    "rpi_rescued": (FACES, NARROW),
}
SHOWN, HEIGHT = 8, 64  # images in a strip, and about how many pixels each is shown at
COLOURS = 128  # of a strip: a third of the bytes, and no difference that an eye would see


@click.command()
@click.option("--minutes", default=5.0, show_default=True, help="Of training, for each.")
@click.option("--recipes", default=",".join(TURNS), show_default=True)
@click.option("--avatars", default=str(ROOT / "data" / "avatars"), help="Made by python -m data_prep.avatars.")
@click.option("--output", default=ROOT / "results" / "recipes", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
def main(minutes, recipes, avatars, output, seed):
    runs = output / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    rows = [_measured(name, avatars, runs / name, minutes, seed, output) for name in recipes.split(",")]
    with open(output / "recipes.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _measured(name, avatars, folder, minutes, seed, output):
    """Train where it was not trained yet, measure where it was not measured yet; a row of the table."""
    data, changes = TURNS[name]
    dataset = avatars if data == FACES else data
    row_file = folder / "row.json"
    if row_file.is_file():
        return json.loads(row_file.read_text(encoding="utf-8"))
    sets = [word for field, value in changes.items() for word in ("--set", f"{field}={value}")]
    resize = ["--resize"] if "image_size" in changes else []
    _run("train", "--recipe", name, "--dataset", dataset, "--run-dir", folder, "--steps", 10**6, "--seed", seed,
         "--max-seconds", 60 * minutes, "--evaluate-every", 0, "--no-progress", *sets, *resize)  # fmt: skip
    _run("evaluate", folder, "--metrics", "fid,precision,recall,grain", "--features", "classifier",
         "--samples", 5000, "--no-progress", "--dataset", dataset)  # fmt: skip
    run = Run(folder)
    measured, last = run.metrics()[-1], run.rows()[-1]
    images = sample(folder, SHOWN, seed=1)
    strip = grid(enlarge(images, HEIGHT // images.shape[1]), columns=SHOWN, padding=0)
    picture = Image.fromarray(without_gray_axis(strip)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(output / f"{name}.png", optimize=True)
    recipe = get_recipe(name)
    shape = tuple(run.config["dataset"]["image_shape"])
    row = {
        "recipe": name, "data": data, "images": "x".join(map(str, shape)), "seed": seed,
        "settings": " ".join(f"{field}={value}" for field, value in changes.items()) or "as it is",
        "minutes": minutes, "steps": last["step"], "images_seen": last["step"] * run.config["recipe"]["batch_size"],
        "distance": _value(measured, "frechet_distance"), "recall": _value(measured, "recall"),
        "precision": _value(measured, "precision"), "grain": _value(measured, "grain_ratio"),
        "distance_of_real": _yardstick(measured, "real"), "distance_of_noise": _yardstick(measured, "noise"),
        "seconds_per_1000_trained": round(seconds_per_1000_images(recipe.with_fields(changes), shape), 1),
        "seconds_per_1000_at_full_width": round(seconds_per_1000_images(recipe.with_fields(SMALL), shape), 1),
    }  # fmt: skip
    row_file.write_text(json.dumps(row), encoding="utf-8")
    print(row, flush=True)
    return row


def _run(*words):
    subprocess.run([sys.executable, "-m", "dcgan_tf", *map(str, words)], check=True, cwd=ROOT)


def _value(measured, name):
    found = measured["metrics"].get(name)
    return None if found is None else round(found["mean"], 3)


def _yardstick(measured, which):
    found = measured.get("yardsticks", {}).get(which, {}).get("frechet_distance")
    return None if found is None else round(found, 2)


if __name__ == "__main__":
    main()
