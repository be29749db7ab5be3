"""The quickest GAN there is, for tests of a training step."""

import numpy as np
import tensorflow as tf

from dcgan_tf.recipe.catalogue import get_recipe

# The networks that are the quickest to build, and the smallest images they can make.
TINY, SHAPE = get_recipe("gwu").with_fields(dict(width=4, latent_dim=8, batch_size=8, learning_rate=1e-3)), (8, 8, 1)


def random_images(count, shape, seed=0):
    return tf.constant(np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8))


def values_of(variables):
    return [np.asarray(v).copy() for v in variables]


def changed(before, variables):
    return any(not np.array_equal(a, np.asarray(b)) for a, b in zip(before, variables, strict=True))


def assert_no_long_sums(step):
    """TensorFlow adds two tensors in one way, but three or more in an order that depends on what memory is free:

    one step from one state then has several outcomes, on a busy machine (at full size: benchmarks/determinism.py).
    """
    graph = (step if isinstance(step, tf.Graph) else step.get_concrete_function().graph).as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    sums = [len(node.input) for node in nodes if node.op in ("AddN", "AccumulateNV2")]
    assert sums and max(sums) == 2
