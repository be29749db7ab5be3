"""What the notebooks need besides the package's own functions: a check of their parameters, paths, pictures.

The cell tagged `parameters` declares each parameter with its type, `epochs: int = None`. Papermill writes the
values it was given into a cell of its own behind that one, misspelt names too, and only warns. So the next
cell calls `check_parameters(globals())`, which knows both cells from Jupyter's list `In` of the cells run so far.
"""

import ast
import base64
import math
import numbers
from pathlib import Path

from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.run import directory as runs
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.places import project_folder
from dcgan_tf.system.quiet import tensorflow_quiet

# --- parameters -------------------------------------------------------------------------------------------


def check_parameters(namespace: dict):
    """Stop before anything is trained when a parameter is misspelt, or its value cannot be right.

    namespace: the notebook's `globals()`. Parameters that name a field of a recipe are checked as the recipe
    checks them; one declared without a type is left to whoever uses it.
    Raises UserError, in one line: the value, what was expected, how to give it.
    """
    declared, injected = declared_parameters(namespace.get("In", []))
    for name in injected:
        if name not in declared:
            raise UserError(
                f"unknown parameter {name!r}.{nearest(name, declared)} This notebook has: {', '.join(declared)}"
            )
    values = {name: namespace[name] for name in declared}
    for name, value in values.items():
        _check_type(name, value, *declared[name])
    check_values(values)


def check_values(values: dict):
    """Stop when parameters of the right types cannot work: `values` holds all parameters of a notebook by name.

    Those that name a field of a recipe are checked as the recipe checks them. Raises UserError; returns the
    recipe with all changes, or None where the notebook has no recipe.
    """
    for name, value in (values.get("overrides") or {}).items():
        if name in values:
            raise UserError(
                f"overrides has {name}={value!r}, but {name} is a parameter of this notebook: use -p {name} {value}"
            )
    if values.get("features", "auto") != "auto":
        with tensorflow_quiet():
            from dcgan_tf.evaluation.features import check_features

        check_features(values["features"])
    for name, low in (("evaluate_every", 1), ("evaluation_samples", 10)):
        if values.get(name) is not None and values[name] < low:
            raise UserError(f"{name}={values[name]!r} must be at least {low}")
    for name, low in (("max_seconds", 0), ("learning_rate", 0), ("seed", -1)):
        value = values.get(name)
        if value is not None and not (math.isfinite(value) and value > low):
            raise UserError(f"{name}={value!r} must be {'at least' if low else 'a finite number above'} 0")
    if "recipe" not in values:
        return None
    try:
        recipe = get_recipe(values["recipe"])
        fields = {n: v for n, v in values.items() if n == "learning_rate" or n in recipe.as_dict()}
        return recipe.with_fields({**given(**fields), **(values.get("overrides") or {})})
    except UserError as error:
        raise UserError(str(error)) from None


def given(**values) -> dict:
    """Those of the values that are not None: what was asked for, the rest being the recipe's own."""
    return {name: value for name, value in values.items() if value is not None}


def declared_parameters(cells) -> tuple[dict, list]:
    """The declared parameters, name -> (type, default), and the names that papermill put into its cell.

    Only what was run after the declaration counts, and of several such cells (one was mended and run again)
    the last: who goes on by hand in an executed notebook is not told of what is mended already.
    """
    declared, injected = {}, []
    for source in cells:
        try:
            statements = ast.parse(source).body
        except SyntaxError:  # a mistake of that cell, and none of ours
            continue
        if source.lstrip().startswith("# Parameters\n"):
            injected = [target.id for s in statements if isinstance(s, ast.Assign) for target in s.targets]
        elif any(isinstance(statement, ast.AnnAssign) for statement in statements):
            found = dict(filter(None, map(_declaration, statements)))
            if not declared or declared.keys() & found.keys():  # else it is a cell of the reader's own
                declared, injected = found, []
    return declared, injected


def _declaration(statement):
    """`name: type = value` or `name = value` as (name, (type or None, value)); None for any other statement."""
    annotated = isinstance(statement, ast.AnnAssign)
    target = statement.target if annotated else statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(target, ast.Name) or statement.value is None:
        return None
    try:
        return target.id, (ast.unparse(statement.annotation) if annotated else None, ast.literal_eval(statement.value))
    except ValueError:  # no literal
        return None


TYPES = {  # the annotation: what it is called, what is of it, how papermill is told
    "int": ("a whole number", numbers.Integral, "-p {name} 10"),
    "float": ("a number", numbers.Real, "-p {name} 0.001 (or 60, 2e-4, ...)"),
    "bool": ("True or False", bool, "-p {name} True"),
    "str": ("a text", str, "-r {name} {value}"),
    "list": ("a list", list, '-y "{name}: [1, 2]"'),
    "dict": ("a dict", dict, '-y "{name}: {{width: 32}}"'),
}


def _check_type(name, value, annotation, default):
    """UserError unless `value` is of the annotated type; None will do where it is the default."""
    if annotation not in TYPES or (value is None and default is None):
        return
    called, kind, example = TYPES[annotation]
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return
    # Papermill's -p makes 7 of 007 and True of "True"; what was typed is lost, so ask for it again.
    raise UserError(
        f"{name}={value!r} must be {called}{' or None' if default is None else ''}: "
        f"give it as {example.format(name=name, value=value)}, or in the parameters cell"
    )


# --- data, paths, pictures --------------------------------------------------------------------------------


def load_data(dataset: str, recipe, changes: dict, classes=None, resize: bool = False):
    """The dataset as `train` loads it for that recipe with those changes.

    Raises UserError when it cannot be found, downloaded or made to fit the recipe.
    """
    with tensorflow_quiet():
        from dcgan_tf.networks.architectures import check_image_shape
        from dcgan_tf.training.train import load_images_for

    data = load_images_for(recipe, dataset, "image_size" in changes, classes, resize)
    check_image_shape(recipe, data.image_shape)
    return data


def run_directory(results_dir, run_name, dataset, recipe, changes, seed) -> Path:
    """Where this run goes, as an absolute path; `run_name` None makes a name of the settings.

    Papermill runs a notebook in the caller's folder, Jupyter in the notebook's own: so that both mean the
    same, a relative `results_dir` is taken from the project's root whenever that is at or above this folder.
    """
    return project_folder() / results_dir / (run_name or runs.run_name(dataset, recipe, changes, seed))


def find_run(run_dir):
    """The run at that path, which may be given from this folder or from the project's root.

    Raises UserError when there is none.
    """
    run = runs.Run(run_dir)
    if not run.config_path.is_file():
        run = runs.Run(project_folder() / run_dir)
    run.config  # noqa: B018 (says what is wrong, if it is)
    return run


def show_gif(path, width: int = 480):
    """The GIF at `path`, embedded, so that the executed notebook needs no other file to show it."""
    from IPython.display import HTML

    data = base64.b64encode(Path(path).read_bytes()).decode()
    return HTML(f'<img src="data:image/gif;base64,{data}" width="{width}" alt="the training as a GIF">')


def show_data(data, count: int = 50, seed: int = 0):
    """A sheet of `count` images of a dataset, drawn at random without repeats, labelled where there are labels."""
    import numpy as np

    from dcgan_tf.pictures.plots import show_images

    places = np.sort(np.random.default_rng(seed).choice(len(data), min(count, len(data)), replace=False))
    titles = None
    if data.labels is not None and data.labels.ndim == 1:  # attributes, of which an image has many, do not fit
        labels = [int(label) for label in data.labels[places]]
        titles = [data.label_names[label] for label in labels] if data.label_names else labels
    return show_images(data.images[places], titles, title=f"{len(places)} of {len(data):,} real images")


def grids_at(run, steps) -> tuple[list, list[str]]:
    """The recorded grids nearest to these steps, each once, and the last one: (pictures uint8, their titles)."""
    from dcgan_tf.data.images import decode

    rows, every, grids = run.rows(), run.grid_interval, run.grids()
    last = rows[-1]["step"]
    recorded = [min((place + 1) * every, last) for place in range(len(grids))]
    nearest_ones = {min(recorded, key=lambda found: abs(found - step)) for step in steps if step < last}
    chosen = sorted(nearest_ones | {recorded[-1]})
    pictures = [decode(grids[recorded.index(step)], channels=3) for step in chosen]
    return pictures, [f"after {step:,} iterations" for step in chosen]


# --- photographs, as the face filter sees them --------------------------------------------------------------


def example_photographs(folder) -> Path:
    """Write a folder of the real photographs that scikit-image ships, once: faces, no faces, and hard cases.

    178x218 pixels, as CelebA's: an astronaut's portrait, upright, mirrored, turned, blurred and beside itself; a
    photographer seen from the side; a cat; 80 faces and 9 other crops of Labeled Faces in the Wild, enlarged from
    25x25. Nothing is downloaded.
    """
    import numpy as np
    from skimage import data

    from dcgan_tf.data.images import centre_crop, resize
    from dcgan_tf.pictures.grids import save_png

    folder = Path(folder)
    if (folder / "photographer.png").is_file():  # the last one
        return folder
    astronaut = data.astronaut()
    pictures = {f"astronaut_{name}": image for name, image in _portraits(astronaut[:218, 135:313], astronaut)}
    pictures["cat"] = resize(centre_crop(data.chelsea(), (300, 245)), (218, 178))
    crops = np.round(255 * data.lfw_subset()).astype(np.uint8)[..., None]  # 100 faces, then 100 others
    crops = {f"face_{number:02d}": crops[number] for number in range(80)} | {
        f"other_{number:02d}": crops[100 + number] for number in range(9)
    }
    for name, crop in crops.items():
        pictures[name] = np.full((218, 178, 1), crop.mean(), np.uint8)
        pictures[name][34:184, 14:164] = resize(crop, 150)
    pictures["photographer"] = data.camera()[30:248, 140:318, None]
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in pictures.items():
        save_png(folder / f"{name}.png", image)
    return folder


def _portraits(head, whole):
    """(name, picture) of a portrait uint8 [218, 178, 3] out of a whole photograph, with variants of it."""
    import numpy as np
    from PIL import Image, ImageFilter

    yield "1_upright", head
    yield "2_mirrored", head[:, ::-1]
    wall = tuple(head[8, 8].tolist())
    for number, angle in enumerate((12, 20, 30, 90), 3):
        turned = Image.fromarray(whole).rotate(angle, Image.BICUBIC, center=(224, 115), fillcolor=wall)
        yield f"{number}_turned_{angle}", np.asarray(turned)[:218, 135:313]
    yield "7_blurred", np.asarray(Image.fromarray(head).filter(ImageFilter.GaussianBlur(4)))
    half = np.full_like(head, 128)
    half[:, :89] = head[:, :89]
    yield "8_half", half
    yield "9_two", np.concatenate([head, head[:, ::-1]], axis=1)


def read_pictures(source, rows) -> list:
    """These pictures of a source (see sources.py) as uint8 [H, W, 3]; those that cannot be read are left out."""
    from dcgan_tf.data.images import ImageError, decode

    pictures = []
    for row in rows:
        try:
            pictures.append(decode(source.read(int(row)), channels=3))
        except ImageError:
            continue
    return pictures


def show_pictures(pictures, titles=None, columns: int = 5, title: str | None = None):
    """Pictures uint8 [H, W, 3] of any sizes side by side, each as large as fits; it says so when there are none."""
    import numpy as np

    from dcgan_tf.pictures.plots import Picture, show_images

    if not len(pictures):
        figure = Picture(figsize=(6, 0.5))
        figure.text(0, 0.5, f"{title or 'pictures'}: there are none", va="center", fontsize=11)
        return figure
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    ratios = sorted(picture.shape[1] / picture.shape[0] for picture in pictures)
    width = min(width, round(height * ratios[len(ratios) // 2]))  # one wide picture shall not make all tiles wide
    tiles = np.stack([_fit(picture, height, width) for picture in pictures])
    return show_images(tiles, titles, columns=min(columns, len(tiles)), title=title)


def _fit(picture, height, width):
    """The whole picture in the middle of a white one of that size."""
    import numpy as np

    from dcgan_tf.data.images import resize

    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    size = tuple(max(1, round(scale * side)) for side in picture.shape[:2])
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    tile = np.full((height, width, 3), 255, np.uint8)
    tile[top : top + size[0], left : left + size[1]] = resize(picture, size)
    return tile


def average_picture(pictures, height: int = 218, width: int = 178):
    """The mean of pictures uint8 [H, W, 3], all brought to one size; white when there are none."""
    import numpy as np

    if not len(pictures):
        return np.full((height, width, 3), 255, np.uint8)
    return np.mean([_fit(picture, height, width) for picture in pictures], axis=0).round().astype(np.uint8)
