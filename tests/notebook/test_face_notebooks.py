"""celeba.ipynb and anime_faces.ipynb, run through papermill: offline on avatars, and on a zip shaped like CelebA's.

What every notebook keeps to (parameters, no outputs, short cells) is in test_notebooks.py.
"""

import base64
import io
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from kernels import execute_in
from papermill.exceptions import PapermillExecutionError
from PIL import Image
from skimage import data

from dcgan_tf.data.decoding import decode
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.pictures.curves import soft_labels
from dcgan_tf.run.directory import Run

ROOT = Path(__file__).parents[2]
SMALL = {"avatar_count": 60, "steps": 4, "width": 4, "batch_size": 20, "image_size": 32}
SMALL["overrides"] = {"grid_images": 9, "grid_every": 2}
SMALL |= {"features": "pixels", "evaluation_samples": 40}
SMALL["recipe"] = "gwu"  # the networks that are the quickest to compile; `quick` is trained in test_notebooks.py


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The folder of prepared data that all runs of this file share."""
    return tmp_path_factory.mktemp("cache") / "prepared"


def execute(kernel, cache, name, folder, **parameters):
    if name == "anime_faces.ipynb":
        parameters = {"compared": 40, **parameters}
    parameters = {**SMALL, "results_dir": str(folder / "results"), "run_name": "run", **parameters}
    output = folder / "executed.ipynb"
    execute_in(kernel, name, output, parameters, cache.parent)
    return nbformat.read(output, 4), Run(folder / "results" / "run")


def pictures_of(executed):
    """(source of the cell, picture uint8 [H, W, 3]) of every PNG among the outputs."""
    return [
        (cell.source, decode(base64.b64decode(output.data["image/png"]), channels=3))
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def text_of(executed):
    return "".join(
        output.get("text", "") for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs
    )


def shows_a_film(executed):
    return "data:image/webp;base64,UklG" in str(executed.cells)


# --- real runs --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def offline(kernel, cache, tmp_path_factory):
    return execute(kernel, cache, "celeba.ipynb", tmp_path_factory.mktemp("celeba"))


def test_celeba_without_celeba_filters_photographs_and_trains_on_avatars(offline, cache):
    executed, run = offline
    assert run.config["dataset"]["name"] == str(cache / "avatars-60-32")
    assert run.rows()[-1]["step"] == 4 and run.grid_steps() == [0, 1, 2, 4] and run.generator_path.is_file()
    text = text_of(executed)
    assert "60 avatars (cartoon faces)" in text and "faces of CelebA" not in text
    assert "frontal (min neighbors 40): 40 of 100 pictures kept" in text
    assert "Error" not in text and "Traceback" not in text


def test_celeba_shows_every_step_of_the_filter(offline, cache):
    executed, _ = offline
    drawn = pictures_of(executed)
    sources = " ".join(source for source, _ in drawn)
    for step in ("read_pictures(raw", "draw_decision", "for row in kept", "for row in dropped", "borderline(found"):
        assert step in sources
    for step in ("remaining_plot(", "average_picture(", "show_data(", "architecture(", "curves(", "images[:100]"):
        assert step in sources
    assert "nearest_real_images(run, data)" in sources
    assert "60 of " in str(executed.cells) and "all training images" in str(executed.cells)
    for source, picture in drawn:
        assert picture.std() > 5, source  # not blank
    assert shows_a_film(executed)
    sheets = {path.name for path in cache.glob("faces-frontal-auto-*/audit/*")}
    assert sheets == {"kept.png", "dropped.png", "borderline.png", "remaining.png", "remaining.csv"}


def portrait(number):
    """An aligned-looking picture as JPEG bytes: every third one lies on its side."""
    head = data.astronaut()[:218, 135:313]
    image = Image.fromarray(head if number % 2 else head[:, ::-1])
    if number % 3 == 0:
        image = image.rotate(90).resize((178, 218))
    buffer = io.BytesIO()
    image.point(lambda value: max(0, value - number)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_celeba_on_a_zip_of_celebas_shape(kernel, cache, tmp_path):
    path = tmp_path / "img_align_celeba.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1, 19):
            archive.writestr(f"img_align_celeba/{number:06d}.jpg", portrait(number))
        archive.writestr("img_align_celeba/000019.jpg", b"")
    settings = {"celeba": str(path), "crop": "radford", "min_neighbors": 20, "batch_size": 6}
    executed, run = execute(kernel, cache, "celeba.ipynb", tmp_path, **settings)
    (prepared,) = cache.glob("celeba-radford-32-frontal-20-*")
    assert run.config["dataset"]["name"] == str(prepared) and run.config["recipe"]["name"] == "gwu"
    assert read_prepared(prepared).images.shape == (12, 32, 32, 3)
    dropped = {"no frontal face": 6, "empty file": 1}
    assert read_prepared(prepared).metadata["dropped"] == dropped
    text = text_of(executed)
    assert "12 faces of CelebA" in text and "avatars" not in text
    assert "frontal (min neighbors 20): 12 of 19 pictures kept" in text
    assert len(pictures_of(executed)) >= 14 and shows_a_film(executed)


def test_anime_faces_tells_the_story_on_avatars(kernel, cache, offline, tmp_path):
    made = (cache / "avatars-60-32" / "dataset.json").stat().st_mtime_ns  # by the other notebook
    texts = {"milestones": [2, "4e0", 100], "latent_stds": ["4e-1", 1.0], "latent_means": ["-3e-1", 0]}  # as YAML reads
    executed, run = execute(kernel, cache, "anime_faces.ipynb", tmp_path, label_noise=0.05, **texts)
    assert (cache / "avatars-60-32" / "dataset.json").stat().st_mtime_ns == made
    assert run.config["recipe"]["label_noise"] == 0.05 and run.config["log_every"] == 10
    drawn = pictures_of(executed)
    sources = " ".join(source for source, _ in drawn)
    for step in ("show_data(", "soft_labels(", "curves(", "grids_at(", "latent_stds]", "latent_means]", "points]"):
        assert step in sources
    text = text_of(executed)
    assert "60 avatars (cartoon faces, no anime)" in text and "Jensen-Shannon" in text
    assert "label_noise                           0.05        0.05" in text
    assert shows_a_film(executed)


def test_anime_faces_with_the_reports_recipe_on_pictures_of_ones_own(kernel, cache, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, crop in enumerate(np.round(255 * data.lfw_subset()[:8]).astype(np.uint8)):
        Image.fromarray(crop).resize((70, 80)).save(folder / f"{number}.png")
    Image.new("RGB", (20, 20)).save(folder / "small.png")
    settings = {"images": str(folder), "recipe": "sapienza", "image_size": None, "batch_size": 4, "steps": 2}
    executed, run = execute(kernel, cache, "anime_faces.ipynb", tmp_path, **settings)
    assert run.config["recipe"]["optimizer"] == "rmsprop" and run.config["dataset"]["image_shape"] == [64, 64, 3]
    assert "8 pictures\ndropped: {'too small': 1}" in text_of(executed)


@pytest.mark.parametrize(
    "name, wrong, message",
    [
        ("celeba.ipynb", {"min_neighbours": 20}, "Did you mean 'min_neighbors'"),
        ("celeba.ipynb", {"celeba": "folder", "crop": "vrld"}, "crop 'vrld': expected vrdl or radford"),
        ("anime_faces.ipynb", {"latent_std": 0.4}, "Did you mean 'latent_stds'"),
        ("anime_faces.ipynb", {"latent_stds": []}, "latent_stds='' must be numbers"),
        ("anime_faces.ipynb", {"milestones": ["x"]}, "milestones='x' must be finite numbers"),
    ],
)
def test_a_wrong_parameter_stops_before_anything_is_made(kernel, cache, tmp_path, name, wrong, message):
    with pytest.raises(PapermillExecutionError) as caught:
        execute(kernel, cache, name, tmp_path, **wrong)
    assert caught.value.ename == "UserError" and message in caught.value.evalue
    assert not (tmp_path / "results").exists()


def test_soft_labels_have_a_best_answer_for_generated_images_only():
    generated, real = soft_labels(0.05).axes
    assert [text.get_text() for text in generated.texts] == ["best: D = 0.025"]
    assert not real.texts and real.lines[1].get_ydata().min() < 0 < real.lines[0].get_ydata().min()
