"""Fake Hugging Face hub on loopback: serves what `huggingface_hub` requests, and can fail in several ways."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")  # such files lie elsewhere ("LFS"), and are known by their SHA-256


@dataclass
class SmallHub:
    """The hub's files and behaviour. files: by repository and name. asked: (method, path, range) of every request.

    refusals: by repository, a status and the hub's own code for it. cut_after: bytes after which the next answer with
    a large file breaks off. wrong: whether it sends other bytes than it announces. gate: if set, large files wait for
    it after a first part.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    cut_after: int | None = None
    wrong: bool = False
    gate: threading.Event | None = None
    url: str = ""
    elsewhere: str = ""  # another name of the same host, as large files lie on another one

    def hold(self, repository: str, folder: Path) -> None:
        """Add all files of a folder to a repository."""
        self.files[repository] = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}

    def sent(self, name: str) -> list[str | None]:
        """The ranges of all requests for the bytes of a file."""
        return [given for method, path, given in self.asked if method == "GET" and path.endswith(name)]


@contextmanager
def served_hub(port: int = 0) -> Iterator[SmallHub]:
    """A hub that is served until the context ends. port: 0 for a free one."""
    hub = SmallHub()
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"hub": hub}))
    hub.url, hub.elsewhere = (f"http://{host}:{server.server_port}" for host in ("127.0.0.1", "localhost"))
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield hub
    finally:
        if hub.gate:
            hub.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: SmallHub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub, path = self.hub, self.path.partition("?")[0]
        hub.asked.append((self.command, path, self.headers.get("Range")))
        if match := re.fullmatch(r"/api/models/(.+?)(?:/revision/(.+))?", path):
            return self._listed(match[1], match[2])
        if match := re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", path):
            return self._file(match[1], match[2], match[3], body=body)
        if match := re.fullmatch(r"/stored/(.+)/([^/]+)", path):
            return self._bytes(hub.files[match[1]][match[2]], match[2])
        return self._refuse(404, "RepoNotFound")

    def _known(self, repository: str, revision: str | None) -> bool:
        if repository in self.hub.refusals:
            self._refuse(*self.hub.refusals[repository])
        elif repository not in self.hub.files:
            self._refuse(401, "RepoNotFound")
        elif revision not in (None, "main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        else:
            return True
        return False

    def _listed(self, repository: str, revision: str | None) -> None:
        if self._known(repository, revision):
            siblings = [_sibling(name, content) for name, content in self.hub.files[repository].items()]
            listing = {"id": repository, "sha": COMMIT, "siblings": siblings, "private": False}
            self._send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"})

    def _file(self, repository: str, revision: str, name: str, *, body: bool) -> None:
        if not self._known(repository, revision):
            return
        content = self.hub.files[repository].get(name)
        if content is None:
            self._refuse(404, "EntryNotFound")
            return
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_git_hash(content)}"'}
        if name.endswith(LARGE):
            headers |= {
                "X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Linked-Size": str(len(content)),
                "Location": f"{self.hub.elsewhere}/stored/{repository}/{name}",
            }
            self._send(302, b"", headers)
        else:
            self._send(200, content, headers, body=body)

    def _bytes(self, content: bytes, name: str) -> None:
        """A large file, or from some byte on."""
        hub, start = self.hub, 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            start = int(match[1])
        sent = bytes(255 - byte for byte in content[start:]) if hub.wrong else content[start:]
        headers = {"Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.send_response(206 if start else 200)
        for key, value in {**headers, "Content-Length": str(len(sent))}.items():
            self.send_header(key, value)
        self.end_headers()
        if hub.cut_after is not None:
            sent, hub.cut_after = sent[: hub.cut_after], None
            self.close_connection = True
        half = len(sent) // 2
        self.wfile.write(sent[:half])
        if hub.gate:
            hub.gate.wait(30)
        self.wfile.write(sent[half:])

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"", {"X-Error-Code": code} if code else {})

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool = True) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(content)


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    described: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": _git_hash(content)}
    if name.endswith(LARGE):
        described["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return described


def _git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
