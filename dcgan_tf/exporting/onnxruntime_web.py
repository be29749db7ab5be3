"""ONNX Runtime's files for browsers: downloaded once from the npm registry, checked, and kept.

One version is pinned, with its checksums; nothing else is ever taken. Of the package's tens of megabytes three
files are kept, those of the build for WebAssembly.
"""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from dcgan_tf.system.downloads import download
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, write_bytes
from dcgan_tf.system.places import cached, expanded

VERSION = "1.22.0"
# As the registry states it (`npm view onnxruntime-web@1.22.0 dist.integrity`): SHA-512 of the archive.
INTEGRITY = "sha512-Ud/+EBo6mhuaQWt/OjaOk0iNWjXqJoeeMFr6xQEERZdIZH2OWpGzuujz7lfuOBjUa6TEE/sc4nb7Da5dNL34fg=="
ARCHIVE = f"onnxruntime-web-{VERSION}.tgz"
ARCHIVE_BYTES = 20_387_966
FILES = {  # name: SHA-256
    "ort.wasm.min.js": "65e09376df69107e881b5c34d2d37aed333a366b6d941073ec518168e269b87d",
    "ort-wasm-simd-threaded.mjs": "30dd851d9c00622940500f71ddd2ff8820c5cb65270816080175b958705385a8",
    "ort-wasm-simd-threaded.wasm": "71aef04959c5c1b6de461b6538e2058e306610034a85aad2742d0c7fd4533fe4",
}
REGISTRY = "https://registry.npmjs.org"
VARIABLE = "DCGAN_TF_ONNXRUNTIME_WEB"  # the path of the archive, where there is no network


def runtime_files(say=print) -> dict[str, bytes]:
    """The contents of FILES, from the cache, from the archive that VARIABLE names, or from the registry.

    `say` is told before a download. Raises UserError when they cannot be had, or are not the pinned ones.
    """
    folder = cached(f"onnxruntime-web-{VERSION}", say=say)
    found = {name: _read(folder / name) for name in FILES}
    if all(_is_right(name, data) for name, data in found.items()):
        return found
    archive = _given_archive() or _download(folder, say)
    found = _unpack(archive)
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in found.items():
            write_bytes(folder / name, data)
    return found


def registry() -> str:
    """The npm registry that this machine uses: of the environment, of npm where it is installed, or the public one."""
    settings = {name.lower(): value for name, value in os.environ.items()}  # npm writes this one in small letters
    named = settings.get("npm_config_registry") or _npms_own()
    if named and urlsplit(named).scheme in ("http", "https") and urlsplit(named).netloc:
        return named.rstrip("/")
    return REGISTRY


def _npms_own():
    npm = shutil.which("npm")
    if npm is None:
        return None
    try:
        answer = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = answer.stdout.split()
    return lines[-1] if answer.returncode == 0 and lines else None


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_right(name, data):
    return hashlib.sha256(data).hexdigest() == FILES[name]


def _given_archive():
    given = os.environ.get(VARIABLE)
    if not given:
        return None
    data = _read(expanded(given))
    if not _is_the_archive(data):
        what = "is not that file, or is damaged" if data else "cannot be read"
        raise UserError(f"{VARIABLE}={given!r} {what}: it must be the path of {ARCHIVE} as npm has it")
    return data


def _is_the_archive(data):
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode() == INTEGRITY


def _download(folder, say):
    """The archive's bytes; it is kept no longer than it takes to unpack it."""
    say(f"downloading ONNX Runtime for browsers, {ARCHIVE_BYTES / 1e6:.0f} MB, once")
    path = download(
        f"{registry()}/onnxruntime-web/-/{ARCHIVE}",
        folder / ARCHIVE,
        ARCHIVE,
        f"connect to the internet, or fetch {REGISTRY}/onnxruntime-web/-/{ARCHIVE} elsewhere and give its path in the "
        f"environment variable {VARIABLE}",
        is_right=lambda came: _is_the_archive(_read(Path(came))),
    )
    data = path.read_bytes()
    path.unlink()
    return data


def _unpack(archive):
    """FILES out of the archive, whose checksum was right; nothing is written, so no path in it matters."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        found = {name: tar.extractfile(f"package/dist/{name}").read() for name in FILES}
    wrong = [name for name, data in found.items() if not _is_right(name, data)]
    if wrong:
        raise RuntimeError(f"{ARCHIVE} holds another {wrong[0]} than was pinned")
    return found
