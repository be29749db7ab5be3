"""Evaluating while training: the training does not notice, the best generator is kept, resuming changes nothing."""

import json
import signal
from types import SimpleNamespace

import forks
import keras
import numpy as np
import pytest
from same_runs import assert_same_film

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation.evaluate import append_line, evaluate, table
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import load_generator
from dcgan_tf.system.errors import UserError
from dcgan_tf.training import monitor as monitor_module
from dcgan_tf.training.monitor import Monitor, draw_curve, is_long, monitor_for
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.request import Length
from dcgan_tf.training.signals import TrainingInterrupted
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

# Of the smallest size there is, and with an averaged generator; `fake`: 20 steps an epoch.
TINY = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "ema_images": 500}
PIXELS = {"features": "pixels", "samples": 60}


class Said(NoProgress):
    """Keeps what a person would have been told."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCGAN_TF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def go(path, steps, every=7, progress=None, **settings):
    return train("gwu", "fake", path, steps=steps, overrides=TINY, evaluate_every=every, evaluation=PIXELS,
                 progress=progress or NoProgress(), **settings)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return go(tmp_path_factory.mktemp("runs") / "run", 30)


def lines(run):
    """The evaluations, without what a clock says."""
    return [{k: v for k, v in line.items() if k not in ("time", "evaluation_seconds")} for line in run.metrics()]


def rows(run):
    return [{k: v for k, v in row.items() if "second" not in k} for row in run.rows()]


def weights(path):
    return [np.asarray(weight) for weight in keras.saving.load_model(path).get_weights()]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def same_state(one, other):
    """Whether the newest checkpoints, after step 30, are alike bit for bit."""
    (first,), (second,) = (sorted(run.checkpoints_path.glob("*30.npz")) for run in (one, other))
    with np.load(first) as a, np.load(second) as b:
        assert set(a.files) == set(b.files)
        return all(np.array_equal(a[name], b[name]) for name in a.files if name != "extra.json")


def test_the_training_does_not_notice(run, tmp_path):
    plain = train("gwu", "fake", tmp_path / "run", steps=30, overrides=TINY, progress=NoProgress())
    assert rows(plain) == rows(run)
    assert same_state(plain, run)
    assert plain.grids()[-1].read_bytes() == run.grids()[-1].read_bytes()


def test_the_best_generator_is_kept(run):
    assert [line["step"] for line in run.metrics()] == [7, 14, 21, 28]
    assert [line["epoch"] for line in run.metrics()] == [1, 1, 2, 2]
    values = [line["metrics"]["frechet_distance"]["mean"] for line in run.metrics()]
    best = 7 * (1 + int(np.argmin(values)))
    # It is the generator of that step: as the run that ended there has it.
    ended = train("gwu", "fake", run.path.parent / "ended", steps=best, overrides=TINY, progress=NoProgress())
    assert same(weights(run.best_generator_path), weights(ended.generator_path))
    assert load_generator(run.best_generator_path)[0].output_shape == (None, 8, 8, 1)
    assert draw_curve(run).png().startswith(b"\x89PNG")


def test_the_best_generator_can_be_measured_by_itself(run):
    """With the protocol of the training it has just the number that made it the best, and its own step."""
    (*_, best) = [line for line in run.metrics() if line["best"]]
    before = run.metrics_path.read_text()
    line = evaluate(run, "fid", features="pixels", samples=60, best=True)
    run.metrics_path.write_text(before)  # other tests look at it
    assert line["metrics"] == best["metrics"] and (line["step"], line["epoch"]) == (best["step"], best["epoch"])
    assert line["generator"] == "best, averaged" and "best, averaged" in table(line)
    assert line["look"] == best["look"]


def test_only_evaluations_by_one_protocol_are_compared(run, tmp_path):
    """Distances of few samples are larger: the best of many would never be beaten."""
    copy, (first, *_) = Run(tmp_path / "run"), run.metrics()
    copy.path.mkdir()
    key, title = first["features"]["key"], "frechet_distance"
    for step, value, samples in ((7, 1.0, 1000), (14, 2.0, 1000), (21, 9.0, 20), (28, 8.0, 20), (35, 8.5, 20)):
        append_line(copy, {**first, "step": step, "samples": samples, "metrics": {title: {"mean": value}}})
    monitor = Monitor.__new__(Monitor)
    monitor.run, how = copy, {"samples": 1000, "seeds": [0], "real": first["real"], "features": {"key": key}}
    fewer = {"real": {"images": 50}}
    found = {}
    for name, other in (("as before", {}), ("few", {"samples": 20}), ("seeds", {"seeds": [0, 1]}), ("real", fewer)):
        protocol = {**how, **other}
        monitor.evaluator = SimpleNamespace(names=["fid"], title=lambda _: title, protocol=lambda p=protocol: p)
        found[name] = (monitor.best() or {}).get("step")
    assert found == {"as before": 7, "few": 28, "seeds": None, "real": None}
    line, best = draw_curve(copy).axes[0].get_lines()
    assert (list(line.get_xdata()), list(best.get_xdata())) == ([21, 28, 35], [28])


class _Stops(NoProgress):
    """Ctrl-C in the middle."""

    def advance(self, step, row):
        if step >= 16 and not getattr(self, "done", False):
            self.done = True
            signal.raise_signal(signal.SIGINT)


def test_resumed_it_is_the_same(run, tmp_path):
    with pytest.raises(TrainingInterrupted):
        go(tmp_path / "run", 30, progress=_Stops())
    resumed = go(tmp_path / "run", 30)
    assert lines(resumed) == lines(run) and rows(resumed) == rows(run)
    assert same(weights(resumed.best_generator_path), weights(run.best_generator_path))


KILLED = """
import os, signal, sys
from dcgan_tf.run import checkpoints
from dcgan_tf.training import monitor
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train
path, overrides, evaluation = sys.argv[1], *map(eval, sys.argv[2:])
save, append = checkpoints.save, monitor.append_line
checkpoints.save = lambda folder, step, *rest: save(folder, step, *rest) if step <= 14 else None
def dies(run, line):
    append(run, line)
    if line["step"] == 28:
        with open(run.metrics_path, "r+b") as file:
            file.truncate(file.seek(0, 2) - 100)
        os.kill(os.getpid(), signal.SIGKILL)
monitor.append_line = dies
train("gwu", "fake", path, steps=30, overrides=overrides, evaluate_every=7, evaluation=evaluation,
      checkpoint_seconds=0, progress=NoProgress())
"""


def test_killed_while_it_notes_an_evaluation(run, tmp_path):
    """SIGKILL in the middle of a line, evaluations and a best generator later than the checkpoint: no trace of it."""
    killed = forks.run(["-c", KILLED, tmp_path / "run", repr(TINY), repr(PIXELS)])
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-1000:]
    left = Run(tmp_path / "run")
    assert not left.metrics_path.read_bytes().endswith(b"\n") and left.rows()[-1]["step"] > 14
    resumed = go(left.path, 30)
    assert lines(resumed) == lines(run) and len(left.metrics_path.read_text().splitlines()) == 4
    assert rows(resumed) == rows(run) and resumed.alarms() == run.alarms()
    assert same(weights(resumed.best_generator_path), weights(run.best_generator_path))
    assert same_state(resumed, run)
    assert_same_film(resumed, run)


def test_what_a_kill_left_is_forgotten(run, tmp_path):
    """Evaluations later than the checkpoint are made again; what a person measured stays."""
    copy = Run(tmp_path / "run")
    copy.path.mkdir()
    by_hand = {**run.metrics()[-1], "step": 30, "while_training": False}
    text = run.metrics_path.read_text() + json.dumps(by_hand) + "\n"
    copy.metrics_path.write_text(text + '{"step": 3')  # cut short
    monitor = Monitor.__new__(Monitor)
    monitor.run = copy
    monitor.forget_after(20)
    assert [line["step"] for line in copy.metrics()] == [7, 14, 30]
    copy.metrics_path.write_text(text + '{"step": 3')
    append_line(copy, {**by_hand, "step": 31})
    assert [line["step"] for line in copy.metrics()] == [7, 14, 21, 28, 30, 31]


@pytest.mark.parametrize(
    ("length", "long"),
    [
        (Length(None, None, 899.0), False),
        (Length(None, None, 900.0), True),
        (Length(None, 10_000, None), True),  # 500,000 images
        (Length(None, 9_999, None), False),
        (Length(500, None, None), True),
        (Length(499, None, None), False),
        (Length(None, 10_000, 899.0), False),  # whichever comes first
        (Length(None, 9_999, 1e6), False),
    ],
)
def test_long_trainings_are_those_of_fifteen_minutes_or_half_a_million_images(length, long):
    assert is_long(length, 50, steps_per_epoch=20) == long


def test_a_long_training_keeps_its_best_generator_unasked_and_a_short_one_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor_module, "LONG_IMAGES", 500)
    monkeypatch.setattr(monitor_module, "IMAGES_BETWEEN", 200)
    said = Said()
    run = train("gwu", "fake", tmp_path / "long", steps=10, overrides=TINY, evaluation=PIXELS, progress=said)
    assert [line["step"] for line in run.metrics()] == [4, 8] and run.best_generator_path.is_file()
    assert any("a long training: the best generator is looked for every 4 steps" in line for line in said.lines)
    data, gan = load_dataset("fake", image_size=8), SimpleNamespace(recipe=SimpleNamespace(batch_size=50))
    for steps, every in ((9, None), (10, 0)):
        request = SimpleNamespace(evaluate_every=every, length=Length(None, steps, None))
        assert monitor_for(run, gan, data, request, said.say) is None


@pytest.mark.parametrize(
    ("every", "length", "told"),
    [
        (5000, Length(None, 1200, None), "evaluate_every=5000 is more than the 1,200 steps of this training"),
        (21, Length(1, None, 60.0), "evaluate_every=21 is more than the 20 steps"),
        (1200, Length(None, 1200, None), None),
        (5000, Length(None, None, 60.0), None),
        (None, Length(None, None, 900.0), "every 2,000 steps, if there is time for so many (evaluate_every=N: "),
        (None, Length(None, 10_000, None), "every 2,000 steps (evaluate_every=0: it is not)"),
    ],
)
def test_where_there_may_be_no_look_it_is_said_at_the_start(every, length, told, monkeypatch):
    monkeypatch.setattr(monitor_module, "Monitor", lambda *_, **__: None)
    data, gan, said = load_dataset("fake", image_size=8), SimpleNamespace(recipe=SimpleNamespace(batch_size=50)), []
    monitor_for(None, gan, data, SimpleNamespace(evaluate_every=every, length=length, evaluation={}), said.append)
    assert len(said) == (told is not None) and all(told in line for line in said)


def test_where_it_cannot_be_measured_unasked_the_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor_module, "LONG_IMAGES", 500)
    monkeypatch.setattr(monitor_module, "IMAGES_BETWEEN", 200)
    said = Said()
    how = {**PIXELS, "features": "inception", "inception": "nowhere.pb"}
    run = train("gwu", "fake", tmp_path / "run", steps=10, overrides=TINY, evaluation=how, progress=said)
    assert run.rows()[-1]["step"] == 10 and run.generator_path.is_file() and not run.metrics()
    assert sum("the best generator is not looked for: there is no Inception graph" in line for line in said.lines) == 1


def test_mistakes(tmp_path):
    for every in (-1, 2.5, True):
        with pytest.raises(UserError, match="evaluate_every"):
            go(tmp_path / "run", 5, every=every)
    for evaluation, words in (({"metrics": "fdi"}, "'fdi'"), ({"sampels": 60}, "Did you mean 'samples'")):
        with pytest.raises(UserError, match=words):
            train("gwu", "fake", tmp_path / "run", steps=5, overrides=TINY, evaluate_every=2, evaluation=evaluation)
    assert not (tmp_path / "run").exists()
    with pytest.raises(UserError, match="evaluate_every"):
        draw_curve(Run(tmp_path))
