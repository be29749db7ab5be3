"""One step made by several devices together, each with its own rows of the batch: what they tell one another, and draw.

A step is written for one device. Where `tf.distribute` runs it on several ("replicas"), each has the networks whole and
every n-th row of the global batch; what makes it the step that one device would make on that batch is here:

    mean, gather        what is exchanged: gradients, losses, logits
    uniform, normal     what is drawn: for the global batch, of which each replica takes its rows
    before_branch       nothing can be exchanged inside a branch of a graph: it is computed before

With one device all of it is what it looks like: a number itself, a draw of that many rows.
"""

from collections.abc import Callable

import tensorflow as tf

from dcgan_tf.system.errors import UserError


def count() -> int:
    """How many devices make a step together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def rank() -> tf.Tensor:
    """Which of them this one is, from 0."""
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def mean(values):
    """The mean over all replicas of a tensor, or of each in a list; the tensors themselves where there is one.

    Of gradients of a mean over a replica's rows it is the gradient of the mean over all. None stays None.
    """
    if count() == 1:
        return values
    if not isinstance(values, list):
        return mean([values])[0]
    there = [value for value in values if value is not None]
    reduced = iter(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, there))
    return [None if value is None else next(reduced) for value in values]


def gather(rows):
    """The rows [N, ...] of all replicas, one's after another's."""
    return rows if count() == 1 else tf.distribute.get_replica_context().all_gather(rows, axis=0)


def own_rows(rows, axis: int = 0):
    """This replica's share of a global batch: every n-th row, so that the first half is that of each."""
    if count() == 1:
        return rows
    places = tf.range(rank(), tf.shape(rows)[axis], count())
    return tf.gather(rows, places, axis=axis)


def uniform(shape, seed, low=0.0, high=1.0, axis: int = 0):
    """float32 of this shape from U(low, high), the same for the same seed [2]; the rows of a batch lie along `axis`."""
    return _drawn(lambda whole: tf.random.stateless_uniform(whole, seed, low, high), shape, axis)


def normal(shape, seed, axis: int = 0):
    """float32 of this shape from N(0, 1), as `uniform`."""
    return _drawn(lambda whole: tf.random.stateless_normal(whole, seed), shape, axis)


def _drawn(draw: Callable, shape, axis):
    if count() == 1:
        return draw(shape)
    shape = tf.unstack(tf.cast(shape, tf.int32))
    whole = [size * count() if place == axis else size for place, size in enumerate(shape)]
    return tf.ensure_shape(own_rows(draw(tf.stack(whole)), axis), [None] * len(shape))


def before_branch(compute: Callable, touched=()) -> tuple[Callable, Callable]:
    """Two functions for the branches of a graph: one gives compute(), the other is for where it is not wanted.

    With several replicas it is computed here, since they exchange what they have in it, and the other function puts
    the variables it has `touched` back; with one replica it is computed where it is called.
    """
    if count() == 1:
        return compute, lambda: None
    before = [variable.value.read_value() for variable in touched]
    result = compute()

    def undo():
        for variable, value in zip(touched, before, strict=True):
            variable.assign(value)

    return lambda: result, undo


def check_for_replicas(recipe, count: int):
    """UserError when so many replicas cannot make this recipe's steps together."""
    if count == 1:
        return
    size = recipe.batch_size
    if size % count:
        fits = ", ".join(str(near) for near in (size // count * count, (size // count + 1) * count) if near)
        raise UserError(
            f"batch_size={size} is that of all {count} devices together, and cannot be shared out evenly: give {fits}"
        )
    rows = recipe.penalty_share * size / count
    if (recipe.r1_gamma or recipe.r2_gamma) and rows % 1:  # each would round up, and penalise more than one alone
        raise UserError(
            f"penalty_share={recipe.penalty_share} of the {size // count} images that each of {count} devices has is "
            f"{rows:g}, not a whole number: give another batch_size, or penalty_share=1"
        )
    for name in ("jit_compile", "minibatch_std"):
        if getattr(recipe, name):
            raise UserError(f"{name}=True needs the whole batch on one device: set {name}=false, or give --devices 1")
