"""Where a run may go, what it is called, and that it stays the same run."""

from pathlib import Path

import pytest
from written_runs import write_run

import dcgan_tf
from dcgan_tf.run.directory import Run
from dcgan_tf.run.place import agree_on_config, check_place, run_name
from dcgan_tf.sweeps.running import results_folder
from dcgan_tf.system.errors import UserError


def test_a_long_name_keeps_its_seed_and_tells_settings_apart():
    changes = {f"a_field_with_a_long_name_{number}": "a long value" for number in range(9)}
    names = [run_name("data/faces.zip", "quick", changes, seed) for seed in range(20)]
    names += [run_name("faces", "quick", {**changes, "a_field_with_a_long_name_8": value}, 0) for value in "xy"]
    assert len(set(names)) == 22 and all(len(name) == 150 for name in names)
    assert names[7].endswith("-seed7") and names[7].startswith("faces-quick-a_field")
    assert run_name("mnist5k", "quick", {"width": 8}, 3) == "mnist5k-quick-width=8-seed3"
    beyond = run_name("\u4eba" * 100, "quick", {}, 3)
    assert len(beyond.encode()) <= 150 and beyond.endswith("-seed3")


def test_the_name_tells_folders_apart_and_is_never_hidden():
    data = ["a/pics.v1", "pics.v2", "pics.zip", "pics.ZIP", ".photos", "..", ".", "mnist5k"]
    names = [run_name(name, "quick", {}, 0) for name in data]
    starts = ["pics.v1", "pics.v2", "pics", "pics", "photos", "data", "data", "mnist5k"]
    assert names == [f"{start}-quick-seed0" for start in starts]


def test_a_setting_younger_than_the_run_is_compared_with_its_default(tmp_path):
    run = write_run(tmp_path / "x")
    old = run.config
    new = {**old, "recipe": dict(old["recipe"])}
    old["recipe"].pop("r1_gamma")
    run.write_config(old)
    agree_on_config(Run(run.path), new, print)
    changed = {**new, "recipe": {**new["recipe"], "r1_gamma": 5.0}}
    with pytest.raises(UserError, match=r"r1_gamma: 0\.0 then, 5\.0 now"):
        agree_on_config(Run(run.path), changed, print)


def test_what_is_switched_off_then_and_now_is_no_other_setting(tmp_path):
    run = write_run(tmp_path / "x")
    new = {**run.config, "recipe": {**run.config["recipe"], "label_projection": 4.0}}
    old = {name: value for name, value in new["recipe"].items() if name != "label_projection"}
    run.write_config({**new, "recipe": old})
    agree_on_config(Run(run.path), new, print)
    with_labels = [{**new, "recipe": {**fields, "conditional": True}} for fields in (old, new["recipe"])]
    run.write_config(with_labels[0])
    with pytest.raises(UserError, match=r"\(label_projection: 1\.0 then, 4\.0 now\)"):
        agree_on_config(Run(run.path), with_labels[1], print)


def test_a_run_of_another_version_is_told_how_its_recipe_is_asked_for_now(tmp_path):
    run = write_run(tmp_path / "x")
    new = {**run.config, "versions": {"dcgan_tf": dcgan_tf.__version__}}
    old = {**new["recipe"], "discriminator_batch": "together", "learning_rate_images": 500.0}
    run.write_config({**new, "recipe": old, "versions": {"dcgan_tf": "0.5.0"}})
    said = "0.5.0 began it.* this goes on: --set discriminator_batch=together --set learning_rate_images=500$"
    with pytest.raises(UserError, match=said):
        agree_on_config(Run(run.path), new, print)
    run.write_config({**new, "recipe": old})  # of this version: the recipe is what it was
    with pytest.raises(UserError, match=r"or another run directory$"):
        agree_on_config(Run(run.path), new, print)


def test_data_without_a_fingerprint_are_told_apart_by_their_size(tmp_path):
    run = write_run(tmp_path / "x")
    new = run.config
    run.write_config({**new, "dataset": {**new["dataset"], "fingerprint": ""}})
    agree_on_config(Run(run.path), new, print)
    more = {**new, "dataset": {**new["dataset"], "images": 1001}}
    with pytest.raises(UserError, match="dataset images: 1000 then, 1001 now"):
        agree_on_config(Run(run.path), more, print)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, r"\(dataset 'pics': its pictures or their labels have changed\): give the same ones"),
        ({"images": 9}, r"\(dataset 'pics': its pictures or .* have changed; dataset images: 1000 then, 9 now\): give"),
        ({"stretch": True}, r"\(dataset stretch: False then, True now\): give the same ones"),
        ({"name": "others"}, r"\(dataset name: 'pics' then, 'others' now\): give the same ones"),
    ],
)
def test_other_data_are_told_by_what_a_person_knows_of_them(tmp_path, changes, said):
    run = write_run(tmp_path / "x")
    data = {**run.config["dataset"], "name": "pics", "fingerprint": "a" * 64, "stretch": False}
    run.write_config({**run.config, "dataset": data})
    new = {**run.config, "dataset": {**data, **changes}}
    if "images" not in changes:
        agree_on_config(Run(run.path), new, print)  # the same data, wherever they lie and however they were had
    with pytest.raises(UserError, match=said):
        agree_on_config(Run(run.path), {**new, "dataset": {**new["dataset"], "fingerprint": "b" * 64}}, print)


def test_a_run_follows_data_that_were_moved(tmp_path):
    run, said = write_run(tmp_path / "run"), []
    before, now, copy = (str(tmp_path / name) for name in ("before", "now", "copy"))
    for place in (now, copy):
        Path(place).mkdir()
    run.write_config({**run.config, "dataset": {**run.config["dataset"], "name": before}})
    asked = {name: {**run.config, "dataset": {**run.config["dataset"], "name": name}} for name in (now, copy, "gone")}
    agree_on_config(run, asked["gone"], said.append)
    assert Run(run.path).config["dataset"]["name"] == before and not said
    agree_on_config(run, asked[now], said.append)
    assert Run(run.path).config == asked[now] and said == [
        f"note: this run's data were at {before!r}, where nothing is any more: it is noted that they are at {now!r}"
    ]
    agree_on_config(run, asked[copy], said.append)  # where they were they still are
    assert Run(run.path).config == asked[now] and len(said) == 1


def test_a_run_does_not_lie_in_another(tmp_path):
    write_run(tmp_path / "x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    for path in (tmp_path / "x" / "b", tmp_path / "x" / "grids" / "b", tmp_path / "link" / "b"):
        with pytest.raises(UserError, match=rf"would lie in the run directory '{tmp_path / 'x'}'.*outside of it"):
            check_place(path)
        with pytest.raises(UserError, match="would lie in the run directory"):
            results_folder(path, "sweep", [])
    assert not (tmp_path / "x" / "b").exists()
    write_run(tmp_path / "x" / "old")
    for path in (tmp_path / "x", tmp_path / "x" / ".." / "b", tmp_path / "x" / "old"):  # it, beside it, of long ago
        check_place(path)
    (tmp_path / "config.json").write_text('{"of": "another program"}')
    check_place(tmp_path / "new")


def test_a_folder_that_cannot_be_looked_into_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.is_dir", lambda path: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(UserError, match="permission denied"):
        check_place(tmp_path)
