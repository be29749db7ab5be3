"""Settings in YAML files of every shape: taken, or refused in one line before they take memory."""

from pathlib import Path

import pytest

from dcgan_tf.sweeps.plan import plan_sweep
from dcgan_tf.sweeps.yaml_file import read_yaml, typed_over
from dcgan_tf.system.errors import UserError

MNIST = Path(__file__).parents[2] / "notebooks" / "mnist.ipynb"


def test_a_yaml_file_holds_a_grid_and_named_combinations(tmp_path):
    (tmp_path / "sweep.yaml").write_text(
        "epochs: [5, 10]\nwidth: 16\nruns:\n  paper: {learning_rate: 2e-4, epochs: 5}\n  fast: {batch_size: 128}\n"
    )
    settings, named = read_yaml(tmp_path / "sweep.yaml")
    found = plan_sweep(MNIST, settings, named)
    assert [run.name for run in found] == ["paper", "fast-epochs=5", "fast-epochs=10"]
    assert found[0].parameters == {"width": 16, "learning_rate": 2e-4, "epochs": 5}
    (tmp_path / "sweep.yaml").write_text("runs:\n  a: &a {epochs: 1}\n  b: {<<: *a, width: 8}\n")
    assert read_yaml(tmp_path / "sweep.yaml") == ({}, {"a": {"epochs": 1}, "b": {"epochs": 1, "width": 8}})
    with pytest.raises(UserError, match="there is no file"):
        read_yaml(tmp_path / "none.yaml")


def test_what_is_typed_takes_the_place_of_the_files_and_is_refused_where_a_combination_has_fixed_it():
    given, named = {"epochs": [5, 20]}, {"paper": {"batch_size": 128}, "fast": {"loss": "hinge"}}
    assert typed_over(given, named, {"epochs": ["7"], "width": ["8"]}) == {"epochs": ["7"], "width": ["8"]}
    with pytest.raises(UserError, match=r"batch_size=32,64 would not reach .* has fixed, paper \(128\): change it"):
        typed_over(given, named, {"batch_size": ["32", "64"]})


def test_a_name_of_runs_that_yaml_reads_as_something_else_is_refused(tmp_path):
    def names_of(runs):
        (tmp_path / "sweep.yaml").write_text(f"runs: {runs}")
        return [run.name for run in plan_sweep(MNIST, *read_yaml(tmp_path / "sweep.yaml"))]

    for runs, name in (("{off: {width: 8}}", "False"), ("{~: {}}", "None"), ("{1: {width: 8}, '1': {}}", "1")):
        with pytest.raises(UserError, match=f"^runs: one of its names is read as {name}, which is no text: put quotes"):
            names_of(runs)
    assert names_of("{'off': {width: 8}, 1: {width: 4}}") == ["off", "1"]


def aliases_of_aliases(depth=40):
    """Forty lines that stand for 10 to the power of 40 numbers."""
    lines = ["a0: &a0 [1, 2]"] + [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(depth)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text, message",
    [
        ("epochs: [5", "is not YAML: while parsing a flow sequence"),
        ("a: 1\n---\nb: 2", "is not YAML: expected a single document"),
        ("epochs: !!python/object/apply:os.getcwd []", "is not YAML: could not determine a constructor"),
        ("", "must hold settings, a line each"),
        ("[1, 2]", "must hold settings, a line each"),
        ("runs: [a, b]", r"runs: in .* must be named combinations, .* not \['a', 'b'\]"),
        ("runs: text", "runs: in .* must be named combinations, .* not 'text'"),
        ("epochs: 1\nepochs: 2", r"'epochs' stands there twice \(line 1 and below\)"),
        ("runs: {on: {width: 8}, yes: {width: 4}}", "True stands there twice .* put quotes around what is meant"),
        ("runs: {1: {width: 8}, 01: {width: 4}}", "1 stands there twice"),
        ("epochs: &e [*e]", "line 1 has an alias of what it is a part of"),
        (aliases_of_aliases(), "with its aliases it stands for more than 10,000 values"),
        ("epochs: " + "[" * 3000, "nested too deeply"),
        ("dataset: 2026-01-01", r"dataset in .* must hold texts, .* not datetime\.date\(2026, 1, 1\)"),
        ("classes: !!set {1, 2}", r"classes in .* must hold texts, .* not \{1, 2\}"),
        ("latent_stds: [.nan]", r"latent_stds in .* must hold texts, .* not \[nan\]"),
        ("epochs: !!bool maybe", "a value is not of the kind that its tag"),
        ("epochs: 2026-13-13", "cannot be read: month must be in 1..12"),
        ("#" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
    ids=range(19),
)
def test_odd_files_are_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_yaml(tmp_path / "sweep.yaml")
    assert "\n" not in str(caught.value)
