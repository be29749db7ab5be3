"""The clock of a training, and what it foretells, by a machine's clock that stands in for the real one."""

import math
import types

import pytest

from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.training import clock as module
from dcgan_tf.training.clock import Clock, Forecast, spoken


@pytest.fixture
def machine(monkeypatch):
    """The machine's clock, moved by hand: machine.now += 3."""

    class Machine:
        now = 1000.0

        def perf_counter(self):
            return self.now

    machine = Machine()
    monkeypatch.setattr(module, "time", machine)
    return machine


def test_it_stands_still_until_it_is_started(machine):
    clock = Clock()
    machine.now += 50  # compiling
    assert clock.seconds() == 0 and not clock.runs
    clock.start()
    machine.now += 3
    clock.start()  # it runs already
    machine.now += 4
    assert clock.seconds() == 7 and clock.runs


def test_a_resumed_training_goes_on_from_its_seconds_and_compiles_for_nothing(machine):
    clock = Clock()
    clock.start()
    machine.now += 5
    clock.restore(120.5)
    machine.now += 30
    assert clock.seconds() == 120.5
    clock.start()
    machine.now += 1
    assert clock.seconds() == 121.5


def test_evaluations_and_pictures_for_somebody_are_not_counted(machine):
    clock = Clock()
    clock.start()
    machine.now += 2
    with clock.stopped():
        machine.now += 60
        assert clock.seconds() == 2
    machine.now += 1
    assert clock.seconds() == 3
    with pytest.raises(ZeroDivisionError), clock.stopped():
        machine.now += 9
        1 / 0  # noqa: B018
    machine.now += 1
    assert clock.seconds() == 4


def test_stopped_before_it_was_started_it_stays_so(machine):
    clock = Clock()
    with clock.stopped():
        machine.now += 9
    machine.now += 9
    assert clock.seconds() == 0 and not clock.runs


def foretold(machine, seconds_per_step, steps_per_epoch=100, total_steps=math.inf, max_seconds=math.inf, first=1):
    """What is said of a training of batches of 50, made at that speed, and after how many seconds."""
    gan = types.SimpleNamespace(recipe=RECIPES["gwu"].with_fields({"batch_size": 50}), image_shape=(32, 32, 3))
    clock, said = Clock(), []
    forecast = Forecast(gan, steps_per_epoch, total_steps, max_seconds, False, clock, said.append)
    clock.start()
    for step in range(first, first + 200):
        forecast.follow(step)
        if said:
            return *said, clock.seconds()
        machine.now += seconds_per_step
    return ()


def test_how_long_it_takes_is_said_once_after_two_seconds(machine):
    (said, after) = foretold(machine, 0.04, total_steps=1000)
    assert said == "on this machine about 0.8 s for 1,000 images: 4 s an epoch, 40 s in all" and 2 <= after < 2.1
    (said, _) = foretold(machine, 0.04, max_seconds=120)
    assert said.endswith(": 4 s an epoch, about 30 epochs in 2 minutes")
    (said, after) = foretold(machine, 30, max_seconds=1200, total_steps=10_000)  # whichever is over first
    assert (
        said.endswith("10 minutes for 1,000 images: 50 minutes an epoch, about 0.4 epochs in 20 minutes")
        and after == 30
    )
    (said, _) = foretold(machine, 0.04, total_steps=1500, first=501)  # resumed
    assert said.endswith("4 s an epoch, 38 s to go")
    assert foretold(machine, 0.04, total_steps=200) == ()  # soon over


def test_durations_as_people_say_them():
    said = [spoken(seconds) for seconds in (0.0834, 4.49, 89, 130, 2400, 20_000)]
    assert said == ["0.083 s", "4.5 s", "89 s", "2.2 minutes", "40 minutes", "5.6 hours"]
