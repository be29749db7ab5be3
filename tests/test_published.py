"""docs/published.md: nobody has run its commands here, so at least each is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest
from commands import run_cli

from data_prep.celeba import cli as celeba
from dcgan_tf.cli import cli
from dcgan_tf.evaluation.metrics import METRICS
from dcgan_tf.recipe.catalogue import changed_recipe

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", TEXT, re.S | re.M)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_one_that_is_taken(text, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    python, flag, module, *arguments = shlex.split(text)
    assert (python, flag) == ("python", "-m")
    if module == "data_prep.celeba":
        celeba.make_context(module, arguments)
        return
    assert module == "dcgan_tf"
    name, *rest = arguments
    given = cli.commands[name].make_context(name, list(rest)).params
    if name == "sweep":
        there = rest.index("--results-dir") + 1
        status, output, error = run_cli(name, *rest[:there], tmp_path / "sweep", *rest[there + 1 :], "--dry-run")
        assert status == 0 and output.startswith("6 runs in ") and error == "" and not (tmp_path / "sweep").exists()
    if name == "train":
        changed_recipe(given["recipe"], given["overrides"])
    if name == "evaluate":
        assert set(given["metrics"].split(",")) <= set(METRICS) and given["features"] == "inception"


def test_it_says_that_nothing_of_it_was_run():
    assert "NOT RUN" in TEXT and len(COMMANDS) == 8
