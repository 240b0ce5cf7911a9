"""Damages a store of four secrets, kills its rewrite at every step, and prints RESULTS.md. Called by measure.sh.

measure.py DC [--no-times]: without times where dc is not optimised."""
import collections
import datetime
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

DC = sys.argv[1]
HAS_TIMES = "--no-times" not in sys.argv
PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another long battery staple"
TEXT = "API_KEY=plain-value-one-4711\nDB_PASSWORD=plain-value-two-4712\nTOKEN=plain-value-three-4713\nLAST=four\n"
PLAIN = [b"plain-value-one", b"plain-value-two", b"plain-value-three"]
STORE = "secrets.zip"
READ = [DC, "secrets", "decrypt"]
REWRITE = [DC, "secrets", "rekey"]
# how many bits are flipped; a quarter as many lengths are cut
PLACES = int(os.environ.get("PLACES", "96"))
ROUNDS = 7
CHANGING = {"openat", "open", "write", "pwrite64", "writev", "ftruncate", "fsync", "rename", "renameat", "renameat2",
            "unlink", "unlinkat", "chmod", "fchmod", "link", "linkat", "copy_file_range", "sendfile"}


class Project:
    def __init__(self, folder):
        self.folder, self.store = folder, folder / STORE
        self.environment = {**os.environ, "HOME": str(folder), "DC_SECRET_PASSWORD": PASSWORD,
                            "DC_SECRET_PASSWORD_NEW": NEW_PASSWORD, "NO_COLOR": "1"}

    def run(self, command, **more):
        environment = {**self.environment, **more.pop("env", {})}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=120, **more)

    def opens(self):
        """The plain text by either password, or None; with all that was printed."""
        printed = b""
        for password in PASSWORD, NEW_PASSWORD:
            done = self.run(READ, env={"DC_SECRET_PASSWORD": password})
            printed += done.stdout
            if done.returncode == 0:
                return done.stdout, printed
        return None, printed


def damage(project):
    """Single bits flipped, and lengths: refused, opened with the same text or another one, or shown in part."""
    good = project.store.read_bytes()
    reference, _ = project.opens()
    assert reference and all(value in reference for value in PLAIN), reference
    tally = collections.Counter()
    bits = sorted({at * (len(good) * 8 - 1) // (PLACES - 1) for at in range(PLACES)})
    lengths = sorted({at * (len(good) - 1) // (PLACES // 4 - 1) for at in range(PLACES // 4)})
    for kind, place in [("bit", bit) for bit in bits] + [("length", length) for length in lengths]:
        changed = bytearray(good)
        if kind == "bit":
            changed[place // 8] ^= 1 << (place % 8)
        else:
            del changed[place:]
        project.store.write_bytes(changed)
        opened, printed = project.opens()
        what = "refused" if opened is None else "same" if opened == reference else "other"
        if opened is None and any(value in printed for value in PLAIN):
            what = "part"
        tally[kind, what] += 1
    project.store.write_bytes(good)
    return tally


def kills(project):
    """kill -9 at each call of a rewrite that changes something, by fault injection; whether the store opens then."""
    saved = project.store.read_bytes()

    def trace(more, output="/dev/null"):
        return project.run(["strace", "-f", "-qq", "-o", str(output), *more, *REWRITE], stdin=subprocess.DEVNULL)

    def restore():
        for path in project.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        project.store.write_bytes(saved)
        project.store.chmod(0o600)

    log = project.folder.parent / "trace"
    trace([], log)
    counts, points, touched = collections.Counter(), set(), False
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if not match:
            continue
        counts[match.groups()] += 1
        touched = touched or STORE in line
        if touched and match.group(2) in CHANGING and '"/proc' not in line and "O_RDONLY" not in line:
            points.add((match.group(2), counts[match.groups()]))
    tally = collections.Counter()
    for name, count in sorted(points):
        restore()
        trace(["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={count}"])
        opened, _ = project.opens()
        tally["opens" if opened and all(value in opened for value in PLAIN) else "lost"] += 1
        left = [path for path in project.folder.rglob("*") if path.is_file()]
        tally["plain"] += sum(any(value in path.read_bytes() for value in PLAIN) for path in left)
    return tally


def first_secret(project):
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        assert project.run(READ).returncode == 0
        times.append(time.perf_counter() - began)
    # the first one warms up
    return statistics.median(times[1:]) * 1000


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / "project"
        folder.mkdir()
        project = Project(folder)
        made = project.run([DC, "secrets", "encrypt", "-"], input=TEXT.encode())
        assert made.returncode == 0, made.stderr
        version = project.run([DC, "--version"]).stdout.decode().strip()
        ms = first_secret(project) if HAS_TIMES else None
        damaged, killed = damage(project), kills(project)
    print("# What the store of secrets bears\n")
    print(f"By `benches/secrets/measure.py` on {datetime.date.today()}: {version}, {os.cpu_count()} cores, "
          f"{platform.system()}. Four secrets; single bits and lengths spread over the file, and a kill at each system call of "
          "`dc secrets rekey` that changes anything, once it has touched the file.\n")
    print("| | tried | as it should be | otherwise |\n|---|--:|--:|--:|")
    for name, kind in ("a bit is flipped: refused", "bit"), ("the end is cut off: refused", "length"):
        tried = sum(count for (of, _), count in damaged.items() if of == kind)
        print(f"| {name} | {tried} | {damaged[kind, 'refused']} | {tried - damaged[kind, 'refused']} |")
    tried = killed["opens"] + killed["lost"]
    print(f"| a rewrite is killed: the store opens | {tried} | {killed['opens']} | {killed['lost']} |")
    print(f"| a rewrite is killed: no file holds a value in the clear | {tried} | {tried - killed['plain']} | {killed['plain']} |")
    if ms is None:
        print("\nTimes were not taken: this dc is not optimised.")
    else:
        print(f"\nThe first secret: {ms:.0f} ms (median of {ROUNDS}), nearly all of it one derivation of the key.")


main()
