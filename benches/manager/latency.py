"""How late apps start: APPS apps due every minute, spread by jitter, for MINUTES minutes; and what an idle manager costs.

    benches/manager/latency.py DC [MINUTES] [APPS] [VIEWERS]

With VIEWERS so many look at the dashboard meanwhile: each listens for events, and reads Now or Apps again and again.
Late is the app's own clock at its first line less its due minute with its jitter, which is a hash of both.
"""

import datetime
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from project import deploy, program

dc = str(pathlib.Path(sys.argv[1]).resolve())
minutes = int(sys.argv[2]) if len(sys.argv) > 2 else 3
apps = int(sys.argv[3]) if len(sys.argv) > 3 else 500
viewers = int(sys.argv[4]) if len(sys.argv) > 4 else 0
PORT = 9_288
JITTER_S = 50
IDLE_S = 60
# no app of the idle manager is due
SCHEDULES = {True: f'schedule = "* * * * *"\njitter = "{JITTER_S}s"\n', False: 'schedule = "0 0 1 1 *"\n'}


def manager(busy):
    root = pathlib.Path(tempfile.mkdtemp(prefix="dc-late-"))
    script = program(root / "starter", f'echo "$DC_RUNTIME $(date +%s.%N)" >>{root}/book')
    deploy(dc, root, {f"a{number}": f'command = ["{script}"]\n{SCHEDULES[busy]}' for number in range(apps)})
    words = [dc, "-C", root, "manager", "start"] + (["--listen", str(PORT)] if busy and viewers else [])
    return root, subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def view(number):
    """A viewer, until the server is gone."""
    page = ["/", "/apps"][number % 2]
    address, failures = f"http://127.0.0.1:{PORT}", 0
    while failures < 100:
        try:
            with urllib.request.urlopen(f"{address}/events", timeout=60) as events:
                for line in events:
                    if line.startswith(b"event:"):
                        urllib.request.urlopen(address + page, timeout=60).read()
                        time.sleep(0.9)
            failures = 0
        except OSError:
            failures += 1
            time.sleep(0.3)


def used(pid):
    """Seconds of processor time, and MiB resident."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"), int(resident) / 1024


def start_of(app, due_at):
    """The moment at which the manager starts the app, in seconds: see `start_of` in src/manager/decide.rs."""
    moment = datetime.datetime.fromisoformat(due_at).replace(tzinfo=datetime.UTC)
    seconds, hashed = round(moment.timestamp()), 0xCBF29CE484222325
    for byte in f"bench/bench/{app} {seconds * 1_000_000}".encode():
        hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
    return seconds + hashed % (JITTER_S * 1_000) / 1_000


def end(root, process):
    process.send_signal(signal.SIGTERM)
    process.wait()
    shutil.rmtree(root, ignore_errors=True)


root, process = manager(busy=True)
for number in range(viewers):
    threading.Thread(target=view, args=(number,), daemon=True).start()
time.sleep(60 * minutes + 20)
with sqlite3.connect(root / ".dc" / "dc.db") as database:
    query = "SELECT runtime, name, due_at FROM occurrences o JOIN apps a ON a.id = o.app_id WHERE runtime IS NOT NULL"
    due = {runtime: start_of(name, due_at) for runtime, name, due_at in database.execute(query)}
lines = [line.split() for line in (root / "book").read_text().splitlines()]
late = sorted(float(stamp) - due[runtime] for runtime, stamp in lines if runtime in due)
end(root, process)
at = lambda share: late[min(len(late) - 1, int(len(late) * share))] * 1e3
seen = f", {viewers} viewers" if viewers else ""
print(f"{len(late)} starts, {apps} apps every minute with a jitter of {JITTER_S} s, {os.cpu_count()} cores{seen}")
print(f"late: median {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms, most {late[-1] * 1e3:.0f} ms")

root, process = manager(busy=False)
time.sleep(10)
before, _ = used(process.pid)
time.sleep(IDLE_S)
after, resident = used(process.pid)
end(root, process)
print(f"idle with {apps} apps: {(after - before) / IDLE_S:.2%} of a core, {resident:.0f} MiB")
