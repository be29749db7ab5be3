"""Searches whose trials train nothing (see fake_worker.py): drawn, pruned, repeated, stopped and gone on with."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import fake_worker
import pytest
from commands import run_cli
from nbformat import write as write_notebook
from nbformat.v4 import new_code_cell, new_notebook

from dcgan_tf.data.decoding import decode
from dcgan_tf.sweeps import running
from dcgan_tf.sweeps.executors import child
from dcgan_tf.sweeps.search.objective import Objective
from dcgan_tf.sweeps.search.pruning import Watcher
from dcgan_tf.sweeps.search.search import search
from dcgan_tf.sweeps.search.standing import Row, Search
from dcgan_tf.system.errors import UserError

ROOT = Path(__file__).parents[2]
MNIST = ROOT / "notebooks" / "mnist.ipynb"
WORKER = child.WORKER
FAKE = [sys.executable, fake_worker.__file__]
SPACE = {"generator_learning_rate": "1e-4..2e-3:log", "loss": "bce,hinge", "steps": "10"}
# The command line with that worker, in a process of its own.
COMMAND = f"from dcgan_tf.sweeps.executors import child; child.WORKER = {FAKE}; from dcgan_tf.cli import main; main()"


@pytest.fixture(autouse=True)
def quick_trials(monkeypatch):
    monkeypatch.setattr(child, "WORKER", FAKE)
    monkeypatch.setattr(running, "_BETWEEN_QUESTIONS", 0.02)


def go(folder, settings=SPACE, **options):
    said = []
    options = {"trials": 6, "finalists": 2, "repeats": 2, "prune": False, **options}
    return search(MNIST, settings, results_dir=folder, say=said.append, **options), said


def start(folder, **environment):
    """The same search as a command in a process of its own."""
    settings = [f"{name}={value}" for name, value in SPACE.items()]
    command = [sys.executable, "-c", COMMAND, "search", str(MNIST), *settings, "--results-dir", str(folder)]
    options = ["--trials", "6", "--finalists", "2", "--repeats", "2", "--no-prune"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=environment)


def table(folder):
    with open(folder / "search.csv", newline="") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def until(condition):
    given_up = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < given_up
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search that was not disturbed: (its folder, what it found, what it said)."""
    folder = tmp_path_factory.mktemp("searches") / "a search"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "WORKER", FAKE)
        patch.setattr(running, "_BETWEEN_QUESTIONS", 0.02)
        return folder, *go(folder)


def test_a_search_ends_in_a_table_pictures_and_a_command_that_trains_the_winner(whole):
    folder, found, said = whole
    rows = table(folder)
    assert len(rows) == 6 + 2 and {row["status"] for row in rows.values()} == {"finished"}
    values = {name: float(row["frechet_distance"]) for name, row in rows.items()}
    best = sorted((f"trial-{number:04d}" for number in range(6)), key=values.get)[:2]
    assert [one.row.name for one in found.finalists] == best  # a seed costs all of them the same, here
    assert found.finalists[0].mean == pytest.approx((values[best[0]] + values[f"{best[0]}-seed=1"]) / 2)
    assert found.winner == {"steps": 10, **found.finalists[0].row.settings} and found.is_whole
    assert float(rows[best[0]]["generator_learning_rate"]) == found.winner["generator_learning_rate"]
    assert sum(line.startswith("[") for line in said) == 8 and f"winner: {best[0]}" in said[-2]
    for name in ("importances.png", "parallel.png"):
        assert decode(folder / name).std() > 5
    command = shlex.split(said[-1].removeprefix("train it: "))
    assert command[:3] == ["python", "-m", "dcgan_tf"] and command[-1] == str(folder / "winner")
    status, shown, _ = run_cli(*command[3:], "--dry-run")
    assert status == 0 and "to do: 1" in shown


def test_what_is_over_is_not_made_again_and_more_trials_extend_it(tmp_path):
    go(tmp_path, trials=2, finalists=0)
    begun, before = lines(tmp_path / "begun.txt"), table(tmp_path)
    with open(tmp_path / "trial-0000" / "metrics.jsonl", "a") as file:  # somebody measures it by another protocol
        file.write(json.dumps(fake_worker.evaluation(10, 0.1)) + "\n")
    found, said = go(tmp_path, trials=2, finalists=0)
    assert table(tmp_path) == before and lines(tmp_path / "begun.txt") == begun and "2 of them over already" in said[0]
    assert found.winner and "over 1 seed:" in said[-2]
    assert "note: repeats=2 has no effect, since finalists=0: no trial is repeated" in said
    go(tmp_path, trials=3, finalists=0)
    assert lines(tmp_path / "begun.txt") == [*begun, "trial-0002"]
    for settings, options, said in (
        ({**SPACE, "loss": "bce,minimax"}, {}, "loss: bce,hinge then, bce,minimax now"),
        ({**SPACE, "width": 8}, {}, "width: nothing then, 8 now"),
        (SPACE, {"metric": "kid"}, "metric: frechet_distance then, kernel_distance now"),
        (SPACE, {"seed": 1}, "seed of the draws: 0 then, 1 now"),
    ):
        with pytest.raises(UserError, match=f"holds another search .{said}.: give the same settings, or another"):
            go(tmp_path, settings, **options)
    edited = tmp_path / MNIST.name
    edited.write_text(MNIST.read_text().replace('\\"mnist5k\\"', '\\"fake\\"'))
    with pytest.raises(UserError, match=r"another search \(dataset: 'mnist5k' then, 'fake' now\): give the same"):
        search(edited, SPACE, results_dir=tmp_path)


def test_a_trial_that_is_worse_than_half_of_the_others_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_PAUSE", "0.08")
    found, said = go(tmp_path, trials=12, finalists=0, jobs=2, prune=True)
    rows = table(tmp_path)
    pruned = [row for row in rows.values() if row["status"] == "pruned"]
    assert pruned and all(int(row["step"]) < 10 for row in pruned)
    steps = Counter(line.split()[0] for line in lines(tmp_path / "steps.txt"))
    assert all(steps[row["run"]] < 10 for row in pruned)  # it did end early
    assert sum(" pruned at step " in line for line in said) == len(pruned)
    finished = [float(row["frechet_distance"]) for row in rows.values() if row["status"] == "finished"]
    assert found.finalists[0].mean == min(finished)
    assert all(float(row["frechet_distance"]) > min(finished) for row in pruned)


def test_ctrl_c_saves_and_the_same_command_goes_on_as_if_nothing_had_been(whole, tmp_path):
    child = start(tmp_path, FAKE_PAUSE="0.05")
    until(lambda: "trial-0002 3" in lines(tmp_path / "steps.txt"))
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=60)[0]
    assert child.returncode == 1 and "stopping: 1 run saves what it has" in said, said
    assert "winner" not in said and "not over: 4 trials" in said
    assert table(tmp_path)["trial-0002"]["status"] == "interrupted"
    found, _ = go(tmp_path)
    assert found.winner == whole[1].winner and table(tmp_path) == table(whole[0])
    assert max(Counter(lines(tmp_path / "steps.txt")).values()) == 1  # no step twice
    assert Counter(lines(tmp_path / "begun.txt"))["trial-0002"] == 2


def test_a_killed_search_loses_nothing_and_trains_nothing_twice(whole, tmp_path):
    child = start(tmp_path, FAKE_PAUSE="0.05")
    until(lambda: "trial-0001 3" in lines(tmp_path / "steps.txt"))
    child.kill()
    child.wait()
    with open(tmp_path / "search.journal", "a") as file:
        file.write('{"op_code": 8, "wor')  # what a power cut leaves
    found, _ = go(tmp_path)
    assert found.winner == whole[1].winner and table(tmp_path) == table(whole[0])
    assert max(Counter(lines(tmp_path / "steps.txt")).values()) == 1


def test_several_processes_share_a_search_and_one_that_dies_is_replaced(tmp_path):
    first, second = (start(tmp_path, FAKE_PAUSE="0.05") for _ in range(2))
    until(lambda: len(lines(tmp_path / "begun.txt")) > 3)
    first.kill()
    first.communicate()
    said = second.communicate(timeout=120)[0]
    assert second.returncode == 0 and "winner: " in said, said
    rows = table(tmp_path)
    assert len(rows) == 8 and {row["status"] for row in rows.values()} == {"finished"}
    steps = Counter(lines(tmp_path / "steps.txt"))
    assert len(steps) == 80 and max(steps.values()) == 1
    begun = Counter(lines(tmp_path / "begun.txt"))
    assert sum(begun.values()) <= 9  # the one that was under way, once more


def test_a_run_that_fails_is_tried_again_by_the_same_command_and_one_that_diverged_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_FAIL", "trial-0001")
    monkeypatch.setenv("FAKE_DIVERGE", "trial-0002")
    found, said = go(tmp_path, trials=3, finalists=0)
    assert found.winner and not found.is_whole and "not over: 1 trial;" in said[-1]
    assert any("failed: trial-0001 (generator" in line and "made to fail; log: " in line for line in said)
    assert [row["status"] for row in table(tmp_path).values()] == ["finished", "failed", "diverged"]
    monkeypatch.delenv("FAKE_FAIL")
    found, said = go(tmp_path, trials=3, finalists=0)
    assert found.is_whole and lines(tmp_path / "begun.txt") == [*(row.name for row in found.rows), "trial-0001"]


def test_a_further_seed_that_diverges_is_over_and_counted_beside_the_finalist(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_DIVERGE", ",".join(f"trial-{number:04d}-seed=1" for number in range(3)))
    options = {"trials": 3, "finalists": 2, "repeats": 3}
    found, said = go(tmp_path, **options)
    best = found.finalists[0]
    assert found.is_whole and (len(best.values), best.diverged, best.counted) == (2, 1, "2 of 3, 1 diverged")
    assert any(line.endswith(f"] {best.row.name}-seed=1: diverged") for line in said)
    assert "over 2 seeds (1 of 3 seeds diverged): generator" in said[-2]
    assert sum("2 of 3, 1 diverged" in line for text in said for line in text.splitlines()) == 2
    begun, row = lines(tmp_path / "begun.txt"), table(tmp_path)[f"{best.row.name}-seed=1"]
    assert (row["status"], row["frechet_distance"]) == ("diverged", "") and "TrainingDiverged" in row["note"]
    again, _ = go(tmp_path, **options)
    assert again == found and lines(tmp_path / "begun.txt") == begun


def test_what_was_measured_with_further_seeds_counts_whatever_is_asked_for_later(tmp_path):
    options = {"trials": 2, "finalists": 1}
    found, _ = go(tmp_path, repeats=3, **options)
    (first,) = found.finalists
    assert first.counted == "3"
    rows = table(tmp_path)
    for options in ({"finalists": 0}, {"finalists": 1, "repeats": 1}, {"finalists": 2, "repeats": 2}):
        found, said = go(tmp_path, **{"trials": 2, **options})
        assert found.finalists[0] == first and found.is_whole and rows.items() <= table(tmp_path).items()
    assert "over 3 seeds: " in said[-2]
    found, said = go(tmp_path, trials=1, finalists=0)
    assert found.finalists[0] == first and "note: 2 trials were begun here by an earlier call: what" in said[1]


def test_a_finalist_that_luckier_trials_push_out_is_still_compared_by_its_mean():
    def row(number, value, seed=None, status="finished"):
        return Row(f"trial-{number}", number, {"width": number}, status, value, seed=seed)

    trials, repeated = [row(0, 2.0), row(1, 1.0), row(2, 1.5)], [row(0, 2.2, 1), row(0, None, 2, "diverged")]
    asked = Search(Path(), None, None, Objective("fid"), {}, trials=3, finalists=1, repeats=2)
    found = asked.over_seeds(trials, repeated)
    assert [(one.row.number, one.counted) for one in found] == [(0, "2 of 3, 1 diverged"), (1, "1")]
    found = asked.over_seeds(trials, [*repeated, row(1, 3.0, 1)])
    assert [(one.row.number, one.mean) for one in found] == [(1, 2.0), (0, 2.1)]


def test_a_search_in_which_everything_fails_stops(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_FAIL", ",".join(f"trial-{number:04d}" for number in range(9)))
    with pytest.raises(UserError, match="3 runs and none went well, trial-0002 with: ValueError: made to fail"):
        go(tmp_path, trials=9)
    assert len(lines(tmp_path / "begun.txt")) == 3


def test_trials_that_always_fail_do_not_stop_a_search_that_has_others(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_FAIL", "trial-0001,trial-0002,trial-0003")
    go(tmp_path, trials=5, finalists=0)
    found, _ = go(tmp_path, trials=6, finalists=0)
    rows = table(tmp_path)
    assert found.winner and len(rows) == 6 and rows["trial-0005"]["status"] == "finished"
    assert Counter(lines(tmp_path / "begun.txt"))["trial-0003"] == 2


def test_combinations_that_make_no_sense_and_those_drawn_before(tmp_path):
    settings = {"loss": "bce,hinge", "real_label_low": "0.8,1.0", "steps": "10"}
    found, said = go(tmp_path, settings, trials=12, finalists=0)
    assert any("there are 4 combinations: a sweep would try each of them once" in line for line in said)
    rows = table(tmp_path)
    statuses = Counter(row["status"] for row in rows.values())
    assert sum(statuses.values()) == 12 and 1 <= statuses["finished"] <= 3 and statuses["same"] > 0
    for row in rows.values():
        if row["status"] == "impossible":
            assert (row["loss"], row["real_label_low"]) == ("hinge", "0.8") and "has no labels to smooth" in row["note"]
    assert statuses["impossible"] == 1 and found.is_whole  # once; then it is known
    assert len(lines(tmp_path / "begun.txt")) == statuses["finished"]


def test_the_best_differ_in_their_settings():
    values = {0: ("bce", 3.0), 1: ("hinge", 2.0), 2: ("hinge", 1.0), 3: ("minimax", 4.0)}
    rows = [Row(f"trial-{n}", n, {"loss": loss}, "finished", value) for n, (loss, value) in values.items()]
    asked = Search(Path(), None, None, Objective("fid"), {}, trials=4, finalists=2, repeats=2)
    assert [row.number for row in asked.best(rows=rows)] == [2, 0]  # 1 and 2 were drawn while neither was over
    assert [row.number for row in asked.best(4, rows)] == [2, 0, 3]


def test_another_metric_and_where_larger_is_better(tmp_path):
    found, said = go(tmp_path, metric="precision", trials=3, finalists=0)
    values = [float(row["precision"]) for row in table(tmp_path).values()]
    assert found.finalists[0].mean == max(values)
    assert any("by precision, larger is better" in line for line in said)


NOTEBOOK = """
rate: float = 0.1
behave: str = "well"  # well or wait
seed: int = 0
results_dir: str = "results"
run_name: str = None
"""
BODY = f"""
import json, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(FAKE[1]).parent)!r})
import fake_worker
run = Path(results_dir) / run_name
fake_worker.begin(run, {{}})
try:
    fake_worker.append(run / "metrics.jsonl", json.dumps(fake_worker.evaluation(5, rate)))
    while behave == "wait":
        time.sleep(0.1)
except KeyboardInterrupt:
    (run / "saved").touch()
    raise
"""


def test_trials_are_notebooks_that_are_asked_to_save_when_they_are_pruned(tmp_path, monkeypatch):
    """With the real worker: its notebooks, papermill, a Ctrl-C in the kernel."""
    monkeypatch.setattr(child, "WORKER", WORKER)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = tmp_path / "tiny.ipynb"
    cells = [new_code_cell(NOTEBOOK, metadata={"tags": ["parameters"]}), new_code_cell(BODY)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write_notebook(new_notebook(cells=cells, metadata={"kernelspec": kernel}), notebook)
    said = []
    found = search(notebook, {"rate": "0.1..0.9"}, results_dir=tmp_path / "a", trials=1, finalists=0, say=said.append)
    assert found.finalists[0].mean == found.winner["rate"]
    monkeypatch.setattr(Watcher, "_look", lambda watcher: (5, 5, 0.5))  # whatever it measures is too bad
    settings = {"rate": "0.1..0.9", "behave": "wait"}
    search(notebook, settings, results_dir=tmp_path / "b", trials=1, finalists=0, say=said.append)
    assert (tmp_path / "b" / "trial-0000" / "saved").exists()
    assert any("[1/1] trial-0000: pruned at step 5 (50%) with frechet_distance 0.5000" in line for line in said)


def test_mistakes_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for options, message in (
        ({"trials": 0}, "trials=0 must be a whole number of at least 1"),
        ({"metric": "fud"}, "unknown metric 'fud'"),
        ({"settings": "loss=bce,hinge"}, "settings='loss=bce,hinge' must be a dict, name -> value or values, such as"),
        ({"minutes": 0}, "minutes=0 must be a number above 0"),
        ({"minutes": 3, "settings": {**SPACE, "max_seconds": "5"}}, "minutes=3 and max_seconds=5 are both given"),
        ({"settings": {"loss": "bce,hing"}}, "loss='hing' must be one of"),
    ):
        with pytest.raises(UserError, match=message):
            go("results", **options)
    monkeypatch.setitem(sys.modules, "optuna", None)
    status, _, said = run_cli("search", MNIST, "loss=bce,hinge", "--results-dir", "results")
    assert (status, said) == (
        2, "error: a search needs optuna, not installed here: pip install 'dcgan-tf[search]'\n"
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_is_said_in_one_line(tmp_path):
    (tmp_path / "search.journal").write_text("nonsense\n{}\n")
    with pytest.raises(UserError, match=r"search\.journal' is damaged .* put it back from a copy") as caught:
        go(tmp_path)
    assert "\n" not in str(caught.value)


def test_nothing_of_optuna_is_imported_by_those_who_do_not_search():
    program = """
import sys, dcgan_tf, dcgan_tf.sweeps.sweep
from dcgan_tf.cli import cli
cli.main(["search", "--help"], standalone_mode=False)
print([name for name in sys.modules if name.partition(".")[0] in ("optuna", "tensorflow")])
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert "--trials" in said.stdout and said.stdout.splitlines()[-1] == "[]", said
