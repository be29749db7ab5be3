"""Every record of a run, damaged in every way, met by everybody who reads it: a line is said, and nothing is lost."""

import json
import shutil
import warnings

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.compare.rows import read_run as read_row
from dcgan_tf.compare.tables import RunTable
from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.evaluation.evaluate import append_line
from dcgan_tf.gallery_page.build import gallery
from dcgan_tf.pictures.films import write_gif, write_webp
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import State, read_run
from dcgan_tf.run.records import set_aside_other
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import Unreadable
from dcgan_tf.training.alarm_log import AlarmLog, alarm_report
from dcgan_tf.training.monitor import curve

ALARM = {"step": 10, "alarm": "it swings", "on": True, "since": 5, "seen": "it swung", "remedies": "patience"}

# What a file may hold in place of what a run writes; None is a folder.
DAMAGE = {
    "a folder": None,
    "other bytes": b"\x89PNG\r\n\x00\xff\xfe" * 9 + b"\n",
    "not UTF-8": "step,epoch\ngrün\n".encode("latin-1"),
    "a list": b"[]\n",
    "a number": b"3\n",
    "a text": b'"x"\n',
    "null": b"null\n",
    "an empty object": b"{}\n",
    "a wrong type": b'{"metrics": {"a": {"mean": "x"}}, "recipe": "quick", "alarm": [], "step": null}\n',
    "deep nesting": b"[" * 100_000 + b"\n",
    "deep objects": b'{"a":' * 400 + b"1" + b"}" * 400 + b"\n",
    "no number": b'{"metrics": {"a": {"mean": NaN}}, "step": Infinity}\n',
    "a number too large": b'{"step": 1' + b"0" * 400 + b', "alarm": "x", "on": false}\n',
    "half a character": b'{"step": 1, "alarm": "\\ud800", "on": false}\n',
    "null bytes": b"\x00" * 64 + b"\n",
}
LINES = ("history.csv", "metrics.jsonl", "alarms.jsonl")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("runs") / "x", steps=30, length=30, scores=[(10, 5.0), (20, 4.0)])
    run.append_alarm(ALARM)
    run.grids_path.mkdir()
    for epoch in (1, 2, 3):
        save_png(run.grids_path / f"epoch_{epoch:04d}.png", np.full((4, 4, 1), epoch, np.uint8))
    return run


@pytest.fixture
def run(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "x")
    return Run(tmp_path / "x")


def damage(path, kind):
    path.unlink(missing_ok=True)
    path.mkdir() if DAMAGE[kind] is None else path.write_bytes(DAMAGE[kind])


def readers(run):
    """All that reads a run without its data or its networks."""
    yield "the gallery", lambda: gallery(run.path.parent)
    yield "a row", lambda: repr(RunTable([read_row(run.path)]))
    yield "rows", run.rows
    yield "history", run.history
    yield "grids", run.grid_steps
    yield "metrics", run.metrics
    yield "curve", lambda: curve(run, "frechet_distance")
    yield "alarms", lambda: alarm_report(run)


def test_a_whole_run_is_read_without_a_word(run):
    found = read_run(run.path)
    assert (found.state, found.problems) == (State.FINISHED, [])
    assert [row["step"] for row in found.rows] == [10, 20, 30] and found.alarms == [ALARM]
    assert [line["step"] for line in found.evaluations] == [10, 20] and run.grid_steps() == [10, 20, 30]


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("record", LINES)
def test_a_damaged_record_is_said_once_and_the_rest_is_read(run, record, kind):
    damage(run.path / record, kind)
    found = read_run(run.path)
    assert found.state == State.DAMAGED and len(found.problems) == 1 and record in found.problems[0]
    assert "\n" not in found.problems[0] and len(found.problems[0]) < 400
    read = {"history.csv": found.rows, "metrics.jsonl": found.evaluations, "alarms.jsonl": found.alarms}
    assert {name: len(lines) for name, lines in read.items()} == {
        **{"history.csv": 3, "metrics.jsonl": 2, "alarms.jsonl": 1}, record: 0
    }  # fmt: skip
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _, read in readers(run):
            read()
    said = [str(one.message) for one in said if issubclass(one.category, UserWarning)]
    assert len(said) == 1 and record in said[0]


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_config_is_one_line_and_the_run_is_protected(run, kind):
    damage(run.config_path, kind)
    with pytest.raises(UserError, match=r"config\.json") as error:
        run.config  # noqa: B018
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    found = read_run(run.path)
    assert found.state == State.DAMAGED and found.problems == [str(error.value)] and len(found.rows) == 3
    assert read_row(run.path).settings == {} and gallery(run.path.parent).is_file()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"recipe": "quick"}, "recipe is 'quick', and should be a table"),
        ({"recipe": {"name": "quick", "latent_mean": "0"}}, "recipe.latent_mean is '0', and should be a valid number"),
        ({"recipe": {"name": "quick", "latent_std": None}}, "recipe.latent_std is None"),
        ({"recipe": {"name": "quick", "grid_every": 0}}, "recipe.grid_every is 0"),
        ({"recipe": {}}, "recipe.name is missing"),
        ({"dataset": []}, "dataset is []"),
        ({"dataset": {"name": "fake", "image_shape": [28, 28]}}, "dataset.image_shape is [28, 28]"),
        ({"length": []}, "length is []"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0"),
        ({"log_every": True}, "log_every is True"),
        ({"seed": "0"}, "seed is '0'"),
        ({"hardware": 3}, "hardware is 3"),
    ],
)
def test_a_wrong_value_in_config_is_named(run, change, said):
    run.config_path.write_text(json.dumps({**run.config, **change}))
    with pytest.raises(UserError) as error:
        Run(run.path).config  # noqa: B018
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["recipe", "seed", "dataset", "log_every", "steps_per_epoch", "length"])
def test_a_missing_value_in_config_is_named(run, name):
    config = run.config
    del config[name]
    run.config_path.write_text(json.dumps(config))
    with pytest.raises(UserError, match=f"{name} is missing"):
        Run(run.path).config  # noqa: B018


def test_what_is_whole_around_damaged_lines_is_read(run):
    lines = run.history_path.read_text().splitlines()
    run.history_path.write_text("\n".join([*lines[:2], "", "20,2,half", *lines[2:], "x,3,1,1,1,1,1,1", "40,4,1.0,5"]))
    good = run.metrics_path.read_text().splitlines()
    run.metrics_path.write_text("\n".join([good[0], "", "[[", good[1]]))  # the last one whole but for its newline
    found = read_run(run.path)
    assert [row["step"] for row in found.rows] == [10, 20, 30]
    assert [line["step"] for line in found.evaluations] == [10, 20]
    assert [problem.split(" (")[0] for problem in found.problems] == [
        "history.csv has 2 damaged lines", "metrics.jsonl has 1 damaged line"
    ]  # fmt: skip


def test_seconds_that_are_no_number_are_damage_and_a_loss_that_is_none_is_not(run):
    for number, seconds in enumerate(("nan", "inf", "-Infinity")):
        with open(run.history_path, "a") as file:
            file.write(f"{40 + number},4,{seconds},1,1,1,1,1\n")
    with open(run.history_path, "a") as file:
        file.write("50,5,4.0,inf,nan,1,1,1\n")
    found = read_run(run.path)
    assert [row["step"] for row in found.rows] == [10, 20, 30, 50]
    (problem,) = found.problems
    assert problem.startswith("history.csv has 3 damaged lines (the first is line 5: seconds are nan)")


@pytest.mark.parametrize("record", LINES)
def test_a_line_cut_short_by_a_kill_is_no_damage(run, record):
    path = run.path / record
    data = path.read_bytes()
    path.write_bytes(data + data.splitlines()[-1][:30])
    assert read_run(run.path).problems == []
    append = {
        "history.csv": lambda: run.append_row({**run.rows()[-1], "step": 40}),
        "metrics.jsonl": lambda: append_line(run, {**run.metrics()[-1], "step": 40}),
        "alarms.jsonl": lambda: run.append_alarm({**ALARM, "step": 40}),
    }
    append[record]()
    assert path.read_bytes().startswith(data) and len(path.read_bytes().splitlines()) == len(data.splitlines()) + 1
    assert read_run(run.path).problems == []


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("record", LINES)
def test_a_training_goes_on_beside_a_damaged_record_and_keeps_it(run, record, kind):
    """What train() does with the records when it resumes, and what it and evaluate() add."""
    line = run.metrics()[-1]
    damage(run.path / record, kind)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        run.forget_after(20)
        run.keep_metrics(lambda line: line["step"] <= 20)
        log = AlarmLog(run, print)
        log.restore(20)
        run.append_row(dict.fromkeys(run.history(), 40))
        run.append_alarm({**ALARM, "step": 40})
        append_line(run, {**line, "step": 40})
    kept = run.path / f"{record}.damaged"
    assert kept.is_dir() if DAMAGE[kind] is None else kept.read_bytes() == DAMAGE[kind]
    found = read_run(run.path)
    assert [row["step"] for row in found.rows][-1] == 40 and found.alarms[-1]["step"] == 40
    assert found.evaluations[-1]["step"] == 40 and found.problems == []
    assert not (run.path / f"{record}.damaged_2").exists()


@pytest.mark.parametrize("content", [None, b"no picture", b"", "cut", "flipped"])
def test_a_damaged_grid_is_left_out(run, content):
    path = run.grids_path / "epoch_0002.png"
    data = path.read_bytes()
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        changed = {"cut": data[:-9], "flipped": data[:40] + bytes([data[40] ^ 1]) + data[41:]}
        path.write_bytes(changed.get(content, content) if isinstance(content, str) else content)
    with pytest.warns(UserWarning, match=r"epoch_0002\.png.*damaged"):
        assert run.grid_steps() == [10, 30]
    assert gallery(run.path.parent).is_file()
    run.forget_after(30)
    save_png(path, np.zeros((4, 4, 1), np.uint8))  # a later training draws it again
    assert run.grid_steps() == [10, 20, 30]


@pytest.mark.parametrize("kind", ["empty", "cut", "zeros"])
def test_damaged_networks_labels_and_films_are_named(run, kind):
    run.write_labels(Labels(np.array([0, 1]), ("cat", "dog")))
    pictures = [np.full((12, 12, 3), shade, np.uint8) for shade in (20, 200)]
    write_gif(run.gif_path, pictures, 0.1)
    assert write_webp(run.webp_path, pictures, 0.1) and run.film_path and read_run(run.path).problems == []
    states = {"labels.npz": "finished", "progress.webp": "finished", "progress.gif": "interrupted"}
    for name, state in {**states, "generator.keras": "interrupted"}.items():
        whole = (run.path / name).read_bytes()
        (run.path / name).write_bytes({"empty": b"", "cut": whole[:-9], "zeros": bytes(len(whole))}[kind])
        found = read_run(run.path)
        assert (found.state, found.problems) == (state, [f"damaged: {name}"]) and found.evaluations
        (run.path / name).write_bytes(whole)
    for path in (run.generator_path, run.webp_path, run.gif_path):
        path.write_bytes(b"")
    assert run.film_path is None
    assert "damaged: generator.keras, progress.gif, progress.webp" in gallery(run.path.parent).read_text(
        encoding="utf-8"
    )


def test_a_run_that_lost_its_config_says_how_to_get_it_back(run):
    from dcgan_tf.run.place import check_place

    run.config_path.unlink()
    for use in (lambda: Run(run.path).config, lambda: check_place(run.path)):
        with pytest.raises(UserError, match=r"has lost its config\.json.*another run directory.*copy the config\.json"):
            use()
    assert read_run(run.path).state == State.DAMAGED and len(read_run(run.path).rows) == 3


@pytest.mark.parametrize("record", ["config.json", *LINES])
def test_what_cannot_be_read_at_the_moment_is_not_called_damaged(run, record, monkeypatch):
    import errno
    import pathlib

    read = pathlib.Path.read_bytes

    def stale(path):
        if path.name == record:
            raise OSError(errno.ESTALE, "Stale file handle")
        return read(path)

    monkeypatch.setattr(pathlib.Path, "read_bytes", stale)
    found = read_run(run.path)
    assert found.state == State.UNREADABLE and "Stale file handle" in found.problems[0]
    assert "damaged" not in found.problems[0]
    with pytest.raises(Unreadable):
        [run.config, run.rows(), run.metrics(), run.alarms()]
    assert gallery(run.path.parent).is_file()
    monkeypatch.undo()
    assert read_run(run.path).state == State.FINISHED


def test_no_run_has_begun_in_an_empty_folder(tmp_path):
    assert read_run(tmp_path / "nothing").state == State.NOT_BEGUN
    assert read_run(tmp_path).state == State.NOT_BEGUN and read_run(tmp_path).problems == []


def test_a_folder_called_as_a_file_of_the_training_is_given_another_name(run):
    run.diverged_path.mkdir()
    (run.diverged_path / "mine").touch()
    set_aside_other(run.diverged_path)
    assert (run.path / "diverged.txt.damaged" / "mine").is_file() and not run.diverged_path.exists()
