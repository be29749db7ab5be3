"""How much memory training takes as the data grow: peak resident memory against the number of images.

    python benchmarks/memory.py [--counts 2000,20000,200000] [--steps 300] [--output results/benchmarks]

Each count is trained in a process of its own on a prepared dataset of 64x64 colour images, written for this
(200,000 of them take 2.5 GB of disk). The networks are tiny, so that what is measured is the data. Resident
memory includes the pages of mapped files.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from noise import Noise, as_it_is

from dcgan_tf.data.preparing import prepare

_TRAIN = """
import resource, sys
from dcgan_tf import train
from dcgan_tf.training.progress import NoProgress
changes = {"width": 4, "latent_dim": 8, "batch_size": 128, "grid_images": 4, "steps": int(sys.argv[3])}
train("quick", sys.argv[1], sys.argv[2], overrides=changes, progress=NoProgress())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="2000,20000,200000")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", default="results/benchmarks")
    options = parser.parse_args()
    peaks = {}
    for count in map(int, options.counts.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            data = prepare(Path(folder) / "data", Noise(count), as_it_is, settings={}, progress=False)
            arguments = [str(data), str(Path(folder) / "run"), str(options.steps)]
            result = subprocess.run(
                [sys.executable, "-c", _TRAIN, *arguments], capture_output=True, text=True, check=True
            )
        peaks[count] = float(result.stdout.splitlines()[-1])
        print(
            f"{count:>9,} images, {count * 12288 / 2**20:8,.0f} MiB on disk: peak {peaks[count]:,.0f} MiB", flush=True
        )
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    (output / "memory.json").write_text(json.dumps({"peak_mebibytes": peaks}, indent=2) + "\n")


if __name__ == "__main__":
    main()
