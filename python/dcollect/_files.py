"""Files that are kept by `dc files`, found again by their content."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Optional, Union

from ._around import Around
from ._errors import DcError


class StoredFile(dict):  # type: ignore[type-arg]
    """What `dc files keep` tells: `id`, `sha256`, `file` (where it is stored)."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Files:
    """`ctx.files`."""

    def __init__(self, around: Around) -> None:
        self._around = around

    def keep(
        self,
        file: Union[str, "os.PathLike[str]", bytes],
        name: Optional[str] = None,
        retention: Optional[str] = None,
    ) -> StoredFile:
        """Keeps a file, or bytes under a `name`; the same bytes are stored once. `retention` is one of those that `dc files retention` lists; without
        it the settings say. In a run that is only shown nothing is stored."""
        if isinstance(file, bytes):
            if name is None:
                raise TypeError("bytes need a name: ctx.files.keep(data, name='page.pdf')")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, Path(name).name)
                path.write_bytes(file)
                return self._keep(path, retention)
        if name is not None and Path(file).name != name:
            return self.keep(Path(file).read_bytes(), name, retention)
        return self._keep(Path(file), retention)

    def _keep(self, path: Path, retention: Optional[str]) -> StoredFile:
        if self._around.dc is None or self._around.is_trial:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            return StoredFile(id=0, sha256=digest, file=str(path), name=path.name)
        more = ["--retention", retention] if retention else []
        command = [self._around.dc, "files", "keep", str(path), "--json", *more]
        done = subprocess.run(command, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise DcError(f"`dc files keep {path.name}` failed with exit status {done.returncode}")
        return StoredFile(json.loads(done.stdout)["files"][0])
