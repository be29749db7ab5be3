"""Quality for the minutes one waits: the tutorial's loop, a plain DCGAN and `quick`, with equal seconds of training.

    python benchmarks/quality.py [--datasets mnist5k,photographs,avatars,fashion_mnist]
                                 [--contestants "tutorial,plain,quick loss=hinge,quick"]
                                 [--budgets 30,90,180] [--seeds 0,1,2] [--output results/benchmarks]

They take turns (A B C, A B C, ...), each in a process of its own, on the cores this command may use (try
`taskset -c 0,1 ...`). Judged by the Fréchet distance between the features of a classifier of the dataset's own
labels, of generated images against all real ones; real against real, halved, is the floor. What is compared are
ratios: these numbers are no FID and belong to this dataset and classifier alone. What is measured already is
kept: the same command again goes on where it was stopped. A dataset that cannot be had here is left out, and said
so; `photographs` (20,000 crops of 32x32) and `avatars` (10,000 of 64x64) are made first, once. The contestant `pytorch`
needs `pip install torch`; `flow` is a flow-matching model of about as many lines as the plain DCGAN.
"""

import argparse
import csv
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.system.quiet import tensorflow_quiet

with tensorflow_quiet():
    import tensorflow  # noqa: F401

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from photographs import photographs
from PIL import Image

from data_prep.avatars import avatars
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation.evaluator import Evaluator
from dcgan_tf.pictures.grids import grid
from dcgan_tf.system.errors import UserError

_HERE = Path(__file__).parent
_SHOWN = 64
_DRAWN = {"avatars": avatars, "photographs": photographs}


def find_datasets(names, output):
    """name -> Dataset, of those that can be had."""
    found = {}
    for name in names:
        place = str(output / name) if name in _DRAWN else name
        try:
            if name in _DRAWN:
                _DRAWN[name](place)  # nothing to do where they are already there
            found[name] = place, load_dataset(place)
        except UserError as error:
            print(f"without {name}: {error}")
    return found


def can_take_part(contestant, shape):
    return contestant != "tutorial" or shape == (28, 28, 1)


def judge_of(dataset, samples):
    """A function images -> (Fréchet distance, share of copies, confidence, classes shown), and the floor."""
    evaluator = Evaluator(dataset, ["fid", *(["classes", "confidence"] if dataset.labels.ndim == 1 else [])],
                          features="classifier", samples=samples, real_images=None, bar=False)  # fmt: skip

    def judge(images):
        parts = [images[start : start + 500] for start in range(0, len(images), 500)]
        line = evaluator.measure(lambda seed: iter(parts))
        values = {name: value["mean"] for name, value in line["metrics"].items()}
        return values, line["look"]["copied"]

    rows = np.random.default_rng(0).permutation(len(dataset))
    halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    from dcgan_tf.evaluation import metrics
    from dcgan_tf.evaluation.summaries import summarise

    gaussians = []
    for half in halves:
        half = np.sort(half)
        batches = (dataset.images[half[start : start + 500]] for start in range(0, len(half), 500))
        gaussians.append(summarise(evaluator.network, batches, len(half), keep=0).gaussian)
    return judge, metrics.frechet_distance(*gaussians)


def measure(options, output, datasets):
    """Train what is missing, judge all; the rows of quality.csv."""
    rows, pictures, floors = [], {}, {}
    runs = output / "samples"
    runs.mkdir(parents=True, exist_ok=True)
    turns = [
        (name, contestant, seed)
        for name in datasets
        for seed in options.seeds
        for contestant in options.contestants
        if can_take_part(contestant, datasets[name][1].image_shape)
    ]
    budgets = ",".join(f"{b:g}" for b in options.budgets)
    paths = {turn: runs / _file_name(*turn, budgets) for turn in turns}
    missing = [turn for turn, path in paths.items() if not path.exists()]
    if missing:
        minutes = len(missing) * options.budgets[-1] / 60
        print(f"{len(missing)} trainings, {minutes:,.0f} minutes of them in all; starting and judging comes on top")
    for number, turn in enumerate(missing, 1):
        name, contestant, seed = turn
        path = paths[turn]
        print(f"{number} of {len(missing)}: {name}, {contestant}, seed {seed}, {budgets} s", flush=True)
        command = [sys.executable, _HERE / "contestant.py", contestant, datasets[name][0], str(seed), budgets]
        part = path.with_suffix(".partial.npz")
        subprocess.run([*command, str(options.samples), part], check=True)
        part.replace(path)
    for name, (_, dataset) in datasets.items():
        judge, floors[name] = judge_of(dataset, options.samples)
        for _, contestant, seed in (turn for turn in turns if turn[0] == name):
            with np.load(paths[name, contestant, seed]) as result:
                drawing = result.get("drawing", np.full(len(options.budgets), np.nan))  # not measured by older versions
                for index, budget in enumerate(options.budgets):
                    values, copied = judge(result["images"][index])
                    rows.append({
                        "dataset": name, "contestant": contestant, "seed": seed, "budget": budget,
                        "seconds": round(float(result["seconds"][index]), 1),
                        "images_seen": int(result["images_seen"][index]),
                        "frechet_distance": values["frechet_distance"], "floor": floors[name],
                        "classes": values.get("classes_covered", ""),
                        "confidence": values.get("classifier_confidence", ""),
                        "copied": copied, "drawing_1000_images": float(drawing[index]),
                        "start_up_seconds": float(result["ready"]),
                        "peak_memory_mib": float(result["memory"]),
                    })  # fmt: skip
                    if seed == options.seeds[0]:
                        pictures[name, contestant, budget] = grid(result["images"][index][:_SHOWN])
    return rows, pictures, floors


def _file_name(dataset, contestant, seed, budgets):
    return f"{dataset}_{contestant.replace(' ', '-')}_{seed}_{budgets.replace(',', '-')}.npz"


def rows_of(rows, name, contestant, budget):
    return [r for r in rows if (r["dataset"], r["contestant"], r["budget"]) == (name, contestant, budget)]


def write_table(rows, options, floors, path):
    """Markdown: a row for each dataset and contestant; median over seeds, and how many times the last contestant's."""
    seconds = [f"{b:g} s" for b in options.budgets]
    heads = [
        "data",
        "contestant",
        *seconds,
        "images/s",
        "drawing 1,000",
        "fewest classes, confidence",
        "copies",
        "start-up",
        "peak memory",
    ]
    lines = [heads, ["---"] * len(heads)]
    for name, floor in floors.items():
        for contestant in options.contestants:
            distances = [_distance_cell(rows, options, name, contestant, budget) for budget in options.budgets]
            last = rows_of(rows, name, contestant, options.budgets[-1])
            if not last:
                continue
            speed = statistics.median(r["images_seen"] / r["seconds"] for r in last)
            classes = "-"
            if last[0]["classes"] != "":
                sure = statistics.median(r["confidence"] for r in last)
                classes = f"{min(r['classes'] for r in last):.0f}, {sure:.0%}"
            copied = f"{max(r['copied'] for r in last):.1%}"
            drawing = f"{statistics.median(r['drawing_1000_images'] for r in last):.1f} s"
            start = f"{statistics.median(r['start_up_seconds'] for r in last):.1f} s"
            memory = f"{max(r['peak_memory_mib'] for r in last):,.0f} MiB"
            lines.append([name, contestant, *distances, f"{speed:,.0f}", drawing, classes, copied, start, memory])
        lines.append([name, "*real against real*", *[f"{floor:.3g}"] * len(seconds), *[""] * 6])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    path.write_text(table + "\n", encoding="utf-8")
    return table


def _distance_cell(rows, options, name, contestant, budget):
    values = [r["frechet_distance"] for r in rows_of(rows, name, contestant, budget)]
    if not values:
        return ""
    text = f"{statistics.median(values):.3g}"
    if len(values) > 1:
        text += f" ({min(values):.3g} to {max(values):.3g})"
    best = [r["frechet_distance"] for r in rows_of(rows, name, options.contestants[-1], budget)]
    if contestant != options.contestants[-1] and best:
        text += f", {statistics.median(values) / statistics.median(best):.1f} x"
    return text


def draw_curves(rows, options, floors, path):
    figure, axes = plt.subplots(1, len(floors), figsize=(5 * len(floors), 4), squeeze=False, layout="constrained")
    for axis, (name, floor) in zip(axes[0], floors.items(), strict=True):
        for contestant in options.contestants:
            groups = [rows_of(rows, name, contestant, budget) for budget in options.budgets]
            if not groups[0]:
                continue
            values = [[r["frechet_distance"] for r in group] for group in groups]
            (line,) = axis.plot(options.budgets, [statistics.median(v) for v in values], marker="o", label=contestant)
            axis.fill_between(options.budgets, [min(v) for v in values], [max(v) for v in values],
                              color=line.get_color(), alpha=0.2)  # fmt: skip
        axis.axhline(floor, color="gray", linestyle=":", label="real against real")
        axis.set(yscale="log", xlabel="seconds of training", title=name)
    axes[0][0].set_ylabel("Fréchet distance, classifier features (no FID)")
    axes[0][0].legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_grids(pictures, options, name, path):
    """Contestants beside each other, seconds downwards, each with its name above."""
    shown = [c for c in options.contestants if (name, c, options.budgets[0]) in pictures]
    figure, axes = plt.subplots(len(options.budgets), len(shown), squeeze=False, layout="constrained",
                                figsize=(3.2 * len(shown), 3.4 * len(options.budgets)))  # fmt: skip
    for row, budget in enumerate(options.budgets):
        for column, contestant in enumerate(shown):
            axis, picture = axes[row][column], pictures[name, contestant, budget]
            axis.imshow(np.asarray(Image.fromarray(picture.squeeze())), cmap="gray", vmin=0, vmax=255)
            axis.set_title(f"{contestant}, {budget:g} s")
            axis.axis("off")
    figure.savefig(path, dpi=90, bbox_inches="tight")
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", default="mnist5k,photographs,avatars,fashion_mnist")
    parser.add_argument("--contestants", default="tutorial,plain,quick", help="the last is what others are compared to")
    parser.add_argument("--budgets", default="30,90,180")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--output", default="results/benchmarks")
    options = parser.parse_args()
    options.contestants = options.contestants.split(",")
    options.budgets = [float(b) for b in options.budgets.split(",")]
    options.seeds = [int(s) for s in options.seeds.split(",")]
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    datasets = find_datasets(options.datasets.split(","), output)
    rows, pictures, floors = measure(options, output, datasets)
    with open(output / "quality.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(write_table(rows, options, floors, output / "quality.md"))
    draw_curves(rows, options, floors, output / "quality.png")
    for name in datasets:
        draw_grids(pictures, options, name, output / f"quality_{name}.png")
    print(f"written to {output}: quality.csv, quality.md, quality.png, and the grids of each dataset")


if __name__ == "__main__":
    main()
