"""The first code cell of every notebook, kept here; `make notebooks` writes it into them (tests see that it was done).

It lets a notebook run alone, outside a checkout. The one thing to fill in, by whoever publishes this, is the
repository's address in pyproject.toml.
"""

import json
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings the same
    import tomli as tomllib

HERE = Path(__file__).parent
ID = "start"
CELL = """\
# Where dcgan_tf is missing, this installs it, which takes minutes, once: a wheel from this folder, or its repository.
try:
    from dcgan_tf.notebook.start import start
except ImportError:
    import glob
    import os
    import subprocess
    import sys

    repository = {repository}
    source = os.environ.get("DCGAN_TF_SOURCE") or max(glob.glob("dcgan_tf-*.whl"), default=repository)
    if source is None:
        sys.exit("this notebook knows no address of dcgan_tf: put the wheel beside it, or set DCGAN_TF_SOURCE")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)
    from dcgan_tf.notebook.start import start
start()"""
PLACEHOLDER = "None  # PLACEHOLDER: whoever publishes dcgan_tf fills in its address, in pyproject.toml"


def first_cell(settings: str) -> str:
    """The cell, for the text of pyproject.toml."""
    address = tomllib.loads(settings)["project"].get("urls", {}).get("Repository")
    return CELL.format(repository=json.dumps(f"git+{address}") if address else PLACEHOLDER)


def with_cell(notebook: str, source: str) -> str:
    """A notebook, as JSON, whose first code cell is this one: in the old one's place, or behind the title."""
    stored = json.loads(notebook)
    cell = {"cell_type": "code", "execution_count": None, "id": ID, "metadata": {}, "outputs": []}
    others = [other for other in stored["cells"] if other.get("id") != ID]
    stored["cells"] = [others[0], {**cell, "source": source.splitlines(keepends=True)}, *others[1:]]
    return json.dumps(stored, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    cell = first_cell((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    for path in sorted(HERE.glob("*.ipynb")):
        path.write_text(with_cell(path.read_text(encoding="utf-8"), cell), encoding="utf-8", newline="\n")
        print(path)
