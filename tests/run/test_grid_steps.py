"""After which steps grids are drawn, and what their files are called."""

import itertools

import numpy as np

from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.run.grid_steps import GridRule


def rule(steps_per_epoch=156, grid_every=None):
    return GridRule({"recipe": {"grid_every": grid_every}, "steps_per_epoch": steps_per_epoch})


def named(rule, last):
    return [rule.name(step) for step in rule.up_to(last)]


EARLY = [0, 1, 2, 3, 6, 10, 20, 30, 60, 100]


def test_noise_then_equal_ratios_until_the_first_epoch_is_over():
    assert named(rule(), 312) == [*(f"step_{step:06d}" for step in EARLY), "epoch_0001", "epoch_0002"]
    assert rule().up_to(312) == [*EARLY, 156, 312]
    assert rule(steps_per_epoch=1583).up_to(1600) == [*EARLY, 200, 300, 600, 1000, 1583, 1600]
    assert rule(steps_per_epoch=1).up_to(3) == [0, 1, 2, 3]
    assert rule(steps_per_epoch=10).up_to(20) == [*EARLY[:5], 10, 20]
    assert rule(steps_per_epoch=10).name(10) == "epoch_0001"
    hours = [step for step in rule(steps_per_epoch=10**6).up_to(10**6) if step]  # an epoch of a million steps
    assert max(later / earlier for earlier, later in itertools.pairwise(hours)) <= 2 and len(hours) == 25


def test_by_steps_all_are_called_by_their_step():
    assert named(rule(grid_every=40), 100) == [f"step_{step:06d}" for step in (*EARLY[:8], 40, 80, 100)]


def test_where_it_stopped_there_is_one_too():
    assert named(rule(), 200)[-2:] == ["epoch_0001", "epoch_0002"]  # of the epoch under way
    assert rule().up_to(0) == [0] and rule().up_to(30) == EARLY[:8]
    assert rule().up_to(25) == [*EARLY[:7], 25] and rule().name(25) == "epoch_0001"


def test_many_epochs_leave_ever_fewer_pictures():
    one = rule(steps_per_epoch=5)
    epochs = [step // 5 for step in range(5, 5 * 10_000 + 1, 5) if one.is_due(step)]
    assert epochs[:201] == [*range(1, 201), 202] and epochs[-3:] == [9856, 9920, 9984] and len(epochs) == 756
    by_step = rule(grid_every=5)  # who asks for a number of steps gets that
    assert all(by_step.is_due(step) for step in range(5, 5 * 10_000 + 1, 5))


def test_the_next_one_is_never_missed():
    for one in (rule(), rule(steps_per_epoch=7), rule(steps_per_epoch=3), rule(grid_every=35), rule(grid_every=1583)):
        due = [step for step in range(5000) if one.is_due(step)]
        step, met = 0, [0]
        while (step := one.next_after(step)) < 5000:
            met.append(step)
        assert met == due


def test_a_run_without_rows_shows_the_noise_it_begins_with(tmp_path):
    run = Run(tmp_path)
    run.write_config({"recipe": {"grid_every": None}, "dataset": {}, "seed": 0, "steps_per_epoch": 156})
    assert run.grids() == [] and run.seconds_at([0, 5]) == [0.0, 0.0]
    run.grids_path.mkdir()
    for step in (0, 10, 100, 156):
        save_png(run.grid_path(step), np.zeros((4, 4, 1), np.uint8))
    assert run.grid_steps() == [0] and run.grids() == [run.grids_path / "step_000000.png"]
    numbers = {"images_per_second": 9.0, "generator_loss": 1.0, "discriminator_loss": 1.0}
    scores = {"discriminator_real": 0.5, "discriminator_fake": 0.5}
    for step, seconds in ((50, 4.0), (150, 12.0), (156, 12.6)):
        run.append_row({"step": step, "epoch": 1, "seconds": seconds, **numbers, **scores})
    assert run.grid_steps() == [0, 10, 100, 156]
    assert run.seconds_at([0, 10, 100, 150]) == [0.0, 0.8, 8.0, 12.0]


def test_after_a_kill_no_grid_stands_for_a_step_it_is_not_of(tmp_path):
    """Killed after epoch 1 with a checkpoint of step 120: until it is drawn again, there is no grid of the epoch."""
    from written_runs import write_run

    run = write_run(tmp_path / "run", steps=20)  # an epoch is 10 steps, and has a row
    run.grids_path.mkdir()
    for step in (0, 10, 20):
        save_png(run.grid_path(step), np.zeros((4, 4, 1), np.uint8))
    run.forget_after(13)
    assert run.grid_steps() == [0, 10] and not run.grid_path(20).exists()
    run.append_row({**run.rows()[-1], "step": 15, "epoch": 2})
    assert run.grid_steps() == [0, 10]


def test_a_run_from_when_each_epoch_had_a_grid_keeps_and_shows_them(tmp_path):
    """Only the one where it stopped goes when it is extended, as if it had not stopped there."""
    from written_runs import write_run

    run = write_run(tmp_path / "run", steps=2110)  # 211 epochs
    run.grids_path.mkdir()
    for epoch in range(199, 212):
        save_png(run.grid_path(10 * epoch), np.zeros((4, 4, 1), np.uint8))
    assert run.grid_steps() == [10 * epoch for epoch in range(199, 212)]
    run.forget_after(2110)
    assert run.grid_steps() == [10 * epoch for epoch in range(199, 211)]
