"""The best of many runs in words: by which number, how that was measured, and whether seeds alone differ as much."""

from dcgan_tf.compare.choosing import LOSSES, best_run, score_titles, title_of
from dcgan_tf.compare.repeats import Repeats, by_setting
from dcgan_tf.compare.rows import RunRow, runs_of
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.run.reading import State


def describe_best(rows: list[RunRow], metric: str | None = None) -> str:
    """The best of these runs, or settings, by a metric, in words, and how it was measured.

    metric: by default the first that any has (see title_of). Of repeats the mean counts.
    """
    rows = by_setting(rows)
    titles = score_titles(rows)
    if metric is None and not titles:
        return "None of these runs was evaluated: `python -m dcgan_tf evaluate RUN` measures one."
    title = title_of(rows, metric) if metric else titles[0]
    row, score, others = best_run(rows, title)
    lines = [f"best by {title}: {row.name}, {number_of(row, title)}", f"measured with: {score.protocol}"]
    earlier = row.best_scores[title]
    if earlier.value != score.value:
        when = "earlier" if earlier.step is None else f"at step {earlier.step:,}"  # not known without a history
        lines.append(f"{when} it was better: {describe_value(earlier.value)}")
    apart = {id(other) for other in others}
    measured = [other for other in rows if id(other) not in apart]
    lines += _near(row, [other for other in measured if other is not row], title)
    steps = sorted({run.scores[title].step for one in measured for run in runs_of(one) if title in run.scores} - {None})
    if len(steps) > 1:
        lines.append(f"measured after {steps[0]:,} to {steps[-1]:,} steps: the runs are not equally long")
    otherwise = [other.name for other in others if title in other.scores]
    if otherwise:
        lines.append(f"measured otherwise, so not compared: {', '.join(otherwise)}")
    missing = [other.name for other in others if title not in other.scores]
    if missing:
        lines.append(f"not measured: {', '.join(missing)}")
    if isinstance(row, Repeats) and row.failures:
        lines.append(f"note: {row.standing}")
    elif row.status != State.FINISHED:
        lines.append(f"note: it is {row.status}")
    return "\n".join(lines)


def _near(best, others, title):
    """A line on what comes next, where seeds alone make as large a difference."""
    if not others:
        return []
    second, score, _ = best_run(others, title)
    stds = [row.spreads[title].std for row in (best, second) if isinstance(row, Repeats)]
    gap = abs(score.value - best.scores[title].value)
    if gap > max([std for std in stds if std is not None], default=-1.0):
        return []
    return [f"next is {second.name}, {number_of(second, title)}: no further away than the seeds are from one another"]


def number_of(row, title):
    """A loss, or the newest score, as text; of repeats with its deviation and n."""
    if isinstance(row, Repeats):
        return str(row.spreads[title]) if title in row.spreads else ""
    if title in LOSSES:
        return f"{row.last[title]:.3f}" if row.last else ""
    return describe_value(row.scores[title].value) if title in row.scores else ""
