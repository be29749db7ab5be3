"""The latent space in a notebook, with sliders: boards that redraw at once.

A board is an ipywidgets box: controls, and a picture that follows them while they are dragged. Without a person
in front (papermill) there is nobody to drag; `live` then says so instead, and the sheets show the same.
"""

import html
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from dcgan_tf.latent import formulas as latent
from dcgan_tf.latent.choices import NotHere, parse_arithmetic, parse_seeds
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.latent.tour import Exploration
from dcgan_tf.latent.views import add_up, named
from dcgan_tf.pictures.films import frame
from dcgan_tf.system.errors import UserError, check_count
from dcgan_tf.training.progress import in_watched_notebook

_LAST_SEED = 1_000_000


def live(board: Callable, *arguments, **options):
    """The board, where somebody can move its sliders; elsewhere a line that says so, and nothing is drawn."""
    from IPython.display import HTML

    if in_watched_notebook():
        return board(*arguments, **options)
    text = "Here are sliders when this notebook is run in Jupyter. The pictures above show the same, standing still."
    return HTML(f'<p style="color: #666666"><i>{text}</i></p>')


def attribute_sliders(look: Exploration):
    """`along` for all classes of the run's data, or for all attributes, each with the others held.

    Or the reason why there are none, printed.
    """
    try:
        found = look.attributes
    except NotHere as reason:
        print(f"left out: {reason}")
        return None
    places = found.shown()
    vectors = [found.held(place, places) for place in places]
    return live(along, look.space, vectors, [found.names[place] for place in places], found.plainest(1)[0])


# --- boards -----------------------------------------------------------------------------------------------


def mean_and_std(space: LatentSpace, seed: int = 0, count: int = 10):
    """Sliders for the mean and the std of z, and for the seed: `count` images, one or more."""
    check_count("count", count)
    controls = {
        "seed": _seed(seed),
        "mean": _slider("mean", space.mean, space.mean - 1.5 * space.std, space.mean + 1.5 * space.std),
        "std": _slider("std" if space.is_normal else "half-width", space.std, 0.0, 2 * space.std),
    }

    def draw(space, seed, mean, std):
        images = space.draw(space.random(count, seed, mean, std))
        return frame(images, side=112, columns=-(-count // 2))

    return _board(space, controls, draw)


def between(space: LatentSpace, seeds=(0, 1)):
    """Two seeds and a slider from the one to the other, the straight way and the round way."""
    controls = {"one": _seed(seeds[0], "from seed"), "other": _seed(seeds[1], "to seed"), "t": _slider("t", 0.5, 0, 1)}

    def draw(space, one, other, t):
        start, end = space.of_seeds([one, other])
        ways = {"straight": latent.linear(start, end, t)}
        if space.is_normal:
            ways["round"] = latent.spherical(start, end, t, space.mean)
        labels = [named(one), *(f"{name}, |z| {np.linalg.norm(z):.1f}" for name, z in ways.items()), named(other)]
        return frame(space.draw(np.stack([start, *ways.values(), end])), labels)

    return _board(space, controls, draw)


def over_plane(space: LatentSpace, seeds=(0, 1, 2)):
    """Three seeds that span a plane, and two sliders that walk over it."""
    controls = {
        "origin": _seed(seeds[0], "at (0, 0)"),
        "right": _seed(seeds[1], "at (1, 0)"),
        "down": _seed(seeds[2], "at (0, 1)"),
        "x": _slider("to the right", 0.5, -0.5, 1.5),
        "y": _slider("down", 0.5, -0.5, 1.5),
    }

    def draw(space, origin, right, down, x, y):
        corners = space.of_seeds([origin, right, down])
        centre = space.mean if space.is_normal else None
        point = space.inside(latent.plane(*corners, [x], [y], centre)[0, 0])
        labels = [f"{named(origin)} (0, 0)", f"{named(right)} (1, 0)", f"{named(down)} (0, 1)", f"({x:.2f}, {y:.2f})"]
        return frame(space.draw(np.stack([*corners, point])), labels)

    return _board(space, controls, draw)


def along(space: LatentSpace, directions, names=None, seed: int = 0, reach: float = 4.0):
    """A seed, and a slider for each direction [K, dim], in standard deviations; all of them count together.

    names: of the directions, one each. Raises UserError for another number of them.
    """
    directions = np.asarray(directions)
    names = names or [f"direction {number}" for number in range(1, len(directions) + 1)]
    if len(names) != len(directions):
        raise UserError(f"names={list(names)!r} must be one for each of {len(directions)} directions, not {len(names)}")
    sliders = {f"d{i}": _slider(str(name), 0.0, -reach, reach) for i, name in enumerate(names)}

    def draw(space, seed, **amounts):
        start = space.of_seeds([seed])[0]
        step = space.unit * np.array([amounts[f"d{i}"] for i in range(len(directions))]) @ directions
        moved = space.inside((start + step).astype(np.float32))
        return frame(space.draw(np.stack([start, moved])), [named(seed), "moved"], side=224)

    return _board(space, {"seed": _seed(seed), **sliders}, draw, many=True)


def calculator(space: LatentSpace, text: str = "0,1,2 - 3,4,5 + 6,7,8"):
    """A sum of seeds to type, such as 3,4,5 - 7,8,9 + 10,11,12: the mean of each term, and what comes out."""
    import ipywidgets

    entry = ipywidgets.Text(
        text, description="sum of seeds", style={"description_width": "initial"}, layout={"width": "32em"}
    )

    def draw(space, text):
        terms = parse_arithmetic(text)
        means = [space.of_seeds(seeds).mean(axis=0) for _, seeds, _ in terms]
        labels = [f"{'+' if sign > 0 else '−'} {','.join(map(str, seeds))}" for sign, seeds, _ in terms]
        return frame(space.draw(np.stack([*means, add_up(space, terms)])), [*labels, "= result"], side=128)

    return _board(space, {"text": entry}, draw)


# --- what boards are made of ------------------------------------------------------------------------------


def _seed(value, name="seed"):
    import ipywidgets

    value = parse_seeds([value])[0]
    if isinstance(value, str):
        raise UserError(f"seed={value!r} must be a whole number: a board has no place for files")
    style, layout = {"description_width": "6em"}, {"width": "14em"}
    return ipywidgets.BoundedIntText(value, 0, max(_LAST_SEED, value), description=name, style=style, layout=layout)


def _slider(name, value, low, high):
    import ipywidgets

    style, layout = {"description_width": "10em"}, {"width": "30em"}
    return ipywidgets.FloatSlider(
        value, min=low, max=high, step=(high - low) / 200, description=name, readout_format=".2f", style=style,
        layout=layout,
    )  # fmt: skip


def _told(labels, controls):
    """The labels float32 [K] that the controls of a conditional generator's labels say."""
    if labels.are_classes:
        return labels.told([controls["class"].value])[0]
    return np.float32([number in controls and controls[number].value for number in range(len(labels))])


def _label_controls(space) -> dict:
    """A list of the classes, or a box to tick for each attribute, that the training had; empty without labels."""
    import ipywidgets

    labels = space.labels
    if labels is None:
        return {}
    names = {number: labels.spoken[number] for number in labels.seen}
    if labels.are_classes:
        options = [(name, number) for number, name in names.items()]
        return {"class": ipywidgets.Dropdown(options=options, value=int(space.told.argmax()), description="class")}
    return {
        number: ipywidgets.Checkbox(bool(space.told[number]), description=name, indent=False)
        for number, name in names.items()
    }


def _board(space, controls, draw, many=False):
    """The controls and a picture that `draw(space, **values)` makes anew whenever a value changes; wrong values are
    said. Of a conditional generator the labels are controls, too, and the space is the one under them.

    many: there are many sliders; the picture stands over them, so that it is seen, and a button resets them.
    """
    import ipywidgets

    picture = ipywidgets.Image(format="png", layout={"max_width": "100%", "align_self": "flex-start"})
    message, chosen = ipywidgets.HTML(), _label_controls(space)

    def redraw(_=None):
        try:
            asked = space.under(_told(space.labels, chosen)) if chosen else space
            picture.value = _png(draw(asked, **{name: control.value for name, control in controls.items()}))
            message.value = ""
        except UserError as error:
            message.value = f'<span style="color: #b00020">{html.escape(str(error))}</span>'

    for control in (*controls.values(), *chosen.values()):
        control.observe(redraw, "value")
    redraw()
    parts = [*controls.values(), *chosen.values()]
    if len(chosen) > 1:
        columns = ipywidgets.Layout(grid_template_columns="repeat(4, max-content)", grid_gap="0 1em")
        parts = [*controls.values(), ipywidgets.GridBox(list(chosen.values()), layout=columns)]
    if not many:
        return ipywidgets.VBox([ipywidgets.VBox(parts), message, picture])
    sliders = [control for control in parts if isinstance(control, ipywidgets.FloatSlider)]
    button = ipywidgets.Button(description="back to 0")

    def to_zero(_):
        for slider in sliders:
            slider.value = 0.0

    button.on_click(to_zero)
    columns = ipywidgets.Layout(grid_template_columns="repeat(2, max-content)", grid_gap="0 1em")
    others = [control for control in parts if control not in sliders]
    return ipywidgets.VBox(
        [ipywidgets.HBox([*others, button]), message, picture, ipywidgets.GridBox(sliders, layout=columns)]
    )


def _png(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
