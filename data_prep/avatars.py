"""Avatars: distinct cartoon faces, drawn offline, that stand in where no photographs are at hand.

The package python-avatars composes each face as an SVG (the Avataaars by Pablo Stanley), and resvg-py makes
pixels of it. What was drawn becomes the labels: glasses, beard, hat, long hair, smiling, ...

    python -m data_prep.avatars OUTPUT --count 10000 --seed 0 --size 64

Face i depends on the seed and i alone: more faces from the same seed begin with the same ones. No two are
alike, since faces are drawn until one differs in something that can be seen from all before it.
"""

import functools
import io

import click
import numpy as np
from PIL import Image

from dcgan_tf.commands.basics import PATH
from dcgan_tf.data.preparing import Result, prepare
from dcgan_tf.system.errors import UserError, run_command
from dcgan_tf.system.saying import counted, say

DRAWING = 1  # to be raised when the same seed comes to mean other faces

_SHORT = ["SHORT_FLAT", "SHORT_ROUND", "SHORT_WAVED", "SHORT_CURLY", "SHORT_DREADS_1", "CAESAR", "CAESAR_SIDE_PART"]
_SHORT += ["SHAGGY", "SHAGGY_MULLET", "PIXIE", "QUIFF", "POMPADOUR", "ELVIS", "BUN", "MOWGLI"]
_LONG = ["BIG_HAIR", "BOB", "CURVY", "DREADS", "LONG_NOT_TOO_LONG", "MIA_WALLACE", "STRAIGHT_1", "STRAIGHT_STRAND"]
_CURLY = ["CURLY", "FRO", "FRO_BAND", "SHORT_DREADS_2"]
_BALD = ["NONE", "SIDES"]
_HATS = ["HAT", "TURBAN", "HIJAB", "WINTER_HAT_1", "WINTER_HAT_2", "WINTER_HAT_3", "WINTER_HAT_4"]


def _share(total, names):
    return dict.fromkeys(names, total / len(names))


# What a face is made of: part -> the names python-avatars gives its choices, and how often each is taken.
PARTS = {
    "top": {**_share(38, _SHORT), **_share(30, _LONG), **_share(12, _CURLY), **_share(6, _BALD), **_share(14, _HATS)},
    "hair_color": {
        **{"BLACK": 20, "BROWN_DARK": 15, "BROWN": 15, "AUBURN": 12, "RED": 10, "BLONDE": 8, "BLONDE_GOLDEN": 8},
        **{"PASTEL_PINK": 6, "SILVER_GRAY": 6},
    },
    "hat_color": _share(100, ["BLUE_02", "BLUE_03", "HEATHER", "PASTEL_GREEN", "PASTEL_ORANGE", "PINK", "RED"]),
    "skin_color": _share(100, ["PALE", "LIGHT", "BROWN", "DARK_BROWN", "BLACK"]),
    "accessory": {
        **{"NONE": 65, "PRESCRIPTION_1": 6, "PRESCRIPTION_2": 8, "ROUND": 8},
        **{"KURT": 4, "SUNGLASSES": 5, "WAYFARERS": 4},
    },
    "facial_hair": {
        **{"NONE": 70, "BEARD_LIGHT": 8, "BEARD_MEDIUM": 8, "BEARD_MAGESTIC": 4},
        **{"MOUSTACHE_FANCY": 5, "MOUSTACHE_MAGNUM": 5},
    },
    "mouth": {
        **{"SMILE": 24, "BIG_SMILE": 16, "TWINKLE": 14, "SERIOUS": 14, "SAD": 8, "DISBELIEF": 6},
        **{"SCREAM_OPEN": 6, "GRIMACE": 6, "TONGUE": 6},
    },
    "eyes": {"DEFAULT": 46, "HAPPY": 12, "CLOSED": 8, "SQUINT": 8, "SURPRISED": 10, "SIDE": 8, "WINK": 8},
    "eyebrows": {
        **{"DEFAULT": 20, "DEFAULT_NATURAL": 20, "RAISED_EXCITED": 8, "RAISED_EXCITED_NATURAL": 8},
        **{"ANGRY": 7, "ANGRY_NATURAL": 7, "SAD_CONCERNED": 6, "SAD_CONCERNED_NATURAL": 6},
        **{"FLAT_NATURAL": 10, "UP_DOWN_NATURAL": 8},
    },
    "clothing": _share(
        100,
        ["SHIRT_CREW_NECK", "SHIRT_SCOOP_NECK", "SHIRT_V_NECK", "HOODIE", "COLLAR_SWEATER", "BLAZER_SHIRT", "OVERALL"],
    ),
    "clothing_color": _share(
        100, ["BLUE_01", "BLUE_03", "GRAY_01", "HEATHER", "PASTEL_GREEN", "PASTEL_YELLOW", "PINK", "RED"]
    ),
    "background_color": _share(100, ["#a5d3f2", "#f7c9b6", "#c3e6c0", "#e3cdf0", "#fbe5a3", "#c9d2dc"]),
}

_SUNGLASSES = {"KURT", "SUNGLASSES", "WAYFARERS"}
_GLASSES = {"PRESCRIPTION_1", "PRESCRIPTION_2", "ROUND"}


def _only_visible(face):
    """The face with one and the same choice ("" for a colour) for each part that cannot be seen in it."""
    if face["top"] == "HIJAB":
        face["facial_hair"] = "NONE"
        if face["clothing"] == "SHIRT_V_NECK":
            face["clothing"] = "SHIRT_CREW_NECK"
    if face["top"] not in _HATS:
        face["hat_color"] = ""
    if face["top"] in {*_HATS, "NONE"} and face["facial_hair"] == "NONE":
        face["hair_color"] = ""
    if face["accessory"] in _SUNGLASSES:
        face["eyes"] = "DEFAULT"
    return face


class Avatars:
    """`count` faces (dicts of part -> choice, as in PARTS) of a seed: a source for prepared.prepare()."""

    ignored = 0

    def __init__(self, count: int, seed: int):
        self.description = f"{count:,} avatars of seed {seed} (python-avatars)"
        self.fingerprint = f"drawing {DRAWING}, seed {seed}, {count}"
        self.faces, seen = [], set()
        for index in range(count):
            generator = np.random.default_rng([seed, index])
            while True:
                face = _only_visible({part: _choose(choices, generator) for part, choices in _CHOICES})
                if tuple(face.values()) not in seen:
                    break
            seen.add(tuple(face.values()))
            self.faces.append(face)

    @property
    def names(self):
        return [f"avatar_{index:06d}" for index in range(len(self.faces))]

    def read(self, index: int) -> dict[str, str]:
        return self.faces[index]

    def labels(self) -> np.ndarray:
        """uint8 [count, len(LABELS)] of 0 and 1."""
        return np.array([[rule(face) for rule in LABELS.values()] for face in self.faces], np.uint8)


_CHOICES = [(part, (list(shares), np.cumsum(list(shares.values())))) for part, shares in PARTS.items()]


def _choose(choices, generator):
    names, cumulative = choices
    return names[int(np.searchsorted(cumulative, generator.random() * cumulative[-1], side="right"))]


# Label -> whether a face has it. Names as in CelebA's list, so that both can be steered by the same words.
LABELS = {
    "Eyeglasses": lambda face: face["accessory"] in _GLASSES,
    "Sunglasses": lambda face: face["accessory"] in _SUNGLASSES,
    "Wearing_Hat": lambda face: face["top"] in _HATS,
    "Bald": lambda face: face["top"] in _BALD,
    "Long_Hair": lambda face: face["top"] in _LONG,
    "Curly_Hair": lambda face: face["top"] in {*_CURLY, "SHORT_CURLY", "CURVY", "BIG_HAIR"},
    "Black_Hair": lambda face: face["hair_color"] == "BLACK",
    "Brown_Hair": lambda face: face["hair_color"] in {"BROWN", "BROWN_DARK", "AUBURN"},
    "Red_Hair": lambda face: face["hair_color"] == "RED",
    "Blond_Hair": lambda face: face["hair_color"] in {"BLONDE", "BLONDE_GOLDEN"},
    "Gray_Hair": lambda face: face["hair_color"] == "SILVER_GRAY",
    "Pink_Hair": lambda face: face["hair_color"] == "PASTEL_PINK",
    "Dark_Skin": lambda face: face["skin_color"] in {"DARK_BROWN", "BLACK"},
    "Pale_Skin": lambda face: face["skin_color"] == "PALE",
    "Beard": lambda face: face["facial_hair"].startswith("BEARD"),
    "Mustache": lambda face: face["facial_hair"].startswith("MOUSTACHE"),
    "Smiling": lambda face: face["mouth"] in {"SMILE", "BIG_SMILE", "TWINKLE"},
    "Mouth_Open": lambda face: face["mouth"] in {"SMILE", "BIG_SMILE", "SCREAM_OPEN", "DISBELIEF", "TONGUE"},
    "Eyes_Closed": lambda face: face["eyes"] in {"HAPPY", "CLOSED"},
    "Angry_Eyebrows": lambda face: face["eyebrows"].startswith("ANGRY"),
    "Raised_Eyebrows": lambda face: face["eyebrows"].startswith("RAISED"),
    "Red_Or_Pink_Clothes": lambda face: face["clothing_color"] in {"RED", "PINK"},
}

# The square of the drawing (264 wide, 280 high) that is kept: the head fills about 60 % of its width.
_VIEW = "24 10 216 216"
_WHOLE = 'width="264px" height="280px" viewBox="0 0 264 280"'


def draw_svg(face: dict[str, str], size: int) -> str:
    """The SVG of a face (part -> choice, as in PARTS), cropped to a square of `size` pixels."""
    import python_avatars as art

    hat = face["top"] in _HATS
    svg = art.Avatar(
        style=art.AvatarStyle.TRANSPARENT,
        top=(art.HatType if hat else art.HairType)[face["top"]],
        hat_color=art.ClothingColor[face["hat_color"] if hat else "WHITE"],
        hair_color=art.HairColor[face["hair_color"] or "BLACK"],
        facial_hair_color=art.HairColor[face["hair_color"] or "BLACK"],
        skin_color=art.SkinColor[face["skin_color"]],
        accessory=art.AccessoryType[face["accessory"]],
        facial_hair=art.FacialHairType[face["facial_hair"]],
        mouth=art.MouthType[face["mouth"]],
        eyes=art.EyeType[face["eyes"]],
        eyebrows=art.EyebrowType[face["eyebrows"]],
        clothing=art.ClothingType[face["clothing"]],
        clothing_color=art.ClothingColor[face["clothing_color"]],
    ).render()
    cropped = svg.replace(_WHOLE, f'width="{size}" height="{size}" viewBox="{_VIEW}"', 1)
    if cropped == svg:
        raise ValueError("python-avatars draws on another canvas than 264x280: take version 1.4")
    return cropped


def draw_face(face: dict[str, str], size: int = 64) -> np.ndarray:
    """A face (part -> choice, as in PARTS) as uint8 [size, size, 3]."""
    import resvg_py

    png = resvg_py.svg_to_bytes(
        svg_string=draw_svg(face, size), background=face["background_color"], skip_system_fonts=True
    )
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def _draw(face, size):
    return Result(draw_face(face, size), columns=face)


def avatars(output, count: int = 10_000, seed: int = 0, size: int = 64, workers: int | None = None, progress=True):
    """Write `count` faces, size x size, as a prepared dataset with labels into the folder `output`; its path.

    Raises UserError for numbers that make no sense, and when `output` exists already or cannot be written.
    """
    for name, value, least, most in (("count", count, 1, 1_000_000), ("seed", seed, 0, 2**63), ("size", size, 8, 1024)):
        if not least <= value <= most:
            raise UserError(f"{name} {value} must be from {least} to {most:,}")
    source = Avatars(count, seed)
    return prepare(
        output,
        source,
        functools.partial(_draw, size=size),
        settings={"size": size, "seed": seed, "drawing": DRAWING},
        labels=source.labels(),
        label_names=LABELS,
        workers=workers,
        progress=progress,
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("output", type=PATH)
@click.option("--count", default=10_000, show_default=True, help="How many faces.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same faces.")
@click.option("--size", default=64, show_default=True, help="Pixels on each side.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one per core]")
def cli(output, count, seed, size, workers):
    """Draw distinct cartoon faces with labels into the new folder OUTPUT."""
    path = avatars(output, count, seed, size, workers)
    say(f"{counted(count, 'avatar')} of {size}x{size} with {len(LABELS)} labels in {path}")


if __name__ == "__main__":
    run_command(cli, "python -m data_prep.avatars")
