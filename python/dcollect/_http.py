"""HTTP on urllib: retries, a rate for each host, cookies, cassettes, times. One exchange is `Session._exchange`; redirects,
cookies and retries stand above it, so that a cassette plays them back through the same code."""

from __future__ import annotations

import email.message
import gzip
import http.client
import http.cookiejar
import json as json_module
import logging
import socket
import time
import urllib.error
import urllib.request
import zlib
from typing import Any, Iterable, Mapping, Optional, Union
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

from ._around import Around
from ._cassette import Answered, Asked, Cassette
from ._errors import DcError
from ._hide import Hider
from ._pace import IDEMPOTENT, PASSING, RETRY_AFTER_MAX, Pace, pause_after, retry_after
from ._records import dumps, loads
from ._times import RequestTimes

_HOPS_MAX = 10
#: A longer body is an error: take it as a file with another tool.
BODY_BYTES_MAX = 256 << 20
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_log = logging.getLogger("dcollect.http")

Params = Union[Mapping[str, Any], Iterable[tuple[str, Any]], None]


class HttpError(DcError):
    """A request that failed, or an answer of 400 and above; `response` is the answer, or None."""

    def __init__(self, message: str, response: Optional[Response] = None) -> None:
        super().__init__(message)
        self.response = response


class Response:
    """An answer with its whole body."""

    def __init__(self, url: str, status: int, headers: list[tuple[str, str]], content: bytes, attempts: int) -> None:
        #: Where it came from, behind all redirects.
        self.url = url
        self.status = status
        self.headers = Headers(headers)
        self.content = content
        #: How often it was asked for.
        self.attempts = attempts
        self._encoding: Optional[str] = None

    #: As `requests` names it.
    @property
    def status_code(self) -> int:
        """The status."""
        return self.status

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def encoding(self) -> str:
        """The charset that the answer's header names; UTF-8 where it names none. It can be set: `answer.encoding = "cp1250"`."""
        return self._encoding or self._charset() or "utf-8"

    @encoding.setter
    def encoding(self, label: str) -> None:
        self._encoding = label

    def _charset(self) -> Optional[str]:
        message = email.message.Message()
        message["content-type"] = self.headers.get("content-type", "")
        return message.get_content_charset()

    @property
    def names_charset(self) -> bool:
        """Whether `encoding` is more than a guess."""
        return (self._encoding or self._charset()) is not None

    @property
    def text(self) -> str:
        """The body as text."""
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, read as JSON; floats keep their digits."""
        try:
            return loads(self.content.decode("utf-8-sig"))
        except ValueError as cause:
            start = self.text[:80]
            raise HttpError(f"{self.url} answered with no JSON ({cause}): {start!r}", self) from None

    def raise_for_status(self) -> Response:
        """Raises HttpError for a status of 400 and above."""
        if not self.ok:
            raise HttpError(f"{self.url} answered with {self.status}", self)
        return self

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url}>"


class Headers(dict):  # type: ignore[type-arg]
    """Headers by their names in any letters; of several of one name the last, all of them by `all`."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__((name.lower(), value) for name, value in pairs)
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        value: str = super().__getitem__(name.lower())
        return value

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name.lower() if isinstance(name, str) else name)

    def get(self, name: str, default: Any = None) -> Any:
        """A header, or `default`."""
        return super().get(name.lower(), default)

    def all(self, name: str) -> list[str]:
        """All headers of this name."""
        return [value for known, value in self._pairs if known.lower() == name.lower()]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class _Beyond(urllib.request.ProxyHandler):
    """The proxies beyond the one that leads to the cassette, which is kept here."""

    def __init__(self, proxies: dict[str, str]) -> None:
        super().__init__({scheme: url for scheme, url in proxies.items() if scheme != "no"})
        self._proxies = proxies

    def proxy_open(self, req: Any, proxy: str, type: str) -> Any:
        if urllib.request.proxy_bypass_environment(req.host, self._proxies):  # type: ignore[attr-defined]
            return None
        return super().proxy_open(req, proxy, type)


class Session:
    """Requests with shared cookies, of one run."""

    def __init__(
        self,
        *,
        hider: Hider,
        cassette: Optional[Cassette] = None,
        pace: Optional[Pace] = None,
        times: Optional[RequestTimes] = None,
        retries: int = 3,
        timeout: float = 30.0,
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.headers: dict[str, str] = {"User-Agent": "dcollect/0.1", "Accept-Encoding": "gzip, deflate", **(headers or {})}
        self.cookies = http.cookiejar.CookieJar()
        self.retries = retries
        self.timeout = timeout
        self.cassette = cassette
        self.pace = pace or Pace(None)
        self.times = times or RequestTimes()
        self._hider = hider
        around = Around()
        beyond = [_Beyond(around.beyond())] if around.door else []
        self._opener = urllib.request.build_opener(_NoRedirects, *beyond)

    def get(self, url: str, params: Params = None, **more: Any) -> Response:
        """GET; raises HttpError for a status of 400 and above."""
        return self.request("GET", url, params=params, **more)

    def post(self, url: str, data: Any = None, json: Any = None, **more: Any) -> Response:
        """POST; `data` is a form or bytes, `json` any value. It is tried again only with `retry=True`."""
        return self.request("POST", url, data=data, json=json, **more)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Params = None,
        data: Any = None,
        json: Any = None,
        headers: Optional[Mapping[str, str]] = None,
        auth: Optional[tuple[str, str]] = None,
        timeout: Optional[float] = None,
        retries: Optional[int] = None,
        retry: Optional[bool] = None,
        check: bool = True,
        redirects: int = _HOPS_MAX,
    ) -> Response:
        """Any request. `check=False` gives answers of 400 and above back; `retry` says whether it may be sent twice."""
        method = method.upper()
        body, kind = _body(data, json)
        own = {**self.headers, **({"Content-Type": kind} if kind else {}), **(headers or {})}
        if auth is not None:
            import base64

            own["Authorization"] = "Basic " + base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode("ascii")
        if not url.lower().startswith(("http://", "https://")):
            raise HttpError(f"`{url}` is no address of the web: it begins with http:// or https://; `urljoin` of urllib.parse makes one of a link")
        asked = Asked(method, _url(url, params), list(own.items()), body)
        may_repeat = method in IDEMPOTENT if retry is None else retry
        most = 1 + (self.retries if retries is None else retries) if may_repeat else 1
        limit = self.timeout if timeout is None else timeout
        for attempt in range(1, most + 1):
            answered, at = self._hops(asked, limit, redirects)
            waits = retry_after(_header(answered, "retry-after"))
            passes = answered.failure is not None or answered.status in PASSING
            if passes and attempt < most and (waits is None or waits <= RETRY_AFTER_MAX):
                why = answered.failure or f"status {answered.status}"
                pause = pause_after(attempt) if waits is None else waits
                _log.info("%s %s: %s; again in %.1f s", method, self._hider.url(asked.url), why, pause)
                self._sleep(asked.url, pause)
                continue
            break
        if answered.failure is not None:
            tries = f" in {attempt} attempts" if attempt > 1 else ""
            raise HttpError(f"{method} {self._hider.url(asked.url)} failed{tries}: {answered.failure}")
        response = Response(at, answered.status, answered.headers, answered.body, attempt)
        if check and not response.ok:
            start = self._hider.text(response.text[:200]).strip()
            raise HttpError(f"{method} {self._hider.url(at)} answered with {response.status}: {start!r}", response)
        return response

    def _sleep(self, url: str, pause: float) -> None:
        if self.cassette is None or not self.cassette.is_replay:
            self.pace.rest(url, pause)

    def _hops(self, asked: Asked, timeout: float, redirects: int) -> tuple[Answered, str]:
        for _ in range(redirects + 1):
            answered = self.exchange(self._with_cookies(asked), timeout)
            self._take_cookies(asked, answered)
            target = _header(answered, "location")
            if answered.failure is not None or target is None or answered.status not in (301, 302, 303, 307, 308):
                return answered, asked.url
            asked = _redirected(asked, answered.status, target)
        if redirects == 0:
            return answered, asked.url
        return Answered(failure=f"more than {redirects} redirects"), asked.url

    def exchange(self, asked: Asked, timeout: float) -> Answered:
        """One exchange: from the cassette, or over the network."""
        began, clock = time.time(), time.perf_counter()
        if self.cassette is not None and self.cassette.is_replay:
            answered = self.cassette.answer(asked)
        else:
            self.pace.wait(asked.url)
            began, clock = time.time(), time.perf_counter()
            answered = self._exchange(asked, timeout)
            if self.cassette is not None:
                self.cassette.keep(asked, answered, began)
        is_error = answered.failure is not None or answered.status >= 400
        self.times.note((time.perf_counter() - clock) * 1000, is_error)
        return answered

    def _exchange(self, asked: Asked, timeout: float) -> Answered:
        if not asked.url.startswith(("http://", "https://")):
            return Answered(failure="only http and https are asked")
        body = asked.body if asked.body or asked.method in ("POST", "PUT", "PATCH") else None
        request = urllib.request.Request(asked.url, body, dict(asked.headers), method=asked.method)
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return _taken(response.status, response.headers.items(), response)
        except urllib.error.HTTPError as error:
            with error:
                return _taken(error.code, error.headers.items(), error)
        except (OSError, http.client.HTTPException, ValueError) as cause:
            reason = getattr(cause, "reason", None) or cause
            is_timeout = isinstance(reason, (socket.timeout, TimeoutError))
            return Answered(failure=str(reason) or type(reason).__name__, is_timeout=is_timeout)

    def _with_cookies(self, asked: Asked) -> Asked:
        request = urllib.request.Request(asked.url, headers=dict(asked.headers), method=asked.method)
        self.cookies.add_cookie_header(request)
        cookie = request.get_header("Cookie")
        if cookie is None or any(name.lower() == "cookie" for name, _ in asked.headers):
            return asked
        return Asked(asked.method, asked.url, [*asked.headers, ("Cookie", cookie)], asked.body)

    def _take_cookies(self, asked: Asked, answered: Answered) -> None:
        message = email.message.Message()
        for name, value in answered.headers:
            message.add_header(name, value)
        if "set-cookie" in message:
            self.cookies.extract_cookies(_Info(message), urllib.request.Request(asked.url))  # type: ignore[arg-type]


class _Info:
    def __init__(self, message: email.message.Message) -> None:
        self._message = message

    def info(self) -> email.message.Message:
        return self._message


def _header(answered: Answered, name: str) -> Optional[str]:
    return next((value for known, value in answered.headers if known.lower() == name), None)


def _taken(status: int, headers: Iterable[tuple[str, str]], source: Any) -> Answered:
    pairs = list(headers)
    body = source.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        return Answered(failure=f"the body is longer than {BODY_BYTES_MAX >> 20} MiB")
    if getattr(source, "length", None):
        # a bounded read does not complain of a body that breaks off
        return Answered(failure=f"the body broke off: {source.length} bytes of it are missing")
    answered = Answered(status, pairs, body)
    packing = (_header(answered, "content-encoding") or "").strip().lower()
    try:
        if packing in ("gzip", "x-gzip") and body:
            answered.body = gzip.decompress(body)
        elif packing == "deflate" and body:
            try:
                answered.body = zlib.decompress(body)
            except zlib.error:
                answered.body = zlib.decompress(body, -zlib.MAX_WBITS)
    except (OSError, EOFError, zlib.error) as cause:
        return Answered(failure=f"the body cannot be unpacked: {cause}")
    return answered


def _redirected(asked: Asked, status: int, target: str) -> Asked:
    url = _url(urljoin(asked.url, target), None)
    method, body, headers = asked.method, asked.body, asked.headers
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), b""
        headers = [(name, value) for name, value in headers if not name.lower().startswith("content-")]
    one, other = urlsplit(asked.url), urlsplit(url)
    if (one.scheme, one.netloc) != (other.scheme, other.netloc):
        # credentials are for the server that they were given for
        headers = [(name, value) for name, value in headers if name.lower() not in _CREDENTIALS]
    return Asked(method, url, headers, body)


def _url(url: str, params: Params) -> str:
    parts = urlsplit(url)
    query = parts.query
    if params is not None:
        pairs = params.items() if isinstance(params, Mapping) else params
        given = urlencode([(name, value) for name, value in pairs if value is not None], doseq=True)
        query = "&".join(part for part in (query, given) if part)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(query, safe="/?%:@!$&'()*+,;=~-._[]")
    host = parts.netloc
    name, at, place = host.rpartition("@")
    host = f"{name}{at}{place.lower()}"
    for scheme, port in (("http", ":80"), ("https", ":443")):
        if parts.scheme.lower() == scheme and host.endswith(port):
            host = host[: -len(port)]
    return urlunsplit((parts.scheme.lower(), host, path, query, ""))


def _body(data: Any, json: Any) -> tuple[bytes, Optional[str]]:
    if json is not None:
        text = dumps(json) if isinstance(json, Mapping) else json_module.dumps(json, ensure_ascii=False)
        return text.encode("utf-8"), "application/json"
    if data is None:
        return b"", None
    if isinstance(data, (bytes, bytearray)):
        return bytes(data), None
    if isinstance(data, str):
        return data.encode("utf-8"), None
    return urlencode(data, doseq=True).encode("ascii"), "application/x-www-form-urlencoded"
