"""Whether a notebook was saved with other parameters than the ones it was committed with.

Jupyter saves a changed parameters cell into the notebook itself, and whoever runs it later with papermill gets those
values without having given them. Only git knows what was there before; without it nothing can be said.
"""

import ast
import json
import subprocess
from pathlib import Path

import dcgan_tf
from dcgan_tf.system.places import project_folder

_PATIENCE = 10  # seconds for git, on a slow disk


def saved_changes(path, given=()) -> str | None:
    """One line about the parameters that are saved in that notebook and differ from the committed ones; else None.

    given: names of parameters that get other values anyway.
    """
    path = Path(path)
    try:
        now = _values(path.read_text(encoding="utf-8"))
        command = ["git", "-C", str(path.absolute().parent), "show", f"HEAD:./{path.name}"]
        shown = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=True).stdout
        before = _values(shown.decode())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    names = [name for name, value in before.items() if name not in given and now.get(name, value) != value]
    changed = [f"{name} = {now[name]} ({before[name]} in git)" for name in names]
    if not changed:
        return None
    return (
        f"note: {path.name} was saved with parameters of its own, which count where none are given: "
        f"{', '.join(changed)}; to have the committed ones back: git checkout {path.absolute().parent.name}/{path.name}"
    )


def notebook_of(cells) -> Path | None:
    """The notebook among the project's, as it is on the disk, whose parameters cell is one of these texts."""
    cells = {cell.strip() for cell in cells}
    for folder in dict.fromkeys((project_folder(), Path(dcgan_tf.__file__).parents[1])):
        for path in sorted(folder.glob("notebooks/*.ipynb")):
            try:
                if _parameters_cell(path.read_text(encoding="utf-8")).strip() in cells:
                    return path
            except (OSError, ValueError):
                continue
    return None


def parameters_cells(cells: list[dict]) -> list[str]:
    """The sources of those cells of a notebook, as JSON has them, that are tagged `parameters`."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return ["".join(cell["source"]) for cell in code if "parameters" in cell["metadata"].get("tags", [])]


def _values(notebook: str) -> dict[str, str]:
    """The parameters of a notebook given as JSON, name -> its value as Python writes it."""
    statements = ast.parse(_parameters_cell(notebook)).body
    pairs = [(s.targets[0] if isinstance(s, ast.Assign) else s.target, s.value) for s in statements
             if isinstance(s, ast.Assign | ast.AnnAssign) and s.value]  # fmt: skip
    return {target.id: ast.unparse(value) for target, value in pairs if isinstance(target, ast.Name)}


def _parameters_cell(notebook: str) -> str:
    """Raises ValueError where there is none."""
    try:
        return parameters_cells(json.loads(notebook)["cells"])[0]
    except (KeyError, TypeError, AttributeError, IndexError):
        raise ValueError("no cell is tagged `parameters`") from None
