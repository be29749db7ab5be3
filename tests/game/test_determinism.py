"""One step from one state has one outcome, whatever else the machine does (at full size: benchmarks/determinism.py)."""

import pytest
import tensorflow as tf

from dcgan_tf.game.gan import GAN
from dcgan_tf.recipe.catalogue import RECIPES

NARROW = {"width": 8, "batch_size": 4}
WAYS = {
    **{name: (name, {}) for name in RECIPES},
    **{f"quick, {rule}": ("quick", {"update_rule": rule}) for rule in ("simultaneous", "loss_gated")},
    "noisy labels": ("quick", {"real_label_low": 0.9, "label_noise": 0.1}),
    "everything D is shown": ("quick", {"augment": "color,translation,cutout", "minibatch_std": True}),
    "R1 and the gradient penalty": (
        "quick",
        {"r1_gamma": 1, "r1_every": 2, "gradient_penalty": 1, "discriminator_batch_norm": False},
    ),
    "R1, dropout": ("tutorial", {"r1_gamma": 1, "update_rule": "simultaneous"}),
    "one batch for both": ("quick", {"discriminator_batch": "together"}),
    "several steps of D": ("quick", {"discriminator_steps": 2}),
}


@pytest.mark.parametrize("name, changes", WAYS.values(), ids=WAYS)
def test_no_sum_of_a_step_has_three_terms(name, changes):
    """TensorFlow adds two tensors in one way, but three or more in an order that depends on what memory is free."""
    recipe = RECIPES[name].with_fields({**NARROW, **changes})
    size = 28 if recipe.architecture in ("quick", "tutorial") else recipe.image_size
    shape = (size, size, recipe.channels or 1)
    step = tf.function(GAN(recipe, shape).train_step)
    graph = step.get_concrete_function(tf.TensorSpec([4, *shape], tf.uint8)).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    sums = [len(node.input) for node in nodes if node.op in ("AddN", "AccumulateNV2")]
    assert sums and max(sums) == 2
