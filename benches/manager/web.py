"""How long the dashboard takes for its pages, over a house of many apps, runs and log records that SQL makes.

    benches/manager/web.py DC [RUNS] [RECORDS] [URL]

RUNS (1,000,000) runs of 200 apps and RECORDS (2,000,000) log records; URL is a PostgreSQL database that is empty, such as
postgres://postgres@127.0.0.1/dc_web, and an SQLite file is made without one. Prints the 50th and the 95th percentile of each
page in milliseconds, its bytes as they travel, and the memory of the server before and with 100 viewers.
"""

import datetime
import gzip
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

dc = str(pathlib.Path(sys.argv[1]).resolve())
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
records = int(sys.argv[3]) if len(sys.argv) > 3 else 2_000_000
url = sys.argv[4] if len(sys.argv) > 4 else None
APPS, ASKED, VIEWERS, PORT = 200, 60, 100, 9_287
# dc refuses a setting that it does not know
keep = os.environ.pop("DC_BENCH_FOLDER", None)
root = pathlib.Path(keep or tempfile.mkdtemp(prefix="dc-web-"))
environment = os.environ | ({"DC_DB_MAIN_URL": url} if url else {})


def call(*words):
    subprocess.run([dc, "-C", root, *words], check=True, env=environment, stdout=subprocess.DEVNULL)


def identity(moment):
    random = uuid.uuid4().int
    millis = int(moment.timestamp() * 1000)
    return str(uuid.UUID(int=(millis << 80) | (7 << 76) | (random >> 52 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1))


def text(moment):
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def rows_of_runs():
    """A run every few minutes of each app, the newest now."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    step = datetime.timedelta(minutes=5) / APPS
    for number in range(runs):
        began = now - step * (runs - number) - datetime.timedelta(seconds=5)
        failed = number % 37 == 0
        took = datetime.timedelta(seconds=20 + number * 7919 % 240)
        ended = min(began + took, now)
        yield (identity(began.replace(tzinfo=datetime.UTC)), number % APPS + 1, 3 if failed else 2, text(began), text(ended),
               1 if failed else 0, "exit status 1" if failed else None, 3 if failed else 0, 40, "manager",
               f"host-{number % 3}", 100 + number % 20)


def rows_of_records(identities):
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    for number in range(records):
        run, app = identities[number % len(identities)]
        at = now - datetime.timedelta(seconds=(records - number) * 0.05)
        level = 40 if number % 50 == 0 else 20
        yield run, app, text(at), level, "stdout", f"record {number} of many, page {number % 977} of the source was read"


RUN = ("runtime", "app_id", "code", "started_at", "ended_at", "exit_code", "reason", "exceptions", "log_lines", "started_by",
       "host", "solved")
LOG = ("runtime", "app_id", "time", "level", "source", "message")


def fill():
    for number in range(APPS):
        folder = root / f"apps/group{number % 8}/source{number % 40}/app{number:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "app.toml").write_text('command = ["true"]\nschedule = "*/5 * * * *"\n')
    call("deploy")
    identities = []

    def noted():
        for row in rows_of_runs():
            identities.append((row[0], row[1]))
            yield row

    touched = [(number % APPS + 1, f"table_{number % 90}", number % 3 != 0, number % 2 == 0) for number in range(400)]
    touched = list({(app, table): (app, table, reads, writes) for app, table, reads, writes in touched}.values())
    now = text(datetime.datetime.now(datetime.UTC).replace(tzinfo=None))
    object_columns = ("sha", "date_created", "app_id", "database", "schema_name", "name", "kind", "reads", "writes",
                      "last_seen", "last_runtime", "rows_new", "rows_changed", "rows_gone")
    objects = [(b"x", now, app, "main", "", table, "table", reads, writes, now, "", 10, 20, 3)
               for app, table, reads, writes in touched]
    if url:
        copy("runtime", RUN, noted())
        copy("logs", LOG, rows_of_records(identities[-records // 40 or -1:]))
        copy("app_db_objects", object_columns, [("\\\\x78", *row[1:]) for row in objects])
        subprocess.run(["psql", url, "-qc", "ANALYZE"], check=True)
        return
    with sqlite3.connect(root / ".dc/dc.db") as file:
        file.execute("PRAGMA synchronous = OFF")
        for table, columns, rows in (("runtime", RUN, noted()), ("logs", LOG, None), ("app_db_objects", object_columns, objects)):
            rows = rows or rows_of_records(identities[-records // 40 or -1:])
            names = ", ".join(f'"{name}"' for name in columns)
            file.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copy(table, columns, rows):
    names = ", ".join(f'"{name}"' for name in columns)
    process = subprocess.Popen(["psql", url, "-qc", f"COPY {table} ({names}) FROM STDIN"], stdin=subprocess.PIPE)
    for row in rows:
        fields = ("\\N" if value is None else str(value) for value in row)
        process.stdin.write(("\t".join(fields) + "\n").encode())
    process.stdin.close()
    assert process.wait() == 0, table


def get(path):
    asked = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", headers={"Accept-Encoding": "gzip"})
    began = time.perf_counter()
    with urllib.request.urlopen(asked) as answer:
        body = answer.read()
    return (time.perf_counter() - began) * 1e3, len(body), body


def used(pid):
    """Milliseconds of processor time; on SQLite the database's are in it."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e3


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def measure(pid):
    apps = gzip.decompress(get("/apps")[2]).decode()
    table = gzip.decompress(get("/tables")[2]).decode().split('href="/tables/main/')[1].split('"')[0]
    run = apps.split('href="/runs/')[1].split('"')[0]
    pages = ["/", "/apps", "/apps/group0/source0/app000", f"/runs/{run}", f"/runs/{run}?q=page&level=info", "/timeline",
             "/timeline?group=group0", "/tables", f"/tables/main/{table}", "/documents", "/search?q=record"]
    print(f"{'page':50} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8} {'bytes':>8}")
    for page in pages:
        took, before = [], used(pid)
        for _ in range(ASKED):
            # past what is kept for a moment
            ms, size, _ = get(page + ("&" if "?" in page else "?") + f"n={time.time_ns()}")
            took.append(ms)
        took.sort()
        print(f"{page[:50]:50} {took[len(took) // 2]:8.1f} {took[int(len(took) * 0.95)]:8.1f} {(used(pid) - before) / ASKED:8.1f} {size:8}")
    before = resident(pid)
    stop = threading.Event()

    def view():
        while not stop.is_set():
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/events") as events:
                while not stop.is_set() and events.readline():
                    pass

    for _ in range(VIEWERS):
        threading.Thread(target=view, daemon=True).start()
    for _ in range(10):
        threading.Thread(target=get, args=("/",), daemon=True).start()
    time.sleep(8)
    print(f"memory: {before:.0f} MiB, with {VIEWERS} viewers {resident(pid):.0f} MiB")
    stop.set()


if not (root / ".dc-filled").exists():
    fill()
    (root / ".dc-filled").write_text("")
server = subprocess.Popen([dc, "-C", root, "manager", "web", "--listen", str(PORT)], env=environment)
try:
    for _ in range(100):
        try:
            get("/")
            break
        except OSError:
            time.sleep(0.2)
    measure(server.pid)
finally:
    server.send_signal(signal.SIGTERM)
    server.wait()
