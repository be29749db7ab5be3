"""explore(): the folder that it writes of a tiny trained run."""

import json
import os
import shutil
from functools import partial

import imageio.v3 as imageio
import numpy as np
import pytest
from click.testing import CliRunner

import dcgan_tf
from dcgan_tf.cli import cli
from dcgan_tf.data.decoding import decode
from dcgan_tf.evaluation import features
from dcgan_tf.latent import views
from dcgan_tf.latent.choices import choices_of, parse_arithmetic, parse_seeds
from dcgan_tf.latent.explore import _write_index, explore
from dcgan_tf.latent.projection import project
from dcgan_tf.latent.space import open_space
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError

EPOCHS = 12


@pytest.fixture(scope="module")
def everything(trained, corners, tmp_path_factory):
    """All that `explore` writes of the run: (folder, what was said)."""
    folder, said = tmp_path_factory.mktemp("latent") / "all", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "_CLASSIFIER_STEPS", 150)
        patch.setenv("DCGAN_TF_CACHE", str(folder.parent / "cache"))
        patch.setattr("dcgan_tf.latent.tour.project", partial(project, starts=2, steps=12))
        explore(trained, output=folder, dataset=corners, count=20, steps=3, seeds=range(3), say=said.append)
    return folder, said


def test_explore_writes_all_there_is(everything):
    folder, said = everything
    sheets = {path.stem for path in folder.glob("*.png")}
    assert sheets == {
        *("samples", "spreads", "average", "interpolation", "plane", "truncation", "arithmetic", "directions"),
        *("directions_strength", "first_layer", "attributes", "attributes_held", "attributes_explained"),
        *("neighbours", "projection_training_image", "epochs"),
    }
    assert {path.stem for path in folder.glob("*.gif")} == {
        *("interpolation", "plane", "directions", "attributes", "projection_training_image", "epochs")
    }
    assert not [text for text in said if text.startswith("left out")]
    for path in folder.glob("*.png"):
        assert decode(path).std() > 5
    index = (folder / "index.md").read_text()
    for path in folder.iterdir():
        assert path.name in said[0] + index + "index.md" and ".partial" not in path.name


def test_the_films_move_and_close(everything):
    folder, _ = everything
    film = imageio.imread(folder / "interpolation.gif", index=None).astype(int)
    assert len(film) == 3 * 18
    steps = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    assert (steps > 0).sum() > 45
    assert np.abs(film[0] - film[-1]).mean() < 3 * steps.max()
    assert imageio.imread(folder / "epochs.gif", index=None).shape[0] == 4 + EPOCHS  # noise, and after 1, 2 and 3 steps


def test_epochs_are_shown_from_what_was_kept(trained, space, tmp_path):
    kept = trained.samples()
    with np.load(kept[-1]) as stored:
        drawn = space.draw(stored["latents"])
        np.testing.assert_allclose(stored["images"].astype(int), drawn, atol=1)  # the last epoch's generator
    (picture,) = [
        path for path in explore(trained, "epochs", output=tmp_path, places="0,8", say=str) if "png" in path.name
    ]
    assert picture.is_file()
    with pytest.raises(UserError, match=r"places=9 is not among the 9 images kept: give numbers from 0 to 8"):
        explore(trained, "epochs", output=tmp_path / "new", places=[9])
    assert not (tmp_path / "new").exists()


def test_arithmetic_and_projection_alone(trained, space, tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan_tf.latent.tour.project", partial(project, starts=2, steps=12))
    save_png(tmp_path / "my photo.png", np.full((30, 20, 3), 90, np.uint8))
    out = tmp_path / "out"
    result = CliRunner().invoke(
        cli,
        ["explore", str(trained.path), "--output", str(out), "--mp4", "--project", str(tmp_path / "my photo.png")]
        + ["--arithmetic", "3,4,5 - 7 + 10,11"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    assert {path.name for path in out.iterdir()} == {
        *("arithmetic.png", "arithmetic_latent.npy", "index.md", "projection_my_photo.gif", "projection_my_photo.mp4"),
        *("projection_my_photo.png", "projection_my_photo_latent.npy"),
    }
    a, b, c = space.of_seeds([3, 4, 5]).mean(axis=0), space.of_seeds([7])[0], space.of_seeds([10, 11]).mean(axis=0)
    np.testing.assert_allclose(np.load(out / "arithmetic_latent.npy"), a - b + c, atol=1e-6)
    explore(trained, "truncation", output=out, seeds=[1, out / "projection_my_photo_latent.npy"], say=str)
    assert (out / "truncation.png").is_file() and "truncation" in (out / "index.md").read_text()


def test_a_run_with_uniform_latents_whose_data_are_gone(trained, tmp_path):
    run = Run(shutil.copytree(trained.path, tmp_path / "run"))
    config = {**run.config, "recipe": {**run.config["recipe"], "latent_distribution": "uniform"}}
    config["dataset"] = {**config["dataset"], "name": str(tmp_path / "gone")}
    run.config_path.write_text(json.dumps(config))
    shutil.rmtree(run.samples_path)
    written = explore(Run(run.path), ["interpolation", "truncation"], seeds="0,1", steps=3, say=str)
    assert written == [
        run.path / "latent" / name for name in ("interpolation.png", "interpolation.gif", "truncation.png")
    ]
    rows = [text.get_text() for text in views.interpolation(open_space(run.path), [0, 1], 3).texts]
    assert any("straight" in row for row in rows) and not any("difference" in row for row in rows)
    for name, reason in (("neighbours", "the data of run"), ("epochs", "--keep-samples")):
        with pytest.raises(UserError, match=f"{name}: .*{reason}"):
            explore(Run(run.path), name)
    said = []
    explore(Run(run.path), seeds="0,1,2", steps=2, count=10, say=said.append)
    gone = [text for text in said if "the data of run" in text]  # one reason is said once
    assert len(gone) == 1 and gone[0].startswith("left out: attributes, neighbours, projection (the data of run")


def test_other_data_than_those_of_the_training_are_not_shown_as_them(trained, corners, tmp_path):
    others = corners.changed(images=255 - corners.images, fingerprint="others")
    with pytest.raises(
        UserError, match=r"is not what run .* was trained on \(its images, or their labels, are o.*give the same"
    ):
        explore(trained, "neighbours", output=tmp_path / "out", dataset=others, say=str)
    moved = corners.changed(name="elsewhere")
    assert explore(trained, "neighbours", output=tmp_path, dataset=moved, say=str) == [tmp_path / "neighbours.png"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"only": "avrage"}, r"unknown view 'avrage'\. Did you mean 'average'\? Known are samples, .*"),
        ({"seeds": "1,two"}, r"seeds='two' must be a whole number of at least 0"),
        ({"seeds": "1,,2"}, r"seeds='1,,2' must be numbers with commas between them, such as 1,2,3"),
        ({"seeds": "1", "only": "plane"}, r"plane: seeds=\[1\] are too few: this needs 3"),
        ({"seeds": "1", "only": "samples,plane"}, r"plane: seeds=\[1\] are too few: this needs 3"),
        ({"only": "samples,attributes", "classifier": False}, r"attributes: it needs a classifier of the labels, .*"),
        ({"only": "samples,neighbours"}, r"neighbours: the data of run .*"),
        (
            {"only": "samples", "arithmetic": "1 - 2"},
            r"arithmetic is for the view arithmetic, and only samples is to be shown: name arithmetic in only "
            r"\(--only\), too, or leave arithmetic out",
        ),
        (
            {"only": "samples,plane", "means": 0},
            r"means is for the views spreads, average, and only samples, plane is .*",
        ),
        ({"only": "average", "stds": 1}, "stds is for the view spreads, .*"),
        ({"only": "samples", "count": 9}, "count is for the view average, .*"),
        ({"only": "samples", "places": 0}, "places is for the view epochs, .*"),
        (
            {"only": "samples", "dataset": "mnist5k"},
            "dataset is for the views attributes, neighbours, projection, arithmetic, .*",
        ),
        ({"only": "spreads", "steps": 5}, "steps is for the views between, interpolation, plane, .*"),
        ({"only": "spreads,average", "seeds": 5}, "seeds is for the views samples, labels, between, .*"),
        ({"only": "samples", "mp4": True}, "mp4 is for the views interpolation, plane, .*"),
        (
            {"only": "samples", "classifier": False},
            "--no-classifier is for the views attributes, arithmetic, .* or leave --no-classifier out",
        ),
        ({"arithmetic": "1 - 2", "places": 0}, "places is for the view epochs, and only arithmetic is to be shown: .*"),
        ({"places": 9}, r"places=9 is not among the 9 images kept: give numbers from 0 to 8"),
        ({"only": "samples,arithmetic", "arithmetic": "1 - no.npy"}, r"'no\.npy' cannot be read as a latent: .*"),
        ({"seeds": "nothing.npy"}, r"'nothing\.npy' cannot be read as a latent: give a \.npy file of 6 numbers"),
        ({"means": "0,x"}, r"means='x' must be finite numbers, such as means=0\.5,1"),
        ({"stds": [-1]}, r"stds=-1 must be finite numbers of at least 0, such as stds=0\.5,1"),
        ({"steps": 1}, r"steps=1 must be a whole number of at least 2 and at most 100"),
        ({"count": 0.5}, r"count=0\.5 must be a whole number of at least 1 and at most 1,000,000"),
        ({"arithmetic": "1,2 -"}, r"arithmetic='1,2 -' must be sums of seeds, such as .*"),
        ({"arithmetic": "1 - b"}, r"seeds='b' must be a whole number of at least 0"),
        ({"only": []}, r"only=\[\] leaves nothing to show: give some of samples, .*, or None for all that apply"),
        ({"only": 5}, r"unknown view '5'\. .*"),
        ({"means": True}, r"means=True must be finite numbers, such as means=0\.5,1"),
        ({"arithmetic": []}, r"arithmetic=\[\] must be sums of seeds, such as .*"),
        ({"steps": 10**9}, r"steps=1000000000 must be a whole number of at least 2 and at most 100"),
        ({"project": 5}, r"project=5 must be the path of a picture, or a list of such paths"),
        ({"dataset": 5}, r"dataset=5 must be a name or a path, such as 'mnist5k'; .*"),
        ({"dataset": ""}, r"unknown dataset ''.*"),
        ({"project": []}, r"project=\[\] must be the path of a picture, or a list of such paths"),
        ({"project": "nothing.png"}, r"'nothing\.png' cannot be projected \(no such file\): give a picture file, .*"),
    ],
)
def test_mistakes_are_one_clear_line_before_anything_is_written(trained, tmp_path, options, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        explore(trained, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_picture_is_not_given_to_views_that_do_not_look_at_it(trained, tmp_path):
    save_png(tmp_path / "me.png", np.full((20, 20, 3), 90, np.uint8))
    with pytest.raises(UserError, match=r"^project is for the view projection, and only samples is to be shown"):
        explore(trained, "samples", output=tmp_path / "out", project=tmp_path / "me.png", say=str)
    assert not (tmp_path / "out").exists()


def test_a_run_whose_name_is_no_text_has_an_index(tmp_path):
    _write_index(tmp_path, Run(tmp_path / os.fsdecode(b"caf\xe9")))
    assert (tmp_path / "index.md").read_text() == "# The latent space of caf\\udce9\n"


def test_a_generators_file_is_looked_into_beside_it(trained, tmp_path):
    file, said = tmp_path / "mine.keras", []
    shutil.copy(trained.generator_path, file)
    written = explore(file, seeds=3, steps=2, count=10, say=said.append)  # the fewest views
    assert {path.parent for path in written} == {tmp_path / "mine_latent"}
    assert {path.stem for path in written if path.suffix == ".png"} == {
        *("samples", "spreads", "average", "truncation", "arithmetic")
    }
    assert any(text.startswith("left out: attributes, neighbours, projection (") for text in said)
    with pytest.raises(UserError, match=r"neighbours: .*mine\.keras' is not a run directory"):
        explore(file, "neighbours")


def test_one_seed_leaves_out_what_needs_more(trained, tmp_path):
    said = []
    explore(trained, output=tmp_path, seeds=3, steps=2, count=10, classifier=False, say=said.append)
    assert "left out: interpolation, directions, first_layer (seeds=[3] are too few: this needs 2)" in said
    assert "left out: plane (seeds=[3] are too few: this needs 3)" in said
    assert (tmp_path / "truncation.png").is_file() and (tmp_path / "index.md").is_file()


def test_pictures_of_one_name_are_written_beside_each_other(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan_tf.latent.tour.project", partial(project, starts=1, steps=2))
    photos = [tmp_path / "a" / "me.png", tmp_path / "b" / "Me.png", tmp_path / "c" / "me.png"]
    for number, photo in enumerate(photos):
        photo.parent.mkdir()
        save_png(photo, np.full((20, 20, 3), 40 * number, np.uint8))
    written = explore(trained, output=tmp_path / "out", project=photos, say=str)
    stems = [path.stem for path in written if path.suffix == ".png"]
    assert stems == ["projection_me", "projection_Me_2", "projection_me_3"] and len(set(written)) == 9
    index = (tmp_path / "out" / "index.md").read_text()
    assert all(f"({path.name})" in index for path in written)


def test_an_index_that_somebody_wrote_is_not_replaced(trained, tmp_path):
    (tmp_path / "index.md").write_text("# My notes")
    with pytest.raises(UserError, match=r"index\.md' is not an index that explore wrote"):
        explore(trained, "truncation", output=tmp_path, say=str)
    assert [path.name for path in tmp_path.iterdir()] == ["index.md"]


def test_a_picture_that_somebody_put_there_is_not_replaced(trained, tmp_path):
    for name in ("truncation.png", "first_layers.png", "directions.txt"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=r"truncation\.png' is there, and no index of explore beside it: move it away"):
        explore(trained, "samples,truncation", output=tmp_path, say=str)
    assert len(list(tmp_path.iterdir())) == 3 and (tmp_path / "truncation.png").read_text() == "mine"
    explore(trained, "samples", output=tmp_path, say=str)  # nothing of these is in its way
    (tmp_path / "truncation.png").unlink()
    for _ in range(2):
        explore(trained, "truncation", output=tmp_path, say=str)
    assert decode(tmp_path / "truncation.png").std() > 5


def test_what_was_stopped_half_way_is_gone_on_with(trained, tmp_path):
    def stop(text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explore(trained, "samples,truncation", output=tmp_path, say=stop)
    assert len(explore(trained, "samples,truncation", output=tmp_path, say=str)) == 2


def test_one_number_need_not_be_a_list(trained, tmp_path):
    (path,) = explore(trained, "spreads", output=tmp_path, means=0, stds=0.5, say=str)
    assert path.is_file()


def test_that_a_view_takes_fewer_steps_is_said(trained, tmp_path):
    said = []
    explore(trained, "plane,first_layer,truncation", output=tmp_path, steps=8, say=said.append)
    assert said[0] == "steps=8 is more than first_layer takes (7)"
    explore(trained, "first_layer", output=tmp_path, say=said.append)  # nothing was asked for
    assert sum("steps=" in text for text in said) == 1


def test_no_run_and_no_folder(trained, tmp_path):
    with pytest.raises(UserError, match="is not a run directory"):
        explore(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file: give a folder"):
        explore(trained, "samples", output=tmp_path / "file")


def test_what_people_type():
    assert dcgan_tf.explore is explore
    assert parse_seeds(" 1, 2,a b.npy") == (1, 2, "a b.npy")
    assert parse_arithmetic("3,4 - 7,8 + 10") == [(1, (3, 4), ""), (-1, (7, 8), ""), (1, (10,), "")]
    assert parse_arithmetic("- 1 + x-y.npy") == [(-1, (1,), ""), (1, ("x-y.npy",), "")]
    assert parse_arithmetic("5") == [(1, (5,), "")]
    assert choices_of(seeds="1,2,3").some(2) == (1, 2)
    with pytest.raises(UserError, match=r"seeds=\[1\] are too few: this needs 2"):
        choices_of(seeds=[1]).some(2)
