"""The memory of a worker over many documents: three stages that do nothing, on SQLite.

    memory.py DC [FILES]

A manager keeps the worker. Prints what it has resident (without the pages of its own program) after each tenth of the
documents.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import served

DC = os.path.abspath(sys.argv[1])
FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000


def workers(project):
    """The processes of `dc pipeline-worker` of a project."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"pipeline-worker" in words and os.readlink(entry / "cwd").startswith(str(project)):
                yield entry
        except OSError:
            pass


def memory(entry):
    status = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines() if ":" in line)
    kib = lambda name: int(status[name].split()[0])
    return kib("RssAnon") / 1024, kib("VmRSS") / 1024


with tempfile.TemporaryDirectory() as made:
    project = Path(made)
    served.fill(served.make(project, ("one", "two", "three"), workers=2), FILES)
    subprocess.run([DC, "deploy"], cwd=project, check=True, capture_output=True)
    manager = subprocess.Popen([DC, "manager", "start"], cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    database = sqlite3.connect(project / ".dc/dc.db")
    began, told, done = time.time(), 0, 0
    try:
        while done < FILES:
            time.sleep(0.5)
            done = database.execute("SELECT count(*) FROM pipeline_tasks WHERE state = 'done'").fetchone()[0]
            if done >= min(told + FILES / 10, FILES):
                told = done
                for entry in workers(project):
                    own, all_ = memory(entry)
                    print(f"{done:>9,} done, {time.time() - began:6.1f} s, process {entry.name}: {own:.1f} MiB of its own, "
                          f"{all_:.1f} resident", flush=True)
    finally:
        subprocess.run([DC, "manager", "stop", "--stop-apps"], cwd=project, capture_output=True)
        manager.wait()
