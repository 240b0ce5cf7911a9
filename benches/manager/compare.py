"""Starts the same programs under dc, supervisord and PM2 in turns, and writes the medians into RESULTS.md.

Start rate: APPS programs that append the moment at which they run to one file. The clock starts when the manager is
launched (PM2: when its daemon, which runs already, is told to) and ends with the last moment in the file.

Lines: one program that prints LINES lines of 100 bytes. The clock starts when it is told to run and ends when every line
is where the manager keeps it: for dc in the database (or in its file), for the others in their log file.
"""

import json
import os
import pathlib
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from project import deploy, program

ROUNDS = 5
DEADLINE_S = 60
LINE = "x" * 99
# where PostgreSQL is, without a database: postgres://postgres@127.0.0.1:5432
POSTGRES = os.environ.get("DC_BENCH_POSTGRES")
# what other measurements have written behind the tables
OTHERS = "\n# Two hosts in chaos\n"

dc, supervisord, pm2 = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:4])
apps = int(sys.argv[4]) if len(sys.argv) > 4 else 200
lines = int(sys.argv[5]) if len(sys.argv) > 5 else 1_000_000


def until(reached, what):
    """Waits for `reached`, looking a hundred times a second."""
    began = time.monotonic()
    while not reached():
        if time.monotonic() - began > DEADLINE_S:
            raise TimeoutError(f"{what} took longer than {DEADLINE_S} s")
        time.sleep(0.01)


def stamps(book):
    return book.read_text().split() if book.exists() else []


def starter(folder, book):
    return program(folder / "starter", f"date +%s.%N >> {book}")


def printer(folder):
    text = folder / "lines.txt"
    with text.open("w") as out:
        for _ in range(lines):
            out.write(LINE + "\n")
    return program(folder / "printer", f"exec cat {text}")


def rate(book, began):
    until(lambda: len(stamps(book)) >= apps, "starting the apps")
    return apps / (max(float(stamp) for stamp in stamps(book)) - began)


# --- dc ------------------------------------------------------------------------------------------------------------


def dc_project(folder, programs, extra="", schedule=""):
    definitions = {name: f'command = ["{path}"]\n{schedule}' for name, path in programs.items()}
    return deploy(dc, folder / "project", definitions, extra)


def dc_starts_postgres(folder):
    """The same on PostgreSQL, in a database of its own."""
    name = f"dc_bench_{os.getpid()}"
    told = lambda database, query: subprocess.run(
        ["psql", "-qAt", "-c", query, f"{POSTGRES}/{database}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    told("postgres", f"CREATE DATABASE {name}")
    book, environment = folder / "book", {**os.environ, "DC_DB_MAIN_URL": f"{POSTGRES}/{name}"}
    try:
        definition = f'command = ["{starter(folder, book)}"]\ninterval = "1h"\n'
        root = deploy(dc, folder / "project", {f"a{n}": definition for n in range(apps)}, "", environment)
        told(name, "UPDATE apps SET next_run = (now() AT TIME ZONE 'UTC') - interval '1 second'")
        began = time.time()
        words = [dc, "-C", root, "manager", "start", "--once"]
        subprocess.run(words, check=True, capture_output=True, env=environment)
        found = rate(book, began)
        until(lambda: told(name, "SELECT count(*) FROM runtime WHERE ended_at IS NULL") == "0", "the end of the runs")
        return found
    finally:
        told("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def dc_starts(folder):
    book = folder / "book"
    script = starter(folder, book)
    root = dc_project(folder, {f"a{n}": script for n in range(apps)}, schedule='interval = "1h"\n')
    # all are due
    with sqlite3.connect(root / ".dc" / "dc.db") as database:
        database.execute("UPDATE apps SET next_run = datetime('now', '-1 second')")
    began = time.time()
    subprocess.run([dc, "-C", root, "manager", "start", "--once"], check=True, capture_output=True)
    found = rate(book, began)
    until(lambda: not running(root), "the end of the runs")
    return found


def running(root):
    with sqlite3.connect(root / ".dc" / "dc.db", timeout=30) as database:
        return database.execute("SELECT count(*) FROM runtime WHERE ended_at IS NULL").fetchone()[0]


def dc_lines(folder, extra=""):
    root = dc_project(folder, {"printer": printer(folder)}, extra)
    began = time.time()
    subprocess.run([dc, "-C", root, "run", "printer"], check=True, capture_output=True)
    elapsed = time.time() - began
    with sqlite3.connect(root / ".dc" / "dc.db") as database:
        count = database.execute("SELECT count(*) FROM logs WHERE message LIKE 'xxx%'").fetchone()[0]
    if "file" in extra:
        count = sum(1 for line in (root / "records.ndjson").open() if LINE in line)
    if count != lines:
        raise SystemExit(f"compare.py: dc kept {count} of {lines} lines")
    return lines / elapsed


def dc_lines_file(folder):
    return dc_lines(folder, '[log]\nsinks = ["file"]\n[log.file]\npath = "records.ndjson"\nsize_max = "10GiB"\n')


# --- supervisord ---------------------------------------------------------------------------------------------------


def supervisord_with(folder, sections):
    config = folder / "supervisord.conf"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={folder}/supervisord.log\npidfile={folder}/pid\n" + sections
    )
    return subprocess.Popen([supervisord, "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def supervisord_starts(folder):
    book = folder / "book"
    script = starter(folder, book)
    one = "[program:a{n}]\ncommand={program}\nautorestart=false\nstartsecs=0\nstdout_logfile={folder}/a{n}.log\n"
    began = time.time()
    process = supervisord_with(folder, "".join(one.format(n=n, program=script, folder=folder) for n in range(apps)))
    found = rate(book, began)
    process.terminate()
    process.wait()
    return found


def supervisord_lines(folder):
    script, log = printer(folder), folder / "printer.log"
    section = (
        f"[program:printer]\ncommand={script}\nautorestart=false\nstartsecs=0\nstdout_logfile={log}\n"
        "stdout_logfile_maxbytes=0\n"
    )
    began = time.time()
    process = supervisord_with(folder, section)
    until(lambda: log.exists() and log.stat().st_size >= lines * (len(LINE) + 1), "the lines")
    elapsed = time.time() - began
    process.terminate()
    process.wait()
    return lines / elapsed


# --- PM2 -----------------------------------------------------------------------------------------------------------


def pm2_told(folder, *words):
    environment = {**os.environ, "PM2_HOME": str(folder / "pm2")}
    subprocess.run([pm2, *words], check=True, capture_output=True, env=environment)


def pm2_with(folder, programs):
    entries = [
        {
            "name": name,
            "script": str(path),
            "interpreter": "none",
            "autorestart": False,
            "out_file": str(folder / f"{name}.log"),
            "error_file": str(folder / f"{name}.err"),
        }
        for name, path in programs.items()
    ]
    config = folder / "ecosystem.config.json"
    config.write_text(json.dumps({"apps": entries}))
    pm2_told(folder, "ping")
    began = time.time()
    pm2_told(folder, "start", str(config))
    return began


def pm2_starts(folder):
    book = folder / "book"
    script = starter(folder, book)
    began = pm2_with(folder, {f"a{n}": script for n in range(apps)})
    found = rate(book, began)
    pm2_told(folder, "kill")
    return found


def pm2_lines(folder):
    began = pm2_with(folder, {"printer": printer(folder)})
    log = folder / "printer.log"
    until(lambda: log.exists() and log.stat().st_size >= lines * (len(LINE) + 1), "the lines")
    elapsed = time.time() - began
    pm2_told(folder, "kill")
    return lines / elapsed


# --- all of them, in turns -----------------------------------------------------------------------------------------

STARTS = {"dc": dc_starts, "supervisord": supervisord_starts, "PM2": pm2_starts}
if POSTGRES:
    STARTS["dc on PostgreSQL"] = dc_starts_postgres
LINES = {
    "dc, into a file": dc_lines_file,
    "supervisord, into a file": supervisord_lines,
    "PM2, into a file": pm2_lines,
    "dc, into its database": dc_lines,
}


def measure(contenders):
    found = {name: [] for name in contenders}
    for turn in range(ROUNDS):
        for name, contender in contenders.items():
            folder = pathlib.Path(tempfile.mkdtemp(prefix="dc-bench-"))
            try:
                found[name].append(contender(folder))
                print(f"{turn + 1}/{ROUNDS} {name}: {found[name][-1]:,.0f} a second", flush=True)
            except TimeoutError as late:
                # PM2 loses lines at times; the median is taken of the other rounds
                print(f"{turn + 1}/{ROUNDS} {name}: left out, {late}", flush=True)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    # one that never came to its end has no row
    return {name: statistics.median(rates) for name, rates in found.items() if rates}


def table(title, rates):
    first = next(iter(rates.values()))
    rows = [f"| {name} | {rate:,.0f} | {first / rate:.1f} |" for name, rate in rates.items()]
    return "\n".join([f"| {title} | a second | dc is so many times as fast |", "|---|---:|---:|", *rows])


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
text = "\n\n".join(
    [
        "# A manager beside others",
        f"Medians of {ROUNDS} interleaved rounds, `benches/manager/compare.sh {apps} {lines}`; what is measured stands in"
        " `compare.py`. The last column compares the first row with each.",
        table(f"{apps} apps started", measure(STARTS)),
        table(f"{lines:,} lines of 100 bytes kept", measure(LINES)),
    ]
)
results = pathlib.Path(__file__).parent / "RESULTS.md"
_, marker, others = results.read_text().partition(OTHERS)
results.write_text(f"{text}\n{marker}{others}")
print(text)
