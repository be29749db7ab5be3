"""What an evaluation says of labels, for people: a small table with a row per label, and what must be known with it."""

import pandas as pd

from dcgan_tf.evaluation.metrics import describe_value


def label_frame(labels: dict) -> pd.DataFrame:
    """A line's "labels" (see label_agreement.py) as texts: a row per class or attribute.

    agreement: of generated images with what was asked for; real: of real images with their true labels.
    """
    rows = []
    for name, one in labels["of_each"].items():
        row = {labels["what"]: name, "asked": f"{one['asked']:,}"}
        row |= {"agreement": _text(one["agreement"]), "real": _text(one["real"])}
        if "without_distance" in labels:
            compared = one.get("images", [0])[0]
            row |= {"distance": _text(one.get("distance")), "real images": f"{compared:,}" if compared else ""}
        rows.append(row)
    return pd.DataFrame(rows)


def label_notes(labels: dict) -> list[str]:
    """What that table does not say of itself: the agreement of all, its two measures, and what has no distance."""
    mean = "mean of both halves, asked with and without" if labels["what"] == "attribute" else "share of images"
    found = [f"labels heard: agreement {_text(labels['agreement'])} ({mean})"]
    found.append(f"of real images {_text(labels['real'])}" if labels["real"] is not None else "of real images unknown")
    found.append(f"of permuted labels {_text(labels['permuted'])}")
    if "share" in labels:
        found.append(f"plain share of right answers {_text(labels['share'])}")
    lines = ["; ".join(found)]
    if labels.get("without_distance"):
        names = ", ".join(labels["without_distance"])
        lines.append(f"no distance, for fewer than {labels['fewest']} real or generated images: {names}")
    return lines


def _text(value):
    return "" if value is None else describe_value(value)
