"""evaluate(): what stands in metrics.jsonl, what is compared, and what the command prints."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import click
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from written_runs import write_run

from dcgan_tf import cli
from dcgan_tf.compare.rows import describe_protocol
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation import evaluator as evaluation
from dcgan_tf.evaluation import features, summaries
from dcgan_tf.evaluation.evaluate import data_of, evaluate, record_line, table, table_frame, training_data
from dcgan_tf.evaluation.metrics import METRICS, describe_value, metric_of
from dcgan_tf.run import records
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import sample
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import DiskError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

# gwu's networks are the quickest to build, and to compile; these of 28x28, for the digits.
TINY = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "image_size": 28, "ema_images": 500}
TINY |= {"generator_learning_rate": 1e-6}  # D gets ahead, so that the bound on the divergence is above 0

pytestmark = pytest.mark.usefixtures("short_training", "compiled_once")


def quiet(text):
    pass


@pytest.fixture(scope="module", autouse=True)
def shorter_training(short_training):
    """How good the classifier is, nobody asks here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "_CLASSIFIER_STEPS", 40)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(
        "gwu", "mnist5k", tmp_path_factory.mktemp("runs") / "run", steps=4, overrides=TINY, progress=NoProgress()
    )


@pytest.fixture
def copy(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    return Run(tmp_path / "run")


# --- a run ------------------------------------------------------------------------------------------------


def test_a_line_of_metrics_jsonl(copy):
    line = evaluate(copy.path, "fid,kid,classes", samples=200, seeds=2, say=quiet)
    assert evaluate(copy, ["fid", "kid", "classes"], samples=200, seeds=2)["yardsticks"] == line["yardsticks"]
    first, second = copy.metrics()
    assert first["metrics"] == second["metrics"]
    assert {k: v for k, v in first.items() if "time" not in k and "seconds" not in k} == {
        k: v for k, v in line.items() if "seconds" not in k
    }
    assert set(line["metrics"]) == {"frechet_distance", "kernel_distance", "classes_covered"}  # no FID, no KID
    result = line["metrics"]["frechet_distance"]
    assert result["mean"] == pytest.approx(np.mean(result["values"])) and len(result["values"]) == 2
    assert result["std"] == pytest.approx(abs(np.diff(result["values"])[0]) / np.sqrt(2))
    assert (line["step"], line["epoch"], line["samples"], line["seeds"]) == (4, 1, 200, [0, 1])
    assert line["generator"] == "averaged" and line["features"]["name"] == "classifier"
    assert line["real"] == {
        "dataset": "mnist5k",
        "split": "all training images",
        "images": 5000,
        "fingerprint": copy.config["dataset"]["fingerprint"],
    }
    assert set(line["look"]) == {"spread", "neighbours", "copied"}
    assert line["alarms"] == []  # after four steps no generator can have begun
    text = table(line)
    assert table({**line, "alarms": ["alarm: of that kind"]}) == f"{text}\nalarm: of that kind"
    head, *rows = text.splitlines()
    heads = ["metric", "value", "real", "noise", "better", "features", "samples", "real", "images", "generator"]
    assert head.split() == heads
    beside = line["yardsticks"]
    assert beside["images"] == {"real": [4800, 200], "noise": [5000, 200]}
    assert "real: 200 real images in the place of generated ones, against 4,800 others; noise: 200 images" in text
    for title, row in zip(line["metrics"], rows, strict=False):
        result = line["metrics"][title]
        cells = [title, f"{describe_value(result['mean'])} +- {describe_value(result['std'])}"]
        cells += [describe_value(beside[what][title]) for what in ("real", "noise")]
        cells += [metric_of(title).better, line["features"]["description"], "200 x 2 seeds"]
        cells += ["5,000 of mnist5k, all training images", "averaged"]
        assert re.split(r"  +", row) == cells
    assert "no FID" in text and json.loads(copy.metrics_path.read_text().splitlines()[1]) == second


def test_metrics_of_pairs_name_the_images_that_they_used():
    """At most 10,000 of each side are kept; of the kernel distance they need not be equally many."""
    real = {"dataset": "cifar10", "split": "all training images", "images": 50_000, "fingerprint": "f" * 64}
    values = {title: {"mean": 1.0} for title in ("fid", "kid", "precision")}
    line = {"metrics": values, "features": {"description": "Inception"}, "seeds": [0], "real": real, "generator": "x"}
    for samples, of_kid, of_precision in ((50_000, (10_000,) * 2, (10_000,) * 2), (2000, (2000, 10_000), (2000,) * 2)):
        wanted = {"fid": (samples, 50_000), "kid": of_kid, "precision": of_precision}
        line |= {"samples": samples, "paired_images": [of_precision[0]] * 2}
        for row in table_frame(line).to_dict("records"):
            generated, compared = wanted[row["metric"]]
            assert (row["samples"], row["real images"].split()[0]) == (f"{generated:,}", f"{compared:,}")
            told = f"{compared:,} real against {generated:,}"
            assert describe_protocol(line, row["metric"]).endswith(told) == (row["metric"] != "fid")
    line["real"]["images"] = line["samples"] = 5000
    assert "against" not in describe_protocol(line, "kid")  # all of them


def test_the_images_are_those_of_sample(copy, monkeypatch):
    """Seeds are those of `sample`, and 50,000 images are never held at once."""
    seen = []
    add = summaries.Summary.add
    monkeypatch.setattr(summaries.Summary, "add", lambda self, images: (seen.append(images), add(self, images)))
    evaluate(copy, "js", features="pixels", samples=600, yardsticks=False, say=quiet)
    generated = np.concatenate(seen[-2:])
    assert np.array_equal(generated, sample(copy.path, 600, 0))
    assert max(map(len, seen)) <= 512


def test_real_statistics_are_computed_once(copy, monkeypatch):
    first = evaluate(copy, samples=100, say=quiet)
    monkeypatch.setattr(evaluation, "summarise", summaries.summarise)
    monkeypatch.setattr(summaries, "summarise", lambda *arguments, **options: 1 / 0)
    assert evaluate(copy, samples=100, say=quiet)["metrics"] == first["metrics"]
    asked = {metric.title for metric in METRICS.values() if metric.needs == "asked labels"}
    assert set(first["metrics"]) == {metric.title for metric in METRICS.values()} - asked and "labels" not in first
    monkeypatch.undo()
    some = evaluate(copy, "fid", samples=100, real_images=1000, yardsticks=False, say=quiet)
    assert some["real"]["images"] == 1000 and some["real"]["split"] == "training images, evenly spread"


def test_unlabelled_data_are_compared_by_their_pixels(tmp_path):
    run = train("gwu", "fake", tmp_path / "run", steps=1, overrides=TINY, progress=NoProgress())
    line = evaluate(run, samples=50)
    assert line["features"]["name"] == "pixels" and "pixels averaged to 16x16x1" in table(line)
    assert "classes_covered" not in line["metrics"] and "classifier_score" not in line["metrics"]
    assert "fid" not in line["metrics"] and "frechet_distance" in line["metrics"]


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"metrics": "fdi"}, "'fdi'.*'fid'"),
        ({"metrics": ","}, "names none"),
        ({"metrics": "classes", "features": "pixels"}, "'classes'.*classifier"),
        ({"metrics": "is", "features": "pixels"}, "'is'.*probabilities"),
        ({"metrics": "agreement"}, "'agreement'.*conditional=true"),
        ({"metrics": "js,within", "features": "classifier"}, "'within'.*conditional=true"),
        ({"features": "inceptoin"}, "'inceptoin'.*'inception'"),
        ({"features": "inception", "inception": "nowhere.pb"}, r"nowhere\.pb"),
        ({"samples": 0}, "samples=0"),
        ({"samples": 2.5}, "samples=2.5"),
        ({"seeds": 0}, "seeds=0"),
        ({"real_images": 1}, "real_images=1"),
        ({"dataset": "fake"}, "'fake'.*, are others.*--dataset"),
        ({"dataset": "nowhere"}, "nowhere"),
        ({"dataset": ""}, "unknown dataset ''"),
        ({"against": 5}, "dataset=5 must be a name or a path"),
        ({"metrics": (name for name in ["kid", "fdi"])}, "unknown metric 'fdi'. Did you mean 'fid'"),
        ({"metrics": 5}, "unknown metric '5'"),
        ({"split": "test"}, "'mnist5k' has no test images.*cifar10.*--against"),
        ({"split": "tset"}, "'tset'.*'test'"),
        ({"split": "test", "against": "fake"}, "one of the two"),
        ({"against": "nowhere"}, "nowhere"),
        ({"best": True}, "best_generator.keras.*--evaluate-every"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(copy, settings, words):
    with pytest.raises(UserError, match=words) as error:
        evaluate(copy.path, **{"metrics": "fid", "features": "pixels", **settings}, say=quiet)
    assert "\n" not in str(error.value) and not copy.metrics_path.exists()


def test_a_discriminator_of_another_run_is_said(copy):
    layers = keras.layers
    keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(1)]).save(copy.discriminator_path)
    with pytest.raises(UserError, match=r"discriminator\.keras' is of another run, for images of 32x32x3 without"):
        evaluate(copy, "bound", features="pixels", samples=50, say=quiet)
    said = []
    assert set(evaluate(copy, features="pixels", samples=50, yardsticks=False, say=said.append)["metrics"])
    assert any(line.startswith("left out: bound (") for line in said)


def test_data_that_moved_are_asked_for(copy):
    config = json.loads(copy.config_path.read_text())
    config["dataset"]["name"] = "moved/faces.zip"
    copy.write_config(config)
    with pytest.raises(UserError, match=r"moved/faces\.zip.*--dataset"):
        evaluate(copy.path, samples=50)
    assert evaluate(copy, "js", samples=50, dataset="mnist5k", say=quiet)["step"] == 4


def test_data_are_known_by_their_fingerprint_wherever_they_lie_and_by_their_shape(copy):
    data = load_dataset("mnist5k")
    for moved in (data.changed(name="elsewhere"), data.changed(labels=None, label_names=None)):
        run = SimpleNamespace(path="run", config={"dataset": {**copy.config["dataset"], "name": "gone"}, "recipe": {}})
        run.config["dataset"]["fingerprint"] = moved.fingerprint
        assert training_data(run, data).fingerprint == data.fingerprint
    colour = np.repeat(data.images[:9], 3, axis=-1)
    run.config["dataset"]["fingerprint"] = ""  # an older version's, which did not look
    assert training_data(run, "mnist5k").images is not None
    with pytest.raises(UserError, match=r"'rgb' is not what .* \(images of 28x28x3, not 28x28x1\): .* --dataset"):
        training_data(run, Dataset("rgb", colour))


def test_images_that_were_not_trained_on(monkeypatch, tmp_path, digits):
    """Keras' named data have test images; the classifier and the alarms still know those of the training."""
    train_part, test_part = (digits.images[::2], digits.labels[::2]), (digits.images[1::2], digits.labels[1::2])
    squeezed = tuple((images[..., 0], labels) for images, labels in (train_part, test_part))
    monkeypatch.setattr("keras.datasets.mnist.load_data", lambda: squeezed)
    sure = {**TINY, "generator_learning_rate": 1e-6}  # D gets ahead, so that the bound is above 0
    run = train("gwu", "mnist", tmp_path / "run", steps=20, overrides=sure, progress=NoProgress())
    own = evaluate(run, "fid,bound", samples=50, yardsticks=False, say=quiet)
    test = evaluate(run, "fid,bound", samples=50, split="test", real_images=400, yardsticks=False, say=quiet)
    assert own["real"]["split"] == "all training images" and test["real"]["split"] == "test images, evenly spread"
    assert (own["real"]["images"], test["real"]["images"]) == (500, 400)
    assert own["real"]["fingerprint"] != test["real"]["fingerprint"] and "test images" in table(test)
    assert own["features"] == test["features"] and own["look"] == test["look"]
    assert all(own["metrics"][name] != test["metrics"][name] for name in own["metrics"])
    other = digits.changed(name="more", images=test_part[0], labels=test_part[1], fingerprint="other")
    against = evaluate(run, "fid", samples=50, against=other, yardsticks=False, say=quiet)
    assert against["real"]["dataset"] == "more" and against["real"]["split"] == "all images of another dataset"
    same = evaluate(run, "fid", samples=50, against="mnist", yardsticks=False, say=quiet)
    assert same["real"]["split"] == "all training images"  # whatever they were called
    with pytest.raises(UserError, match="14x14x1, not 28x28x1"):
        evaluate(run, "fid", samples=50, against=digits.changed(images=digits.images[:, ::2, ::2], fingerprint="s"))


# --- the command line -------------------------------------------------------------------------------------


def run_cli(*arguments):
    """(status, stdout, stderr) of `python -m dcgan_tf ...`, in this process."""
    result = CliRunner().invoke(click.command()(lambda: cli.main([str(argument) for argument in arguments])), [])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_the_table(copy):
    arguments = ["evaluate", copy.path, "--metrics", "fid,js", "--samples", 100, "--features", "pixels"]
    status, output, error = run_cli(*arguments, "--no-progress")
    assert status == 0 and error == "measuring real images and noise in the same way, once, to compare with\n"
    assert output == table(copy.metrics()[-1]) + "\n" and "pixels averaged to 16x16x1" in output
    assert run_cli("evaluate", "--help")[0] == 0


def test_what_cannot_be_recorded_is_shown(copy, monkeypatch):
    def refuse(path, *text):
        raise DiskError(f"cannot write {path.name!r}: the disk is read-only")

    monkeypatch.setattr(records, "append_line", refuse)
    settings = {"metrics": "js", "samples": 100, "features": "pixels", "yardsticks": False}
    with pytest.warns(UserWarning, match="^the evaluation is not recorded: cannot write 'metrics.jsonl': the disk is"):
        line = evaluate(copy, **settings, bar=False)
    arguments = ["--metrics", "js", "--samples", 100, "--features", "pixels", "--no-yardsticks", "--no-progress"]
    status, output, error = run_cli("evaluate", copy.path, *arguments)
    assert status == 2 and output == table(line) + "\n" and not copy.metrics_path.exists()
    assert error == "error: the evaluation is not recorded: cannot write 'metrics.jsonl': the disk is read-only\n"


def test_what_was_measured_of_a_run_is_not_recorded_in_another_one_of_its_name(copy, tmp_path):
    run = Run(copy.path)
    line = evaluate(run, "js", samples=100, features="pixels", yardsticks=False, bar=False, record=False)
    copy.path.rename(tmp_path / "moved")
    with pytest.raises(UserError, match=r"^the evaluation is not recorded: .* is not a run directory"):
        record_line(run, line)
    other = write_run(copy.path)
    with pytest.raises(UserError, match=r"^the evaluation is not recorded: another run is in .* by now: evaluate the"):
        record_line(run, line)
    assert not other.metrics_path.exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--metrics", "fdi"], "'fdi'"),
        (["--features", "incepton"], "'inception'"),
        (["--samples", "many"], "many"),
        (["--samples", "-1"], "samples=-1"),
        (["--metric", "fid"], "--metric"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(copy, arguments, words):
    status, output, error = run_cli("evaluate", copy.path, *arguments)
    assert status == 2 and output == "" and words in error and len(error.strip().splitlines()) == 1
    assert run_cli("evaluate", copy.path / "nowhere", *arguments)[0] == 2


def test_the_data_of_a_run_are_read_as_they_were_for_it(tmp_path):
    (tmp_path / "xray").mkdir()
    for index in range(3):
        values = np.random.default_rng(index).integers(0, 4096, (20, 20)).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / "xray" / f"{index}.png")
    trained_on = load_dataset(tmp_path / "xray", image_size=20, stretch=True)
    recorded = {"name": trained_on.name, "image_shape": [20, 20, 1], "stretch": True, "all_frames": False}
    run = SimpleNamespace(path="run", config={"dataset": recorded, "recipe": {"channels": 1}})
    assert data_of(run).fingerprint == trained_on.fingerprint
    prepared = Path(trained_on.images.path).parent  # what was prepared is stretched already
    assert data_of(run, str(prepared)).fingerprint == trained_on.fingerprint
