"""A pandas table as text for a terminal: whole, however long its texts; texts to the left, numbers to the right."""

import pandas as pd


def as_text(frame: pd.DataFrame) -> str:
    """The rows of `frame` under their heads, two spaces apart, without its index; whole numbers with thousands."""
    shown = pd.DataFrame({name: _texts(frame[name]) for name in frame.columns})
    return "\n".join(line.rstrip() for line in shown.to_string(index=False, header=False).splitlines())


def _texts(column):
    if pd.api.types.is_integer_dtype(column):
        texts, pad = [f"{value:,}" for value in column], str.rjust
    elif pd.api.types.is_numeric_dtype(column):
        texts, pad = [f"{value:g}" for value in column], str.rjust
    else:
        texts, pad = [str(value) for value in column], str.ljust
    texts = [str(column.name), *texts]
    width = max(map(len, texts))
    return [pad(text, width) + " " for text in texts]  # pandas puts another one between columns
