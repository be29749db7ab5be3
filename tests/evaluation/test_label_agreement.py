"""Are labels heard? Generators made by hand that obey them, ignore them, or ignore one, and a real training."""

import json
import shutil

import numpy as np
import pytest
from commands import run_cli
from drawn_pictures import folder_of_classes

from dcgan_tf.compare.rows import read_run
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import Labels, labels_of
from dcgan_tf.evaluation import alarms
from dcgan_tf.evaluation.alarms import alarms_of, looks_of
from dcgan_tf.evaluation.evaluate import draw_in_batches, evaluate, table
from dcgan_tf.evaluation.evaluator import Evaluator
from dcgan_tf.evaluation.features import FeatureNetwork
from dcgan_tf.evaluation.label_agreement import LabelCounts, hearing
from dcgan_tf.evaluation.metrics import Gaussian, frechet_distance
from dcgan_tf.gallery_page.build import gallery
from dcgan_tf.notebook.tables import EvaluationTable
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import Sampler, sample
from dcgan_tf.run.wishes import as_in_the_data
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.keras_backend import keras
from dcgan_tf.training.monitor import draw_curve
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("short_training")
SETTINGS = {"image_size": 8, "width": 2, "latent_dim": 4, "batch_size": 10, "grid_images": 4, "conditional": True}
# Which half of a picture is white, +1, and not black, -1.
HALVES = {name: np.ones((8, 8)) for name in ("above", "below", "left", "right")}
HALVES["above"][4:], HALVES["below"][:4], HALVES["left"][:, 4:], HALVES["right"][:, :4] = -1, -1, -1, -1
LATENTS = {"distribution": "normal", "mean": 0.0, "std": 1.0}


def quiet(text):
    pass


def obeying(kernel, noise=0.1):
    """A generator whose pixels are tanh(labels @ kernel + noise * first latent), kernel [K, 64]."""
    latents, labels = keras.Input([4], name="latents"), keras.Input([len(kernel)], name="labels")
    spread = np.zeros((4, 64))
    spread[0] = noise
    asked, drawn = (keras.layers.Dense(64, use_bias=False) for _ in range(2))
    pixels = keras.layers.Add()([asked(labels), drawn(latents)])
    asked.set_weights([kernel])
    drawn.set_weights([spread])
    images = keras.layers.Activation("tanh")(keras.layers.Reshape([8, 8, 1])(pixels))
    return keras.Model([latents, labels], images)


OBEYS = obeying(2 * np.array(list(HALVES.values())).reshape(4, 64))
IGNORES = obeying(np.zeros((4, 64)), noise=1.0)


def measured(evaluator, generator, labels):
    return evaluator.measure(
        lambda seed: draw_in_batches(Sampler(generator), 4, LATENTS, evaluator.samples, seed, labels)
    )


# --- the counts -------------------------------------------------------------------------------------------


def stub(names, exclusive=True):
    """A network that sees what an image's first pixels are: 255 for a class or attribute that is there."""
    seen = lambda images: images.reshape(len(images), -1)[:, : len(names)] / np.float32(255)  # noqa: E731
    compute = lambda images: (images.reshape(len(images), -1)[:, :3].astype(np.float32), seen(images))  # noqa: E731
    return FeatureNetwork("classifier", "stub", "stub", 3, compute, label_names=names, exclusive=exclusive)


def test_classes_are_aligned_by_name_and_the_control_is_the_mean_of_all_permutations():
    random = np.random.default_rng(0)
    network = stub(("c", "a"))  # it knows no "b", and has another order
    told = np.eye(3)[[0, 0, 0, 2, 2, 1]].astype(bool)[:, [0, 2]]  # a a a c c b, of which a and c are known
    probabilities = np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]])
    counts = LabelCounts(network, [1, 0], told)
    counts.add(np.zeros((2, 3)), probabilities[:2])
    counts.add(np.zeros((4, 3)), probabilities[2:])
    assert counts.count == 5 and counts.of_each() == pytest.approx([2 / 3, 1]) and counts.agreement == 0.8
    asked, seen = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    shuffled = [(random.permutation(asked) == seen).mean() for _ in range(4000)]
    assert counts.permuted == pytest.approx(np.mean(shuffled), abs=0.02)


def test_a_rare_attribute_that_is_ignored_is_half_right():
    told = np.zeros((200, 2), bool)
    told[:10, 0], told[::2, 1] = True, True
    counts = LabelCounts(stub(("rare", "usual"), False), [0, 1], told)
    counts.add(np.zeros((200, 3)), np.stack([np.zeros(200), told[:, 1]], axis=1))
    assert counts.of_each().tolist() == [0.5, 1] and counts.agreement == 0.75 and counts.permuted == 0.5
    assert counts.share == pytest.approx((0.95 + 1) / 2)
    never = LabelCounts(stub(("rare",), False), [0], told[20:, :1])
    never.add(np.zeros((180, 3)), np.zeros((180, 1)))
    assert np.isnan(never.of_each()).all() and np.isnan(never.agreement)


def test_distances_are_those_of_the_images_of_each_label_however_they_come():
    random = np.random.default_rng(0)
    features, told = random.normal(size=(6000, 3)), random.integers(0, 2, (6000, 2)) == 1
    counts = LabelCounts(stub(("x", "y"), False), [0, 1], told, [1])
    for start in range(0, 6000, 700):
        counts.add(features[start : start + 700], np.zeros((min(700, 6000 - start), 2)))
    assert list(counts.gaussians) == [1] and counts.gaussians[1].count == told[:, 1].sum()
    assert frechet_distance(counts.gaussians[1], Gaussian.of(features[told[:, 1]])) == pytest.approx(0, abs=1e-12)


def test_nothing_is_told_where_nothing_can_be_told():
    images = np.zeros((20, 2, 2, 1), np.uint8)
    labels = Labels(np.arange(20) % 2, ("a", "b"))
    data = Dataset("data", images, labels.rows, ["a", "b"])
    ask = lambda labels, network: hearing(labels, network, data, data, None, 50, 1, False, quiet)  # noqa: E731
    assert ask(labels, stub(("b", "a"))).names == ["a", "b"]
    assert ask(labels, stub(("x", "y"))) is None and ask(labels, stub(("a", "b"), False)) is None
    assert ask(None, stub(("a", "b"))) is None and ask(labels, stub(None)) is None
    constant = Labels(np.ones((20, 1), np.uint8), ("a",))
    assert ask(constant, stub(("a",), False)) is None


# --- a run whose generator is made by hand ----------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """150 gray pictures of each of four kinds, in subfolders."""
    path, random = tmp_path_factory.mktemp("data") / "kinds", np.random.default_rng(0)
    draw = lambda half: (127.5 + 127.5 * np.tanh(2 * half + 0.1 * random.normal())).round()  # noqa: E731
    return folder_of_classes(path, HALVES, 150, draw)


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """Trained for a moment, and evaluated meanwhile by the agreement; and what was said."""
    said, progress = [], NoProgress()
    progress.say = said.append
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alarms, "START_STEPS", 0)
        run = train("gwu", folder, tmp_path_factory.mktemp("runs") / "run", steps=6, log_every=3, evaluate_every=3,
                    overrides={**SETTINGS, "channels": 1}, evaluation={"metrics": "agreement", "samples": 100},
                    progress=progress)  # fmt: skip
    return run, said


@pytest.fixture
def run(trained, tmp_path):
    return Run(shutil.copytree(trained[0].path, tmp_path / "run"))


def test_a_generator_that_obeys(run, monkeypatch):
    monkeypatch.setattr(alarms, "START_STEPS", 0)
    OBEYS.save(run.generator_path)
    seen = []
    monkeypatch.setattr(
        LabelCounts, "add", lambda self, *given, add=LabelCounts.add: (seen.append(self), add(self, *given))
    )
    line = evaluate(run, "agreement,within,fid", samples=700, seeds=2, say=quiet)
    assert list(line["metrics"]) == ["label_agreement", "distance_within_classes", "frechet_distance"]
    labels = line["labels"]
    assert labels["agreement"] == line["metrics"]["label_agreement"]["mean"] > 0.97
    assert labels["real"] > 0.97 and 0.2 < labels["permuted"] < 0.3 and "share" not in labels
    told = [as_in_the_data(run.labels, 700, seed) for seed in (0, 1)]
    _, *generated = {id(counts): counts for counts in seen if len(counts.told) == 700}.values()  # the first is of noise
    assert all(np.array_equal(counts.told, rows > 0) for counts, rows in zip(generated, told, strict=True))
    assert [one["asked"] for one in labels["of_each"].values()] == np.sum(told, axis=(0, 1)).tolist()
    assert list(labels["of_each"]) == list(run.labels.names) and labels["without_distance"] == []
    distances = [one["distance"] for one in labels["of_each"].values()]
    assert np.mean(distances) == pytest.approx(line["metrics"]["distance_within_classes"]["mean"])
    assert labels["of_each"]["left"]["images"] == [150, min(rows[:, run.labels.number("left")].sum() for rows in told)]
    beside = line["yardsticks"]
    assert beside["real"]["label_agreement"] == labels["real"] and beside["noise"]["label_agreement"] < 0.5
    assert beside["noise"]["distance_within_classes"] > 10 * line["metrics"]["distance_within_classes"]["mean"]
    assert "distance_within_classes" not in beside["real"]  # half of the real images are too few of each
    assert not any("labels" in alarm for alarm in line["alarms"])
    assert run.metrics()[-1]["labels"] == labels  # its shape is one that is known
    page = EvaluationTable(line)._repr_html_()
    assert "<th>asked</th>" in page and "of permuted labels" in page
    # What was kept of the real images is what was found.
    again = evaluate(run, "within", samples=700, seeds=2, yardsticks=False, say=quiet)["labels"]
    assert {**again, "of_each": None} == {**labels, "of_each": None} and again["of_each"] == labels["of_each"]


def test_the_images_are_those_that_sample_gives_for_the_labels_it_asks_for(run):
    OBEYS.save(run.generator_path)
    drawn = list(draw_in_batches(Sampler(OBEYS), 4, LATENTS, 30, 5, run.labels))
    assert np.array_equal(np.concatenate(drawn), sample(run.path, 30, seed=5))
    assert np.array_equal(drawn[0], sample(run.path, seed=5, labels=as_in_the_data(run.labels, 30, 5)))


def test_a_generator_that_ignores_them_raises_the_alarm(run, monkeypatch):
    IGNORES.save(run.generator_path)
    assert not any(
        "ignored" in alarm for alarm in evaluate(run, "js", samples=300, yardsticks=False, say=quiet)["alarms"]
    )  # too early
    monkeypatch.setattr(alarms, "START_STEPS", 0)
    line = evaluate(run, "agreement,within", samples=700, yardsticks=False, say=quiet)
    labels = line["labels"]
    assert labels["agreement"] == pytest.approx(labels["permuted"], abs=0.06) and labels["real"] > 0.97
    (alarm,) = [alarm for alarm in line["alarms"] if "ignored" in alarm]
    assert alarm.startswith("alarm: labels are ignored since step 3 (") and "with permuted labels" in alarm
    assert "loss=hinge" in alarm and "self_modulation" not in alarm and "\n" not in alarm  # gwu has no self_modulation
    OBEYS.save(run.generator_path)
    good = evaluate(run, "agreement,within", samples=700, yardsticks=False, say=quiet)
    assert good["metrics"]["distance_within_classes"]["mean"] * 5 < line["metrics"]["distance_within_classes"]["mean"]
    assert not any("ignored" in alarm for alarm in good["alarms"])


def test_the_command_prints_a_second_table(run, monkeypatch):
    OBEYS.save(run.generator_path)
    status, output, _ = run_cli(
        "evaluate", run.path, "--samples", 500, "--metrics", "agreement,within", "--no-progress"
    )
    line = run.metrics()[-1]
    assert status == 0 and output == table(line) + "\n"
    first, second = output.split("\n\n")
    assert "label_agreement" in first and "larger" in first
    head, *rows = second.splitlines()
    assert head.split() == ["class", "asked", "agreement", "real", "distance", "real", "images"]
    assert [row.split()[0] for row in rows[:4]] == list(run.labels.names)
    few = [name for name, one in line["labels"]["of_each"].items() if "distance" not in one]
    assert few == line["labels"]["without_distance"] and all(line["labels"]["of_each"][n]["asked"] < 128 for n in few)
    assert rows[4].startswith("labels heard: agreement 1") and len(rows) == 6 + bool(few) + len(line["alarms"])
    assert ("no distance, for fewer than 128 real or generated images" in output) == bool(few)


def test_too_few_images_for_a_distance(run):
    said = []
    with pytest.raises(UserError, match="'within' cannot be measured, since no class has 128 real"):
        evaluate(run, "within", samples=100, say=quiet)
    line = evaluate(run, samples=100, say=said.append)
    assert "label_agreement" in line["metrics"] and "distance_within_classes" not in line["metrics"]
    assert any(text.startswith("left out: within (no class has 128") for text in said)
    assert "without_distance" not in line["labels"] and "distance" not in table(line).split("\n\n")[1].splitlines()[0]
    with pytest.raises(UserError, match=r"'agreement' of pixels.*--features classifier"):
        evaluate(run, "agreement", features="pixels", samples=100, say=quiet)
    assert "labels" not in evaluate(run, "js", features="pixels", samples=100, say=quiet)


def test_while_training_the_best_is_kept_by_it_and_the_alarm_is_said(trained, tmp_path):
    run, said = trained
    lines = [line for line in run.metrics() if line.get("while_training")]
    assert [line["step"] for line in lines] == [3, 6]
    values = [line["metrics"]["label_agreement"]["mean"] for line in lines]
    assert [line["best"] for line in lines] == [True, values[1] > values[0]] and run.best_generator_path.exists()
    began = [line["step"] for line in run.alarms() if line["alarm"] == "labels are ignored" and line["on"]]
    assert began == [3]
    assert any(text.startswith("alarm: labels are ignored since step 3") for text in said)
    assert draw_curve(run).axes[0].get_ylabel() == "label_agreement"
    best = read_run(run.path).best_scores["label_agreement"]
    assert best.value == max(values)
    shutil.copytree(run.path, tmp_path / "results" / "run")
    assert '"title":"label_agreement"' in gallery(tmp_path / "results").read_text()


def test_a_training_without_labels_is_refused_before_it_begins(folder, tmp_path):
    with pytest.raises(UserError, match=r"'agreement' is about what a conditional.*--set conditional=true") as error:
        train("gwu", folder, tmp_path / "other", steps=1, overrides={**SETTINGS, "conditional": False},
              evaluate_every=1, evaluation={"metrics": "agreement"}, progress=NoProgress())  # fmt: skip
    assert "\n" not in str(error.value) and not (tmp_path / "other").exists()


# --- attributes -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def halves():
    """Black pictures, of which a rare one is white above, half are white below, and all are called square."""
    random = np.random.default_rng(0)
    rows = (random.random((1500, 3)) < [0.1, 0.5, 2]).astype(np.uint8)
    images = np.zeros((1500, 8, 8, 1), np.uint8)
    images[rows[:, 0] > 0, :4], images[rows[:, 1] > 0, 4:] = 255, 255
    return Dataset("halves", images, rows, ["above", "below", "square"])


def test_attributes(halves):
    labels = labels_of(halves)
    names = "agreement,within"
    evaluator = Evaluator(halves, names, samples=1400, bar=False, say=quiet, labels=labels)
    kernel = np.zeros((3, 8, 8))
    kernel[2], kernel[0, :4], kernel[1, 4:] = -3, 6, 6
    good = measured(evaluator, obeying(kernel.reshape(3, 64)), labels)["labels"]
    assert good["what"] == "attribute" and list(good["of_each"]) == ["above", "below"]  # all are square
    assert good["agreement"] > 0.97 and good["share"] > 0.97 and good["real"] > 0.97 and good["permuted"] == 0.5
    kernel[0] = 0
    line = measured(evaluator, obeying(kernel.reshape(3, 64)), labels)
    deaf = line["labels"]
    assert deaf["of_each"]["above"]["agreement"] == pytest.approx(0.5, abs=0.02)
    assert deaf["of_each"]["below"]["agreement"] > 0.97 and deaf["share"] > 0.9 and deaf["agreement"] < 0.8
    assert deaf["of_each"]["above"]["distance"] > 20 * good["of_each"]["above"]["distance"]
    assert "plain share of right answers" in table({**line, "generator": "averaged"})


def test_other_images_may_have_no_labels_or_fewer(halves):
    labels = labels_of(halves)
    bare = Dataset("bare", halves.images[:300])
    evaluator = Evaluator(halves, None, samples=1400, bar=False, say=quiet, real=(bare, "other"), labels=labels)
    assert "agreement" in evaluator.names and "within" not in evaluator.names
    fewer = Dataset("fewer", halves.images, halves.labels[:, 1:2], ["below"])
    evaluator = Evaluator(halves, "within", samples=1400, bar=False, say=quiet, real=(fewer, "other"), labels=labels)
    line = measured(evaluator, obeying(np.zeros((3, 64))), labels)
    assert line["labels"]["without_distance"] == ["above"]


# --- the alarm --------------------------------------------------------------------------------------------


def test_the_alarm_of_looks():
    none = {name: np.zeros(0) for name in ("step", "discriminator_real", "discriminator_fake")}

    def found(*agreements, real=0.9, permuted=0.1, first=1000):
        looks = [
            {"look": {"spread": 1, "neighbours": 1, "copied": 0}, "step": first + 100 * place,
             "labels": {"agreement": agreement, "real": real, "permuted": permuted}}
            for place, agreement in enumerate(agreements)
        ]  # fmt: skip
        return [alarm.since for alarm in alarms_of(none, looks_of(json.loads(json.dumps(looks))))]

    assert found(0.1) == [1000] and found(0.25) == [1000] and found(0.27) == []  # 0.26 is a fifth of the way
    assert found(0.5, 0.2, 0.1) == [1100] and found(0.1, 0.5) == []
    assert found(0.1, 0.1, first=100) == [] and found(0.8, 0.1, first=100) == [200]  # every generator begins deaf
    assert found(0.1, real=None) == [] and found(0.1, real=0.15) == []  # the classifier cannot tell
    bare = {"look": {"spread": 1, "neighbours": 1, "copied": 0}, "step": 5000}
    assert alarms_of(none, looks_of([bare])) == []
