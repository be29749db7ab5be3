"""Many training steps in one compiled call."""

import tensorflow as tf


def compile_steps(gan, totals, batches):
    """A function (batches, count) -> totals that makes `count` training steps in one compiled call.

    `batches` is an iterator of uint8 [N, H, W, C]. The metrics are summed up in `totals` inside the graph, so
    that no step waits for Python to read a loss; how many steps a call makes changes no bit of the result.
    """
    step = tf.function(gan.train_step, jit_compile=True) if gan.recipe.jit_compile else gan.train_step

    @tf.function
    def run_steps(batches, count):
        for _ in tf.range(count):
            metrics = tf.cast(step(next(batches)), tf.float64)
            totals.assign_add(tf.concat([metrics, [1.0]], axis=0))
        return totals.read_value()

    return run_steps.get_concrete_function(batches, tf.TensorSpec([], tf.int64))
