"""Pages of the web, read by `dc html` as browsers do: tables, elements, links, and forms with their hidden fields."""

from __future__ import annotations

import subprocess
from typing import Any, Optional, Union

from ._around import Around
from ._errors import DcError
from ._http import Response
from ._records import loads


class Form(dict):  # type: ignore[type-arg]
    """The fields of a form as a browser would send them, hidden ones too: `form["name"] = "milk"`; None is not sent."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__((field["name"], field["value"]) for field in known["fields"])
        #: The address it is sent to.
        self.action: str = known["action"]
        #: Whether it is sent by POST.
        self.is_post: bool = known["is_post"]
        #: Its buttons with their values.
        self.buttons: dict[str, str] = {name: value for name, value in known["buttons"]}

    def press(self, button: str) -> Form:
        """Sends this button along, as a click on it does."""
        if button not in self.buttons:
            raise DcError(f"the form has no button `{button}`; it has: {', '.join(self.buttons) or 'none'}")
        self[button] = self.buttons[button]
        return self

    def post_back(self, target: str, argument: str = "") -> Form:
        """What `javascript:__doPostBack('target','argument')` of a link does in ASP.NET."""
        self["__EVENTTARGET"], self["__EVENTARGUMENT"] = target, argument
        return self

    def sent(self) -> list[tuple[str, Any]]:
        """The pairs that are sent."""
        return [(name, value) for name, value in self.items() if value is not None]


class Page:
    """A page. Each question starts `dc html`, so ask for a table instead of each of its cells."""

    def __init__(self, around: Around, content: bytes, url: str) -> None:
        self._around = around
        self._content = content
        #: Where it came from; links and forms are resolved against it.
        self.url = url

    def table(self, table: Union[str, int] = 1) -> list[dict[str, Any]]:
        """The rows of a table: its number from 1, its caption, or `#id`. Cells are text, those that span rows stand in each."""
        return self._ask(f"--table={table}")

    def select(self, selector: str, **fields: str) -> list[Any]:
        """The texts of the elements that a CSS selector finds; with fields a dict for each: `price=".price"`, `url="a@href"`."""
        if not fields:
            return [found["text"] for found in self._ask(selector, "--json")]
        return self._ask(selector, *(f"--fields={name}={at}" for name, at in fields.items()))

    def links(self) -> list[dict[str, Any]]:
        """All links: `url` (absolute), `text`, `rel`."""
        return self._ask("--links")

    def forms(self) -> list[Form]:
        """All forms."""
        return [Form(known) for known in self._ask("--forms")]

    def form(self, name: Optional[str] = None) -> Form:
        """The form of this name; without a name, the only one or the first."""
        forms = self._ask("--forms")
        for known in forms:
            if name is None or known["name"] == name:
                return Form(known)
        names = ", ".join(str(known["name"]) for known in forms) or "none"
        raise DcError(f"{self.url or 'the page'} has no form{f' `{name}`' if name else ''}; it has: {names}")

    def _ask(self, *words: str) -> list[Any]:
        command = [self._around.reader(), "html", *words]
        command += ["-"] if not words[0].startswith("--") else []
        command += [f"--base={self.url}"] if self.url else []
        done = subprocess.run(command, input=self._content, capture_output=True)
        if done.returncode != 0:
            reason = done.stderr.decode("utf-8", "replace").strip()
            raise DcError(f"could not read {self.url or 'the page'} with `dc html`: {reason}")
        return [loads(line) for line in done.stdout.decode("utf-8").splitlines()]


def page_of(around: Around, of: Union[Response, str, bytes], url: str) -> Page:
    """The page of an answer, or of a text."""
    if isinstance(of, Response):
        # a charset of the header counts more than what the page says; a byte order mark tells it on
        return Page(around, of.text.encode("utf-8-sig") if of.names_charset else of.content, url or of.url)
    return Page(around, of.encode("utf-8-sig") if isinstance(of, str) else of, url)
