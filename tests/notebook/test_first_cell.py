"""The first cell of every notebook: one text, and what it does where the package is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

import dcgan_tf

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SETTINGS = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

specification = importlib.util.spec_from_file_location("first_cell", ROOT / "notebooks" / "first_cell.py")
kept = importlib.util.module_from_spec(specification)
specification.loader.exec_module(kept)
CELL = kept.first_cell(SETTINGS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_the_same_in_every_notebook_with_the_address_of_pyproject(path):
    stored = path.read_text(encoding="utf-8")
    assert stored == kept.with_cell(stored, CELL), "type `make notebooks`"
    first = next(cell for cell in nbformat.reads(stored, 4).cells if cell.cell_type == "code")
    assert first.source == CELL and max(map(len, CELL.splitlines())) <= 120


def published():
    """The cell, as it is when somebody has filled in the address."""
    assert "\n# Repository = " in SETTINGS  # the placeholder
    filled = SETTINGS.replace('# Repository = "https://HOST/OWNER/dcgan_tf"', 'Repository = "https://a.example/b"')
    return kept.first_cell(filled)


@pytest.mark.parametrize(
    "cell, wheels, given, installed",
    [
        (published(), [], None, "git+https://a.example/b"),
        (published(), ["dcgan_tf-0.5.0-py3-none-any.whl"], None, "dcgan_tf-0.5.0-py3-none-any.whl"),
        (CELL, ["dcgan_tf-0.5.0-py3-none-any.whl"], "../checkout", "../checkout"),
        (CELL, [], None, None),
    ],
)
def test_what_is_installed(monkeypatch, tmp_path, cell, wheels, given, installed):
    for name in wheels:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DCGAN_TF_SOURCE", raising=False)
    if given:
        monkeypatch.setenv("DCGAN_TF_SOURCE", given)
    monkeypatch.setitem(sys.modules, "dcgan_tf.notebook.start", None)  # importing it is an ImportError, and stays one
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    with pytest.raises(ImportError if installed else SystemExit) as caught:
        exec(cell, {})
    if installed:
        assert commands == [[sys.executable, "-m", "pip", "install", "--quiet", installed]]
    else:
        assert "put the wheel beside it, or set DCGAN_TF_SOURCE" in str(caught.value) and not commands


# --- a wheel in an empty folder ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """An empty folder with the wheel in it, as it is built of this checkout but for its version."""
    source = tmp_path / "source"
    for name in ("dcgan_tf", "data_prep"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    # Another version than the one the tests run on; and no licence, for setuptools from before it was a text.
    package = source / "dcgan_tf" / "__init__.py"
    package.write_text(package.read_text(encoding="utf-8").replace(dcgan_tf.__version__, "99"), encoding="utf-8")
    settings = "\n".join(line for line in SETTINGS.splitlines() if not line.startswith("license"))
    (source / "pyproject.toml").write_text(settings, encoding="utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    built = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert [wheel.name for wheel in folder.iterdir()] == ["dcgan_tf-99-py3-none-any.whl"]
    return folder


@pytest.fixture
def python(tmp_path):
    """A Python of its own, which finds all that the package stands on, and not the package."""
    venv.create(tmp_path / "environment", with_pip=False)
    python = next(path for path in (tmp_path / "environment").glob("*/python*") if path.stem == "python")
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", place], capture_output=True, text=True, check=True).stdout.strip()
    ours = {str(Path(pytest.__file__).parents[1]), str(Path(nbformat.__file__).parents[1])}
    Path(packages, "others.pth").write_text("\n".join(ours))  # a folder so named does not run its own .pth files
    return python


RUN = """
import pathlib, sys
exec(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
import dcgan_tf, data_prep.avatars
print(*(pathlib.Path(package.__file__).is_relative_to(sys.prefix) for package in (dcgan_tf, data_prep)))
"""


def test_alone_in_an_empty_folder_it_installs_the_wheel_and_goes_on(folder, python, tmp_path):
    (tmp_path / "cell.py").write_text(CELL, encoding="utf-8")
    environment = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # and what it needs is there
    for name in ("PYTHONPATH", "DCGAN_TF_SOURCE", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"):
        environment.pop(name, None)
    done = subprocess.run(
        [python, "-c", RUN, tmp_path / "cell.py"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said, where = done.stdout.splitlines()[-2:]
    assert said.startswith("dcgan_tf 99, ") and ", TensorFlow " in said and "GPU" in said
    assert where == "True True"
