"""alarms.jsonl: real trainings that go wrong on purpose, stopped on request and resumed."""

import json

import numpy as np
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import alarms
from dcgan_tf.training.alarm_log import alarm_report
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

# The smallest images and networks there are, with the initial weights of the DCGAN paper.
TINY = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9, "initial_std": 0.02}
# A discriminator that learns, and a generator that does not: noise against gray.
WON = {**TINY, "generator_learning_rate": 1e-9, "discriminator_learning_rate": 0.01}


@pytest.fixture(scope="module", autouse=True)
def soon():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alarms, "WON_STEPS", 20)
        yield


class Listens(NoProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def go(path, steps=80, loss="bce", changes=WON, **options):
    progress = options.pop("progress", None) or Listens()
    overrides = {**changes, "loss": loss}
    run = train("gwu", "fake", path, steps=steps, overrides=overrides, log_every=10, progress=progress, **options)
    return run, progress.said


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """A run whose discriminator has won, and what was said."""
    return go(tmp_path_factory.mktemp("lost") / "run")


def test_it_is_written_and_said_once(lost):
    run, said = lost
    (line,) = run.alarms()
    assert line["alarm"] == "the discriminator has won" and line["on"] and line["step"] - line["since"] >= 20
    assert json.loads(run.alarms_path.read_text()) == line
    (heard,) = [text for text in said if text.startswith("alarm")]
    assert heard.startswith("alarm: the discriminator has won since step") and heard in alarm_report(run)
    assert "still on at the end" in alarm_report(run)


def test_hinge_has_scores_and_no_probabilities(tmp_path):
    run, said = go(tmp_path / "run", loss="hinge", stop_on_alarm=True)
    assert [line["alarm"] for line in run.alarms()] == ["the discriminator has won"]
    assert "D's loss 0.0" in run.alarms()[0]["seen"] and said[-1].startswith("stopped on an alarm")


def test_stopped_on_request_and_resumed_it_is_the_same_run(lost, tmp_path):
    run, said = go(tmp_path / "run", stop_on_alarm=True)
    began = run.alarms()[0]["step"]
    assert began <= run.rows()[-1]["step"] < 80
    assert said[-1].startswith("stopped on an alarm, as asked, after ") and "the same command goes on" in said[-1]
    assert run.generator_path.is_file() and run.gif_path.is_file()
    with open(run.alarms_path, "a") as file:  # as a kill some steps later leaves it: lines that will come again
        file.write(json.dumps({**run.alarms()[0], "step": 79}) + '\n{"step": 8')
    run, said = go(tmp_path / "run", stop_on_alarm=True)  # it goes on, for this alarm is no new one
    assert said[-1].startswith("done: ")
    assert run.alarms() == lost[0].alarms()
    assert without_clock(run) == without_clock(lost[0])
    assert [p.read_bytes() for p in run.grids()] == [p.read_bytes() for p in lost[0].grids()]


def test_an_alarm_that_is_over_is_said_and_a_healthy_run_has_no_other(tmp_path, monkeypatch):
    """By evaluations: collapsed, as every generator is at its beginning, then not."""
    monkeypatch.setattr(alarms, "START_STEPS", 0)
    monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path / "cache"))
    options = {"features": "pixels", "samples": 60}
    looks = iter([0.1, 0.9])
    monkeypatch.setattr(alarms, "look_at", lambda *_: {"spread": next(looks), "neighbours": 1.0, "copied": 0.0})
    run, said = go(tmp_path / "run", 20, changes=TINY, evaluate_every=10, evaluation=options)
    assert [(line["step"], line["alarm"], line["on"]) for line in run.alarms()] == [
        (10, "mode collapse", True),
        (20, "mode collapse", False),
    ]
    assert "alarm over at step 20: mode collapse" in said and "over at step 20" in alarm_report(run)


@pytest.mark.parametrize("changes, expected", [({"learning_rate": 0.01, "beta_1": 0.9}, True), ({}, False)])
def test_a_training_made_to_oscillate(tmp_path, changes, expected):
    """One image, and networks with much momentum: they overshoot it by turns (Mescheder et al. 2018's Dirac-GAN)."""
    gray = Dataset("gray", np.full((100, 28, 28, 1), 180, np.uint8), fingerprint="gray")
    settings = {"width": 2, "latent_dim": 2, "batch_size": 10, "grid_images": 4, "grid_every": 100, **changes}
    run = train("tutorial", gray, tmp_path, steps=150, overrides=settings, log_every=5, progress=NoProgress())
    assert ({line["alarm"] for line in run.alarms()} == {"the training oscillates"}) == expected
    assert bool(run.alarms()) == expected


def without_clock(run):
    return [{name: value for name, value in row.items() if "second" not in name} for row in run.rows()]
