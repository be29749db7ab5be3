"""The trained generators that lie in the repository: small, usable by every command, and good."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.latent.space import open_space
from dcgan_tf.run.directory import Run
from dcgan_tf.run.reading import State, read_run
from dcgan_tf.run.sampling import sample

TRAINED = Path(__file__).parents[2] / "results" / "trained"


@pytest.mark.parametrize("name", ["digits", "avatars"])
def test_it_is_a_small_finished_run_without_anything_of_where_it_was_made(name):
    found = read_run(TRAINED / name)
    assert (found.state, found.problems) == (State.FINISHED, [])
    assert found.run.generator_path.stat().st_size < 1_000_000
    assert 1_000_000 < sum((TRAINED / path).stat().st_size for path in _in_the_repository(name)) < 3_000_000
    assert not Path(found.config["dataset"]["name"]).is_absolute()
    assert found.run.grids() and found.last["step"] == found.run.grid_steps()[-1]


def _in_the_repository(name):
    """What git has of this run, or would take: people make pages and sheets there, as its README tells them to.

    Without git, whatever is there.
    """
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", name]
    try:
        return subprocess.run(asked, cwd=TRAINED, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):  # no git, or no checkout of it
        return [path for path in (TRAINED / name).rglob("*") if path.is_file()]


def test_the_digits_are_those_asked_for():
    """Judged by other digits: the nearest of 5,000 real ones says what each is."""
    real = load_dataset("mnist5k")
    known = np.asarray(real.images[: len(real)]).reshape(len(real), -1) / 255
    for digit in range(10):
        drawn = sample(TRAINED / "digits", 40, seed=5, of_class=str(digit)).reshape(40, -1) / 255
        apart = (known**2).sum(axis=1) - 2 * drawn @ known.T  # squared distances, but for what a row has in common
        assert (real.labels[apart.argmin(axis=1)] == digit).mean() > 0.85
        assert len(np.unique(drawn.round(1), axis=0)) == 40


def test_the_avatars_are_faces_without_grain():
    """Each differs from the others; neighbouring pixels are as alike as flat colours are, which noise is not."""
    drawn = sample(TRAINED / "avatars", 40, seed=5).astype(float)
    assert drawn.shape == (40, 64, 64, 3)
    steps = np.abs(np.diff(drawn, axis=2))
    assert np.median(steps) < 8 and drawn.std(axis=0).mean() > 30
    assert open_space(TRAINED / "avatars").dim == Run(TRAINED / "avatars").config["recipe"]["latent_dim"]
