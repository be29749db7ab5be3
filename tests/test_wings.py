"""The drawing's guard: the wings stand on one another in one order, read from the imports themselves."""

import ast
from pathlib import Path

import pytest

import dcgan_tf

PACKAGE = Path(dcgan_tf.__file__).parent
# From the ground up: a wing imports only those before it. cli.py, __init__.py and __main__.py stand on top.
WINGS = (
    *("system", "recipe", "data", "pictures", "looking", "networks", "game", "run", "evaluation", "training"),
    *("latent", "notebook", "compare", "gallery_page", "sweeps", "exporting", "commands"),
)
COMMANDS = ("recipes", "look", "train", "sample", "evaluate", "explore", "sweep", "search", "gallery", "export")


def _imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: say where from in full, not with dots"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("dcgan_tf.")}


def _files(wing):
    return sorted((PACKAGE / wing).rglob("*.py"))


def test_every_folder_is_a_wing_and_holds_at_most_twelve_files():
    folders = {path.parent.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE}
    assert folders == set(WINGS)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "cli.py"}
    for path in [folder for wing in WINGS for folder in (PACKAGE / wing, *(PACKAGE / wing).glob("*/"))]:
        assert len([file for file in path.glob("*.py") if file.name != "__init__.py"]) <= 12, path


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_only_wings_below_it(wing):
    may = {*WINGS[: WINGS.index(wing) + 1], "__version__"}
    for path in _files(wing):
        wrong = {name for name in _imported(path) if name.split(".")[1] not in may}
        assert not wrong, f"{path.relative_to(PACKAGE)} imports {sorted(wrong)}, which is above it"


@pytest.mark.parametrize("wing", WINGS)
def test_the_door_of_a_wing_is_one_docstring(wing):
    for path in (PACKAGE / wing).rglob("__init__.py"):
        (statement,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(statement.value.value, str), f"{path} does more than say what the room is for"


def test_no_wing_has_the_name_of_a_public_function():
    assert not set(WINGS) & {*COMMANDS, *dcgan_tf.__all__}
