"""The page as text: a template, a style, scripts that are joined in the order of their names, and the runs' data.

Of up to FEW runs everything is in it. Of more it holds what the cards and the filters need; each run's own numbers are
in files beside it, so many runs to a file, which the page reads when somebody looks at one: as scripts, since a page
that was opened from a disk may read nothing else. Its content policy lets its own script read these, and no markup.
"""

import base64
import hashlib
import html
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from importlib import resources

from dcgan_tf import __version__
from dcgan_tf.evaluation.metrics import metric_of
from dcgan_tf.recipe.fields import Recipe

FEW = 200  # runs: as many as the page shows at a time (page/3_cards.js), and has within it
TOGETHER = 50  # runs to a file
FILES = "index.files"  # the folder beside the page
MARK = '<meta name="generator" content="dcgan_tf gallery">'
_GROUPS = {  # the first field of Recipe in each group of settings
    "architecture": "Networks",
    "loss": "Game",
    "augment": "What D is shown",
    "optimizer": "Optimizers",
    "ema_images": "Averaged generator",
    "epochs": "Length and pictures",
    "precision": "Processor",
}


@dataclass
class Shown:
    """A run on the page: `card` for the overview, its settings to be searched, `details` for its own page."""

    path: object
    card: dict
    settings: str  # JSON, as are the details: of 10,000 runs, objects would take many times as much memory
    details: str


def details_files(shown: list[Shown]) -> dict[str, str]:
    """Name -> content of the files beside the page. A name follows from the content: an older page finds no other."""
    files = {}
    for start in range(0, len(shown), TOGETHER):
        parts = ",\n".join(run.details for run in shown[start : start + TOGETHER])
        content = f"document.currentScript.details = [\n{parts}\n];\n"
        files[f"{start // TOGETHER:05d}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.js"] = content
    return files


def page(title: str, shown: list[Shown], sheets: dict, files=()) -> str:
    """The page over these runs. files: the names of those beside it; () when all is to be in the page."""
    source = resources.files("dcgan_tf.gallery_page") / "page"
    style = (source / "page.css").read_text(encoding="utf-8")
    names = sorted(item.name for item in source.iterdir() if item.name.endswith(".js"))
    parts = [(source / name).read_text(encoding="utf-8") for name in names]
    script = '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
    beside = " 'strict-dynamic'" if files else ""  # what the page's own script asks for, and nothing else
    policy = (
        f"default-src 'none'; script-src {_hash(script)}{beside}; style-src {_hash(style)}; "
        "img-src 'self' file: data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
        + ("; trusted-types details" if files else "")
    )
    details = "\n".join(
        f'<script type="application/json" id="run-{place}">{run.details}</script>'
        for place, run in enumerate(() if files else shown)
    )
    template = (source / "page.html").read_text(encoding="utf-8")
    values = {
        "mark": MARK,
        "policy": policy,
        "title": html.escape(f"{title} · dcgan_tf"),
        "style": style,
        "data": as_json({**_overview(title, shown, sheets), "files": [f"{FILES}/{name}" for name in files],
                         "together": TOGETHER}),
        "details": details,
        "script": script,
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def _overview(title, shown, sheets):
    """What the first view needs: the cards, and what they have in common."""
    protocols = dict.fromkeys((name, protocol) for run in shown for name, protocol, _ in run.card["scores"])
    places = {key: place for place, key in enumerate(protocols)}
    cards = [
        {**run.card, "scores": {places[name, how]: v for name, how, v in run.card["scores"] if v is not None}}
        for run in shown
    ]
    metrics = [
        {"title": name, "protocol": protocol, "better": metric_of(name).better if metric_of(name) else "smaller"}
        for name, protocol in protocols
    ]
    about = {"title": title, "made": round(time.time() * 1000), "version": __version__}
    settings = _settings(json.loads(run.settings) for run in shown)
    return {**about, "fields": _fields(), "metrics": metrics, "sheets": sheets, "settings": settings, "runs": cards}


def _settings(of_runs):
    """[name, values, which of them each run has] of each setting; None for the last where all have the same.

    What a run does not have is the value None.
    """
    columns = {}
    for count, settings in enumerate(of_runs):
        for name, value in settings.items():
            column = columns.setdefault(name, [])
            column.extend([None] * (count - len(column)))
            column.append(value)
    found = []
    for name, column in columns.items():
        column.extend([None] * (count + 1 - len(column)))
        places = {value: place for place, (value, _) in enumerate(Counter(column).most_common())}
        found.append([name, list(places), [places[value] for value in column] if len(places) > 1 else None])
    return found


def _fields():
    """(name, group, meaning) of each setting of a recipe."""
    group, found = "", []
    for name, one in Recipe.model_fields.items():
        group = _GROUPS.get(name, group)
        if group:
            found.append([name, group, one.description])
    return found


def as_json(value) -> str:
    """JSON that can stand in a script element: nothing in it can end that element or begin a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
