"""gallery(): every run below a folder on one page, index.html, which opens without a server or a network.

The page's source is in gallery_page/: a template, a style, and scripts that are joined in the order of their names.
What comes from the runs goes into it as data (JSON with every `<` escaped) and is shown as text, never as markup;
its content policy allows no script but its own, and nothing to be fetched but pictures.
"""

import base64
import hashlib
import html
import json
import mimetypes
import os
import re
import time
from importlib import resources
from pathlib import Path

from dcgan_tf import __version__
from dcgan_tf.compare.rows import find_runs, read_run
from dcgan_tf.evaluation.metrics import metric_of
from dcgan_tf.gallery_page.run_data import PICTURES, files_in, quoted, readable, show_run
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, write_text
from dcgan_tf.system.walking import walk

PAGE = "index.html"
_TRACES = {"history.csv", "progress.gif", "generator.keras", "diverged.txt", "notebook.ipynb"}  # of a run
_INNER = ("grids", "samples", "checkpoints", "tensorboard")  # its folders
_MARK = '<meta name="generator" content="dcgan_tf gallery">'
_GROUPS = {  # the first field of Recipe in each group of settings
    "architecture": "Networks",
    "loss": "Game",
    "augment": "What D is shown",
    "optimizer": "Optimizers",
    "ema_images": "Averaged generator",
    "epochs": "Length and pictures",
    "precision": "Processor",
}


def gallery(results_dir="results", embed: bool = False) -> Path:
    """Write `results_dir`/index.html over all run directories at or below that folder, and return its path.

    Pictures stay where they are, and the page points to them; `embed` puts them into it, so that the one file
    can be sent to somebody. Runs that are broken, interrupted or still running are there too, and say so.
    Raises UserError when there is no such folder, or it cannot be written to.
    """
    folder = Path(results_dir)
    with disk_errors_explained(folder):
        is_there = folder.is_dir()
    if not is_there:
        raise UserError(f"there is no folder {str(folder)!r}: give one with run directories, such as results")
    path = folder / PAGE
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder, where the page has to go: move it, or rename it")
    if path.exists() and not _is_ours(path):
        raise UserError(f"{str(path)!r} is there and was not made by `gallery`: move it, so that it is not overwritten")

    def address(picture):
        return (_embedded(picture) if embed else None) or quoted(os.path.relpath(picture, folder))

    shown = [show_run(read_run(run), folder, address, str(results_dir)) for run in _find(folder)]
    _shorten_names(shown)
    write_text(path, _page(readable(folder.resolve().name), shown, _sheets(folder, shown, address)))
    return path


def _find(folder):
    """Run directories, and what looks like one that has lost its config.json."""
    found = set(find_runs(folder))
    for here, folders, files in walk(folder):
        if here in found:
            folders.clear()
            continue
        if here != folder and ("grids" in folders or set(files) & _TRACES):
            found.add(here)
            folders[:] = [name for name in folders if name not in _INNER]
    return sorted(found)


def _sheets(folder, shown, address):
    """What a sweep leaves beside its runs, by folder: [[name, address], ...] of pictures and tables."""
    sheets = {}
    for name in {run.path.parent for run in shown if run.path != folder}:
        tables = [[readable(path.name), quoted(path.relative_to(folder))] for path in files_in(name, (".csv",))]
        pictures = [[readable(path.name), address(path)] for path in files_in(name, PICTURES)]
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
        return _MARK in file.read(2000)


def _embedded(picture):
    """The picture as an address; None for one that cannot be read, which is then pointed to."""
    kind = mimetypes.guess_type(picture)[0] or "application/octet-stream"
    try:
        return f"data:{kind};base64,{base64.b64encode(Path(picture).read_bytes()).decode()}"
    except OSError:
        return None


# --- the page ---------------------------------------------------------------------------------------------


def _page(title, shown, sheets):
    source = resources.files("dcgan_tf.gallery_page") / "page"
    style = (source / "page.css").read_text(encoding="utf-8")
    names = sorted(item.name for item in source.iterdir() if item.name.endswith(".js"))
    parts = [(source / name).read_text(encoding="utf-8") for name in names]
    script = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src 'self' file: data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    details = "\n".join(
        f'<script type="application/json" id="run-{place}">{_json(run.details)}</script>'
        for place, run in enumerate(shown)
    )
    template = (source / "page.html").read_text(encoding="utf-8")
    values = {
        "mark": _MARK,
        "policy": policy,
        "title": html.escape(f"{title} · dcgan_tf"),
        "style": style,
        "data": _json(_overview(title, shown, sheets)),
        "details": details,
        "script": script,
    }
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def _overview(title, shown, sheets):
    """What the first view needs: the cards, and what they have in common."""
    protocols = dict.fromkeys(key for run in shown for key in run.card["scores"])
    places = {key: place for place, key in enumerate(protocols)}
    cards = [
        {**run.card, "scores": {places[key]: value for key, value in run.card["scores"].items() if value is not None}}
        for run in shown
    ]
    metrics = [
        {"title": name, "protocol": protocol, "better": metric_of(name).better if metric_of(name) else "smaller"}
        for name, protocol in protocols
    ]
    about = {"title": title, "made": round(time.time() * 1000), "version": __version__}
    return {**about, "fields": _fields(), "metrics": metrics, "sheets": sheets, "runs": cards}


def _fields():
    """(name, group, meaning) of each setting of a recipe."""
    group, found = "", []
    for name, one in Recipe.model_fields.items():
        group = _GROUPS.get(name, group)
        if group:
            found.append([name, group, one.description])
    return found


def _json(value) -> str:
    """JSON that can stand in a script element: nothing in it can end that element or begin a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
