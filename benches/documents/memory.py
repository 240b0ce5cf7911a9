"""The memory of a worker over many documents: three stages that do nothing, on SQLite.

    memory.py DC [FILES]

Prints what the worker has resident (without the pages of its own program) after each tenth of the documents.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DC = os.path.abspath(sys.argv[1])
FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
STAGE = '[[stage]]\nname = "{}"\ncommand = ["python3", "nothing.py"]\nserve = true\n'
APP = '[pipeline]\nwatch = ["inbox"]\ncomplete = "rename"\nworkers = 2\n' + "".join(map(STAGE.format, ("one", "two", "three")))
NOTHING = """import json, sys
for line in sys.stdin:
    print(json.dumps({"task": json.loads(line)["task"], "output": None}), flush=True)
"""


def workers(session):
    """The processes of `dc pipeline-worker` in a session."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"pipeline-worker" in words and os.getsid(int(entry.name)) == session:
                yield entry
        except (OSError, ValueError):
            pass


def memory(entry):
    status = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines() if ":" in line)
    kib = lambda name: int(status[name].split()[0])
    return kib("RssAnon") / 1024, kib("VmRSS") / 1024


with tempfile.TemporaryDirectory() as made:
    project = Path(made)
    app = project / "apps/a/b/p"
    (app / "inbox").mkdir(parents=True)
    for number in range(FILES):
        (app / f"inbox/f{number}.txt").write_text(f"document {number}")
    (project / "dc.toml").write_text("")
    (app / "app.toml").write_text(APP)
    (app / "nothing.py").write_text(NOTHING)
    subprocess.run([DC, "deploy"], cwd=project, check=True, capture_output=True)
    run = subprocess.Popen([DC, "run", "p"], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           start_new_session=True)
    database = sqlite3.connect(project / ".dc/dc.db")
    began, told = time.time(), 0
    while run.poll() is None:
        done = database.execute("SELECT count(*) FROM pipeline_tasks WHERE state = 'done'").fetchone()[0]
        if done >= told + FILES / 10:
            told = done
            for entry in workers(run.pid):
                own, all_ = memory(entry)
                print(f"{done:>9,} done, {time.time() - began:6.1f} s: {own:.1f} MiB of its own, {all_:.1f} resident", flush=True)
        time.sleep(0.5)
    assert run.returncode == 0, run.returncode
