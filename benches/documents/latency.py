"""How long it takes from a complete file in a watched folder to the start of its first stage, on SQLite, one file at a time.

    latency.py DC PYTHON [FILES]

PYTHON has `watchdog`: the same files are seen by a script of a few lines, which hears of a file and starts nothing.
"""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import served

DC, PYTHON = (os.path.abspath(word) for word in sys.argv[1:3])
FILES = int(sys.argv[3]) if len(sys.argv) > 3 else 500
WATCH = """import sys, time
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer
class Heard(FileSystemEventHandler):
    def on_moved(self, event): self.tell(event.dest_path)
    def on_created(self, event): self.tell(event.src_path)
    def tell(self, path): print(time.time(), path.rsplit("/", 1)[1], flush=True)
observer = Observer()
observer.schedule(Heard(), sys.argv[1])
observer.start()
print("ready", flush=True)
observer.join()
"""


def until(what, is_true, seconds=120):
    end = time.time() + seconds
    while not is_true():
        assert time.time() < end, what
        time.sleep(0.05)


def drop(folder, inbox):
    """Moves files in, one after the other; when each was there."""
    there = {}
    for number in range(FILES):
        name = f"f{number}.txt"
        (folder / name).write_text(f"document {number} {time.time()}")
        os.rename(folder / name, inbox / name)
        there[name] = time.time()
        time.sleep(random.uniform(0.05, 0.15))
    return there


def ours(folder):
    inbox = served.make(folder, ("only",))
    subprocess.run([DC, "deploy"], cwd=folder, check=True, capture_output=True)
    manager = subprocess.Popen([DC, "manager", "start"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    database = sqlite3.connect(folder / ".dc/dc.db")
    count = lambda sql: database.execute(sql).fetchone()[0]
    try:
        until("a worker", lambda: count("SELECT count(*) FROM pipeline_folders") == 1)
        there = drop(folder, inbox)
        done = "SELECT count(*) FROM pipeline_tasks WHERE state = 'done'"
        until("all documents", lambda: count(done) == FILES)
        rows = database.execute("SELECT t.name, min(a.started_at) FROM pipeline_attempts a "
                                "JOIN pipeline_tasks t ON t.id = a.task_id GROUP BY t.name").fetchall()
        moment = lambda text: datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()
        return [moment(began) - there[name] for name, began in rows]
    finally:
        subprocess.run([DC, "manager", "stop", "--stop-apps"], cwd=folder, capture_output=True)
        manager.wait()


def watchdog(folder):
    inbox = folder / "inbox"
    inbox.mkdir()
    script = subprocess.Popen([PYTHON, "-c", WATCH, inbox], stdout=subprocess.PIPE, text=True)
    assert script.stdout.readline() == "ready\n"
    there = drop(folder, inbox)
    heard = {}
    while len(heard) < FILES:
        moment, name = script.stdout.readline().split()
        heard.setdefault(name, float(moment))
    script.terminate()
    script.wait()
    return [heard[name] - there[name] for name in there]


print("| | p50 | p99 | most |\n|---|---:|---:|---:|")
for name, way in {"this project: stored, recorded, claimed, begun": ours, "watchdog: heard of": watchdog}.items():
    with tempfile.TemporaryDirectory() as made:
        times = sorted(1000 * max(value, 0) for value in way(Path(made)))
    p = lambda share: times[min(int(len(times) * share), len(times) - 1)]
    print(f"| {name} | {p(0.5):.1f} ms | {p(0.99):.1f} ms | {times[-1]:.1f} ms |", flush=True)
