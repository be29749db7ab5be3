"""What runs are compared at equal amounts of: epochs, steps, images seen, or seconds of training."""

from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError, nearest

BY = ("epoch", "step", "images", "seconds")


def check_by(by: str) -> str:
    """`by`, when it is one of BY; else UserError."""
    if by not in BY:
        raise UserError(f"by={by!r} must be {', '.join(BY[:-1])} or {BY[-1]}.{nearest(str(by), BY)}")
    return by


def moments_of(run: Run, steps, by: str) -> list[float]:
    """Where a run was after each of these steps: the epoch (with fractions), the step, images seen, or seconds.

    Images are the real ones of its batches: steps times batch_size, however often D looks at more of them.
    """
    steps = [int(step) for step in steps]
    if by == "seconds":
        return run.seconds_at(steps)
    if by == "epoch":
        return [step / run.config["steps_per_epoch"] for step in steps]
    return [step * run.config["recipe"].get("batch_size", 1) for step in steps] if by == "images" else steps


def titled(title: str | None, by: str) -> str:
    """A picture's title with what it compares at: 'losses, at equal epochs'."""
    equal = f"at equal {by if by.endswith('s') else f'{by}s'}"
    return f"{title}, {equal}" if title else equal.capitalize()


def describe_moment(by: str, value: float) -> str:
    """'epoch 1.5', 'step 300', '9,600 images', '12 seconds'."""
    return f"epoch {value:.3g}" if by == "epoch" else f"step {value:,.0f}" if by == "step" else f"{value:,.0f} {by}"
