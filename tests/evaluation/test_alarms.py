"""Alarms: each is provoked, and all are silent where nothing is wrong."""

import numpy as np
import pytest

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation import alarms
from dcgan_tf.evaluation.alarms import RealNeighbours, alarms_of, look_at, neighbour_sheet
from dcgan_tf.evaluation.features import feature_network
from dcgan_tf.recipe.catalogue import get_recipe


def history(real, fake, every=50):
    return {
        "step": every * np.arange(1, len(real) + 1),
        "discriminator_real": np.array(real, float),
        "discriminator_fake": np.array(fake, float),
    }


def names(found):
    return [alarm.name for alarm in found]


# --- of the history ---------------------------------------------------------------------------------------


def test_a_discriminator_that_has_won_is_told_since_when():
    real, fake = [0.6] * 10 + [0.99] * 11, [0.4] * 10 + [0.01] * 11
    (alarm,) = alarms_of(history(real, fake), [])
    assert alarm.name == "the discriminator has won" and alarm.since == 500
    assert "\n" not in str(alarm) and "D(real) 0.99, D(fake) 0.01 for 550 steps" in str(alarm)
    assert "real_label_low=0.9" in str(alarm) and "label_noise" not in str(alarm)  # labels above 1 would drive D on
    assert alarms_of(history(real[:19], fake[:19]), []) == []  # not for long enough yet
    assert alarms_of(history([*real, 0.9], [*fake, 0.2]), []) == []  # it is over
    assert alarms_of(history(real, fake), [], loss="wasserstein") == []  # its scores have no scale
    assert alarms_of(history([0.99] * 12, [0.0] * 12), [])[0].since == 0
    assert alarms_of(history([0.99], [0.0], every=1000), []) == []
    assert alarms_of(history([], []), []) == []


def test_with_smoothed_or_noisy_labels_a_discriminator_that_has_won_says_what_it_was_told():
    """D's optimum where it tells all images apart: the mean label of each kind, of real ones at most 1."""

    def has_won(real, fake, loss="bce", left=0.5, **fields):
        seen = {**history([real] * 12, [fake] * 12), "discriminator_loss": np.full(12, left)}
        return names(alarms_of(seen, [], loss, {"loss": loss, **fields})) == ["the discriminator has won"]

    smoothed, noisy = {"real_label_low": 0.9}, {"label_noise": 0.1}
    assert has_won(0.95, 0.0, **smoothed) and not has_won(0.91, 0.0, **smoothed) and not has_won(0.96, 0.0)
    assert not has_won(0.95, 0.04, **smoothed)
    assert has_won(0.99, 0.05, **noisy) and not has_won(0.96, 0.05, **noisy) and not has_won(0.99, 0.05)
    both = {"real_label_low": 0.7, "real_label_high": 0.9, **noisy}  # 0.85 and 0.05
    assert has_won(0.83, 0.07, **both) and not has_won(0.81, 0.07, **both) and not has_won(0.83, 0.09, **both)
    # Of least squares: half of the labels' variances, 1/12 each, is left to the best D that there is.
    assert has_won(1, 0, "least_squares", 1 / 12, label_noise=1.0) and not has_won(1, 0, "least_squares", 1 / 12)
    assert not has_won(1, 0, "least_squares", 0.1, label_noise=1.0)


def test_oscillation():
    ahead, level = (0.95, 0.05), (0.55, 0.45)
    rows = ([level] * 5 + [ahead] * 3 + [(0.7, 0.3)] * 3 + [ahead] * 2) * 3
    (alarm,) = alarms_of(history(*zip(*rows, strict=True)), [])
    assert alarm.name == "the training oscillates" and alarm.since == 6 * 50
    assert "swung 5 times between about 0.10 and 0.90" in alarm.seen
    assert alarms_of(history(*zip(*rows[:30], strict=True)), []) == []  # four swings may happen
    assert alarms_of(history(*zip(*rows, *[(0.7, 0.3)] * 30, strict=True)), []) == []  # long ago
    small = [((a + 0.1) / 2 + 0.2, (b + 0.1) / 2 + 0.2) for a, b in rows]
    assert alarms_of(history(*zip(*small, strict=True)), []) == []
    assert alarms_of(history(*zip(*rows, strict=True)), [], loss="wasserstein") == []


def test_scores_that_are_no_probabilities():
    """Least squares, hinge: D has won when its loss is near 0; the lead is in parts of what it is trained for."""
    for loss, low, high in (("hinge", 0.001, 0.5), ("least_squares", 0.004, 0.09)):
        seen = history([2.0] * 12, [-2.0] * 12)
        assert alarms_of({**seen, "discriminator_loss": np.full(12, high)}, [], loss) == []
        (alarm,) = alarms_of({**seen, "discriminator_loss": np.full(12, low)}, [], loss)
        assert alarm.name == "the discriminator has won" and f"D's loss {low}" in alarm.seen
        assert ("loss=hinge" in alarm.remedies, "real_label_low" in alarm.remedies) == (loss != "hinge",) * 2
    rows = ([(0.95, -0.95)] * 3 + [(-0.1, 0.1)] * 3) * 4
    swinging = {**history(*zip(*rows, strict=True)), "discriminator_loss": np.ones(24)}
    assert names(alarms_of(swinging, [], "hinge")) == ["the training oscillates"]
    half = {name: values / 2.2 if "real" in name or "fake" in name else values for name, values in swinging.items()}
    assert alarms_of(half, [], "hinge") == []  # 0.48 of the 2 that D is trained for ...
    assert names(alarms_of(half, [], "least_squares")) == ["the training oscillates"]  # ... but 0.95 of 1
    huge = {**swinging, "discriminator_real": np.resize([50.0, 900.0], 24), "discriminator_fake": np.zeros(24)}
    assert alarms_of(huge, [], "hinge") == []  # far ahead all the time


def test_a_healthy_history_is_silent():
    """As the recipe quick has it on MNIST: the discriminator begins ahead and stays a little ahead, with noise."""
    noise = np.random.default_rng(0).normal(0, 0.04, (2, 400))
    ahead = 0.2 + 0.25 * np.exp(-np.arange(400) / 20)
    real, fake = np.clip(0.5 + ahead + noise[0], 0, 1), np.clip(0.5 - ahead + noise[1], 0, 1)
    assert all(alarms_of(history(real[:n], fake[:n]), []) == [] for n in range(1, 400))


# --- of images --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist5k", limit=2000)


@pytest.fixture(scope="module")
def pixels(digits):
    network = feature_network("pixels", digits)
    return lambda images: network(images)[0]


@pytest.fixture(scope="module")
def real(digits, pixels):
    return RealNeighbours(pixels(digits.images[::2]))


def seen(images, pixels, real):
    return alarms_of(history([], []), [{"step": 1000, **look_at(pixels(images), real)}])


def test_new_real_images_are_as_diverse_as_real_ones_and_no_copies(digits, pixels, real):
    look = look_at(pixels(digits.images[1::2]), real)
    assert look["spread"] == pytest.approx(1, abs=0.05) and look["neighbours"] == pytest.approx(1, abs=0.1)
    assert look["copied"] < 0.01
    assert seen(digits.images[1::2], pixels, real) == []
    assert seen(digits.images[1::8], pixels, real) == []  # fewer of them: compared with as few


def test_collapse_is_seen(digits, pixels, real):
    new = digits.images[1::2]
    random = np.random.default_rng(0)
    one = np.clip(new[7].astype(int) + random.integers(-20, 21, new.shape), 0, 255).astype(np.uint8)
    assert names(seen(one, pixels, real)) == ["mode collapse"]
    few = np.clip(new[random.integers(0, 40, 1000)].astype(int) + random.integers(-20, 21, new.shape), 0, 255)
    (alarm,) = seen(few.astype(np.uint8), pixels, real)  # as far spread as ever, but only forty of them
    assert alarm.name == "mode collapse" and "%" in alarm.seen and "another seed" in str(alarm)
    assert names(seen(np.zeros_like(new), pixels, real)) == ["mode collapse"]


def test_copies_are_seen(digits, pixels, real):
    random = np.random.default_rng(0)
    copies = digits.images[::2][random.permutation(1000)]
    noisy = np.clip(copies.astype(int) + random.integers(-20, 21, copies.shape), 0, 255).astype(np.uint8)
    for images in (copies, noisy):
        (alarm,) = seen(images, pixels, real)
        assert alarm.name == "memorisation" and "more data" in alarm.remedies
    some = np.concatenate([digits.images[1:1801:2], copies[:100]])
    assert names(seen(some, pixels, real)) == ["memorisation"]  # a tenth is enough
    assert "10% of generated images" in str(seen(some, pixels, real)[0])


def test_since_when():
    fine = {"spread": 1.0, "neighbours": 0.9, "copied": 0.0}
    collapsed = {"spread": 0.9, "neighbours": 0.2, "copied": 0.3}
    looks = [{**look, "step": 100 * i} for i, look in enumerate([collapsed, fine, collapsed, collapsed])]
    found = alarms_of(history([], []), looks)
    assert names(found) == ["mode collapse", "memorisation"] and {alarm.since for alarm in found} == {200}
    assert alarms_of(history([], []), looks[:2]) == [] and alarms_of(history([], []), []) == []


def test_a_generator_that_has_only_begun_is_not_called_collapsed():
    """What a healthy run of `quick` on MNIST showed, every 39 steps; and a run that never becomes diverse."""
    spreads = [0.323, 0.700, 0.771, 0.808, 0.866, 0.896, 0.923]
    neighbours = [0.360, 0.767, 0.910, 0.985, 1.056, 1.077, 1.086]
    looks = [
        {"step": 39 * (i + 1), "spread": s, "neighbours": n, "copied": 0.0, "while_training": True}
        for i, (s, n) in enumerate(zip(spreads, neighbours, strict=True))
    ]
    assert all(alarms_of(history([], []), looks[:n]) == [] for n in range(1, 8))
    collapsed = {**looks[0], "step": 300}
    assert alarms_of(history([], []), [*looks, collapsed])[0].since == 300  # it was diverse before
    never = [{**looks[0], "step": step} for step in (300, 600, 900, 1200)]
    assert alarms_of(history([], []), never[:3]) == []
    assert alarms_of(history([], []), never)[0].since == 300
    at_the_end = {**looks[0], "step": 33, "while_training": False}  # an evaluation of a run of 33 steps
    assert alarms_of(history([], []), [at_the_end]) == []
    assert names(alarms_of(history([], []), [{**at_the_end, "step": 1000}])) == ["mode collapse"]


def test_one_noisy_step_at_an_epochs_end_changes_no_alarm():
    """D has won for 600 steps; an epoch is 151 steps long, and its last one, in a row by itself, went otherwise."""
    steps = np.array([50, 100, 150, 151, 201, 251, 301, 302, 352, 402, 452, 453, 503, 553, 603, 604])
    last = np.isin(steps, [151, 302, 453, 604])
    real = np.where(last, 0.5, 0.999)
    (alarm,) = alarms_of({"step": steps, "discriminator_real": real, "discriminator_fake": 1 - real}, [])
    assert alarm.name == "the discriminator has won" and alarm.since == 0


def test_data_without_any_variety_raise_no_alarm():
    assert look_at(np.zeros((20, 4)), RealNeighbours(np.zeros((30, 4))))["spread"] == 1


def test_the_sheet_shows_each_sample_beside_its_neighbour(digits, pixels, real):
    images = np.concatenate([digits.images[1:13:2], digits.images[:2:2]])
    rows, ratios = real.nearest_to(pixels(images))
    assert rows[-1] == 0 and ratios[-1] == 0 and (ratios[:-1] > alarms.COPY).all()  # the last one is a copy
    picture = neighbour_sheet(images, digits.images[::2], rows, ratios)
    assert picture.png().startswith(b"\x89PNG")
    texts = [text.get_text() for text in picture.axes[0].texts]
    assert texts.count("made") == 7 and texts[-1] == "0.00 copy" and texts[1] == f"{ratios[0]:.2f}"


def test_no_remedy_names_a_field_that_would_change_nothing():
    real, fake = [0.99] * 12, [0.0] * 12
    told = {}
    for name in ("quick", "vrdl", "nitk"):
        recipe = get_recipe(name).with_fields({"augment": "translation"}).as_dict()
        told[name] = alarms_of(history(real, fake), [], recipe["loss"], recipe)[0].remedies
    assert ["dropout" in remedies for remedies in told.values()] == [False, True, False]
    assert not any("augment" in remedies for remedies in told.values())  # it is there already
    swinging = history(*zip(*[(0.9, 0.1), (0.5, 0.5)] * 20, strict=True))
    for batch_norm, advised in (("all", True), ("inner", False)):
        recipe = get_recipe("nitk").with_fields({"batch_norm": batch_norm}).as_dict()
        (alarm,) = alarms_of(swinging, [], "bce", recipe)
        assert ("batch_norm=paper" in alarm.remedies) == advised and "beta_1" not in alarm.remedies


def test_no_remedy_is_refused_or_in_force_or_leads_the_other_way():
    def advised(recipe, remedies, **fields):
        return alarms.advice("; ".join(remedies), get_recipe(recipe).with_fields(fields).as_dict())

    for name, refused in (("vrdl", "loss=hinge"), ("sapienza", "clip_norm=1"), ("few", "augment=translation")):
        assert advised(name, ["more data", refused]) == "more data"
    assert advised("quick", ["loss=hinge", "clip_norm=1", "augment=translation"]).count("=") == 3
    assert advised("quick", ["more data", "augment=translation"], augment="cutout") == "more data"  # instead of it
    smoother = ["another seed", "real_label_low=0.9"]
    for low, there in ((1.0, True), (0.95, True), (0.9, False), (0.8, False)):
        assert ("real_label_low" in advised("nitk", smoother, real_label_low=low)) == there
    for name, there in (("tutorial", True), ("radford", False), ("quick", False)):  # beta_1 of 0.9, 0.5 and 0
        assert ("beta_1" in advised(name, ["a lower learning_rate", "beta_1=0.5"])) == there
    dropout = ["more data", "more dropout"]
    for fields, there in (
        ({}, True),
        ({"dropout": 0.95}, False),
        ({"dropout": 0, "r1_gamma": 1, "penalty_sigma": 0.1}, False),
    ):
        assert ("dropout" in advised("vrdl", dropout, **fields)) == there
    assert advised("quick", ["more data", "a smaller width"], width=1) == "more data"
    assert alarms.advice("a; loss=hinge", {"loss": "hinge", "of_the_future": 1}) == "a or loss=hinge"  # not known here
    every = ["a lower learning rate", "fewer epochs", "another loss", "another seed"]
    assert advised("sapienza", every) == "a lower learning rate, fewer epochs, another loss or another seed"
