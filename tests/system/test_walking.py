"""Going through folders."""

from dcgan_tf.system.walking import walk


def test_links_are_followed_and_no_folder_is_come_to_twice(tmp_path):
    for name in ("here/a/b", "here/.hidden/x", "elsewhere/c"):
        (tmp_path / name).mkdir(parents=True)
    here = tmp_path / "here"
    (here / "0 first").symlink_to(here / "a")  # by name it comes before what it leads to
    (here / "a" / "back").symlink_to(here)
    (here / "up").symlink_to(tmp_path)
    (here / "linked").symlink_to(tmp_path / "elsewhere")
    (here / "dangling").symlink_to(tmp_path / "nowhere")
    found = [place.relative_to(here).as_posix() for place, _, _ in walk(here)]
    assert found == [".", "a", "a/b", "linked", "linked/c"]


def test_what_is_taken_out_is_passed_over(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    found = []
    for place, folders, _ in walk(tmp_path):
        found.append(place.name)
        folders[:] = [] if place.name == "a" else folders
    assert found == [tmp_path.name, "a"]
