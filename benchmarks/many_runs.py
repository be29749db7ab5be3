"""What 10,000 runs cost whoever looks at them: seconds and peak memory of the gallery, of comparing, of a sweep.

    python benchmarks/many_runs.py [--counts 100,1000,10000] [--parts read_runs,table] [--output results/benchmarks]

The run directories are written for this, as a search leaves them: settings, a history of 50 to 200 rows, evaluations,
two small grids, a GIF, an executed notebook without pictures. 10,000 of them take about a gigabyte in the temporary
folder, and are removed. Each part is measured in a process of its own; its seconds are those of its work, its imports
left out, but for the two calls of `gallery`, which are whole commands. What has just been written is still in the
system's memory: a disk that must be read, or a network's, is slower. `cpu_seconds` leave out what other work on the
machine took.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from browser import Browser, find_chromium

from dcgan_tf.pictures.films import write_gif
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.run.records import HISTORY_COLUMNS

PROJECT = Path(__file__).parent.parent
LIMIT = 900  # seconds for a part
_PER_EPOCH, _LOG_EVERY = 100, 10

# --- the runs ----------------------------------------------------------------------------------------------


def settings_of(number: int) -> dict:
    """What a search of six settings asked the run of that number for; always the same."""
    draw = random.Random(number)
    return {
        "generator_learning_rate": round(10 ** draw.uniform(-4, -2.7), 6),
        "discriminator_learning_rate": round(10 ** draw.uniform(-4, -2.7), 6),
        "batch_size": draw.choice([16, 32, 64]),
        "loss": draw.choice(["bce", "hinge"]),
        "width": draw.choice([16, 32, 64]),
        "seed": number % 3,
    }


def name_of(number: int) -> str:
    return f"trial-{number:05d}"


def write_runs(folder: Path, count: int):
    """`count` run directories below `folder`, of which every 50th was interrupted."""
    pictures = [np.random.default_rng(shade).integers(0, 255, (56, 56), np.uint8) for shade in range(8)]
    kept = folder.parent / "pictures"
    kept.mkdir()
    for place, picture in enumerate(pictures):
        save_png(kept / f"{place}.png", picture)
    write_gif(kept / "progress.gif", [picture[..., None] for picture in pictures[:4]], 0.1)
    drawn = [(kept / f"{place}.png").read_bytes() for place in range(len(pictures))]
    film = (kept / "progress.gif").read_bytes()
    for number in range(count):
        _write_run(folder / name_of(number), number, drawn, film)


def _write_run(path, number, drawn, film):
    draw, run, settings = random.Random(number), Run(path), settings_of(number)
    run.grids_path.mkdir(parents=True)
    fields = {name: value for name, value in settings.items() if name != "seed"}
    recipe = get_recipe("quick").with_fields(fields).as_dict()
    del recipe["epochs"], recipe["steps"]
    steps = 100 * draw.randint(5, 20)
    data = {"name": "mnist5k", "fingerprint": "f" * 64, "images": 5000, "image_shape": [28, 28, 1]}
    length = {"epochs": None, "steps": steps * 2 if number % 50 == 49 else steps, "max_seconds": None}
    started = f"2026-{number // 2500 % 12 + 1:02d}-{number // 100 % 25 + 1:02d}T10:{number % 60:02d}:00+0000"
    run.write_config(
        {"format": 1, "recipe": recipe, "seed": settings["seed"], "dataset": data, "log_every": _LOG_EVERY,
         "steps_per_epoch": _PER_EPOCH, "length": length, "started": started,
         "versions": {"python": "3.12", "tensorflow": "2.21.0", "keras": "3.15.0"}}
    )  # fmt: skip
    lines = [",".join(HISTORY_COLUMNS)]
    for step in range(_LOG_EVERY, steps + 1, _LOG_EVERY):
        values = [step, -(-step // _PER_EPOCH), round(step * 0.031, 3), 1032.2]
        values += [round(draw.gauss(at, 0.1), 7) for at in (1.5, 0.5, 0.6, 0.4)]
        lines.append(",".join(map(str, values)))
    run.history_path.write_text("\n".join(lines) + "\n")
    for place, step in enumerate((_PER_EPOCH, steps)):
        run.grid_path(step).write_bytes(drawn[(number + place) % len(drawn)])
    run.gif_path.write_bytes(film)
    run.generator_path.touch()
    with open(run.metrics_path, "w") as file:
        for step in (steps // 2, steps):
            line = {"step": step, "epoch": step // _PER_EPOCH, "generator": "averaged", "samples": 5000, "seeds": [0],
                    "metrics": {"frechet_distance": {"mean": draw.uniform(1, 90)}},
                    "features": {"description": "128 features of a classifier"}, "while_training": True,
                    "real": {"dataset": "mnist5k", "split": "all", "images": 5000, "fingerprint": "f" * 9}}  # fmt: skip
            file.write(json.dumps(line) + "\n")
    if number % 20 == 0:
        alarm = {"step": 50, "on": True, "alarm": "the training oscillates", "since": 30, "seen": "it swung",
                 "remedies": "patience"}  # fmt: skip
        run.alarms_path.write_text(json.dumps(alarm) + "\n" + json.dumps(alarm | {"step": 90, "on": False}) + "\n")
    about = {
        "papermill": {"parameters": {**settings, "results_dir": "x", "run_name": "y"}, "duration": steps * 0.031 + 9}
    }
    about["dcgan_tf"] = {"outcome": "interrupted" if number % 50 == 49 else "finished", "error": None}
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [], "source": ["train(...)\n"] * 40}
    notebook = {"cells": [cell] * 20, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    run.notebook_path.write_text(json.dumps(notebook, indent=1))


# --- what is measured --------------------------------------------------------------------------------------

_PARTS = {  # name: (what is got ready, what is measured)
    "read_runs": ("from dcgan_tf.compare.rows import read_runs", "read_runs(folder)"),
    "table": (
        "from dcgan_tf.compare.rows import read_runs; from dcgan_tf.compare.tables import RunTable",
        "table = RunTable(read_runs(folder)); told['characters'] = len(table._repr_html_())",
    ),
    "sheet": (
        "from dcgan_tf.compare.rows import read_runs; from dcgan_tf.compare.sheets import overview; import keras",
        "told['bytes'] = len(overview(read_runs(folder)).png())",
    ),
    "curves": (
        "from dcgan_tf.compare.rows import read_runs; from dcgan_tf.compare.curves import overlaid_curves",
        "told['bytes'] = len(overlaid_curves(read_runs(folder)).png())",
    ),
    "write_table": (
        "from many_runs import a_sweep; folder, plan, outcomes = a_sweep(folder)\n"
        "from dcgan_tf.sweeps.results import write_table",
        "write_table(folder, plan, outcomes)",
    ),
    "table after a run": (
        "from many_runs import a_sweep; folder, plan, outcomes = a_sweep(folder)\n"
        "from dcgan_tf.sweeps.results import Table; table = Table(folder, plan); table.write(outcomes)",
        "table.write(outcomes)",
    ),
    "estimate": (
        "from many_runs import a_sweep; folder, plan, outcomes = a_sweep(folder)\n"
        "from dcgan_tf.sweeps.estimate import Estimate",
        "Estimate(folder, plan)",
    ),
}
_CHILD = """
import json, sys, time
folder, told = sys.argv[1], {{}}
{}
start, cpu = time.perf_counter(), time.process_time()
{}
told["seconds"], told["cpu_seconds"] = time.perf_counter() - start, time.process_time() - cpu
print(json.dumps(told))
"""


def a_sweep(folder):
    """The runs of a folder as a sweep that is over: (its folder, plan, outcomes)."""
    from dcgan_tf.sweeps.plan import PlannedRun
    from dcgan_tf.sweeps.sweep import Outcome

    names = sorted(path.name for path in Path(folder).glob("trial-*"))
    settings = {name: settings_of(int(name.rpartition("-")[2])) for name in names}
    plan = [PlannedRun(name, settings[name], settings[name], None, None, {}) for name in names]
    return Path(folder), plan, {run.name: Outcome(run, "finished") for run in plan}


def measure(command: list[str], environment: dict) -> dict:
    """Run a command: its seconds, its peak memory in MiB, and what its last line of output tells as JSON."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=PROJECT)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            if time.perf_counter() - start > LIMIT:
                process.send_signal(signal.SIGKILL)
                os.wait4(process.pid, 0)
                return {"failed": f"not done after {LIMIT} s"}
            time.sleep(0.01)
        found = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": ended[2].ru_utime + ended[2].ru_stime,
            "peak_mebibytes": ended[2].ru_maxrss / 1024,
        }
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines() or [""]
    if ended[1]:
        return found | {"failed": lines[-1][:200]}
    with contextlib.suppress(ValueError):
        found |= json.loads(lines[-1])
    return found


def open_page(page: Path) -> dict:
    """Seconds until the first card has its picture in headless Chromium, the page's heap, and its cards."""
    with Browser(find_chromium()) as browser:
        tab = browser.open("about:blank")
        tab.send("Performance.enable")
        start = time.perf_counter()
        tab.send("Page.navigate", url=page.resolve().as_uri())
        tab.wait_for("document.querySelector('.card img')?.naturalWidth > 0", seconds=300)
        seconds, cards = time.perf_counter() - start, tab.count(".card")
        start = time.perf_counter()
        tab.evaluate("(() => { const b = document.querySelector('[name=q]'); b.value = 'width=32'; "
                     "b.dispatchEvent(new Event('input')); })()")  # fmt: skip
        tab.wait_for("document.querySelector('.count').textContent.includes(' of ')", seconds=300)
        searched = time.perf_counter() - start
        tab.send("HeapProfiler.collectGarbage")
        values = {one["name"]: one["value"] for one in tab.send("Performance.getMetrics")["metrics"]}
        return {"seconds": seconds, "search_seconds": searched, "heap_mebibytes": values["JSHeapUsedSize"] / 2**20,
                "nodes": values["Nodes"], "cards": cards}  # fmt: skip


def _size(folder):
    """Bytes of what `gallery` has written into the folder."""
    return sum(path.stat().st_size for path in [folder / "index.html", *folder.glob("index.files/*")] if path.is_file())


def measure_all(count: int, parts: list[str]) -> dict:
    """Every part with so many runs."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="many-runs-") as above:
        folder, environment = Path(above) / "results", {**os.environ, "DCGAN_TF_CACHE": f"{above}/cache"}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path[:3])

        def note(name, value):
            found[name] = value
            print(f"{count:>7,} runs  {name:14}", json.dumps({k: round(v, 2) if isinstance(v, float) else v
                  for k, v in value.items()}), flush=True)  # fmt: skip

        start = time.perf_counter()
        write_runs(folder, count)
        note("written", {"seconds": time.perf_counter() - start})
        if "gallery" in parts:
            command = [sys.executable, "-m", "dcgan_tf", "gallery", str(folder)]
            note("gallery", measure(command, environment))
            note("gallery again", measure(command, environment))
            shutil.copy(folder / name_of(1) / "metrics.jsonl", folder / name_of(0) / "metrics.jsonl")
            note("one changed", measure(command, environment))
            note("page", {"index_bytes": (folder / "index.html").stat().st_size, "all_bytes": _size(folder)})
            if find_chromium():
                note("browser", open_page(folder / "index.html"))
        for name in [name for name in parts if name in _PARTS]:
            ready, work = _PARTS[name]
            note(name, measure([sys.executable, "-c", _CHILD.format(ready, work), str(folder)], environment))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="100,1000,10000")
    parser.add_argument("--parts", default=",".join(["gallery", *_PARTS]))
    parser.add_argument("--output", default="results/benchmarks")
    options = parser.parse_args()
    found = {count: measure_all(count, options.parts.split(",")) for count in map(int, options.counts.split(","))}
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    (output / "many_runs.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
