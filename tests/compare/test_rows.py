"""Reading many run directories: rows, statuses, differences, filters, the best by one protocol."""

import pytest
from written_runs import write_run

from dcgan_tf.compare.choosing import differing_settings
from dcgan_tf.compare.rows import find_runs, read_run, read_runs
from dcgan_tf.run.lock import only_writer
from dcgan_tf.run.reading import State
from dcgan_tf.system.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_run(folder / "a", scores=[(10, 5.0), (20, 7.0)])
    write_run(folder / "group" / "b", batch_size=16, beta_1=0.0, scores=[(20, 6.0)])
    write_run(folder / "group" / "c", batch_size=128, seed=1, length=40, scores=[(20, 1.0)], samples=50)
    write_run(folder / "d", whole=False)
    (folder / "e").mkdir()
    (folder / "e" / "config.json").write_text('{"recipe": ')
    (folder / ".hidden" / "run").mkdir(parents=True)
    (folder / ".hidden" / "run" / "config.json").write_text("{}")
    return folder


def test_rows_say_what_the_directories_say(folder):
    rows = {row.name: row for row in read_runs(folder)}
    assert list(rows) == ["a", "d", "e", "group/b", "group/c"]
    assert {name: row.status for name, row in rows.items()} == {
        "a": "finished", "d": "interrupted", "e": "damaged", "group/b": "finished", "group/c": "interrupted"
    }  # fmt: skip
    assert "damaged" in rows["e"].problem and rows["e"].settings == {}
    settings = rows["group/b"].settings
    assert (settings["recipe"], settings["batch_size"], settings["steps"]) == ("quick", 16, 20)
    assert settings["epochs"] is None
    assert settings["image_shape"] == "28x28x1" and settings["max_seconds"] is None and "image_size" not in settings
    assert rows["a"].last["seconds"] == 10.0 and rows["a"].last["generator_loss"] == 1.5
    assert rows["a"].scores["frechet_distance"].value == 7.0 and rows["a"].scores["frechet_distance"].step == 20
    assert rows["a"].best_scores["frechet_distance"].value == 5.0


def test_a_run_that_is_being_written_is_running(folder, tmp_path):
    run = write_run(tmp_path / "x")
    assert read_run(run).status == State.FINISHED
    with only_writer(run):
        assert read_run(run).status == State.RUNNING
    assert read_run(run).status == State.FINISHED


def test_a_run_that_diverged_says_so(tmp_path):
    run = write_run(tmp_path / "x")
    run.diverged_path.write_text("a loss is no number\n")
    row = read_run(run)
    assert (row.status, row.problem) == (State.DIVERGED, "a loss is no number") and row.settings


def test_a_run_can_be_read_twice_but_is_one_row(folder):
    assert len(read_runs([folder, folder / "group"])) == 5
    assert [row.name for row in read_runs(folder / "a")] == ["a"]
    assert find_runs(folder / "nowhere") == []
    with pytest.raises(UserError, match="there is no folder"):
        read_runs(folder / "nowhere")


def test_a_field_younger_than_a_run_makes_no_difference(folder, tmp_path):
    old = write_run(tmp_path / "old")
    config = old.config
    del config["recipe"]["clip_norm"]
    old.write_config(config)
    assert differing_settings([read_run(old), read_run(folder / "a")]) == []
