"""Two devices compute the step that one would make, up to rounding; and both hold the same bits afterwards."""

import json
from pathlib import Path

import forks
import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.game import replicas
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.system.errors import UserError

TESTS = Path(__file__).parents[1]
CASES = (
    "no BatchNorm",
    "gated, float16",
    "feature matching",
    "critic",
    "labels, lazy penalties",
)  # two_replicas.py says what they are


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """How far apart one device and two end, by case: from a process of its own, which has two parts of a processor."""
    path = tmp_path_factory.mktemp("replicas") / "found.json"
    folders = [str(TESTS), str(TESTS / "game")]
    code = f"import sys; sys.path[:0] = {folders}; import two_replicas; two_replicas.main({str(path)!r})"
    done = forks.run(["-c", code])
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(path.read_text())


@pytest.mark.parametrize("case", CASES)
def test_two_devices_make_the_step_that_one_would(found, case):
    # Relative to the largest value of each variable. A number of float16 is rounded by up to 5e-4.
    of_metrics, limit = (5e-4, 5e-3) if "float16" in case else (1e-6, 1e-4)
    assert found[case]["metrics"] < of_metrics
    assert {name: far for name, far in found[case]["variables"].items() if far > limit} == {}


@pytest.mark.parametrize("case", CASES)
def test_both_devices_hold_the_same_bits(found, case):
    assert found[case]["replicas"] == 1


def test_one_device_draws_and_exchanges_as_if_there_were_no_others():
    seed = tf.constant([1, 2], tf.int64)
    assert np.array_equal(replicas.normal([3, 2], seed), tf.random.stateless_normal([3, 2], seed))
    assert np.array_equal(replicas.uniform([2, 3], seed, -1, 1), tf.random.stateless_uniform([2, 3], seed, -1, 1))
    rows = tf.constant([[1.0], [2.0]])
    assert replicas.mean(rows) is rows and replicas.gather(rows) is rows and replicas.own_rows(rows) is rows
    called = []
    compute, undo = replicas.before_branch(lambda: called.append(1))
    assert not called and undo() is None
    compute()
    assert called


def test_a_recipe_that_several_devices_cannot_share():
    replicas.check_for_replicas(Recipe(batch_size=32), 4)
    replicas.check_for_replicas(Recipe(batch_size=33, jit_compile=True), 1)
    with pytest.raises(UserError, match=r"batch_size=33 is that of all 4 devices together, .* give 32, 36$"):
        replicas.check_for_replicas(Recipe(batch_size=33), 4)
    with pytest.raises(UserError, match=r"give 4$"):
        replicas.check_for_replicas(Recipe(batch_size=2), 4)
    penalised = Recipe(architecture="quick", discriminator_batch_norm=False, r2_gamma=1, penalty_share=0.5)
    replicas.check_for_replicas(penalised.with_fields({"batch_size": 8}), 2)
    replicas.check_for_replicas(penalised.with_fields({"batch_size": 6, "r2_gamma": 0}), 2)
    with pytest.raises(UserError, match=r"penalty_share=0\.5 of the 3 images that each of 2 devices has is 1\.5"):
        replicas.check_for_replicas(penalised.with_fields({"batch_size": 6}), 2)
    for name in ("jit_compile", "minibatch_std"):
        with pytest.raises(UserError, match=f"{name}=True needs the whole batch on one device"):
            replicas.check_for_replicas(Recipe(**{name: True}), 2)
