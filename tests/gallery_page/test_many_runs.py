"""The page over more runs than it shows at a time, and what is kept of them for the next call."""

import os
import re
import time

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.gallery_page import build, page_file
from dcgan_tf.gallery_page.build import gallery
from dcgan_tf.pictures.films import write_gif
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import only_writer
from dcgan_tf.system.errors import UserError

COUNT = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("many") / "results", COUNT)


@pytest.fixture
def dozen(tmp_path, monkeypatch):
    """Twelve runs, and a page that takes them for many."""
    monkeypatch.setattr(build, "FEW", 11)
    monkeypatch.setattr(page_file, "TOGETHER", 5)
    return write(tmp_path / "results", 12)


def write(folder, count):
    """Runs that were written a minute ago, one of them without a config.json."""
    for number in range(count):
        write_run(folder / f"run-{number:03d}", seed=number, scores=[(20, float(number + 1))])
    Run(folder / "run-007").config_path.unlink()
    age(folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of what is kept, empty at first."""
    monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gallery"


@pytest.fixture
def opened(monkeypatch):
    """The names of the runs that were read."""
    found, read_run = [], build.read_run
    monkeypatch.setattr(build, "read_run", lambda path: found.append(path.name) or read_run(path))
    return found


def age(folder):
    then = time.time() - 60
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def written(folder):
    """All that a call of gallery() has written, but for the time it says."""
    text = re.sub(r'"made":\d+', "", (folder / "index.html").read_text())
    return text, {path.name: path.read_text() for path in (folder / "index.files").iterdir()}


def test_a_run_that_has_not_changed_is_not_opened_again(dozen, opened):
    gallery(dozen)
    assert len(opened) == 12
    first = written(dozen)
    assert "run-011" in first[0] and "generator_loss" not in first[0].split('id="data"')[1].split("</script>")[0]
    assert len(first[1]) == 3 and sum(text.count('"rows_per_point"') for text in first[1].values()) == 12
    opened.clear()
    gallery(dozen)
    assert opened == [] and written(dozen) == first

    # A change of the same length with the same time is one, as is a picture; and a run that is being written.
    history = dozen / "run-002" / "history.csv"
    status = history.stat()
    history.write_text(history.read_text().replace("1.5", "1.7"))
    os.utime(history, ns=(status.st_atime_ns, status.st_mtime_ns))
    (dozen / "run-001" / "grids").mkdir()
    with only_writer(Run(dozen / "run-003")):
        gallery(dozen)
        assert opened == ["run-001", "run-002", "run-003"]
        text, files = written(dozen)
        assert text.count('"status":"running"') == 1 and sum(text.count("[1.7,1.7]") for text in files.values()) == 1
    opened.clear()
    gallery(dozen)
    assert {"run-001", "run-003"} <= set(opened) <= {"run-001", "run-002", "run-003"}  # too young to be believed
    age(dozen)
    gallery(dozen)
    opened.clear()
    gallery(dozen)
    assert opened == []


def test_a_damaged_cache_or_one_of_other_code_is_not_believed(dozen, cache, opened, monkeypatch):
    gallery(dozen)
    whole = written(dozen)
    (path,) = cache.iterdir()
    data = path.read_bytes()
    middle = len(data) // 2
    for damage in (data[:middle], data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], b"", b"\0" * 99):
        path.write_bytes(damage)
        opened.clear()
        gallery(dozen)
        assert len(opened) == 12 and written(dozen) == whole
    monkeypatch.setattr("dcgan_tf.gallery_page.kept.__version__", "another")
    opened.clear()
    gallery(dozen)
    assert len(opened) == 12
    path.unlink()
    path.mkdir()  # where nothing can be kept, all goes as well
    gallery(dozen)
    path.rmdir()


def test_a_page_of_few_runs_again_leaves_nothing_beside_it(tmp_path, monkeypatch):
    for number in range(3):
        write_run(tmp_path / f"{number}")
    monkeypatch.setattr(build, "FEW", 2)
    gallery(tmp_path)
    (tmp_path / "index.files" / "mine.js").write_text("mine")
    assert len(list((tmp_path / "index.files").iterdir())) == 2
    monkeypatch.setattr(build, "FEW", 3)
    gallery(tmp_path)
    assert [path.name for path in (tmp_path / "index.files").iterdir()] == ["mine.js"]
    assert 'id="run-2"' in (tmp_path / "index.html").read_text()


def test_another_gallery_that_tidies_meanwhile_takes_nothing_from_the_page(dozen, monkeypatch):
    write_text = build.write_text

    def other_tidies(path, text):
        if path.name == build.PAGE:
            build._tidy(dozen / build.FILES, {})
        write_text(path, text)

    monkeypatch.setattr(build, "write_text", other_tidies)
    page = gallery(dozen).read_text()
    named = set(re.findall(r"\d{5}-[0-9a-f]{12}\.js", page))
    assert len(named) == 3 and named == {path.name for path in (dozen / build.FILES).iterdir()}


def test_pictures_of_too_many_runs_are_not_put_into_one_file(tmp_path, monkeypatch):
    write_gif(write_run(tmp_path / "one").gif_path, [np.zeros((40, 40, 3), np.uint8)] * 2, 0.1)
    monkeypatch.setattr(build, "_EMBEDDED", 100)
    with pytest.raises(UserError, match=r"pictures of 1 runs in it would have 0 MB.*leave out --embed"):
        gallery(tmp_path, embed=True)
    assert not (tmp_path / "index.html").exists()


# --- in a real browser ------------------------------------------------------------------------------------


def test_cards_are_on_pages_and_details_are_read_when_looked_at(browser, folder):
    page = browser.open(gallery(folder))
    assert page.text(".count") == "300 runs" and page.count(".card") == 200
    assert not any(".js" in address for address in page.requests)
    assert page.text(".pager span") == "Page 1 of 2: runs 1 to 200"
    page.evaluate("document.querySelector('[name=sort]').value = 'name'")
    page.evaluate("document.querySelector('[name=sort]').dispatchEvent(new Event('change'))")
    page.evaluate("document.querySelector('.pager button:nth-of-type(4)').focus()")
    page.press("Enter")  # the last page
    assert page.count(".card") == 100 and page.text(".pager span") == "Page 2 of 2: runs 201 to 300"
    assert page.texts(".card h2")[-1] == page.text(".card:last-child h2") and "page=2" in page.evaluate("location.hash")
    page.evaluate("document.querySelector('.card:last-child .pick input').focus()")
    page.press(" ")
    page.press("/")
    page.type("seed=299")
    assert page.count(".card.picked") == page.count(".card") == 1 and page.text(".count") == "1 of 300 runs"
    assert page.evaluate("document.querySelector('.pager').hidden")
    page.press("Escape")
    assert page.text(".pager span") == "Page 1 of 2: runs 1 to 200"
    # Its own page, with what is in a file beside this one; back, the card has the focus on the page it is on.
    page.evaluate("location.hash = '#/run/run-299'")
    page.wait_for("document.querySelector('main > .run')")
    assert page.text(".scores dd") == "300" and page.count(".plot svg path") > 0
    assert len([address for address in page.requests if ".js" in address]) == 1
    page.press("k")
    page.wait_for("document.querySelector('h1').innerText === 'run-298'")
    page.press("Escape")
    page.wait_for("document.activeElement.getAttribute('href') === '#/run/run-298'")
    assert page.text(".pager span") == "Page 2 of 2: runs 201 to 300"
    page.evaluate("location.hash = '#/compare/run-000,run-299'")
    page.wait_for("document.querySelectorAll('.column').length === 2")
    assert page.texts(".settings-table tbody th")[:1] == ["seed"]
    assert len([address for address in page.requests if ".js" in address]) == 2 and page.errors == []
    assert all(address.startswith(("file:", "data:")) for address in page.requests)
    page.close()


def test_a_file_that_is_missing_is_said_and_no_other_script_runs(browser, folder):
    page = browser.open(gallery(folder))
    next((folder / "index.files").glob("00000-*.js")).unlink()
    page.evaluate("location.hash = '#/run/run-001'")
    page.wait_for("document.querySelector('[role=status]:not(.unseen)')?.innerText.includes('make it again')")
    assert "index.files/00000-" in page.text("main")
    (folder / "other.js").write_text("document.title = 'taken'")
    page.close()
    text = (folder / "index.html").read_text().replace("</body>", '<script src="other.js"></script></body>')
    (folder / "taken.html").write_text(text)
    page = browser.open(folder / "taken.html")
    assert page.evaluate("document.title") != "taken" and any("Content Security" in error for error in page.errors)


def test_a_page_without_a_run_is_said_to_be_empty(tmp_path):
    said = []
    (tmp_path / "anna.zip").touch()
    gallery(tmp_path, say=said.append)
    assert len(said) == 1 and f"no runs are at or below {str(tmp_path)!r}" in said[0]
