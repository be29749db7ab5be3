"""evaluate(): numbers that must come out, what stands in metrics.jsonl, and that a training does not notice."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dcgan_tf import cli
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation import evaluator as evaluation
from dcgan_tf.evaluation import features, metrics, summaries
from dcgan_tf.evaluation.evaluate import data_of, evaluate, table
from dcgan_tf.evaluation.evaluator import Evaluator
from dcgan_tf.evaluation.metrics import METRICS, describe_value, metric_of
from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import sample
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

TINY = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9}


def quiet(text):
    pass


@pytest.fixture(scope="module", autouse=True)
def short_training(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCGAN_TF_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(features, "_CLASSIFIER_STEPS", 120)
        patch.setattr(evaluation, "KERNEL_BLOCKS", 5)
        yield


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("mnist5k", limit=1000)
    rows = np.random.default_rng(0).permutation(1000)  # they come sorted
    return data.changed(images=data.images[rows], labels=data.labels[rows], fingerprint="shuffled digits")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(
        "quick", "mnist5k", tmp_path_factory.mktemp("runs") / "run", steps=4, overrides=TINY, progress=NoProgress()
    )


@pytest.fixture
def copy(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    return Run(tmp_path / "run")


def shows(images, size=400):
    """A generator that shows these images, in batches of uneven size."""
    return lambda seed: (images[start : start + size] for start in range(0, len(images), size))


# --- what must come out -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluator(digits):
    names = [name for name in METRICS if name != "bound"]
    return Evaluator(digits, names, samples=len(digits), say=quiet)


def results(evaluator, images):
    line = evaluator.measure(shows(images))
    return {name: result["mean"] for name, result in line["metrics"].items()}, line


def test_real_images_are_perfect(evaluator, digits):
    found, line = results(evaluator, digits.images)
    assert found["frechet_distance"] == pytest.approx(0, abs=1e-8)
    assert found["precision"] == found["recall"] == found["coverage"] == 1
    assert found["intensity_divergence"] == pytest.approx(0, abs=1e-12)
    assert found["classes_covered"] == 10 and line["missing_classes"] == []
    assert abs(found["kernel_distance"]) < 0.2  # unbiased for other images; for the same ones below 0
    assert found["classifier_score"] > 5 and found["classifier_confidence"] > 0.8


def test_a_generator_of_one_digit_is_seen_through(evaluator, digits):
    good, _ = results(evaluator, digits.images)
    ones = digits.images[digits.labels == 1]
    bad, line = results(evaluator, np.resize(ones, digits.images.shape))
    assert bad["classes_covered"] <= 2 and "7" in line["missing_classes"] and "1" not in line["missing_classes"]
    assert bad["recall"] < 0.3 and bad["coverage"] < 0.3 and bad["classifier_score"] < 2
    assert bad["frechet_distance"] > 20 and bad["kernel_distance"] > 10 * abs(good["kernel_distance"])
    assert "missing classes: " in table({**line, "generator": "averaged"})


def test_equal_numbers_are_compared_where_papers_compare_equal_numbers(digits):
    """One distribution against itself is covered, whichever side has more images."""
    found = {}
    for real, generated in ((300, 300), (300, 700), (700, 300)):
        rows = np.random.default_rng(2).permutation(1000)
        half = digits.changed(images=digits.images[rows[:real]], labels=digits.labels[rows[:real]])
        evaluator = Evaluator(half, "precision,recall,density,coverage", "pixels", samples=generated, say=quiet)
        line = evaluator.measure(shows(digits.images[rows[1000 - generated :]]))
        assert line["paired_images"] == [300, 300]
        found[real, generated] = [result["mean"] for result in line["metrics"].values()]
        for row in table({**line, "generator": "averaged"}).splitlines()[1:5]:
            assert re.split(r"  +", row)[4:6] == ["300", "300 of mnist5k, all training images"]
    np.testing.assert_allclose(found[300, 700], found[300, 300], atol=0.07)
    np.testing.assert_allclose(found[700, 300], found[300, 300], atol=0.07)


def test_parts_of_a_mean_have_a_deviation(evaluator, digits):
    line = evaluator.measure(shows(digits.images))
    expected = metrics.kernel_distance(evaluator.real.features, evaluator.real.features, 5, 1000)
    assert line["metrics"]["kernel_distance"]["part_stds"] == [pytest.approx(expected.std)]
    score = metrics.inception_score(evaluator.network(digits.images)[1], 10)
    assert line["metrics"]["classifier_score"]["part_stds"] == [pytest.approx(score.std, rel=1e-4)]
    assert f" +- {describe_value(score.std)} between parts" in table({**line, "generator": "averaged"})


LEFT_OUT = {1: "fid kid precision recall density coverage", 2: "precision recall density coverage",
            4: "density coverage", 5: "density coverage", 6: ""}  # fmt: skip


@pytest.mark.parametrize("count", LEFT_OUT)
def test_what_so_few_real_images_do_not_allow_is_left_out_by_name(digits, count):
    few, said = Dataset("few", digits.images[:count]), []
    evaluator = Evaluator(few, None, "pixels", samples=20, say=said.append)
    line = evaluator.measure(shows(digits.images[:20]))
    everything = ["fid", "kid", "precision", "recall", "density", "coverage", "js"]
    assert evaluator.names == [name for name in everything if name not in LEFT_OUT[count].split()]
    assert len(said) == bool(LEFT_OUT[count]) and all(name in said[0] for name in LEFT_OUT[count].split())
    assert all(np.isfinite(result["mean"]) for result in line["metrics"].values())
    assert ("look" in line) == (count > 1)
    if LEFT_OUT[count]:
        with pytest.raises(UserError, match="too few images"):
            Evaluator(few, LEFT_OUT[count].split()[-1], "pixels", samples=20, say=said.append)


def test_halves_of_the_real_data_are_near_and_noise_is_far(digits):
    images = digits.images
    half = Evaluator(digits, ["fid", "js"], samples=500, say=quiet)
    near, _ = results(half, images[np.arange(1000) % 2 == 0])
    far, _ = results(half, np.random.default_rng(0).integers(0, 256, (500, 28, 28, 1), np.uint8))
    assert near["frechet_distance"] < far["frechet_distance"] / 20
    assert near["intensity_divergence"] < 0.001 and far["intensity_divergence"] > 0.3


def test_the_size_of_the_batches_changes_nothing(digits):
    evaluator = Evaluator(digits, "fid,is,precision,recall,classes,confidence,js", samples=1000, say=quiet)
    rows = np.random.default_rng(1).permutation(1000)
    one, other = (evaluator.measure(shows(digits.images[rows], size))["metrics"] for size in (1000, 37))
    for name in one:
        assert one[name]["mean"] == pytest.approx(other[name]["mean"], rel=1e-9, abs=1e-9), name


def test_kept_features_are_spread_and_bounded(evaluator, digits, monkeypatch):
    summary = summaries.summarise(evaluator.network, shows(digits.images, 100)(0), 1000, keep=50)
    assert summary.features.shape == (50, evaluator.network.dimension)
    expected = evaluator.network(digits.images[[0, 999]])[0]
    np.testing.assert_allclose(summary.features[[0, -1]], expected, rtol=1e-4, atol=1e-4)
    assert summary.gaussian.count == 1000


def test_a_discriminator_that_sees_all_proves_the_whole_divergence(digits):
    inverted = 255 - digits.images
    judge = lambda images: np.where(images.reshape(len(images), -1).mean(axis=1) < 128, 30.0, -30.0)[:, None]  # noqa: E731
    found = Evaluator(digits, "bound,js", "pixels", samples=1000, discriminator=judge).measure(shows(inverted))
    assert found["metrics"]["divergence_bound"]["mean"] == pytest.approx(np.log(2), abs=1e-6)
    blind = Evaluator(
        digits, ["bound"], "pixels", samples=1000, discriminator=lambda images: np.zeros((len(images), 1))
    )
    assert blind.measure(shows(inverted))["metrics"]["divergence_bound"]["mean"] == 0


# --- a run ------------------------------------------------------------------------------------------------


def test_a_line_of_metrics_jsonl(copy):
    line = evaluate(copy.path, "fid,kid,classes", samples=200, seeds=2, say=quiet)
    assert evaluate(copy, ["fid", "kid", "classes"], samples=200, seeds=2)["metrics"] == line["metrics"]
    first, second = copy.metrics()
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
    assert set(line["look"]) == {"spread", "neighbours", "copied"} and len(line["alarms"]) == 1
    assert line["alarms"][0].startswith("alarm: mode collapse since step 4 (")  # four steps make nothing
    text = table(line)
    assert line["alarms"][0] in text
    head, *rows = text.splitlines()
    assert head.split() == ["metric", "value", "better", "features", "samples", "real", "images", "generator"]
    for title, row in zip(line["metrics"], rows, strict=False):
        result = line["metrics"][title]
        cells = [title, f"{describe_value(result['mean'])} +- {describe_value(result['std'])}"]
        cells += [metric_of(title).better, line["features"]["description"], "200 x 2 seeds"]
        cells += ["5,000 of mnist5k, all training images", "averaged"]
        assert re.split(r"  +", row) == cells
    assert "no FID" in text and json.loads(copy.metrics_path.read_text().splitlines()[1]) == second


def test_the_images_are_those_of_sample(copy, monkeypatch):
    """Seeds are those of `sample`, and 50,000 images are never held at once."""
    seen = []
    add = summaries.Summary.add
    monkeypatch.setattr(summaries.Summary, "add", lambda self, images: (seen.append(images), add(self, images)))
    evaluate(copy, "js", features="pixels", samples=600, say=quiet)
    generated = np.concatenate(seen[-2:])
    assert np.array_equal(generated, sample(copy.path, 600, 0))
    assert max(map(len, seen)) <= 512


def test_real_statistics_are_computed_once(copy, monkeypatch):
    first = evaluate(copy, samples=100, say=quiet)
    monkeypatch.setattr(evaluation, "summarise", summaries.summarise)
    monkeypatch.setattr(summaries, "summarise", lambda *arguments, **options: 1 / 0)
    assert evaluate(copy, samples=100, say=quiet)["metrics"] == first["metrics"]
    assert set(first["metrics"]) == {metric.title for metric in METRICS.values()}
    monkeypatch.undo()
    some = evaluate(copy, "fid", samples=100, real_images=1000, say=quiet)
    assert some["real"]["images"] == 1000 and some["real"]["split"] == "training images, evenly spread"


def test_unlabelled_data_are_compared_by_their_pixels(tmp_path):
    run = train("quick", "fake", tmp_path / "run", steps=1, overrides=TINY, progress=NoProgress())
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
        ({"features": "inceptoin"}, "'inceptoin'.*'inception'"),
        ({"features": "inception", "inception": "nowhere.pb"}, r"nowhere\.pb"),
        ({"samples": 0}, "samples=0"),
        ({"samples": 2.5}, "samples=2.5"),
        ({"seeds": 0}, "seeds=0"),
        ({"real_images": 1}, "real_images=1"),
        ({"dataset": "fake"}, "'fake'.*fingerprint.*--dataset"),
        ({"dataset": "nowhere"}, "nowhere"),
        ({"split": "test"}, "'mnist5k' has no test images.*cifar10.*--against"),
        ({"split": "tset"}, "'tset'.*'test'"),
        ({"split": "test", "against": "fake"}, "one of the two"),
        ({"against": "nowhere"}, "nowhere"),
        ({"best": True}, "best_generator.keras.*--evaluate-every"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(copy, settings, words):
    with pytest.raises(UserError, match=words) as error:
        evaluate(copy.path, **{"features": "pixels", **settings}, say=quiet)
    assert "\n" not in str(error.value) and not copy.metrics_path.exists()


def test_data_that_moved_are_asked_for(copy):
    config = json.loads(copy.config_path.read_text())
    config["dataset"]["name"] = "moved/faces.zip"
    copy.write_config(config)
    with pytest.raises(UserError, match=r"moved/faces\.zip.*--dataset"):
        evaluate(copy.path, samples=50)
    assert evaluate(copy, "js", samples=50, dataset="mnist5k", say=quiet)["step"] == 4


def test_images_that_were_not_trained_on(monkeypatch, tmp_path, digits):
    """Keras' named data have test images; the classifier and the alarms still know those of the training."""
    train_part, test_part = (digits.images[::2], digits.labels[::2]), (digits.images[1::2], digits.labels[1::2])
    squeezed = tuple((images[..., 0], labels) for images, labels in (train_part, test_part))
    monkeypatch.setattr("keras.datasets.mnist.load_data", lambda: squeezed)
    sure = {**TINY, "generator_learning_rate": 1e-6}  # D gets ahead, so that the bound is above 0
    run = train("quick", "mnist", tmp_path / "run", steps=20, overrides=sure, progress=NoProgress())
    own = evaluate(run, "fid,bound", samples=50, say=quiet)
    test = evaluate(run, "fid,bound", samples=50, split="test", real_images=400, say=quiet)
    assert own["real"]["split"] == "all training images" and test["real"]["split"] == "test images, evenly spread"
    assert (own["real"]["images"], test["real"]["images"]) == (500, 400)
    assert own["real"]["fingerprint"] != test["real"]["fingerprint"] and "test images" in table(test)
    assert own["features"] == test["features"] and own["look"] == test["look"]
    assert all(own["metrics"][name] != test["metrics"][name] for name in own["metrics"])
    other = digits.changed(name="more", images=test_part[0], labels=test_part[1], fingerprint="other")
    against = evaluate(run, "fid", samples=50, against=other, say=quiet)
    assert against["real"]["dataset"] == "more" and against["real"]["split"] == "all images of another dataset"
    same = evaluate(run, "fid", samples=50, against="mnist", say=quiet)
    assert same["real"]["split"] == "all training images"  # whatever they were called
    with pytest.raises(UserError, match="14x14x1, not 28x28x1"):
        evaluate(run, "fid", samples=50, against=digits.changed(images=digits.images[:, ::2, ::2], fingerprint="s"))


# --- a training does not notice ---------------------------------------------------------------------------


def test_evaluating_between_two_steps_changes_no_bit(digits, monkeypatch, tmp_path):
    recipe = get_recipe("vrdl").with_fields({"width": 4, "latent_dim": 8})  # dropout, and labels drawn at random
    images = np.zeros((8, 64, 64, 3), np.uint8)
    images[::2] = 200

    def states(between):
        gan = GAN(recipe, (64, 64, 3), seed=3)
        for step in range(3):
            gan.train_step(images)
            if step == 1:
                between()
        return [np.asarray(variable) for variable in gan.variables.values()]

    def look():
        monkeypatch.setattr(features, "_CLASSIFIER_STEPS", 20)
        monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path))  # so that the classifier is trained right then
        Evaluator(digits, samples=100, say=quiet).measure(shows(digits.images[:100]))

    for one, other in zip(states(lambda: None), states(look), strict=True):
        assert np.array_equal(one, other)


# --- the command line -------------------------------------------------------------------------------------


def run_cli(*arguments):
    """(status, stdout, stderr) of `python -m dcgan_tf ...`, in this process."""
    result = CliRunner().invoke(click.command()(lambda: cli.main([str(argument) for argument in arguments])), [])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_the_table(copy):
    arguments = ["evaluate", copy.path, "--metrics", "fid,js", "--samples", 100, "--features", "pixels"]
    status, output, error = run_cli(*arguments, "--no-progress")
    assert status == 0 and error == ""
    assert output == table(copy.metrics()[-1]) + "\n" and "pixels averaged to 16x16x1" in output
    assert run_cli("evaluate", "--help")[0] == 0


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
