"""A run that was killed ends with exactly the weights, moments, history, grids and film of one that was not.

Every field of a recipe that has state, by a table; and real processes that die of SIGKILL.
"""

import random
import shutil
import signal
import time

import forks
import pytest
from same_runs import assert_same

from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run import checkpoints
from dcgan_tf.run.directory import Run
from dcgan_tf.training import loop
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

# `fake` has 1,000 images: 20 steps an epoch.
TINY = {"width": 2, "latent_dim": 8, "batch_size": 50, "grid_images": 4}
SMALLEST = {**TINY, "image_size": 8}  # for gwu and nitk, whose networks are then the quickest to build
STEPS, KILLED_AFTER = 24, 8

# name: the recipe, and what is changed in it. Each field with state is in one of them.
CASES = {
    "RMSprop": ("gwu", {**SMALLEST, "optimizer": "rmsprop", "learning_rate_decay": 0.05, "label_noise": 0.1,
                        "real_label_low": 0.8, "horizontal_flips": True, "ema_images": 500.0, "ema_rampup": 0.2}),
    "quick": ("quick", {**TINY, "learning_rate_schedule": "cosine", "learning_rate_images": 900.0,
                        "learning_rate_floor": 0.1, "instance_noise": 0.5, "instance_noise_images": 700.0,
                        "instance_noise_target": 0.6, "augment": "translation,cutout,color", "minibatch_std": True,
                        "discriminator_batch": "first_apart", "first_apart_images": 500.0}),
    "many steps of D": ("tutorial", {**TINY, "update_rule": "alternating", "discriminator_steps": 3, "dropout": 0.5,
                                     "beta_1": 0.7, "beta_2": 0.9}),
    "loss_gated": ("gwu", {**SMALLEST, "update_rule": "loss_gated", "precision": "float16"}),
    "smooth D": ("nitk", {**SMALLEST, "batch_norm": "all", "discriminator_batch_norm": False, "r1_gamma": 1.0,
                          "r1_every": 3, "r2_gamma": 0.5, "penalty_sigma": 0.1, "penalty_share": 0.5,
                          "gradient_penalty": 1.0, "spectral_norm": True}),
}  # fmt: skip
# What the next step depends on, beside the weights: where it is counted, averaged, drawn or followed.
WITH_STATE = {
    "optimizer": "RMSprop",
    "learning_rate_decay": "RMSprop",
    "label_noise": "RMSprop",
    "real_label_low": "RMSprop",
    "horizontal_flips": "RMSprop",
    "ema_images": "RMSprop",
    "ema_rampup": "RMSprop",
    "learning_rate_schedule": "quick",
    "learning_rate_images": "quick",
    "learning_rate_floor": "quick",
    "instance_noise": "quick",
    "instance_noise_images": "quick",
    "instance_noise_target": "quick",
    "augment": "quick",
    "minibatch_std": "quick",
    "first_apart_images": "quick",
    "discriminator_steps": "many steps of D",
    "dropout": "many steps of D",
    "beta_1": "many steps of D",
    "beta_2": "many steps of D",
    "update_rule": "loss_gated",
    "precision": "loss_gated",
    "batch_norm": "smooth D",
    "discriminator_batch_norm": "smooth D",
    "r1_gamma": "smooth D",
    "r1_every": "smooth D",
    "r2_gamma": "smooth D",
    "penalty_sigma": "smooth D",
    "penalty_share": "smooth D",
    "gradient_penalty": "smooth D",
    "spectral_norm": "smooth D",
}
WITHOUT_STATE = {
    *("name", "source", "summary"),
    *("architecture", "image_size", "channels", "width", "initial_std", "leaky_slope", "generator_activation"),
    *("upsampling", "generator_dropout"),
    *("discriminator_kernel", "latent_dim", "latent_distribution", "latent_mean", "latent_std"),
    *("loss", "real_label_high", "generator_learning_rate", "discriminator_learning_rate", "clip_value", "clip_norm"),
    *("batch_size", "epochs", "steps", "grid_images", "grid_every", "gif_thinned", "jit_compile"),
    *("generator_target", "discriminator_loss_weight", "discriminator_batch", "adam_epsilon", "last_doubling"),
    *("self_modulation", "conditional", "label_projection", "feature_matching"),
}


def test_every_field_of_a_recipe_is_in_the_table_or_has_no_state():
    names = set(Recipe.model_fields)
    assert WITH_STATE.keys() | WITHOUT_STATE == names and not WITH_STATE.keys() & WITHOUT_STATE
    for field, case in WITH_STATE.items():
        assert field in CASES[case][1], f"{field} is not part of {case}"


def go(case, path):
    recipe, changes = CASES[case]
    return train(recipe, "fake", path, steps=STEPS, overrides=changes, log_every=7, checkpoint_seconds=0,
                 progress=NoProgress())  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A function: case -> its run that nobody interrupted, with a checkpoint after every step."""
    runs = {}

    def trained(case):
        if case not in runs:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(loop, "_SECONDS_PER_CALL", 0.0)
                save = checkpoints.save
                patch.setattr(checkpoints, "save", lambda *arguments: save(*arguments, keep=STEPS))
                runs[case] = go(case, tmp_path_factory.mktemp("whole") / "run")
        return runs[case]

    return trained


@pytest.mark.parametrize("case", ["RMSprop", "many steps of D", "smooth D"])
def test_what_was_recorded_after_the_newest_checkpoint_is_made_again(case, whole, tmp_path):
    """As a kill leaves it: rows and grids up to step 24, and a checkpoint of step 8."""
    run = Run(shutil.copytree(whole(case).path, tmp_path / "run"))
    for path in checkpoints.all_checkpoints(run.checkpoints_path)[: STEPS - KILLED_AFTER]:
        path.unlink()
    assert checkpoints.all_checkpoints(run.checkpoints_path)[0].name == f"step_{KILLED_AFTER:08d}.npz"
    run.generator_path.unlink()
    assert_same(go(case, run.path), whole(case))
    assert run.grid_steps() == [0, 1, 2, 3, 6, 10, 20, 24] and [row["step"] for row in run.rows()] == [7, 14, 20, 24]


# One is killed at a moment by chance, when there is a checkpoint. The others kill themselves in the middle of
# np.savez, at the worst moment: while their fourth checkpoint is written.
KILLED = """
import os, signal, sys, numpy
from dcgan_tf.cli import main
from dcgan_tf.run import checkpoints
from dcgan_tf.training import loop
loop._SECONDS_PER_CALL = 0.0
savez, calls = numpy.savez, []
def dies(path, **arrays):
    calls.append(path)
    if len(calls) == 4:
        savez(path, **dict(list(arrays.items())[:5]))
        os.kill(os.getpid(), signal.SIGKILL)
    savez(path, **arrays)
if sys.argv[1] == "while writing":
    checkpoints.np.savez = dies
main(sys.argv[2:])
"""


def command(case, run_dir):
    recipe, changes = CASES[case]
    words = ["train", "--recipe", recipe, "--dataset", "fake", "--steps", str(STEPS), "--log-every", "7"]
    words += ["--checkpoint-seconds", "0", "--no-progress", "--run-dir", str(run_dir)]
    return [*words, *(f"--set={name}={value}" for name, value in changes.items())]


needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


@needs_kill
@pytest.mark.parametrize("case", ["quick", "loss_gated"])
def test_killed_while_a_checkpoint_is_written(case, whole, tmp_path):
    run = Run(tmp_path / "run")
    killed = forks.run(["-c", KILLED, "while writing", *command(case, run.path)])
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-1000:]
    assert list(run.checkpoints_path.glob(".*.partial.npz"))  # what it left
    assert [path.name for path in checkpoints.all_checkpoints(run.checkpoints_path)] == [
        f"step_{step:08d}.npz" for step in (3, 2, 1)
    ]
    assert_same(go(case, run.path), whole(case))
    assert len(checkpoints.all_checkpoints(run.checkpoints_path)) == 3
    assert not list(run.path.rglob("*.partial*"))


@needs_kill
def test_killed_at_any_moment(whole, tmp_path):
    run = Run(tmp_path / "run")
    process = forks.start(["-c", KILLED, "at any moment", *command("RMSprop", run.path)])
    while not checkpoints.all_checkpoints(run.checkpoints_path) and process.poll() is None:
        time.sleep(0.002)  # polling: until it has written a checkpoint
    time.sleep(random.Random(5).uniform(0, 0.05))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not run.generator_path.exists()
    assert_same(go("RMSprop", run.path), whole("RMSprop"))
