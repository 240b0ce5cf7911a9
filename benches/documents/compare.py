"""Documents a second through three stages that do nothing: this project (SQLite; PostgreSQL and RabbitMQ) beside chains of
Celery and pipelines of Dramatiq over RabbitMQ, in turns, in one run. Here each file is stored, and each step is on the disk
before the next; there the files are only named in messages.

    compare.py DC PYTHON [FILES] [ROUNDS]

The stages are one program in Python that serves many documents, as the peers' workers are.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import served

DC, PYTHON = (os.path.abspath(word) for word in sys.argv[1:3])
FILES = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 3
HERE = Path(__file__).resolve().parent
SERVER = os.environ.get("DC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")


def ours(database, environment):
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        served.fill(served.make(project, ("one", "two", "three"), workers=2), FILES)
        environment = dict(os.environ, **environment)
        if database:
            environment["DC_DB_MAIN_URL"] = f"{SERVER}/{database}"
        subprocess.run([DC, "deploy"], cwd=project, env=environment, check=True, capture_output=True)
        began = time.time()
        subprocess.run([DC, "run", "p"], cwd=project, env=environment, check=True, capture_output=True)
        elapsed = time.time() - began
        ledger = subprocess.run([DC, "tasks", "p", "--json", "--limit", "1"], cwd=project, env=environment, check=True,
                                capture_output=True, text=True).stdout
        assert json.loads(ledger)["pipelines"][0]["done"] == FILES, ledger[:500]
        return FILES / elapsed, ""


def with_postgres(environment):
    name = f"dc_bench_{uuid.uuid4().hex[:10]}"
    sql = lambda text: subprocess.run(["psql", "-q", f"{SERVER}/postgres", "-c", text], check=True)
    sql(f"CREATE DATABASE {name}")
    try:
        return ours(name, environment)
    finally:
        sql(f"DROP DATABASE {name} WITH (FORCE)")


def peer(module, command, url):
    with tempfile.TemporaryDirectory() as folder:
        ledger, inbox = Path(folder) / "ledger", Path(folder) / "inbox"
        inbox.mkdir()
        served.fill(inbox, FILES)
        environment = dict(os.environ, BENCH_RABBITMQ=url, BENCH_LEDGER=str(ledger), PYTHONPATH=str(HERE))
        worker = subprocess.Popen([PYTHON, "-m", *command], cwd=HERE, env=environment, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            time.sleep(5)
            said = subprocess.run([PYTHON, HERE / f"{module}.py", inbox], env=environment, check=True,
                                  capture_output=True, text=True).stdout
            return float(said.split()[-1])
        finally:
            os.killpg(worker.pid, 15)
            worker.wait()


def main():
    host = f"dc_bench_{uuid.uuid4().hex[:10]}"
    control = lambda *words: subprocess.run(["rabbitmqctl", "--quiet", *words], check=True, capture_output=True)
    control("add_vhost", host)
    control("set_permissions", "-p", host, "guest", ".*", ".*", ".*")
    url = f"amqp://guest:guest@127.0.0.1:5672/{host}"
    rates, peaks = {}, {}
    ways = {
        "this project, SQLite": lambda: ours(None, {}),
        "Celery 5.5, chain of three, prefork of two": lambda: (peer("celery_app", ["celery", "-A", "celery_app", "worker", "-c", "2"], url), ""),
        "this project, PostgreSQL and RabbitMQ": lambda: with_postgres({"DC_BROKER_URL": url}),
        "Dramatiq 2.2, pipeline of three, two processes": lambda: (peer("dramatiq_app", ["dramatiq", "dramatiq_app", "-p", "2"], url), ""),
    }
    try:
        for _ in range(ROUNDS):
            for name, way in ways.items():
                rate, peak = way()
                rates.setdefault(name, []).append(rate)
                peaks[name] = peak
                print(f"{name}: {rate:.0f} a second {peak}", file=sys.stderr, flush=True)
    finally:
        control("delete_vhost", host)
    print("# Documents a second\n")
    print(f"{FILES:,} files, three stages that do nothing, {ROUNDS} rounds in turns; median (all).\n")
    print("| | documents a second | peak memory |\n|---|---:|---:|")
    for name, all_ in rates.items():
        print(f"| {name} | {statistics.median(all_):.0f} ({', '.join(f'{rate:.0f}' for rate in all_)}) | {peaks[name]} |")


main()
