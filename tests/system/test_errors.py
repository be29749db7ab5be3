"""How a command ends, and how it warns."""

import signal
import warnings

import click
import numpy as np
import pytest

from dcgan_tf.system.errors import UserError, check_count, in_short, nearest, run_command


@click.command()
@click.argument("how")
def command(how):
    if how == "warn":
        warnings.warn("a record is damaged:\n  it is left out", stacklevel=1)
        warnings.warn("of the inside", DeprecationWarning, stacklevel=1)
    elif how == "mistake":
        raise UserError("give\nanother")
    elif how == "ended":
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            click.echo("tidied")
    elif how == "hung up":
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            click.echo("tidied")
    elif how == "bug":
        raise KeyError("ours")


def run(how, capsys):
    with pytest.raises(SystemExit) as ended:
        run_command(command, "program", [how])
    return ended.value.code, *capsys.readouterr()


def test_a_warning_and_a_mistake_are_a_line_each(capsys):
    before = warnings.showwarning
    assert run("warn", capsys) == (0, "", "warning: a record is damaged: it is left out\n")
    assert run("mistake", capsys) == (2, "", "error: give another\n")
    assert warnings.showwarning is before
    with pytest.raises(KeyError):
        run_command(command, "program", ["bug"])


@pytest.mark.parametrize(("how", "number"), [("ended", signal.SIGTERM), ("hung up", signal.SIGHUP)])
def test_what_ends_a_command_leaves_as_little_behind_as_ctrl_c(how, number, capsys):
    before = signal.getsignal(number)
    assert run(how, capsys)[:2] == (1, "tidied\n")
    assert signal.getsignal(number) is before


def test_nohup_is_respected(capsys):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run("hung up", capsys)[:2] == (0, "tidied\n")
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_value_is_named_in_a_line():
    assert [in_short(value) for value in ("a\n", [3, 7], np.int64(3))] == [r"'a\n'", "[3, 7]", repr(np.int64(3))]
    assert in_short(np.zeros((64, 28, 28, 1), np.uint8)) == "ndarray of uint8 [64, 28, 28, 1]"
    several = in_short((np.zeros((64, 28), np.uint8), None))
    assert several.startswith("(array([[0, 0, 0,") and "\n" not in several and len(several) < 110


def test_a_count_is_one_of_python_whoever_made_it():
    assert type(check_count("seed", np.int64(3), 0)) is int and check_count("seed", 3, 0, 3) == 3
    for wrong in (True, np.bool_(True), 3.0, np.float32(3), "3", None, np.uint8(4)):
        with pytest.raises(UserError, match="must be a whole number from 0 to 3"):
            check_count("seed", wrong, 0, 3)


def test_the_nearest_name():
    assert nearest("fdi", ["kid", "fid"]) == " Did you mean 'fid'?" and nearest("x", ["kid"]) == ""
    assert nearest("eyeGLASES", ["Hat", "Eyeglasses"]) == " Did you mean 'Eyeglasses'?"
