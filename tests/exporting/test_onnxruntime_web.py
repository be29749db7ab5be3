"""What goes into the exported page from the network is the pinned thing, or nothing. A server on this machine stands
in for the registry."""

import base64
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from dcgan_tf.exporting import onnxruntime_web
from dcgan_tf.exporting.onnxruntime_web import ARCHIVE, FILES, REGISTRY, VARIABLE, registry, runtime_files
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import cached


def archive_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in {**files, "../../outside": b"must not be written"}.items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def served(monkeypatch, tmp_path):
    """A registry with a small archive in the real one's place, an empty cache, and how often it was asked."""
    files = {name: f"contents of {name}".encode() for name in FILES}
    answers, asked = {"archive": archive_of(files)}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers["archive"])

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digest = base64.b64encode(hashlib.sha512(answers["archive"]).digest()).decode()
    monkeypatch.setattr(onnxruntime_web, "INTEGRITY", f"sha512-{digest}")
    monkeypatch.setattr(
        onnxruntime_web, "FILES", {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    )
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    yield files, answers, asked
    server.shutdown()
    server.server_close()


def test_it_is_downloaded_once_and_mended_when_the_cache_is_damaged(served, tmp_path):
    files, _, asked = served
    said = []
    assert runtime_files(said.append) == files and runtime_files(said.append) == files
    assert asked == [f"/onnxruntime-web/-/{ARCHIVE}"] and len(said) == 1
    folder = cached(f"onnxruntime-web-{onnxruntime_web.VERSION}")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)  # nothing of what else is in it
    assert not any(path.name == "outside" for path in tmp_path.rglob("*"))
    (folder / "ort.wasm.min.js").write_text("changed by somebody")
    assert runtime_files(said.append) == files and len(asked) == 2


def test_what_is_not_the_pinned_archive_is_refused(served, tmp_path):
    files, answers, _ = served
    answers["archive"] = archive_of({**files, "ort.wasm.min.js": b"alert('not what was pinned')"})
    with pytest.raises(UserError, match="checksum differs"):
        runtime_files(lambda text: None)
    assert not any(path.is_file() for path in (tmp_path / "cache").rglob("*"))


def test_without_a_network_the_archive_can_be_given(served, monkeypatch, tmp_path):
    files, answers, asked = served
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(UserError, match=f"could not be downloaded .* fetch {REGISTRY}/.*{VARIABLE}"):
        runtime_files(lambda text: None)
    given = tmp_path / "given.tgz"
    monkeypatch.setenv(VARIABLE, str(given))
    with pytest.raises(UserError, match="cannot be read"):
        runtime_files()
    given.write_bytes(answers["archive"][:-1])
    with pytest.raises(UserError, match="is not that file, or is damaged"):
        runtime_files()
    given.write_bytes(answers["archive"])
    assert runtime_files() == files and asked == []


def test_the_registry_is_the_one_that_npm_would_take(monkeypatch):
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.setattr(onnxruntime_web, "_npms_own", lambda: None)
    for value, expected in (
        ("https://mirror.example/npm/", "https://mirror.example/npm"),
        ("file:///etc/passwd", REGISTRY),
        ("", REGISTRY),
    ):
        monkeypatch.setenv("npm_config_registry", value)
        assert registry() == expected
    monkeypatch.delenv("npm_config_registry")
    monkeypatch.setattr(onnxruntime_web, "_npms_own", lambda: "http://other.example")
    assert registry() == "http://other.example"
