"""Each command is a public function of the same name, with the options' names as parameters."""

import inspect
import subprocess
import sys

import pytest
from commands import run_cli

import dcgan_tf
from dcgan_tf.cli import cli
from dcgan_tf.networks.table import recipes

# What only a terminal has, and what is something else in Python: an object or a dict.
OTHERWISE = {
    "recipes": {"measure": None},
    "train": {"no_progress": "progress", "list_fields": None},
    "evaluate": {"no_progress": "bar"},
    "sweep": {"file": "named"},
}


@pytest.mark.parametrize("name", list(cli.commands))
def test_a_command_is_a_function_of_that_name(name):
    function = getattr(dcgan_tf, name)
    assert inspect.isfunction(function) and function.__name__ == name
    options = [OTHERWISE.get(name, {}).get(option.name, option.name) for option in cli.commands[name].params]
    parameters = inspect.signature(function).parameters
    assert [option for option in options if option and option not in parameters] == []
    for option in cli.commands[name].params:
        if option.name in parameters and not option.multiple and type(option.default) in (str, int, float):
            default = parameters[option.name].default
            assert default in (option.default, inspect.Parameter.empty), f"{name}: {option.name}"


def test_an_option_of_several_commands_means_the_same_in_all():
    kinds = {}
    for command in cli.commands.values():
        for option in command.params:
            for spelling in option.opts:
                if spelling.startswith("--"):
                    kinds.setdefault(spelling, set()).add((option.is_flag, option.multiple))
    assert {spelling for spelling, found in kinds.items() if len(found) > 1} == set()


def test_every_command_and_option_says_what_it_does():
    for name, command in cli.commands.items():
        assert command.help and command.get_short_help_str(45).endswith((".", ",", "each."))
        for option in command.params:
            if option.opts[0].startswith("--"):
                assert option.help and len(option.help.split()) > 2, f"{name} {option.opts[0]} is a riddle"


def test_the_list_of_commands_is_not_cut_in_a_narrow_terminal():
    status, output, _ = run_cli("--help")
    told = " ".join(output.partition("Commands:")[2].split())
    assert status == 0 and "..." not in told and "…" not in told
    for command in cli.commands.values():
        assert " ".join(command.help.split("\n\n")[0].split()) in told


def test_names_are_functions_whatever_was_imported_before_and_cost_no_tensorflow():
    code = """
import sys
import dcgan_tf, dcgan_tf.cli, dcgan_tf.sweeps.sweep, dcgan_tf.gallery_page.build, dcgan_tf.compare.rows
names = ["recipes", "train", "sample", "evaluate", "explore", "sweep", "gallery", "export"]
assert set(names) <= set(dir(dcgan_tf)) and set(names) <= set(dcgan_tf.__all__)
from dcgan_tf import gallery, sweep
assert callable(gallery) and callable(sweep)
assert dcgan_tf.cli.cli.get_help(dcgan_tf.cli.click.Context(dcgan_tf.cli.cli))
print("tensorflow" in sys.modules, "keras" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "False False\n"


def test_recipes_is_a_table_of_numbers():
    table = recipes("quick", "gwu")
    assert list(table["recipe"]) == ["quick", "gwu"] and list(table["images"]) == ["64x64x3", "32x32x3"]
    assert list(table["generator"]) == [605244, 1072896] and list(table["discriminator"]) == [726649, 664065]
    with pytest.raises(dcgan_tf.UserError, match=r"unknown recipe 'gwo'\. Did you mean 'gwu'"):
        recipes("gwo")
