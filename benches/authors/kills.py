"""Producers and merges killed at random moments: is a part ever merged?

    python3 kills.py target/release/dc PYTHON 200 [SEED]

Each round a producer yields 20,000 records, all of them changed, and one process is killed at a random moment of the round.
Afterwards the table holds the records of before, or all of the new ones; a mixture is a partial merge. The guard against
vanished rows is off (`max_gone`), so that it cannot be what saves the table.
"""

import collections
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DC, PYTHON, ROUNDS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).absolute(), int(sys.argv[3])
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 1
RECORDS = 20_000
PACKAGE = Path(__file__).parents[2] / "python"
APP = f"""
import os
from dcollect import app

@app(table="numbers", key="number", max_gone="100%")
def collect(ctx):
    for number in range({RECORDS}):
        yield {{"number": number, "edition": int(os.environ["EDITION"]), "text": "x" * 50}}
"""
PRODUCER = f"""
import json, os
for number in range({RECORDS}):
    print(json.dumps({{"number": number, "edition": int(os.environ["EDITION"]), "text": "x" * 50}}), flush=number % 100 == 0)
if os.environ.get("LINE"):
    print(json.dumps({{"dc": "end", "records": {RECORDS}}}))
"""
MERGE = '"$DC" merge numbers {} --key number --create --max-gone 100% --quiet'
WAYS = {
    "dcollect, in dc run": [DC, "run", "numbers"],
    "dc merge -- producer": ["sh", "-c", "exec " + MERGE.format("") + ' -- "$PYTHON" producer.py'],
    "in a pipe, --expect-end": ["sh", "-c", 'LINE=1 "$PYTHON" producer.py | ' + MERGE.format("- --expect-end")],
}
VICTIMS = [("producer", signal.SIGKILL), ("producer", signal.SIGTERM), ("merge", signal.SIGKILL), ("merge", signal.SIGTERM), ("all", signal.SIGKILL)]


def of_session(session):
    """The processes below the shell or dc that was started, by their parents."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parents[int(entry.name)] = (int((entry / "stat").read_text().rpartition(") ")[2].split()[1]), words)
            except (OSError, IndexError):
                continue
    found, added = {session: parents.get(session, (0, []))[1]}, True
    while added:
        added = False
        for process, (parent, words) in parents.items():
            if parent in found and process not in found:
                found[process], added = words, True
    return found


def kind(words):
    text = b" ".join(words).decode(errors="replace")
    if text.startswith("sh "):
        return "shell"
    if "producer.py" in text and " merge " not in text or text.endswith("main.py "):
        return "producer"
    return "merge" if " merge " in text else "other"


def table(folder):
    with sqlite3.connect(folder / ".dc/dc.db", timeout=30) as db:
        return dict(db.execute("SELECT edition, count(*) FROM numbers WHERE archive IS NULL GROUP BY edition"))


def start(way, edition, folder):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DC": str(DC), "PYTHON": str(PYTHON), "EDITION": str(edition), "PYTHONPATH": str(PACKAGE)}
    return subprocess.Popen(WAYS[way], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def is_alive(process):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def finish(child, known):
    """Waits until everything that belonged to the round has ended."""
    status = child.wait()
    while any(map(is_alive, known)):
        time.sleep(0.02)
    return status


def main():
    dice = random.Random(SEED)
    tally = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "producer.py").write_text(PRODUCER)
        app = folder / "apps/bench/authors/numbers"
        app.mkdir(parents=True)
        (app / "main.py").write_text(APP)
        (app / "app.toml").write_text(f'command = ["{PYTHON}", "main.py"]\n')
        lasted, edition = {}, 0
        for way in WAYS:
            edition += 1
            began = time.monotonic()
            assert start(way, edition, folder).wait() == 0, way
            lasted[way] = time.monotonic() - began
        number = kills = 0
        while kills < ROUNDS:
            number += 1
            way, (victim, number_of_signal) = list(WAYS)[number % len(WAYS)], dice.choice(VICTIMS)
            before = table(folder)
            edition += 1
            began = time.monotonic()
            child = start(way, edition, folder)
            time.sleep(dice.uniform(0, lasted[way] * 0.9))
            known = of_session(child.pid)
            hit = 0
            for process, words in known.items():
                if is_alive(process) and (victim == "all" or kind(words) == victim):
                    os.kill(process, number_of_signal)
                    hit += 1
            kills += hit > 0
            status = finish(child, known)
            if status == 0:
                lasted[way] = (lasted[way] * 3 + time.monotonic() - began) / 4
            after = table(folder)
            if after == before:
                outcome = "unchanged" if status != 0 else "UNCHANGED, YET STATUS 0"
            elif after == {edition: RECORDS}:
                outcome = "whole" if status == 0 else "whole, status not 0"
            else:
                outcome = "PARTIAL"
                print(number, way, victim, before, after, status, flush=True)
            tally[way, f"{victim} {signal.Signals(number_of_signal).name}"][outcome if hit else "nobody to kill"] += 1
    outcomes = sorted({outcome for counts in tally.values() for outcome in counts})
    print("| way | killed | " + " | ".join(outcomes) + " |\n|---|---|" + "--:|" * len(outcomes))
    for (way, victim), counts in sorted(tally.items()):
        print(f"| {way} | {victim} | " + " | ".join(str(counts[outcome] or "") for outcome in outcomes) + " |")
    total = sum(tally.values(), collections.Counter())
    print(f"\n{number} rounds, {kills} with a kill: {dict(total)}")
    sys.exit(1 if total["PARTIAL"] or total["UNCHANGED, YET STATUS 0"] else 0)


if __name__ == "__main__":
    main()
