"""What a wheel is made of: every package, and every file in them that is no code (pages, styles, scripts)."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

import dcgan_tf

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings the same
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETTINGS = PROJECT["tool"]["setuptools"]


@pytest.mark.parametrize("top", ["dcgan_tf", "data_prep"])
def test_every_file_of_the_packages_is_in_the_wheel(top):
    files = [
        path for path in (ROOT / top).rglob("*") if path.is_file() and path.parent.name != "__pycache__"
    ]  # fmt: skip
    left_out = []
    for path in files:
        package = path.parent if path.suffix == ".py" else next(p for p in path.parents if (p / "__init__.py").exists())
        name = ".".join(package.relative_to(ROOT).parts)
        found = any(fnmatch(name, pattern) for pattern in SETTINGS["packages"]["find"]["include"])
        found &= (package / "__init__.py").exists()
        if path.suffix != ".py":
            patterns = SETTINGS["package-data"].get(name, [])
            within = path.relative_to(package)
            found &= any(within in {one.relative_to(package) for one in package.glob(pattern)} for pattern in patterns)
        if not found:
            left_out.append(str(path.relative_to(ROOT)))
    assert left_out == []
    assert top != "dcgan_tf" or {path.suffix for path in files} >= {".py", ".js", ".css", ".html"}


def test_the_package_asks_for_what_requirements_txt_lists_but_for_jupyter_and_pytest():
    """Whoever installs it on Colab has a Jupyter of Colab's own."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("jupyter", "pytest"))]
    assert PROJECT["project"]["dependencies"] == wanted and len(wanted) < len(list(filter(None, lines)))


def test_the_wheel_has_the_packages_version():
    """setuptools finds it in the source, where it has to be a literal, or it would import the package for it."""
    assert "version" not in PROJECT["project"] and PROJECT["project"]["dynamic"] == ["version"]
    assert SETTINGS["dynamic"]["version"] == {"attr": "dcgan_tf.__version__"}
    code = ast.parse((ROOT / "dcgan_tf" / "__init__.py").read_text(encoding="utf-8")).body
    (value,) = [line.value for line in code if ast.unparse(line).startswith("__version__ =")]
    assert ast.literal_eval(value) == dcgan_tf.__version__
