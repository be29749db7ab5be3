"""gallery(): every run below a folder on one page, index.html, which opens without a server or a network.

What comes from the runs goes into it as data (JSON with every `<` escaped) and is shown as text, never as markup;
its content policy allows no script but its own, and nothing to be fetched but pictures. Of more than FEW runs the
details lie in index.files beside it, and what was read of them is kept for the next time (see kept.py).
"""

import base64
import contextlib
import functools
import json
import mimetypes
import os
import re
from pathlib import Path

from dcgan_tf.compare.repeats import alike
from dcgan_tf.gallery_page.kept import Kept, read_marked
from dcgan_tf.gallery_page.page_file import FEW, FILES, MARK, Shown, as_json, details_files, page
from dcgan_tf.gallery_page.run_data import quoted, readable, show_run
from dcgan_tf.gallery_page.run_pictures import PICTURES, READ_IN, files_in
from dcgan_tf.run.reading import read_run
from dcgan_tf.system.errors import UserError, check_switch
from dcgan_tf.system.files import check_writable, disk_errors_explained, write_text
from dcgan_tf.system.places import expanded
from dcgan_tf.system.walking import walk
from dcgan_tf.system.workers import available_cores, run_in_workers

PAGE = "index.html"
_TRACES = {"history.csv", "progress.gif", "generator.keras", "diverged.txt", "notebook.ipynb"}  # of a run
_INNER = ("grids", "samples", "checkpoints", "tensorboard")  # its folders
_RUNS_PER_WORKER = 400  # at least: a process takes as long to start as to read a hundred
_EMBEDDED = 400e6  # bytes of page: browsers open no larger ones, or hardly


def gallery(results_dir="results", embed: bool = False, say=print) -> Path:
    """Write `results_dir`/index.html over all run directories at or below that folder, and return its path.

    Pictures stay where they are, and the page points to them; `embed` puts them into it, so that the one file
    can be sent to somebody. Runs that are broken, interrupted or still running are there too, and say so.
    Raises UserError when there is no such folder, it cannot be written to, or the one file would be too large.
    """
    folder, embed = expanded(results_dir), check_switch("embed", embed)
    path = folder / PAGE
    _check_place(folder, path)
    found = _find(folder)
    if not found:
        say(f"no runs are at or below {str(folder)!r}: the page is empty (runs in zips have to be unpacked first)")
    if embed:
        _check_size(folder, found)

    read = functools.partial(_read_run, folder=folder, embed=embed, typed=str(results_dir))
    is_one_file = embed or len(found) <= FEW
    parts = map(read, found) if is_one_file else _read_many(found, folder, read, Kept(folder, str(results_dir), say))
    shown = [Shown(run, json.loads(card), *rest) for run, (card, *rest) in zip(found, parts, strict=True)]
    _shorten_names(shown)
    _number_repeats(shown)
    files = {} if is_one_file else details_files(shown)
    _write_beside(folder / FILES, files)
    write_text(path, page(readable(folder.resolve().name), shown, _sheets(folder, shown, embed), list(files)))
    _tidy(folder / FILES, files)
    # Another gallery of the same folder may have tidied, too, before this page was there.
    _write_beside(folder / FILES, {name: files[name] for name in files if not (folder / FILES / name).exists()})
    return path


def _check_place(folder, path):
    """UserError unless the page can be written there."""
    with disk_errors_explained(folder):
        is_there = folder.is_dir()
    if not is_there:
        raise UserError(f"there is no folder {str(folder)!r}: give one with run directories, such as results")
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder, where the page has to go: move it, or rename it")
    if path.exists() and not _is_ours(path):
        raise UserError(f"{str(path)!r} is there and was not made by `gallery`: move it, so that it is not overwritten")
    check_writable(path)


def _address(picture, folder, embed):
    return (_embedded(picture) if embed else None) or quoted(os.path.relpath(picture, folder))


def _read_run(run, folder, embed, typed) -> list[str]:
    """What the page shows of a run: its card, its settings and its details, each as JSON."""
    seen = show_run(read_run(run), folder, lambda picture: _address(picture, folder, embed), typed)
    return [as_json(part) for part in (seen.card, seen.details["settings"], seen.details)]


def _read_many(runs, folder, read, kept) -> list[list[str]]:
    """The same of many runs: what was kept, and the others read, in several processes where they are very many."""
    places = [os.path.relpath(run, folder) for run in runs]
    parts = [kept.find(run, place) for run, place in zip(runs, places, strict=True)]
    missing = [number for number, found in enumerate(parts) if found is None]
    workers = min(available_cores(), len(missing) // _RUNS_PER_WORKER)
    for number, (mark, found) in run_in_workers(functools.partial(_read_one, runs, read), missing, workers):
        parts[number] = found
        kept.keep(places[number], mark, found)
    kept.write()
    return parts


def _read_one(runs, read, number):
    return number, read_marked(runs[number], read)


def _write_beside(beside, files):
    with disk_errors_explained(beside):
        if files:
            beside.mkdir(exist_ok=True)
    for name, content in files.items():
        write_text(beside / name, content)


def _tidy(beside, files):
    """Remove the files of an earlier page; nothing that somebody else may have put there."""
    for path in beside.glob("*.js"):
        if re.fullmatch(r"\d{5}-[0-9a-f]{12}\.js", path.name) and path.name not in files:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        beside.rmdir()  # where it is empty


def _check_size(folder, runs):
    """UserError when a page with all pictures in it would be larger than browsers open."""
    pictures = {path for run in runs for name in READ_IN for path in files_in(run / name, PICTURES)}
    pictures |= {path for run in runs if run != folder for path in files_in(run.parent, PICTURES)}
    size = sum(path.stat().st_size for path in pictures) * 4 / 3
    if size > _EMBEDDED:
        raise UserError(
            f"a page with the pictures of {len(runs):,} runs in it would have {size / 1e6:,.0f} MB, and browsers open "
            f"hardly more than {_EMBEDDED / 1e6:.0f}: leave out --embed, or give a folder with fewer runs"
        )


def _find(folder):
    """Run directories, and what looks like one that has lost its config.json."""
    found = []
    for here, folders, files in walk(folder):
        if "config.json" in files:
            found.append(here)
            folders.clear()  # a run holds no other run
        elif here != folder and ("grids" in folders or set(files) & _TRACES):
            found.append(here)
            folders[:] = [name for name in folders if name not in _INNER]
    return sorted(found)


def _sheets(folder, shown, embed):
    """What a sweep leaves beside its runs, by folder: [[name, address], ...] of pictures and tables."""
    sheets = {}
    for name in {run.path.parent for run in shown if run.path != folder}:
        tables = [[readable(path.name), quoted(path.relative_to(folder))] for path in files_in(name, (".csv",))]
        pictures = [[readable(path.name), _address(path, folder, embed)] for path in files_in(name, PICTURES)]
        if pictures or tables:
            sheets[readable(name.relative_to(folder)) if name != folder else ""] = {
                "pictures": pictures,
                "tables": tables,
            }
    return sheets


def _shorten_names(shown):
    """On cards, the names of a folder's runs without what all of them begin or end with: a sweep's repeat much."""
    folders = {}
    for run in shown:
        folders.setdefault(run.path.parent, []).append(run)
    for runs in folders.values():
        parts = [re.split(r"-(?!\d)", run.card["name"]) for run in runs]  # 1e-05 is one part
        begin = _shared(parts)
        end = _shared([part[begin:][::-1] for part in parts])
        for run, part in zip(runs, parts, strict=True):
            run.card["short"] = "-".join(part[begin : len(part) - end])
        if len(runs) == 1 or not all(run.card["short"] for run in runs):
            for run in runs:
                run.card["short"] = run.card["name"]


def _number_repeats(shown):
    """Runs that differ in nothing but their seed get the number of their setting (see compare/repeats.py)."""
    keys = [run.card.pop("alike") for run in shown]
    repeated = [places for places in alike(keys, [run.card["seed"] for run in shown]) if len(places) > 1]
    for number, places in enumerate(repeated):
        for place in places:
            shown[place].card["setting"] = number


def _shared(lists):
    """How many first entries all lists have in common."""
    count = 0
    for entries in zip(*lists, strict=False):
        if len(set(entries)) > 1:
            break
        count += 1
    return count


def _is_ours(path):
    with disk_errors_explained(path), open(path, encoding="utf-8", errors="replace") as file:
        return MARK in file.read(2000)


def _embedded(picture):
    """The picture as an address; None for one that cannot be read, which is then pointed to."""
    is_webp = Path(picture).suffix.lower() == ".webp"  # which Python knows by itself from 3.13 on
    kind = "image/webp" if is_webp else mimetypes.guess_type(picture)[0] or "application/octet-stream"
    try:
        return f"data:{kind};base64,{base64.b64encode(Path(picture).read_bytes()).decode()}"
    except OSError:
        return None
