"""The command line as a person types it: statuses, one line for a mistake, nothing half-written."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import numpy as np
import pytest
from commands import TINY, run_cli

from dcgan_tf import cli
from dcgan_tf.commands.basics import PATH
from dcgan_tf.data.decoding import decode
from dcgan_tf.data.named import FAKE, NAMED
from dcgan_tf.evaluation.metrics import METRICS
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import sample
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

MNIST = Path(__file__).parents[1] / "notebooks" / "mnist.ipynb"
SET = [f"--set={name}={value}" for name, value in TINY.items()]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    # Large initial weights: four steps leave the others' images so gray that two seeds' cannot be told apart.
    changes = {**TINY, "image_size": 8, "initial_std": 0.3}
    return train(
        "gwu", "fake", tmp_path_factory.mktemp("runs") / "run", steps=4, overrides=changes, progress=NoProgress()
    )


def test_train_sample_and_help_in_processes_of_their_own(tmp_path):
    python = [sys.executable, "-m", "dcgan_tf"]
    command = [
        *python,
        "train",
        "--recipe",
        "gwu",
        "--set",
        "image_size=8",
        "--dataset",
        "fake",
        "--run-dir",
        str(tmp_path / "run"),
        "--epochs",
        "2",
        *SET,
    ]
    trained = subprocess.run(command, capture_output=True, text=True)
    assert trained.returncode == 0, trained.stderr
    lines = trained.stdout.splitlines()
    epochs = [line.split("  ")[0] for line in lines if line.startswith("epoch")]
    assert list(dict.fromkeys(epochs)) == ["epoch 1/2", "epoch 2/2"]  # a slow machine says more of each
    assert lines[-1] == str(tmp_path / "run")
    assert trained.stderr == ""
    mistake = subprocess.run([*python, "train", "--recipe", "qick"], capture_output=True, text=True)
    assert mistake.returncode == 2 and mistake.stdout == ""
    assert mistake.stderr.startswith("error: unknown recipe 'qick'. Did you mean 'quick'?")
    assert len(mistake.stderr.splitlines()) == 1


def test_the_fields_that_can_be_set_are_those_of_the_recipe_with_its_values():
    shown = {recipe: run_cli("train", "--list-fields", "--recipe", recipe)[1] for recipe in ("quick", "rpi")}
    fields = {recipe: {line.split()[0]: line for line in text.splitlines()} for recipe, text in shown.items()}
    assert "discriminator_kernel" in fields["rpi"] and "discriminator_kernel" not in fields["quick"]
    weights = [fields[recipe]["discriminator_loss_weight"] for recipe in ("quick", "rpi")]
    assert [line.endswith(f"{value})") for line, value in zip(weights, (1.0, 0.5), strict=True)] == [True, True]


def test_a_runs_folder_is_named_after_all_that_makes_it_another_run(monkeypatch):
    started = []
    monkeypatch.setattr("dcgan_tf.training.train.train", lambda *run, **_: started.append(run[2]) or Run(run[2]))
    switches = ([], ["--resize"], ["--drop-small", "--stretch"], ["--all-frames", "--set=width=8", "--steps=5"])
    assert [run_cli("train", "--dataset=pets", *switched)[0] for switched in switches] == [0, 0, 0, 0]
    changes = ("", "resize=True-", "drop_small=True-stretch=True-", "all_frames=True-width=8-")
    assert [Path(path).name for path in started] == [f"pets-quick-{change}seed0" for change in changes]


def test_recipes_prints_the_table():
    status, output, _ = run_cli("recipes")
    assert status == 0
    for words in ("quick_colour", "18,920,320", "1,045,633", "18,421,507", "795,009", "698,049", "64x64x3", "Radford"):
        assert words in output
    assert len(output.splitlines()) == 13


def test_recipes_measures_its_time_on_request():
    status, output, _ = run_cli("recipes", "--time", "gwu")
    assert status == 0
    head, row = output.splitlines()
    name, size, batch, seconds, rate = row.split()
    assert "seconds per 1,000 images" in head and (name, size, batch) == ("gwu", "32x32x3", "64")
    assert abs(float(seconds) * float(rate) - 1000) < 50
    assert run_cli("recipes", "--time", "gwo")[0] == 2


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["sample", "--help"], ["train", "--list-fields"], ["--version"]]
)
def test_help(arguments):
    status, output, _ = run_cli(*arguments)
    assert status == 0 and output


@pytest.mark.parametrize(("command", "names"), [("evaluate", METRICS), ("train", [*NAMED, FAKE])])
def test_help_names_all_there_are(command, names):
    """As texts of its own, so that it need not wait for NumPy."""
    words = re.findall(r"\w+", run_cli(command, "--help")[1])
    assert set(names) <= set(words)


def test_sample_is_deterministic_by_seed(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run_cli("sample", run.path, "--count", 70, "--seed", seed, "--output", tmp_path / f"{name}.npy")[0] == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy", allow_pickle=False) for name in "abc")
    assert a.dtype == np.uint8 and a.shape == (70, 8, 8, 1)
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert np.array_equal(sample(run.path, 3, 1), a[:3])  # an image does not depend on how many are drawn
    assert np.array_equal(sample(run.generator_path, 3, 1), a[:3])
    spread = [sample(run.path, 50, latent_std=std).astype(float).std(axis=0).mean() for std in (0.0, 0.1, 1.0)]
    assert spread[0] == 0 <= spread[1] < spread[2]


def test_sample_writes_a_folder_or_a_grid(run, tmp_path):
    assert run_cli("sample", run.path, "--count", 5, "--output", tmp_path / "deep" / "images")[0] == 0
    files = sorted((tmp_path / "deep" / "images").iterdir())
    assert [file.name for file in files] == [f"{index:04d}.png" for index in range(5)]
    assert np.array_equal(np.stack([decode(file) for file in files]), sample(run.path, 5))
    assert run_cli("sample", run.path, "--count", 5, "--output", tmp_path / "grid.png")[0] == 0
    assert decode(tmp_path / "grid.png").shape == (2 * 10 + 2, 3 * 10 + 2, 1)
    assert run_cli("sample", run.path, "--count", 5, "--output", tmp_path / "GRID.PNG")[0] == 0
    assert (tmp_path / "GRID.PNG").read_bytes() == (tmp_path / "grid.png").read_bytes()
    assert run_cli("sample", run.path, "--count", 5, "--output", tmp_path / "A.NPY")[0] == 0
    assert np.load(tmp_path / "A.NPY", allow_pickle=False).shape == (5, 8, 8, 1)
    status, _, error = run_cli("sample", run.path, "--output", tmp_path / "deep" / "images")
    assert status == 2 and "not empty" in error


def test_an_empty_folder_is_filled_where_it_is(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_cli("sample", run.path, "--count", 2, "--output", ".")[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["0000.png", "0001.png"]


def test_a_path_may_begin_with_the_home_folder_behind_an_equals_sign_too(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))  # Windows
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    assert run_cli("sample", run.path, "--count=1", "--output=~/a.npy")[0] == 0 and (home / "a.npy").is_file()
    shutil.copytree(run.path, home / "run")
    assert len(sample("~/run", 2, output="~/b")) == 2 and (home / "b").is_dir()
    status, _, error = run_cli("train", "--dataset=fake", "--run-dir=~/b", "--epochs=1")
    assert status == 2 and str(home / "b") in error and "not a run directory" in error
    status, output, _ = run_cli("sweep", MNIST, "epochs=1", "--results-dir=~/swept", "--dry-run")
    assert status == 0 and str(home / "swept") in output
    (home / "sweep.yaml").write_text("epochs: [1, 2]")
    assert run_cli("sweep", MNIST, "--from=~/sweep.yaml", "--results-dir=~/swept", "--dry-run")[0] == 0
    assert not (tmp_path / "~").exists()
    status, _, error = run_cli("look", "~no-such-user/x")
    assert status == 2 and "nothing at '~no-such-user/x'" in error
    options = [option for command in cli.cli.commands.values() for option in command.params]
    paths = {option.name for option in options if option.type is PATH}
    assert {"run", "run_dir", "results_dir", "output", "web", "onnx", "saved_model", "notebook", "file"} < paths
    assert not [option for option in options if isinstance(option.type, click.Path) and option.type is not PATH]


def _mistakes(folder):
    """What a user may get wrong: (arguments, words of the answer)."""
    text, empty, cut = folder / "text.txt", folder / "empty", folder / "cut.zip"
    text.write_text("not a run")
    empty.mkdir()
    with zipfile.ZipFile(folder / "whole.zip", "w") as archive:
        archive.writestr("a.txt", "x" * 5000)
    cut.write_bytes((folder / "whole.zip").read_bytes()[:60])
    (folder / "broken.keras").write_bytes(b"no archive")
    run = folder / "run"
    train_ = ["train", "--run-dir", folder / "new", "--dataset", "fake"]
    return [
        (["trian"], ["'trian'", "'train'"]),
        ([*train_, "--recipe", "tutorail"], ["'tutorail'", "'tutorial'"]),
        ([*train_[:3], "--dataset", "minst"], ["'minst'", "mnist"]),
        ([*train_[:3], "--dataset", folder / "nowhere"], ["nowhere"]),
        ([*train_[:3], "--dataset", empty], ["empty"]),
        ([*train_[:3], "--dataset", text], ["text.txt"]),
        ([*train_[:3], "--dataset", cut], ["cut.zip"]),
        ([*train_, "--epochs", "ten"], ["'ten'", "--epochs"]),
        ([*train_, "--epochs", "2.5"], ["2.5"]),
        ([*train_, "--epochs", "0"], ["epochs=0"]),
        ([*train_, "--epochs", "-3"], ["epochs=-3"]),
        ([*train_, "--epochs", "1", "--steps", "1"], ["one of the two"]),
        ([*train_, "--steps", "0"], ["steps=0"]),
        ([*train_, "--max-seconds", "-1"], ["max_seconds=-1"]),
        ([*train_, "--max-seconds", "nan"], ["nan"]),
        ([*train_, "--batch-size", "0"], ["batch_size=0"]),
        ([*train_, "--batch-size", "5000"], ["5000"]),
        ([*train_, "--batch-size", "many"], ["many"]),
        ([*train_, "--learning-rate", "nan"], ["nan"]),
        ([*train_, "--learning-rate", "-1e-3"], ["-0.001"]),
        ([*train_, "--learning-rate", "inf"], ["inf"]),
        ([*train_, "--seed", "-1"], ["seed=-1"]),
        ([*train_, "--seed", "x"], ["'x'"]),
        ([*train_, "--checkpoint-seconds", "-1"], ["checkpoint_seconds=-1"]),
        ([*train_, "--set", "widht=3"], ["'widht'", "'width'"]),
        ([*train_, "--set", "width"], ["FIELD=VALUE"]),
        ([*train_, "--set", "width=wide"], ["'wide'", "whole number"]),
        ([*train_, "--set", "width=0"], ["width=0"]),
        ([*train_, "--set", "width=1", "--set", "width=2"], ["twice"]),
        ([*train_, "--set", "loss=wgan"], ["'wgan'", "wasserstein"]),
        ([*train_, "--set", "latent_dim=0"], ["latent_dim=0"]),
        ([*train_, "--set", "latent_std=-1"], ["latent_std=-1"]),
        ([*train_, "--set", "dropout=1.5"], ["dropout=1.5"]),
        ([*train_[:3], "--dataset", "mnist5k", "--recipe", "sapienza"], ["28x28x1", "64x64x3", "--resize"]),
        ([*train_, "--set", "image_size=20"], ["20"]),
        ([*train_, "--recipe", "vrdl", "--set", "image_size=128"], ["128x128x3", "64x64x3"]),
        ([*train_, "--set", "classes=7"], ["classes", "fake"]),
        ([*train_, "--epoch", "3"], ["--epoch"]),
        (["train", "--run-dir", text, "--dataset", "fake"], ["text.txt", "is a file"]),
        (["train", "--run-dir", text / "run", "--dataset", "fake"], ["text.txt"]),
        (["train", "--run-dir", folder, "--dataset", "fake"], ["not a run directory"]),
        (["sample", empty, "--output", folder / "x.npy"], ["empty", "not a run directory"]),
        (["sample", folder / "nowhere", "--output", folder / "x.npy"], ["nowhere"]),
        (["sample", folder / "broken.keras", "--output", folder / "x.npy"], ["broken.keras", "damaged"]),
        (["sample", folder / "no.keras", "--output", folder / "x.npy"], ["no.keras"]),
        (
            ["sample", run / "discriminator.keras", "--output", folder / "x.npy"],
            ["discriminator.keras", "a generator takes latents"],
        ),
        (["sample", run, "--count", "0", "--output", folder / "x.npy"], ["count=0"]),
        (["sample", run, "--seed", "-1", "--output", folder / "x.npy"], ["seed=-1"]),
        (["sample", run, "--latent-std", "nan", "--output", folder / "x.npy"], ["nan"]),
        (["sample", run, "--latent-std", "1e39", "--output", folder / "x.npy"], ["latent_std=1e+39", "0 to 3.4e+38"]),
        (["sample", run, "--latent-mean", "-1e39", "--output", folder / "x.npy"], ["latent_mean=-1e+39"]),
        (["sample", run, "--count", 10**12, "--output", folder / "x.npy"], ["1,000,000,000,000 images", "memory"]),
        (["sample", run, "--count", 10**22, "--output", folder / "x.npy"], ["count=", "to 1000000000000"]),
        (["explore", run, "--means", "1e39"], ["means='1e39'"]),
        (["sample", run, "--output", folder / "x.jpg"], [".jpg", ".png"]),
        (["sample", run], ["--output"]),
        (["sample", run, "--output", "x" * 5000], ["'xxx", "name too long"]),
        (["sample", "x" * 5000, "--output", folder / "x.npy"], ["'xxx", "name too long"]),
        (["gallery", ""], ["RESULTS_DIR is empty"]),
        (["evaluate", run, "--dataset", ""], ["--dataset is empty"]),
        (["explore", run, "--project", ""], ["--project is empty"]),
        ([*train_, "--epochs", 10**22], ["epochs=", "at most"]),
        ([*train_, "--log-every", 10**22], ["log_every=", "to 1000000000000"]),
    ]


def test_a_mistake_is_one_line_status_2_and_nothing_written(tmp_path, run):
    (tmp_path / "run").symlink_to(run.path)
    mistakes = _mistakes(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    wrong = []
    for arguments, words in mistakes:
        status, output, error = run_cli(*arguments)
        lines = error.strip().splitlines()
        if status != 2 or len(lines) != 1 or output or not all(word in error for word in words):
            wrong.append((arguments[0], arguments[3:], status, output, error))
        if sorted(tmp_path.rglob("*")) != before:
            wrong.append((arguments, "left", set(tmp_path.rglob("*")) - set(before)))
            break
    assert wrong == []


def test_a_damaged_generator_is_named(tmp_path, run):
    data = run.generator_path.read_bytes()
    for length in (0, 100, len(data) // 2, len(data) - 10):
        (tmp_path / "cut.keras").write_bytes(data[:length])
        status, _, error = run_cli("sample", tmp_path / "cut.keras", "--output", tmp_path / "x.npy")
        assert status == 2 and "cut.keras" in error and len(error.splitlines()) == 1
    assert not (tmp_path / "x.npy").exists()


def test_a_mistake_of_ours_shows_where(monkeypatch, run):
    monkeypatch.setattr("dcgan_tf.run.sampling.load_generator", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["sample", str(run.path), "--output", "never.npy"])
