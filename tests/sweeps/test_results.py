"""What a sweep leaves beside its runs: sheets and curves, and a word where a setting had no effect."""

import csv
import json
import shutil

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.compare.rows import read_run
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps import estimate, results
from dcgan_tf.sweeps.estimate import Estimate
from dcgan_tf.sweeps.plan import PlannedRun
from dcgan_tf.sweeps.results import SweepRow, ignored_settings, write_pictures, write_table
from dcgan_tf.sweeps.sweep import Outcome, _report, _show_plan


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Rows of a sweep over three settings, two values each, with two seeds; the last run diverged."""
    folder, rows = tmp_path_factory.mktemp("sweep"), []
    for number in range(16):
        seed, width, steps, batch_size = (
            number % 2,
            (8, 16)[number // 8],
            (20, 40)[number // 4 % 2],
            (16, 64)[number // 2 % 2],
        )
        settings = {"batch_size": batch_size, "steps": steps, "width": width, "seed": seed}
        run = write_run(folder / f"{number}-seed={seed}", length=steps, scores=[(steps, number + 1.0)], **settings)
        run.grids_path.mkdir()
        save_png(run.grid_path(steps), np.full((40, 40, 1), 10 * number, np.uint8))
        if number == 15:
            run.diverged_path.write_text("it did")
        rows.append(SweepRow("finished", None, settings, read_run(run)))
    return rows


def test_a_sweep_of_three_settings_has_a_sheet_for_each_value_of_the_third(found, tmp_path):
    (tmp_path / "sheet-of-my-own.png").write_bytes(b"mine")
    assert [path.name for path in write_pictures(tmp_path, found)] == [
        "sheet-batch_size=16.png",
        "sheet-batch_size=64.png",
        "curves.png",
    ]
    some = write_pictures(tmp_path, found[:8], "seconds")  # of repeats there is one sheet, not one for each seed
    assert [path.name for path in some] == ["sheet.png", "curves.png"]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["curves.png", "sheet-of-my-own.png", "sheet.png"]


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_repeats_are_a_table_of_their_own_and_columns_of_the_sweep(found, tmp_path):
    missing = {"batch_size": 16, "steps": 20, "width": 32, "seed": 1}  # of a run that never began little is known
    others = [
        results._read(tmp_path, f"x-seed={seed}", {**missing, "seed": seed}, Outcome(None, "missing"))
        for seed in (0, 1)
    ]
    results._write_rows(tmp_path, [*found, *others])
    lines, settings = read_csv(tmp_path / "sweep.csv"), read_csv(tmp_path / "repeats.csv")
    assert list(lines[0])[-4:] == ["error", "repeats", "frechet_distance mean", "frechet_distance std"]
    assert len(lines) == 18 and len(settings) == 9
    values = ["frechet_distance", "repeats", "frechet_distance mean", "frechet_distance std"]
    assert [lines[0][name] for name in values] == ["1.0", "2", "1.5", str(np.sqrt(0.5))]
    assert [lines[15][name] for name in values] == ["16.0", "1", "15.0", ""]  # it diverged: it does not count
    assert [lines[17][name] for name in values] == ["", "0", "", ""]
    assert list(settings[0])[:7] == ["setting", "batch_size", "steps", "width", "n", "failed", "failures"]
    whole, half, none = settings[0], settings[7], settings[8]
    assert (whole["steps"], whole["width"], whole["n"], whole["failed"]) == ("20", "8", "2", "0")
    assert (whole["generator_loss mean"], whole["generator_loss std"], whole["frechet_distance n"]) == (
        "1.5",
        "0.0",
        "2",
    )
    assert (half["n"], half["failed"], half["failures"]) == ("1", "1", "seed 1 diverged")
    assert (none["n"], none["failures"], none["frechet_distance mean"]) == ("0", "seed 0 missing; seed 1 missing", "")


def test_without_repeats_nothing_is_said_of_them(found, tmp_path):
    results._write_rows(tmp_path, found[::2])
    assert list(read_csv(tmp_path / "sweep.csv")[0])[-1] == "error" and not (tmp_path / "repeats.csv").exists()


def test_the_sweep_ends_with_the_table_of_its_repeats(tmp_path):
    plan, outcomes = finished_runs(tmp_path, 3)
    said = []
    _report(tmp_path, plan, outcomes, "images", said.append)
    assert said[0].startswith("table: ") and said[1].startswith(f"repeats: {tmp_path / 'repeats.csv'}")
    assert said[1].splitlines()[2].split()[:2] == ["run-0", "and"] and "1.500 ± 0 (3)" in said[1]


def test_a_finished_run_that_was_damaged_since_says_so(tmp_path):
    write_run(tmp_path / "cut").config_path.write_text("{")
    cut, elsewhere = (results._read(tmp_path, name, {"width": 8}, Outcome(None, "finished")) for name in ("cut", "x"))
    assert (cut.status, cut.row.status) == ("finished", "damaged") and "config.json' is damaged" in cut.row.problem
    assert elsewhere.row.status == "finished"  # of a notebook that trains in another place, or nothing


def test_a_setting_that_the_notebook_overruled_is_named(tmp_path):
    plan, outcomes = [], {}
    for epochs in (1, 2):  # runs of 20 steps, whatever they were asked for
        run = write_run(tmp_path / f"epochs={epochs}", batch_size=64)
        plan.append(PlannedRun(run.path.name, {"epochs": epochs, "batch_size": 64}, {}, None, None, {}))
        outcomes[run.path.name] = Outcome(plan[-1], "finished")
    rows = write_table(tmp_path, plan, outcomes)
    assert ignored_settings(rows) == ["note: epochs=1, 2 was asked for, but the notebook trained with epochs=none"]


def test_runs_of_several_versions_are_told_apart(tmp_path):
    plan, outcomes = finished_runs(tmp_path, 3)
    runs = [Run(tmp_path / planned.name) for planned in plan]
    for run, version in zip(runs, ["0.5.0", "0.6.0", "0.6.0"], strict=True):
        run.write_config({**run.config, "versions": {"dcgan_tf": version}})
    said = []
    _report(tmp_path, plan, outcomes, "images", said.append)
    assert any("(1 run by 0.5.0, 2 runs by 0.6.0)" in line for line in said)
    assert results.other_versions(runs[1:]) == []


def finished_runs(folder, count):
    """A sweep of so many runs, all of them finished: (plan, outcomes)."""
    plan = []
    for number in range(count):
        run = write_run(folder / f"run-{number}", seed=number)
        notes = {"papermill": {"duration": 10 + number}, "dcgan_tf": {"outcome": "finished", "error": None}}
        run.notebook_path.write_text(json.dumps({"cells": [], "metadata": notes}))
        plan.append(PlannedRun(run.path.name, {"seed": number}, {}, None, ("steps", 20), {}))
    return plan, {run.name: Outcome(run, "finished") for run in plan}


def test_a_table_that_is_written_again_reads_only_what_is_new(tmp_path, monkeypatch):
    plan, outcomes = finished_runs(tmp_path, 4)
    outcomes["run-3"] = Outcome(plan[3], "missing")
    shutil.move(tmp_path / "run-3", tmp_path.parent / f"{tmp_path.name}-later")
    read, read_run = [], results.read_run
    monkeypatch.setattr(results, "read_run", lambda path, name: read.append(name) or read_run(path, name))
    table = results.Table(tmp_path, plan)
    table.write(outcomes)
    assert len(read) == 4
    table.write(outcomes)
    assert len(read) == 4  # three are finished, one has no folder
    shutil.move(tmp_path.parent / f"{tmp_path.name}-later", tmp_path / "run-3")
    for _ in range(2):
        table.write(outcomes)  # it is under way
    outcomes["run-3"] = Outcome(plan[3], "finished")
    table.write(outcomes)
    table.write(outcomes)
    assert read[4:] == ["run-3"] * 3
    again = (tmp_path / "sweep.csv").read_text()
    write_table(tmp_path, plan, outcomes)
    assert (tmp_path / "sweep.csv").read_text() == again and again.count("finished") == 4


def test_a_table_is_not_written_all_the_time(tmp_path, monkeypatch):
    plan, outcomes = finished_runs(tmp_path, 1)
    table, clock = results.Table(tmp_path, plan), [100.0]
    monkeypatch.setattr(results.time, "monotonic", lambda: clock[0])
    written, write = [], table.write

    def slow(outcomes):
        clock[0] += 2
        written.append(clock[0])
        return write(outcomes)

    table.write = slow
    for now in (100.0, 103.0, 301.0, 303.0):
        clock[0] = now
        table.write_when_due(outcomes)
    assert written == [102.0, 305.0]  # two seconds of writing, two hundred of other work


def test_how_long_it_takes_is_judged_by_some_of_many(tmp_path, monkeypatch):
    plan, _ = finished_runs(tmp_path, 8)
    left = [PlannedRun(f"left-{number}", {"seed": number}, {}, None, ("steps", 20), {}) for number in range(50)]
    whole = Estimate(tmp_path, plan + left)
    assert len(whole.known) == 8
    monkeypatch.setattr(estimate, "_TELLING", 5)
    some = Estimate(tmp_path, plan + left)
    assert len(some.known) == 5
    asked, seconds = [], some.seconds
    some.seconds = lambda run: asked.append(run) or seconds(run)
    assert some.describe(left, 2).startswith("about ") and len(asked) == 5
    before = next(iter(some.known))
    some.read(next(run for run in plan if run.name not in some.known))
    assert len(some.known) == 5 and before not in some.known


def test_a_long_plan_is_told_in_few_lines(tmp_path):
    said = []
    plan = [PlannedRun(f"run-{number}", {}, {}, None, None, {}) for number in range(250)]
    outcomes = {run.name: Outcome(run, "finished" if run.name == "run-249" else "missing") for run in plan}
    _show_plan(tmp_path, plan, outcomes, Estimate(tmp_path, plan), 2, said.append)
    assert len(said) == 103 and said[0].startswith("250 runs in ") and said[100].split() == ["missing", "run-99"]
    assert said[101] == "  ... and 149 missing, 1 finished" and said[102].startswith("to do: 249, 2 at a time")
