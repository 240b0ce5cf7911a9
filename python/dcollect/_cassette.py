"""Cassettes: exchanges of HTTP kept as lines of JSON, in the form that `dc run --record` documents, and served back."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import re
import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ._around import Around
from ._errors import ReplayError
from ._hide import Hider

Headers = list[tuple[str, str]]
_PACKING = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"})


@dataclass
class Asked:
    """One exchange that is to be made."""

    method: str
    url: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers if name.lower() == "content-type"), "")


@dataclass
class Answered:
    """What was answered; `failure` where nothing was."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    failure: Optional[str] = None
    is_timeout: bool = False


class Cassette:
    """A folder of exchanges, written or served."""

    def __init__(self, folder: str | os.PathLike[str], mode: str, hider: Hider) -> None:
        if mode not in ("record", "replay"):
            raise ReplayError(f"DC_CASSETTE_MODE takes record or replay, and is `{mode}`")
        self.folder = Path(folder)
        self.is_replay = mode == "replay"
        self.answered = 0
        self.missing = 0
        self._hider = hider
        self._lock = threading.Lock()
        self._shelf: list[dict[str, Any]] = []
        self._file: Any = None
        if self.is_replay:
            self._key = self._read_key()
            self._shelf = self._read()
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._key = self._make_key()

    @classmethod
    def around(cls, around: Around, hider: Hider) -> Optional[Cassette]:
        """The one that the run around us asks for."""
        return cls(around.cassette, around.cassette_mode, hider) if around.cassette else None

    def _read_key(self) -> Optional[bytes]:
        try:
            return (self.folder / "key").read_bytes()
        except FileNotFoundError:
            return None

    def _make_key(self) -> bytes:
        key = hashlib.sha3_256(secrets.token_bytes(32)).hexdigest().encode("ascii")
        new = self.folder / f".key{uuid.uuid4().hex}"
        new.write_bytes(key)
        try:
            # several programs may begin at once: it appears whole, and the first one counts
            os.link(new, self.folder / "key")
        except FileExistsError:
            key = (self.folder / "key").read_bytes()
        finally:
            new.unlink()
        return key

    def _read(self) -> list[dict[str, Any]]:
        shelf = []
        if not self.folder.is_dir():
            raise ReplayError(f"there is no cassette in {self.folder}")
        for path in sorted(self.folder.glob("*.ndjson")):
            for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
                if not line.strip():
                    continue
                try:
                    shelf.append(json.loads(line))
                except ValueError as cause:
                    if path.read_bytes().endswith(b"\n"):
                        raise ReplayError(f"{path}, line {number} is no JSON: {cause}") from None
                    # the last line may be half written, where the process was killed
        return sorted(shelf, key=lambda entry: str(entry["at"]))

    def _entry_of(self, asked: Asked) -> dict[str, Any]:
        kind, body = asked.content_type, asked.body
        if kind.startswith("multipart/") and "boundary=" in kind:
            boundary = kind.rsplit("boundary=", 1)[1].strip('"').encode()
            body = body.replace(boundary, b"BOUNDARY")
        headers = [[name.lower(), self._hider.header(name, value)] for name, value in asked.headers]
        entry: dict[str, Any] = {"method": asked.method, "url": self._hider.url(asked.url), "headers": headers}
        digest = self._digest(asked.method, asked.url, kind, body)
        seen = self._hider.body(body, kind, is_answer=False)
        if seen:
            entry["body"] = _content(seen)
        if digest is not None:
            entry["digest"] = digest
        return entry

    def _digest(self, method: str, url: str, kind: str, body: bytes) -> Optional[str]:
        if self._key is None:
            return None
        if "xml" in kind:
            body = _MADE_ANEW.sub(rb"<\1\2><", body)
            body = _IDENTITY.sub(b"", body)
        text = self._hider.as_replayed(f"{method}\n{url}\n")
        try:
            shown = self._hider.as_replayed(body.decode("utf-8")).encode("utf-8")
        except UnicodeDecodeError:
            shown = body
        return hashlib.sha3_256(self._key + text.encode("utf-8", "surrogateescape") + shown).hexdigest()

    def keep(self, asked: Asked, answered: Answered, began: float) -> None:
        """Writes an exchange down."""
        entry: dict[str, Any] = {"at": _moment(began), "request": self._entry_of(asked)}
        if answered.failure is not None:
            kind = "timeout" if answered.is_timeout else "failed"
            entry["failure"] = {"stage": "sent", "kind": kind, "text": self._hider.text(answered.failure)}
        else:
            headers = [
                [name.lower(), self._hider.header(name, value)]
                for name, value in answered.headers
                if name.lower() not in _PACKING
            ]
            kind = next((value for name, value in answered.headers if name.lower() == "content-type"), "")
            body = _content(self._hider.body(answered.body, kind, is_answer=True))
            entry["response"] = {"status": answered.status, "headers": headers, "body": body}
        entry["ms"] = int((time.time() - began) * 1000)
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            if self._file is None:
                self._file = open(self.folder / f"{uuid.uuid4()}.ndjson", "ab", buffering=0)
            self._file.write(line)

    def answer(self, asked: Asked) -> Answered:
        """What was answered then: each exchange once, in their order; when all were served, the last one again."""
        entry = self._entry_of(asked)
        with self._lock:
            same = [kept for kept in self._shelf if _is_same(kept["request"], entry)]
            if not same:
                self.missing += 1
                raise ReplayError(self._missing(entry))
            kept = next((kept for kept in same if not kept.get("_served")), same[-1])
            kept["_served"] = True
            self.answered += 1
        failure = kept.get("failure")
        if failure is not None or kept.get("response") is None:
            failure = failure or {"kind": "failed", "text": "nothing was recorded"}
            return Answered(failure=failure["text"], is_timeout=failure["kind"] == "timeout")
        response = kept["response"]
        headers = [(name, value) for name, value in response["headers"]]
        answered = Answered(response["status"], headers, _bytes(response["body"]))
        if response.get("cut"):
            answered.failure = response["cut"]
        # credentials in it are remembered, so that what is asked with them is known again
        self._hider.body(answered.body, dict(headers).get("content-type", ""), is_answer=True)
        return answered

    def _missing(self, entry: dict[str, Any]) -> str:
        def likeness(kept: dict[str, Any]) -> tuple[bool, int]:
            one = kept["request"]
            return one["method"] == entry["method"], len(os.path.commonprefix([one["url"], entry["url"]]))

        text = f"{entry['method']} {entry['url']}: the cassette has no such exchange"
        if self._shelf:
            nearest = max(self._shelf, key=likeness)["request"]
            text += f"; the nearest is {nearest['method']} {nearest['url']}"
        return text


#: What is different in each request of a program that does the same again, in SOAP.
_MADE_ANEW = re.compile(rb"<((?:[\w.-]+:)?(?:Nonce|Created|Expires|MessageID|Password|Timestamp))\b([^>]*)>[^<]*<")
_IDENTITY = re.compile(rb'\b(?:wsu:)?Id="[^"]*"')


def _is_same(kept: dict[str, Any], asked: dict[str, Any]) -> bool:
    if kept.get("digest") is not None and asked.get("digest") is not None:
        return bool(kept["digest"] == asked["digest"])
    return all(kept.get(name) == asked.get(name) for name in ("method", "url", "body"))


def _content(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _bytes(content: dict[str, str]) -> bytes:
    return base64.b64decode(content["base64"]) if "base64" in content else content["text"].encode("utf-8")


def _moment(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
