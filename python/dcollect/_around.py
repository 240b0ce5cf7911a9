"""What is around the app: the `dc run` that started it, told by the environment and read here alone."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from ._errors import DcError

_lock = threading.Lock()


class Around:
    """The variables that `dc run` sets."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        given = dict(os.environ) if environment is None else environment
        self.environment = given
        self.dc: str | None = given.get("DC_BIN") or None
        self.app: str = given.get("DC_APP") or ""
        self.config: str | None = given.get("DC_CONFIG") or None
        self.cassette: str | None = given.get("DC_CASSETTE") or None
        self.cassette_mode: str = given.get("DC_CASSETTE_MODE") or ""
        #: A run that is only shown, or played back: nothing may be written.
        self.is_trial: bool = bool(given.get("DC_TRIAL"))

    @property
    def is_inside(self) -> bool:
        """Whether `dc run` started this."""
        return self.dc is not None

    def reader(self) -> str:
        """The `dc` that reads pages and files; it writes nothing, so any will do: also in a test, and with `--show`."""
        found = self.dc or os.environ.get("DC_BIN") or shutil.which("dc")
        if not found:
            raise DcError("pages are read by dc, which is not on the PATH: install it, or set DC_BIN to it")
        return found

    def arguments(self) -> Any:
        """What `dc run --args` gave."""
        text = self.environment.get("DC_ARGS") or "{}"
        try:
            return json.loads(text)
        except ValueError as cause:
            raise DcError(f"DC_ARGS is no JSON: {cause}") from None

    def project(self) -> Path | None:
        """The project's folder."""
        return Path(self.config).parent if self.config else None

    def given_secrets(self) -> list[str]:
        """The values of secrets that the run was given."""
        names = (self.environment.get("DC_SECRETS_GIVEN") or "").split(",")
        return [value for value in map(self.environment.get, names) if value]

    @property
    def door(self) -> str | None:
        """The proxy that leads other programs to the cassette of the run; what keeps the cassette itself passes it by."""
        return self.environment.get("DC_HTTP_PROXY") or None

    def beyond(self) -> dict[str, str]:
        """The proxies that there are besides that one, as urllib has them."""
        named = {"http": "DC_BEYOND_HTTP", "https": "DC_BEYOND_HTTPS", "no": "DC_BEYOND_NONE"}
        found = {scheme: self.environment.get(name) or "" for scheme, name in named.items()}
        return {scheme: value for scheme, value in found.items() if value}

    def tell(self, message: dict[str, Any]) -> None:
        """A line for `dc run`; by itself an app has nobody to tell."""
        if self.is_inside:
            say(json.dumps(message, ensure_ascii=False))


def say(line: str) -> None:
    """A line on standard output, whole also where several threads write."""
    data = (line + "\n").encode("utf-8", "backslashreplace")
    with _lock:
        sys.stdout.flush()
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:
            sys.stdout.write(data.decode("utf-8"))
        else:
            buffer.write(data)
        sys.stdout.flush()
