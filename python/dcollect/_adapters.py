"""`requests` and `httpx` for those who know them: with the cassettes, the pace, the retries and the times of the run."""

from __future__ import annotations

import io
import time
import urllib.parse
import urllib.request
from typing import Any, Callable, Optional, Tuple, Type

from ._around import Around
from ._cassette import Answered, Asked, Cassette
from ._hide import Hider
from ._pace import IDEMPOTENT, PASSING, RETRY_AFTER_MAX, Pace, Rate, pause_after, retry_after
from ._times import RequestTimes


class _Way:
    """Where an exchange goes: into the cassette, out of it, or just over the network."""

    def __init__(self, context: Any, rate: Rate, retries: int) -> None:
        self.retries = retries
        if context is not None:
            self.cassette: Optional[Cassette] = context.http.cassette
            self.times: RequestTimes = context.http.times
            self.pace: Pace = context.http.pace if rate is None else Pace(rate)
        else:
            around = Around()
            self.cassette = Cassette.around(around, Hider(around.given_secrets()))
            self.times, self.pace = RequestTimes(), Pace(rate)

    @property
    def is_replay(self) -> bool:
        return self.cassette is not None and self.cassette.is_replay

    def replayed(self, asked: Asked) -> Answered:
        assert self.cassette is not None
        clock = time.perf_counter()
        answered = self.cassette.answer(asked)
        self.times.note((time.perf_counter() - clock) * 1000, answered.failure is not None or answered.status >= 400)
        return answered

    def kept(self, asked: Asked, answered: Answered, began: float) -> None:
        self.times.note((time.time() - began) * 1000, answered.failure is not None or answered.status >= 400)
        if self.cassette is not None:
            self.cassette.keep(asked, answered, began)

    def waits(self, method: str, attempt: int, answered: Answered) -> Optional[float]:
        """The pause before another attempt; None where this was the last one."""
        if method not in IDEMPOTENT or attempt > self.retries:
            return None
        if answered.failure is None and answered.status not in PASSING:
            return None
        asked_for = retry_after(dict((name.lower(), value) for name, value in answered.headers).get("retry-after"))
        if asked_for is not None and asked_for > RETRY_AFTER_MAX:
            return None
        pause = pause_after(attempt) if asked_for is None else asked_for
        return 0.0 if self.is_replay else pause

    def ask(
        self,
        asked: Asked,
        send: Callable[[], Tuple[Answered, Any]],
        broken: Type[Exception],
        late: Type[Exception],
    ) -> Tuple[Answered, Any]:
        """Attempts until one counts: the answer, and what `send` gave with it; None where the cassette answered.

        `send` raises `broken` where no answer came, of which `late` is a timeout; that of the last attempt is raised again.
        """
        attempt = 0
        while True:
            attempt += 1
            error: Optional[Exception] = None
            response = None
            if self.is_replay:
                answered = self.replayed(asked)
            else:
                self.pace.wait(asked.url)
                began = time.time()
                try:
                    answered, response = send()
                except broken as cause:
                    error = cause
                    answered = Answered(failure=str(cause), is_timeout=isinstance(cause, late))
                self.kept(asked, answered, began)
            pause = self.waits(asked.method, attempt, answered)
            if pause is None:
                break
            time.sleep(pause)
        if error is not None:
            raise error
        return answered, response


def requests_session(context: Any = None, *, rate: Rate = None, retries: int = 3) -> Any:
    """A `requests.Session`; give it the `ctx` of the run, so that its requests are counted there."""
    import requests
    from requests.adapters import HTTPAdapter

    way = _Way(context, rate, retries)
    around = Around()

    def beyond(url: str, proxies: Any) -> Any:
        """The proxies of the run are those beyond the one that leads to the cassette, which is kept here."""
        if around.door not in dict(proxies or {}).values():
            return proxies
        found = around.beyond()
        is_without = urllib.request.proxy_bypass_environment(urllib.parse.urlsplit(url).netloc, found)  # type: ignore[attr-defined]
        return {} if is_without else {scheme: value for scheme, value in found.items() if scheme != "no"}

    class Adapter(HTTPAdapter):  # type: ignore[misc,unused-ignore]
        def send(  # type: ignore[override,unused-ignore]
            self, request: Any, stream: bool = False, **more: Any
        ) -> Any:
            body = request.body or b""
            if not isinstance(body, (str, bytes)):
                body = b"".join(body) if hasattr(body, "__iter__") else body.read()
                request.body = body
            data = body.encode("utf-8") if isinstance(body, str) else body
            asked = Asked(request.method, request.url, list(request.headers.items()), data)
            more["proxies"] = beyond(request.url, more.get("proxies"))

            def exchange() -> Tuple[Answered, Any]:
                response = HTTPAdapter.send(self, request, stream=False, **more)
                pairs = [(name, value) for name, value in response.raw.headers.items()]
                return Answered(response.status_code, pairs, response.content), response

            answered, response = way.ask(asked, exchange, requests.RequestException, requests.Timeout)
            if answered.failure is not None:
                kind = requests.Timeout if answered.is_timeout else requests.ConnectionError
                raise kind(answered.failure, request=request)
            return response if response is not None else self._built(request, answered)

        def _built(self, request: Any, answered: Answered) -> Any:
            from urllib3 import HTTPResponse
            from urllib3._collections import HTTPHeaderDict

            headers = HTTPHeaderDict()
            for name, value in answered.headers:
                headers.add(name, value)
            raw = HTTPResponse(
                body=io.BytesIO(answered.body), headers=headers, status=answered.status, preload_content=False
            )
            return self.build_response(request, raw)

    session = requests.Session()
    session.mount("http://", Adapter())
    session.mount("https://", Adapter())
    return session


def httpx_client(context: Any = None, *, rate: Rate = None, retries: int = 3, **options: Any) -> Any:
    """An `httpx.Client`; give it the `ctx` of the run. Other options are those of httpx."""
    import httpx

    way = _Way(context, rate, retries)

    class Transport(httpx.BaseTransport):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            self._inner = httpx.HTTPTransport()

        def handle_request(self, request: Any) -> Any:
            body = request.read()
            asked = Asked(request.method, str(request.url), list(request.headers.items()), body)

            def exchange() -> Tuple[Answered, Any]:
                response = self._inner.handle_request(request)
                content = httpx.Response(response.status_code, headers=response.headers, stream=response.stream)
                content.read()
                pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
                response.close()
                return Answered(response.status_code, pairs, content.content), None

            answered, _ = way.ask(asked, exchange, httpx.TransportError, httpx.TimeoutException)
            if answered.failure is not None:
                kind = httpx.ReadTimeout if answered.is_timeout else httpx.ConnectError
                raise kind(answered.failure, request=request)
            packing = ("content-encoding", "content-length", "transfer-encoding")
            headers = [(name, value) for name, value in answered.headers if name.lower() not in packing]
            return httpx.Response(answered.status, headers=headers, content=answered.body, request=request)

        def close(self) -> None:
            self._inner.close()

    return httpx.Client(transport=Transport(), **options)
