"""What a search is asked for: ranges, values, what stays the same, and every mistake in one line."""

from pathlib import Path

import pytest

from dcgan_tf.sweeps.search.objective import Objective
from dcgan_tf.sweeps.search.space import Choice, Range, read_space
from dcgan_tf.system.errors import UserError

MNIST = Path(__file__).parents[2] / "notebooks" / "mnist.ipynb"


def read(**settings):
    return read_space(MNIST, settings)


def test_ranges_values_and_what_stays():
    space = read(
        generator_learning_rate="1e-4..2e-3:log", batch_size="16..64", beta_1="0..0.9", loss="bce,hinge", steps="100"
    )
    rate, batch, beta, loss = space.dimensions
    assert rate == Range("generator_learning_rate", 1e-4, 2e-3, True) and str(rate) == "0.0001..0.002:log"
    assert batch == Range("batch_size", 16, 64, False) and isinstance(batch.low, int) and batch.size == 49
    assert (beta.low, beta.high, beta.size) == (0.0, 0.9, float("inf")) and isinstance(beta.low, float)
    assert loss == Choice("loss", ["bce", "hinge"]) and str(loss) == "bce,hinge"
    assert space.fixed == {"steps": 100}
    there = f"{MNIST.parent}/../notebooks"  # two dots make no range of a path
    assert read(batch_size="16,32", loss=["bce", "hinge"], width=8, dataset=there).size == 4


def test_a_drawn_number_is_short_and_stays_in_its_range():
    rate = Range("generator_learning_rate", 1.23456e-4, 2e-3, True)
    assert rate.setting(4.4721359549e-4) == 4.472e-4
    assert rate.setting(1.23456e-4) == 1.23456e-4  # and not 1.235e-4 or 1.234e-4
    assert isinstance(Range("width", 8, 64, False).setting(8.0), int)
    assert Choice("classes", [[3, 8], None, 7]).setting("[3, 8]") == [3, 8]


def test_what_is_asked_for_can_be_typed_again():
    assert str(Choice("batch_size", [None, 16])) == "none,16"
    assert str(Choice("augment", ["translation,cutout", "none"])) == '"translation,cutout",none'
    for given in ("1e-4..2e-3:log", "0.0001,0.00012345678"):
        (asked,) = read(generator_learning_rate=given).dimensions
        assert read(generator_learning_rate=str(asked)).dimensions == [asked]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"loss": "bce"}, r"nothing is left to search: give at least one setting several values or a range, such as"),
        ({"bacth_size": "16..64"}, r"unknown parameter 'bacth_size'\. Did you mean 'batch_size'\?"),
        ({"batch_size": "16..x"}, r"batch_size='x' must be a whole number or none"),
        ({"batch_size": "16..64.5"}, r"batch_size='64\.5' must be a whole number or none"),
        ({"batch_size": "none..64"}, r"batch_size='none\.\.64': the ends of a range are numbers, not none"),
        ({"dropout": "0..2"}, r"dropout=2 must be a finite number of at least 0 and at most 0\.95"),
        ({"beta_1": "0.5..0.1"}, r"beta_1='0\.5\.\.0\.1': the first end must be below the second"),
        ({"width": "8..8"}, r"width='8\.\.8': the first end must be below the second, or give one value, as width=8"),
        ({"beta_1": "0..0.9:log"}, r"a logarithm needs numbers above 0: give another end, or leave :log out"),
        ({"width": "8..64:lin"}, r"width='8\.\.64:lin' must be LOW\.\.HIGH or LOW\.\.HIGH:log, for example width="),
        ({"width": "8.."}, r"width='8\.\.' must be LOW\.\.HIGH or"),
        ({"width": "8..16,32"}, r"give one range, width=8\.\.16, or values without one, width=A,B,C"),
        ({"loss": "1..2"}, r"loss='1\.\.2': loss is no number, so it has no range: give its values, as loss=A,B"),
        ({"loss": "bce,hing"}, r"loss=hing: loss='hing' must be one of .* Did you mean 'hinge'\?"),
        ({"width": "8,8"}, r"width=8 is there twice"),
        ({"dropout": "0.1..0.5"}, r"dropout=0\.1: .*the architecture 'quick' has no dropout"),
        ({"run_name": "a,b"}, r"run_name is given to each run by the sweep itself"),
        ({"seed": "0..9"}, r"seed cannot be searched: .* --repeats trains the best few with several"),
        ({"epochs": "5..20"}, r"epochs cannot be searched: longer trainings are better ones"),
        ({"dataset": "mnist5k,mnist"}, r"dataset cannot be searched: numbers that were measured otherwise cannot be"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        read(**settings)
    assert "\n" not in str(caught.value)


def test_a_value_is_refused_when_it_goes_with_nothing_and_a_combination_only_when_it_is_drawn():
    with pytest.raises(UserError, match="loss='hinge' has no labels to smooth"):
        read(loss="bce,hinge", real_label_low="0.7,0.8")  # hinge goes with neither
    space = read(loss="bce,hinge", real_label_low="0.8,1.0")
    assert space.plan({"loss": "hinge", "real_label_low": 1.0}).parameters["loss"] == "hinge"
    with pytest.raises(UserError, match="loss='hinge' has no labels to smooth"):
        space.plan({"loss": "hinge", "real_label_low": 0.8})


def test_a_metric_by_its_name_and_which_of_its_values_are_better():
    assert Objective("frechet").title == Objective("fid").title == "frechet_distance"
    assert Objective("frechet").in_line({"metrics": {"fid": {"mean": 3.0}}}) == 3.0  # by the reference network
    assert Objective("precision").in_line({"metrics": {"fid": {"mean": 3.0}}}) is None
    best = {
        name: min([0.5, 0.9, 1.2, 3.0], key=Objective(name).order) for name in ("frechet", "precision", "grain", "kid")
    }
    assert best == {"frechet": 0.5, "precision": 3.0, "grain": 0.9, "kid": 0.5}
    with pytest.raises(UserError, match=r"unknown metric 'frechte'\. Did you mean 'frechet'\? Known are frechet, fid"):
        Objective("frechte")
