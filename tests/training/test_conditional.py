"""Conditional runs: trained, resumed, asked for classes and attributes, and refused where they cannot be had."""

import shutil

import numpy as np
import pytest
from commands import run_cli
from drawn_pictures import folder_of_classes
from same_runs import assert_same

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.grids import enlarge, grid
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import load_generator
from dcgan_tf.run.sampling import sample
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

pytestmark = pytest.mark.usefixtures("compiled_once")

SETTINGS = {"image_size": 8, "width": 2, "latent_dim": 8, "batch_size": 10, "grid_images": 7, "ema_images": 50,
            "conditional": True}  # fmt: skip
SHADES = {"dark": 40, "grey": 128, "light": 215}
ATTRIBUTES = Dataset(
    "spots",
    np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8),
    np.random.default_rng(1).integers(0, 2, (60, 3)).astype(np.uint8),
    ["Hat", "Beard", "Glasses"],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of 20 pictures in each of three subfolders."""
    path, random = tmp_path_factory.mktemp("data") / "shades", np.random.default_rng(0)
    return folder_of_classes(path, SHADES, 20, lambda shade: shade + random.integers(-30, 30, (8, 8, 3)))


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("runs") / "shades"
    return train("gwu", folder, place, steps=12, overrides=SETTINGS, progress=NoProgress(), keep_samples=True)


@pytest.fixture(scope="module")
def spots(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs") / "spots"
    return train("gwu", ATTRIBUTES, place, steps=3, overrides=SETTINGS, progress=NoProgress())


def test_a_run_knows_its_labels_and_its_grids_have_a_row_for_each_class(run):
    assert run.labels.names == tuple(SHADES) and run.labels.shares.tolist() == pytest.approx([1 / 3] * 3)
    with np.load(run.samples()[-1], allow_pickle=False) as kept:
        images, latents, labels = kept["images"], kept["latents"], kept["labels"]
    assert np.array_equal(labels.argmax(axis=1), [0, 0, 1, 1, 2, 2]) and np.array_equal(latents[:2], latents[2:4])
    picture = grid(images, columns=2)
    assert np.array_equal(decode(run.grids()[-1]), enlarge(picture, round(480 / picture.shape[0])))


def test_it_is_asked_for_a_class_for_a_file_and_for_nothing(run, tmp_path):
    generator, _ = load_generator(run.path)
    images = sample(run.path, 5, seed=3, of_class="light")
    assert images.shape == (5, 8, 8, 3) and np.array_equal(images, sample(run.path, 5, seed=3, of_class=2))
    assert not np.array_equal(images, sample(run.path, 5, seed=3, of_class="dark"))
    assert np.array_equal(images, sample(run.path, 5, seed=3, labels=np.eye(3)[[2] * 5]))
    assert np.array_equal(sample(run.path, 90, seed=1)[:20], sample(run.path, 20, seed=1))
    path = tmp_path / "wanted.csv"
    path.write_text("class\nlight\ndark\n")
    of_file = sample(run.path, seed=3, labels=path)
    assert len(of_file) == 2 and np.array_equal(of_file[0], images[0])
    with pytest.raises(UserError, match="count=5 is given, and labels of 2 images: leave one of the two out"):
        sample(run.path, 5, labels=path)
    assert {tuple(tensor.shape) for tensor in generator.inputs} == {(None, 8), (None, 3)}


def test_the_generator_file_alone_knows_numbers(run, tmp_path):
    beside = sample(run.generator_path, 3, of_class="light")
    shutil.copy(run.generator_path, tmp_path / "g.keras")
    assert np.array_equal(sample(tmp_path / "g.keras", 3, of_class=2), beside)
    with pytest.raises(UserError, match=r"no class 'light'.*The classes are 0, 1, 2"):
        sample(tmp_path / "g.keras", 3, of_class="light")


def test_attributes_are_asked_for_on_the_command_line(spots, tmp_path):
    status, out, _ = run_cli("sample", spots.path, "--count", 4, "--with", "hat,Glasses", "--without", "Beard",
                             "--output", tmp_path / "a.npy")  # fmt: skip
    assert status == 0 and out.startswith("4 images of 8x8x3")
    asked = np.load(tmp_path / "a.npy")
    assert np.array_equal(asked, sample(spots.path, 4, labels=np.float32([[1, 0, 1]] * 4)))
    (tmp_path / "wanted.csv").write_text("Glasses\n1\n0\n")
    assert run_cli("sample", spots.path, "--labels", tmp_path / "wanted.csv", "--output", tmp_path / "b.npy")[0] == 0
    assert len(np.load(tmp_path / "b.npy")) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--class", "lihgt"], "no class 'lihgt'. Did you mean 'light'"),
        (["--with", "Hat"], "--with is for attributes, and this generator knows classes"),
        (["--class", "light", "--labels", "x.csv"], "leave --class, --with and --without out"),
        (["--labels", "nowhere.csv"], "there is no file 'nowhere.csv'"),
    ],
)
def test_wishes_that_make_no_sense_end_in_one_line(run, tmp_path, options, said):
    status, _, err = run_cli("sample", run.path, *options, "--output", tmp_path / "out.png")
    assert status == 2 and said in err and len(err.strip().splitlines()) == 1 and not (tmp_path / "out.png").exists()


def test_a_run_without_labels_is_not_asked_for_a_class_and_labels_that_are_gone_are_said(run, tmp_path):
    plain = train("gwu", ATTRIBUTES, tmp_path / "plain", steps=1, overrides={**SETTINGS, "conditional": False},
                  progress=NoProgress())  # fmt: skip
    assert plain.labels is None and not plain.labels_path.exists()
    with pytest.raises(UserError, match=r"is not conditional.*--set conditional=true"):
        sample(plain.path, 2, of_class=1)
    copy = shutil.copytree(run.path, tmp_path / "copy")
    for damage in (lambda path: path.write_bytes(b"PK nothing"), lambda path: path.unlink()):
        damage(copy / "labels.npz")
        with pytest.raises(UserError, match=r"labels.npz' is (damaged|missing), .*writes it anew"):
            sample(copy, 2)


def test_data_without_labels_are_refused_before_anything_is_written(tmp_path):
    status, _, err = run_cli("train", "--dataset", "fake", "--set", "conditional=true", "--run-dir", tmp_path / "run")
    assert status == 2 and "conditional=True needs data with labels" in err and not (tmp_path / "run").exists()


def test_a_conditional_run_resumes_bit_for_bit_and_cannot_go_on_without_labels(run, folder, tmp_path):
    def go(steps, **changes):
        overrides = {**SETTINGS, **changes}
        return train("gwu", folder, tmp_path / "run", steps=steps, overrides=overrides, progress=NoProgress(),
                     checkpoint_seconds=0)  # fmt: skip

    go(5)
    (tmp_path / "run" / "labels.npz").unlink()  # it comes back
    other = go(12)
    assert_same(run, other)
    assert other.labels.names == run.labels.names
    with pytest.raises(UserError, match=r"conditional: True then, False now"):
        go(14, conditional=False)


def test_a_conditional_run_does_not_go_on_with_labels_of_other_names(spots, tmp_path):
    path = shutil.copytree(spots.path, tmp_path / "spots")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    swapped = ATTRIBUTES.changed(label_names=("Hat", "Glasses", "Beard"))
    with pytest.raises(UserError, match=r"\(number 1: 'Beard' then, 'Glasses' now\): name them as they were"):
        train("gwu", swapped, path, steps=3, overrides=SETTINGS, progress=NoProgress())
    assert {file: file.read_bytes() for file in before} == before


def test_an_older_config_without_the_field_is_not_conditional(run, tmp_path):
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    config = copy.config
    del config["recipe"]["conditional"]
    copy.write_config(config)
    assert Run(copy.path).labels is None
