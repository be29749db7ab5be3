"""Picture: a matplotlib figure without pyplot, and the colours of the two networks and the two kinds of images.

It shows itself at the end of a notebook cell, needs no window system, and nothing remembers it afterwards.
`picture.savefig("x.png")` keeps it.
"""

import io

from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
GENERATOR, DISCRIMINATOR, REAL, FAKE = "#D55E00", "#0072B2", "#009E73", "#CC79A7"
TEXT, GRAY, RED = "#222222", "#666666", "#B00020"  # of what is said, of what is said beside, of what went wrong
DOTS_PER_INCH = 144  # shown at 96, so that text is sharp on any screen


class Picture(Figure):
    """A figure that Jupyter shows by itself, also when pyplot was never imported."""

    def png(self, dots_per_inch: int | None = None) -> bytes:
        """The picture as the bytes of a PNG file."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=dots_per_inch or DOTS_PER_INCH)
        return buffer.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        width, height = (round(96 * inches) for inches in self.get_size_inches())
        bundle = {"image/png": self.png(), "text/plain": f"<picture of {width}x{height}>"}
        return bundle, {"image/png": {"width": width, "height": height}}
