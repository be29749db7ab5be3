"""The optimizers, their learning rates, and gradients as they take them."""

import tensorflow as tf

from dcgan_tf.game import replicas
from dcgan_tf.system.keras_backend import keras


def optimizer_of(recipe, learning_rate, network, step):
    """The recipe's optimizer for a network, built; `step` is the variable that counts the steps of the training."""
    rate = learning_rate_of(recipe, learning_rate, step)
    options = {"learning_rate": rate, "clipvalue": recipe.clip_value, "clipnorm": recipe.clip_norm}
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(
            beta_1=recipe.beta_1, beta_2=recipe.beta_2, epsilon=recipe.adam_epsilon, **options
        )
    else:
        optimizer = keras.optimizers.RMSprop(**options)
    # Keras sums gradients over devices even where there is one. That changes nothing, but TensorFlow registers the
    # sum for the whole process, its graph with it, so that no GAN would ever be freed again.
    optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
    if recipe.precision == "float16":  # small gradients would round to 0 (Micikevicius et al. 2018)
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)  # before any restoring: unbuilt moments would be lost
    if replicas.count() > 1:
        _let_replicas_move_alone(optimizer)
    return optimizer


def _let_replicas_move_alone(optimizer):
    """Each replica moves its own weights: all have the same gradients, already averaged, and so stay the same.

    Keras brings the replicas together for it, which cannot be done inside a branch of a graph: and some steps of some
    recipes are such a branch.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        optimizer._tf_apply = optimizer._common_apply
        _let_replicas_move_alone(inner)

    def update(gradients, weights, learning_rate):
        for gradient, weight in zip(gradients, weights, strict=True):
            optimizer.update_step(gradient, weight.value, learning_rate)

    optimizer._backend_update_step = update
    for variable in optimizer.variables:
        variable.value._aggregation = tf.VariableAggregation.NONE


def learning_rate_of(recipe, learning_rate, step):
    """The rate: a number, or a function without arguments that gives it on the present step of the training.

    It follows the steps of the training, which are images seen, and not the updates of one network: with several steps
    of D for one of G, or where only the network that is behind moves, an optimizer has made fewer of them.
    """
    schedules = keras.optimizers.schedules
    steps = recipe.learning_rate_images and max(1, round(recipe.learning_rate_images / recipe.batch_size))
    floor = recipe.learning_rate_floor
    if recipe.learning_rate_decay:
        schedule = schedules.InverseTimeDecay(learning_rate, 1, recipe.learning_rate_decay)
    elif recipe.learning_rate_schedule == "linear":
        schedule = schedules.PolynomialDecay(learning_rate, steps, floor * learning_rate)
    elif recipe.learning_rate_schedule == "cosine":
        schedule = schedules.CosineDecay(learning_rate, steps, floor)
    else:
        return learning_rate
    return lambda: schedule(step)


def gradients_of(tape, loss, weights, optimizer, factor: float = 1.0) -> list:
    """The gradients of factor * loss, as `optimizer.apply` takes them: scaled, where it will divide by that again."""
    scale = optimizer.scale_loss(tf.fill(tf.shape(loss), float(factor)))  # the factor itself, but with float16
    return tape.gradient(loss, weights, output_gradients=scale)
