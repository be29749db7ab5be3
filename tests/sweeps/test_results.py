"""What a sweep leaves beside its runs: sheets and curves, and a word where a setting had no effect."""

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.compare.rows import read_run
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.sweeps.plan import PlannedRun
from dcgan_tf.sweeps.results import SweepRow, ignored_settings, write_pictures, write_table
from dcgan_tf.sweeps.sweep import Outcome


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Rows of a sweep over three settings, two values each."""
    folder, rows = tmp_path_factory.mktemp("sweep"), []
    for number in range(8):
        seed, steps, batch_size = number // 4, (20, 40)[number // 2 % 2], (16, 64)[number % 2]
        settings = {"batch_size": batch_size, "steps": steps, "seed": seed}
        run = write_run(folder / str(number), length=steps, **settings)
        run.grids_path.mkdir()
        save_png(run.grid_path(steps), np.full((40, 40, 1), 10 * number, np.uint8))
        rows.append(SweepRow("finished", None, settings, read_run(run)))
    return rows


def test_a_sweep_of_three_settings_has_a_sheet_for_each_value_of_the_third(found, tmp_path):
    (tmp_path / "sheet-of-my-own.png").write_bytes(b"mine")
    assert [path.name for path in write_pictures(tmp_path, found)] == [
        "sheet-seed=0.png",
        "sheet-seed=1.png",
        "curves.png",
    ]
    assert [path.name for path in write_pictures(tmp_path, found[:4])] == ["sheet.png", "curves.png"]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["curves.png", "sheet-of-my-own.png", "sheet.png"]


def test_a_setting_that_the_notebook_overruled_is_named(tmp_path):
    plan, outcomes = [], {}
    for epochs in (1, 2):  # runs of 20 steps, whatever they were asked for
        run = write_run(tmp_path / f"epochs={epochs}", batch_size=64)
        plan.append(PlannedRun(run.path.name, {"epochs": epochs, "batch_size": 64}, {}, None, None, {}))
        outcomes[run.path.name] = Outcome(plan[-1], "finished")
    rows = write_table(tmp_path, plan, outcomes)
    assert ignored_settings(rows) == ["note: epochs=1, 2 was asked for, but the notebook trained with epochs=none"]
