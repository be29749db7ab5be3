"""Parameters that Jupyter saved into a notebook are said, before a batch takes them for the committed ones."""

import subprocess

import nbformat
import pytest

from dcgan_tf.notebook import saved
from dcgan_tf.notebook.parameters import check_parameters
from dcgan_tf.sweeps.sweep import sweep

COMMITTED = "epochs: int = None  # passes\nrecipe: str = 'quick'  # which\noverrides: dict = {}  # others\n"
COMMITTED += "results_dir: str = 'results'  # where\nrun_name: str = None  # called\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one committed notebook: (its path, a function that saves it with another parameters cell)."""
    path = tmp_path / "notebooks" / "mine.ipynb"
    path.parent.mkdir()
    (tmp_path / "dcgan_tf").mkdir()
    (tmp_path / "pyproject.toml").write_text("")

    def save(source):
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Mine"), cell]), path)

    save(COMMITTED)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "notebooks"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    monkeypatch.chdir(path.parent)
    return path, save


def said(capsys, source, injected=""):
    namespace = {}
    exec(f"{source}\n{injected}", namespace)
    check_parameters({**namespace, "In": ["", source, f"# Parameters\n{injected}"]})
    return capsys.readouterr().out


def test_what_was_saved_and_not_committed_is_said(project, capsys):
    path, save = project
    assert said(capsys, COMMITTED) == ""
    changed = COMMITTED.replace("epochs: int = None", "epochs: int = 3").replace("{}", "{'width': 8}")
    assert said(capsys, changed) == ""  # typed into Jupyter, and not saved: whoever typed it knows
    save(changed)
    assert said(capsys, changed) == (
        "note: mine.ipynb was saved with parameters of its own, which count where none are given: "
        "epochs = 3 (None in git), overrides = {'width': 8} ({} in git); "
        "to have the committed ones back: git checkout notebooks/mine.ipynb\n"
    )
    assert "epochs" not in said(capsys, changed, "epochs = 5")  # given, so what is saved does not count
    save(COMMITTED.replace("# passes", "# of the data"))
    assert saved.saved_changes(path) is None  # another comment is no other value


def test_without_git_nothing_can_be_said(project, monkeypatch):
    path, save = project
    save(COMMITTED.replace("None", "7"))
    monkeypatch.setenv("PATH", "")
    assert saved.saved_changes(path) is None


def test_a_sweep_says_it_first(project):
    path, save = project
    save(COMMITTED.replace("epochs: int = None", "epochs: int = 3").replace("{}", "{'width': 8}"))
    lines = []
    sweep(path, {"epochs": [1, 2]}, dry_run=True, say=lines.append)
    assert lines[0].startswith("note: mine.ipynb was saved with") and "{'width': 8}" in lines[0]
    assert "epochs =" not in lines[0]  # the sweep gives them
