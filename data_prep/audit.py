"""Seeing what the face filter decided: sheets of pictures with their boxes, and how many remain at each threshold."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data_prep.decisions import Decisions, decide, remaining
from data_prep.detections import Detections
from dcgan_tf.data.decoding import ImageError, decode
from dcgan_tf.data.sources import open_source
from dcgan_tf.pictures.grids import grid, save_png
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, check_not_others, disk_errors_explained

_SHEETS = ("kept", "dropped", "borderline", "remaining")
TILE = (178, 218)  # width and height of a picture on a sheet
_TEXT = 34  # pixels below it, for two lines
_COUNTED, _WEAK, _PROFILE = "#00D084", "#FF9F1C", "#3FA7FF"


def audit(source, detections: Detections, decisions: Decisions, folder, count: int = 40) -> list[Path]:
    """Write into `folder`: kept.png, dropped.png, borderline.png, remaining.png and remaining.csv; their paths.

    kept and dropped are spread evenly over all pictures; borderline are those whose decision the smallest change
    of the threshold turns. On a sheet, green boxes are counted, orange ones too weak, blue ones in profile; the
    number is how many windows agree. `source` is what the detections were made from. Raises as check_folder does.
    """
    check_folder(folder)
    source = open_source(source) if isinstance(source, str | Path) else source
    source = _InOrder(source, detections)
    folder, paths = Path(folder), []
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    table = folder / "remaining.csv"  # first: it says that the folder is an audit's
    with atomic_file(table) as temporary, open(temporary, "w", newline="") as file:
        thresholds = _thresholds(detections, decisions)
        rows = zip(thresholds.tolist(), remaining(detections, decisions, thresholds).tolist(), strict=True)
        csv.writer(file, lineterminator="\n").writerows([("min_neighbors", "remaining"), *rows])
    chosen = {
        "kept": _spread(np.flatnonzero(decisions.kept), count),
        "dropped": _spread(np.flatnonzero(~decisions.kept), count),
        "borderline": borderline(detections, decisions)[:count],
    }
    for name, pictures in chosen.items():
        if len(pictures):
            paths.append(folder / f"{name}.png")
            save_png(paths[-1], sheet(source, detections, decisions, pictures))
        else:
            (folder / f"{name}.png").unlink(missing_ok=True)  # of an audit before this one
    paths.append(folder / "remaining.png")
    with atomic_file(paths[-1]) as temporary:
        remaining_plot(detections, decisions).savefig(temporary, dpi=100)
    return [*paths, table]


def check_folder(folder):
    """UserError when the folder has files of an audit's names and no remaining.csv: they are somebody else's."""
    if not Path(folder, "remaining.csv").exists():
        check_not_others([Path(folder, f"{name}.png") for name in _SHEETS], "remaining.csv of an audit")


class _InOrder:
    """A source whose pictures are read in the order of the detections; it may hold other files too."""

    def __init__(self, source, detections):
        self.source, self.places = source, range(len(detections))
        if source.names != detections.names:
            places = {name: place for place, name in enumerate(source.names)}
            if not set(detections.names) <= set(places):
                raise UserError(
                    f"{source.description} does not hold the pictures of these detections ({detections.source})"
                )
            self.places = [places[name] for name in detections.names]

    def read(self, picture):
        return self.source.read(self.places[picture])


def _spread(pictures, count):
    return pictures[np.arange(min(count, len(pictures))) * len(pictures) // max(1, min(count, len(pictures)))]


def borderline(detections: Detections, decisions: Decisions) -> np.ndarray:
    """The pictures that another threshold, from half to twice the one taken, decides otherwise; nearest first."""
    threshold = decisions.min_neighbors
    near = [value for value in range(max(1, threshold // 2), 2 * threshold + 1) if value != threshold]
    near.sort(key=lambda value: max(value / threshold, threshold / value))
    turned = np.full(len(detections), len(near))
    for place, value in enumerate(near):
        other = decide(detections, decisions.policy, value, decisions.profile_min_neighbors).kept
        turned = np.where((other != decisions.kept) & (turned == len(near)), place, turned)
    order = np.argsort(turned, kind="stable")
    return order[turned[order] < len(near)]


# ---------------------------------------------------------------------------------------------- sheets


def sheet(source, detections: Detections, decisions: Decisions, pictures) -> np.ndarray:
    """These pictures with their boxes and decisions, as one picture uint8 [H, W, 3]."""
    tiles = [draw_decision(source, detections, decisions, int(picture)) for picture in pictures]
    return grid(np.stack(tiles), columns=min(10, len(tiles)), padding=4)


def draw_decision(source, detections: Detections, decisions: Decisions, picture: int) -> np.ndarray:
    """One picture with its boxes, and below it its name and what was decided: uint8 [252, 178, 3]."""
    tile = Image.new("RGB", (TILE[0], TILE[1] + _TEXT), "white")
    drawing = ImageDraw.Draw(tile)
    drawing.rectangle((0, 0, TILE[0] - 1, TILE[1] - 1), fill="#DDDDDD")
    try:
        image = Image.fromarray(decode(source.read(picture), channels=3))
    except ImageError:
        pass  # the reason stands below
    else:
        scale = min(TILE[0] / image.width, TILE[1] / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        corner = (TILE[0] - size[0]) // 2, (TILE[1] - size[1]) // 2
        tile.paste(image.resize(size, Image.BILINEAR, reducing_gap=2), corner)
        _draw_boxes(drawing, detections, decisions, picture, corner, scale)
    font = ImageFont.load_default(12)
    name = detections.names[picture].encode(errors="backslashreplace").decode()[-28:]
    drawing.text((3, TILE[1] + 2), name, "black", font)
    reason = decisions.reasons[picture]
    drawing.text((3, TILE[1] + 17), reason or "kept", "#B00020" if reason else "#00794C", font)
    return np.asarray(tile)


def _draw_boxes(drawing, detections, decisions, picture, corner, scale):
    font = ImageFont.load_default(14)
    for view, found in detections.views.items():
        threshold = decisions.min_neighbors if view == "frontal" else decisions.profile_min_neighbors
        if threshold is None:
            continue
        boxes, neighbours = found.of(picture)
        for (x, y, width, height), strength in zip(boxes.tolist()[::-1], neighbours.tolist()[::-1], strict=True):
            counted = strength > threshold
            colour = _WEAK if not counted else _COUNTED if view == "frontal" else _PROFILE
            left, top = corner[0] + x * scale, corner[1] + y * scale
            right, bottom = left + width * scale, top + height * scale
            drawing.rectangle((left, top, right, bottom), outline=colour, width=2 if counted else 1)
            if counted or strength > threshold / 2:  # the weakest would only be in the way
                drawing.text((left + 3, top + 1), str(strength), colour, font, stroke_width=1, stroke_fill="black")


# ------------------------------------------------------------------------------------------------ plot


def _thresholds(detections, decisions):
    strongest = int(detections.views["frontal"].neighbours.max(initial=0))
    return np.arange(1, max(min(strongest, 300), decisions.min_neighbors + 10) + 1)


def remaining_plot(detections: Detections, decisions: Decisions) -> Picture:
    """How many pictures remain at each threshold; the one taken is marked."""
    thresholds = _thresholds(detections, decisions)
    counts = remaining(detections, decisions, thresholds)
    picture = Picture(figsize=(7, 3.6), layout="constrained")
    axes = picture.subplots()
    axes.plot(thresholds, counts, color="#0072B2", linewidth=2)
    taken = decisions.min_neighbors
    kept = int(decisions.kept.sum())
    axes.axvline(taken, color="#D55E00", linewidth=1)
    axes.plot(taken, kept, "o", color="#D55E00")
    axes.annotate(
        f"{kept:,} of {len(detections):,} at {taken}",
        (taken, kept),
        (8, 8),
        textcoords="offset points",
        color="#D55E00",
    )
    axes.set(xlabel="min neighbors: more than so many windows must agree", ylabel="pictures that remain")
    axes.set_title(f"policy {decisions.policy}", loc="left")
    axes.set_xlim(1, thresholds[-1])
    axes.set_ylim(0, 1.12 * max(1, counts.max()))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return picture
