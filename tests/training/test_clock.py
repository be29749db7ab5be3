"""The clock of a training: what it counts, by a machine's clock that stands in for the real one."""

import pytest

from dcgan_tf.training import clock as module
from dcgan_tf.training.clock import Clock


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
