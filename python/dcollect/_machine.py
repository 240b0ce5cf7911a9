"""What all programs of a user on this machine know together of a host that has a rate: when it was asked last, and until when
it asks to be left alone. It is the file of `dc` and of apps in Rust (`src/http/machine.rs`), in which locks of the kernel
keep the turns; where there is none, each process counts by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import struct
import sys
import time
from typing import Iterator, Optional

if sys.platform == "linux":
    import fcntl

_PLACES = ("/dev/shm", "/tmp")
_NAME_BYTES_MAX = 200
#: When it was asked, since when and until when it is to be left alone: microseconds since 1970.
_KNOWN = struct.Struct("<qqq")
#: `struct flock` of Linux: kind, whence, start, length, and a process that is always 0.
_FLOCK = "hhqqi4x"
_F_OFD_SETLK = 37
_TURN_SECONDS = 0.05
_ALONE_MAX = 3_600_000_000


def _folder() -> Optional[str]:
    for place in _PLACES:
        path = os.path.join(place, f"data-collector-{os.geteuid()}")
        with contextlib.suppress(OSError):
            os.mkdir(path, 0o700)
        try:
            data = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISDIR(data.st_mode) and data.st_uid == os.geteuid() and not data.st_mode & 0o077:
            return path
    return None


def _short(host: str) -> str:
    if len(host.encode()) <= _NAME_BYTES_MAX:
        return host.replace("/", "_")
    return hashlib.sha3_256(host.encode()).hexdigest()


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.fcntl(file, _F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 1, 0))
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextlib.contextmanager
def _in_turn(host: str) -> Iterator[Optional[int]]:
    """The file of a host, while no other process looks; one that is frozen in the middle of it is not waited for."""
    try:
        folder = _folder() if sys.platform == "linux" else None
        if folder is None:
            raise OSError("there is no such file here")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(os.path.join(folder, _short(host)), flags, 0o600)
    except OSError:
        yield None
        return
    try:
        began = time.monotonic()
        while not _lock(file, fcntl.F_WRLCK) and time.monotonic() - began < _TURN_SECONDS:
            time.sleep(0.000_05)
        yield file
        _lock(file, fcntl.F_UNLCK)
    finally:
        os.close(file)


def _read(file: int) -> tuple[int, int, int]:
    data = os.pread(file, _KNOWN.size, 0)
    asked, since, until = _KNOWN.unpack(data) if len(data) == _KNOWN.size else (0, 0, 0)
    return asked, since, until


def take(host: str, apart: float) -> float:
    """Takes the moment for a request to a host, or tells how many seconds it is until the next one."""
    with _in_turn(host) as file:
        if file is None:
            return 0.0
        asked, since, until = _read(file)
        now = time.time_ns() // 1000
        # what lies ahead was written by a clock that was wrong
        alone_until = until if since <= now and until <= since + _ALONE_MAX else 0
        following = asked + int(apart * 1e6) if asked <= now else 0
        wait = max(following, alone_until) - now
        if wait > 0:
            return wait / 1e6
        os.pwrite(file, _KNOWN.pack(now, since, until), 0)
        return 0.0


def leave_alone(host: str, seconds: float) -> None:
    """Tells the others that a host asks to be left alone."""
    with _in_turn(host) as file:
        if file is not None:
            asked, _, until = _read(file)
            now = time.time_ns() // 1000
            os.pwrite(file, _KNOWN.pack(asked, now, max(until, now + int(seconds * 1e6))), 0)
