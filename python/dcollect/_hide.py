"""What must not be seen in a cassette: hidden by its name, by the value of a secret, and where it is met again."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, quote_plus, unquote, urlsplit, urlunsplit

MASK = "***"
_PARTS = (
    "clientkey", "token", "secret", "password", "passwd", "apikey", "authorization", "credential", "signature", "accesskey",
)  # fmt: skip
#: Servers call a place in a list a token as well.
_PLACES = ("page", "next", "cursor", "continuation", "scroll", "sync")
_WORDS = frozenset(
    "assertion auth cookie hash hmac jwt key otp pass phpsessid pin pwd session sessionid setcookie sid sig sign xauth".split()
)
#: Shorter values are looked for nowhere else.
_SECRET_CHARS_MIN = 4
_RANDOM_CHARS_MIN = 12
_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:\s*)("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*)')
_ELEMENT = re.compile(r"<((?:[\w.-]+:)?([\w.-]+))(\s[^<>]*)?>([^<]+)<")


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter not in "-_.").lower()


def is_secret_field(name: str) -> bool:
    """Whether a field of data of this name holds a credential."""
    plain = _plain(name)
    return any(part in plain for part in _PARTS) and not any(place in plain for place in _PLACES)


def is_secret_parameter(name: str) -> bool:
    """Whether a header, or a parameter, of this name holds a credential."""
    return is_secret_field(name) or _plain(name) in _WORDS


class Hider:
    """Hides what must not be seen; every other character stays as it came."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = {value for value in secrets if len(value) >= _SECRET_CHARS_MIN}
        self._learned: set[str] = set()
        #: What answers gave and was hidden in them: a replay asks with `***` in its place.
        self._given: set[str] = set()

    def learn(self, value: str) -> None:
        """Remembers a credential that looks as if dice had made it."""
        value = value.strip()
        changes = sum(
            1
            for one, other in zip(value, value[1:])
            if _kind(one) != _kind(other) and (_kind(one), _kind(other)) != ("A", "a")
        )
        if len(value) >= _RANDOM_CHARS_MIN and not any(map(str.isspace, value)) and (len(value) > 31 or changes >= 2):
            self._learned.add(value)

    def text(self, text: str) -> str:
        """A text without the values of secrets."""
        return _without(text, self._secrets | self._learned)

    def url(self, url: str) -> str:
        """A URL without a login, and without the values of parameters that are secret."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        pairs = []
        for pair in parts.query.split("&"):
            name, sign, value = pair.partition("=")
            if sign and value and is_secret_parameter(unquote(name)):
                self.learn(unquote(value.replace("+", " ")))
                pair = f"{name}={MASK}"
            pairs.append(pair)
        return self.text(urlunsplit((parts.scheme, host, parts.path, "&".join(pairs), parts.fragment)))

    def header(self, name: str, value: str) -> str:
        """The value of a header."""
        if name.lower() == "set-cookie":
            cookie, sign, attributes = value.partition(";")
            name, _, credential = cookie.partition("=")
            self.learn(credential)
            return f"{name}={MASK}{sign}{attributes}"
        if name.lower() == "cookie":
            for pair in value.split(";"):
                self.learn(pair.partition("=")[2])
            return MASK
        if is_secret_parameter(name):
            # `Bearer TOKEN`
            self.learn(value.rsplit(" ", 1)[-1])
            return MASK
        return self.url(value) if value.startswith(("http://", "https://")) else self.text(value)

    def body(self, body: bytes, content_type: str, is_answer: bool) -> bytes:
        """A body: what stands behind names of credentials, and the values of secrets."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return body
        is_secret = is_secret_field if is_answer else is_secret_parameter
        kind = content_type.split(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            pairs = []
            for pair in text.split("&"):
                name, sign, value = pair.partition("=")
                if sign and value and is_secret(unquote(name)):
                    self._hidden(unquote(value.replace("+", " ")), is_answer)
                    pair = f"{name}={MASK}"
                pairs.append(pair)
            text = "&".join(pairs)
        elif "json" in kind or text.lstrip()[:1] in ("{", "["):
            text = _FIELD.sub(lambda found: self._field(found, is_secret, is_answer), text)
        elif "xml" in kind or text.lstrip().startswith("<"):
            text = _ELEMENT.sub(lambda found: self._element(found, is_secret, is_answer), text)
        return self.text(text).encode("utf-8")

    def as_replayed(self, text: str) -> str:
        """A request as a replay makes it, in which the credentials of answers are `***`."""
        return _without(text, self._given)

    def _hidden(self, value: str, is_answer: bool) -> None:
        self.learn(value)
        if is_answer and len(value) >= _SECRET_CHARS_MIN and value != MASK:
            self._given.add(value)

    def _field(self, found: re.Match[str], is_secret: object, is_answer: bool) -> str:
        assert callable(is_secret)
        if not is_secret(found[1]):
            return found[0]
        value = found[3]
        if value.startswith('"'):
            if len(value) > 2:
                self._hidden(str(json.loads(value, strict=False)), is_answer)
            return f'"{found[1]}"{found[2]}"{MASK}"'
        self._hidden(value, is_answer)
        return f'"{found[1]}"{found[2]}"{MASK}"'

    def _element(self, found: re.Match[str], is_secret: object, is_answer: bool) -> str:
        assert callable(is_secret)
        if not is_secret(found[2]) or not found[4].strip():
            return found[0]
        self._hidden(found[4], is_answer)
        return f"<{found[1]}{found[3] or ''}>{MASK}<"


def _kind(letter: str) -> str:
    if letter.isdigit():
        return "0"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    return ""


def _without(text: str, values: set[str]) -> str:
    # the longest first: one may be a part of another
    for value in sorted(values, key=len, reverse=True):
        for form in {value, quote_plus(value), quote(value, safe=""), json.dumps(value)[1:-1]}:
            text = text.replace(form, MASK)
    return text
