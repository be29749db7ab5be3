"""Tables for a terminal and for a notebook's page, both from a pandas DataFrame of texts."""

import html


def as_text(frame, left=()) -> str:
    """The table with its columns in line: those named in `left` begin at the left, the others end at the right."""
    frame = frame.astype(str)
    for name in left:
        width = max([len(name), *frame[name].str.len()])
        frame = frame.assign(**{name: frame[name].str.ljust(width)}).rename(columns={name: name.ljust(width)})
    return "\n".join(line.rstrip() for line in frame.to_string(index=False).split("\n"))


def as_html(frame, bold=()) -> str:
    """The table as HTML, whatever its texts hold. bold: pairs (row's place, column's name) to mark.

    Columns are as narrow as their words; a name is divided behind its underscores. What is wider than the page
    can be moved sideways.
    """
    import pandas

    cells = {
        html.escape(name).replace("_", "_<wbr>"): [
            f"<b>{html.escape(text)}</b>" if (row, name) in bold else html.escape(text)
            for row, text in enumerate(frame[name].astype(str))
        ]
        for name in frame
    }
    with pandas.option_context("display.max_colwidth", None):
        table = pandas.DataFrame(cells).to_html(index=False, escape=False, border=0, justify="left")
    return f'<div style="overflow-x: auto">{table}</div>'
