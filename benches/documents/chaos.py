"""Documents under fire: thousands go through three stages while workers, managers and stage processes are killed, connections
to PostgreSQL and RabbitMQ are cut, and the disk is filled once. At the end nothing is lost, nothing done twice, nothing stuck.

    chaos.py DC [DOCUMENTS] [SEED] [RESTARTS]     wants PostgreSQL and RabbitMQ on this machine, and root for the small disk
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

DC = os.path.abspath(sys.argv[1])
DOCUMENTS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
# how often RabbitMQ itself is restarted, for whoever else uses it as well
RESTARTS = int(sys.argv[4]) if len(sys.argv) > 4 else 0
NAME = f"dc_chaos_{uuid.uuid4().hex[:12]}"
SERVER = os.environ.get("DC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")
DISK_MIB = 1024
SETTLED_S = 60

APP = """
[pipeline]
watch = ["inbox"]
complete = "rename"
workers = 4

[[stage]]
name = "read"
command = ["python3", "read.py"]
serve = true
attempts = 50
retry_after = "1s"

[[stage]]
name = "look"
command = ["sh", "-c", "test -s \\"$DC_INPUT\\" && echo $DC_NAME >> ../../../../looked"]
attempts = 50
retry_after = "1s"

[[stage]]
name = "load"
use = "load"
table = "docs"
create = true
key = ["name"]
attempts = 50
retry_after = "1s"
"""
READ = """
import json, sys
for line in sys.stdin:
    it = json.loads(line)
    text = open(it["document"]).read()
    print(json.dumps({"task": it["task"], "output": {"name": it["name"], "number": int(text)}}), flush=True)
"""


def sql(text, database=NAME):
    command = ["psql", "--quiet", "--no-align", "--tuples-only", "--dbname", f"{SERVER}/{database}", "--command", text]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def rabbit(*words):
    return subprocess.run(["rabbitmqctl", "--quiet", *words], capture_output=True, text=True)


class House:
    """A project on a small disk of its own, with a database and a virtual host."""

    def __init__(self):
        self.disk = Path(tempfile.mkdtemp(prefix="dc-chaos-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", self.disk], check=True)
        self.project = self.disk / "project"
        self.app = self.project / "apps/a/b/p"
        self.inbox = self.app / "inbox"
        self.inbox.mkdir(parents=True)
        (self.project / "dc.toml").write_text("[run]\nlease = \"5s\"\n[storage]\nmin_free = \"1MiB\"\n")
        (self.app / "app.toml").write_text(APP)
        (self.app / "read.py").write_text(READ)
        sql(f"CREATE DATABASE {NAME}", "postgres")
        self.has_rabbit = rabbit("add_vhost", NAME).returncode == 0
        self.environment = dict(os.environ, DC_DB_MAIN_URL=f"{SERVER}/{NAME}")
        if self.has_rabbit:
            rabbit("set_permissions", "-p", NAME, "guest", ".*", ".*", ".*")
            self.environment["DC_BROKER_URL"] = f"amqp://guest:guest@127.0.0.1:5672/{NAME}"
        self.managers = []
        self.dc("deploy")

    def dc(self, *words):
        return subprocess.run([DC, *words], cwd=self.project, env=self.environment, check=True, capture_output=True, text=True)

    def start_manager(self):
        log = open(self.disk / "manager.log", "ab")
        self.managers.append(subprocess.Popen(
            [DC, "manager", "start"], cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True))

    def processes(self, words):
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                folder = os.readlink(entry / "cwd")
            except OSError:
                continue
            if words in line and folder.startswith(str(self.project)):
                found.append(int(entry.name))
        return found

    def end(self):
        for manager in self.managers:
            manager.terminate()
        for manager in self.managers:
            try:
                manager.wait(20)
            except subprocess.TimeoutExpired:
                manager.kill()
        for pid in self.processes("dc") + self.processes("read.py"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(1)
        sql(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", "postgres")
        rabbit("delete_vhost", NAME)
        subprocess.run(["umount", "--lazy", self.disk], check=False)


def feed(house, count):
    """Files are written beside the folder and moved in; one in ten comes again under another name."""
    part = house.disk / "part"
    for number in range(count):
        for name in [f"f{number}"] + ([f"again{number}"] if number % 10 == 0 else []):
            while True:
                try:
                    part.write_text(str(number))
                    part.rename(house.inbox / name)
                    break
                except OSError:
                    time.sleep(0.2)
        if number % 50 == 0:
            time.sleep(0.05)


def faults(house, dice, stop, told):
    def kill(words, name):
        pids = house.processes(words)
        if pids:
            try:
                os.kill(dice.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                return
            told[name] = told.get(name, 0) + 1

    def cut_postgres():
        sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}' AND pid <> pg_backend_pid()")
        told["PostgreSQL cut"] = told.get("PostgreSQL cut", 0) + 1

    def cut_rabbit():
        if house.has_rabbit:
            rabbit("close_all_connections", "--vhost", NAME, "chaos")
            told["RabbitMQ cut"] = told.get("RabbitMQ cut", 0) + 1

    def restart_rabbit():
        if house.has_rabbit and told.get("RabbitMQ restarted", 0) < RESTARTS:
            rabbit("stop_app")
            time.sleep(2)
            rabbit("start_app")
            told["RabbitMQ restarted"] = told.get("RabbitMQ restarted", 0) + 1

    def fill_disk():
        if "disk filled" in told:
            return
        told["disk filled"] = 1
        try:
            with open(house.disk / "ballast", "wb") as ballast:
                while True:
                    ballast.write(bytes(1 << 20))
        except OSError:
            pass
        time.sleep(5)
        (house.disk / "ballast").unlink()

    def restart_manager():
        house.managers = [it for it in house.managers if it.poll() is None]
        while len(house.managers) < 2:
            house.start_manager()

    what = [(lambda: kill("pipeline-worker", "worker killed"), 4), (lambda: kill(" run ", "dc run killed"), 2),
            (lambda: kill("manager start", "manager killed"), 2), (lambda: kill("read.py", "stage killed"), 3),
            (cut_postgres, 2), (cut_rabbit, 2), (restart_rabbit, 1), (fill_disk, 1)]
    while not stop.wait(dice.uniform(0.5, 3)):
        dice.choices([it for it, _ in what], [weight for _, weight in what])[0]()
        restart_manager()


def main():
    house = House()
    dice = random.Random(SEED)
    print(f"{DOCUMENTS} documents, seed {SEED}")
    began = time.time()
    try:
        house.start_manager()
        house.start_manager()
        stop, told = threading.Event(), {}
        feeder = threading.Thread(target=feed, args=(house, DOCUMENTS))
        chaos = threading.Thread(target=faults, args=(house, dice, stop, told))
        feeder.start()
        chaos.start()
        expected = DOCUMENTS + (DOCUMENTS + 9) // 10
        open_ = "SELECT count(*) FROM pipeline_tasks WHERE state IN ('waiting', 'running')"
        found = "SELECT coalesce(sum(found), 0) FROM pipeline_counts"
        while True:
            time.sleep(2)
            try:
                if int(sql(found)) >= expected * 0.97 and int(sql(open_)) < DOCUMENTS * 0.05:
                    break
            except subprocess.CalledProcessError:
                pass
            if time.time() - began > 3600:
                break
        feeder.join()
        stop.set()
        chaos.join()
        while len([it for it in house.managers if it.poll() is None]) < 1:
            house.start_manager()
        quiet = time.time()
        # files that a dead worker took, and never noted, are adopted after a minute
        while time.time() - quiet < 2 * SETTLED_S + 60:
            time.sleep(2)
            left = len(list(house.inbox.glob("f*"))) + len(list((house.inbox / "work").glob("*")))
            if int(sql(open_)) == 0 and left == 0:
                break
        settled = time.time() - quiet
        report(house, told, settled, time.time() - began)
    finally:
        house.end()


def report(house, told, settled, elapsed):
    states = dict(line.split("|") for line in sql("SELECT state, count(*) FROM pipeline_tasks GROUP BY state").splitlines())
    found = int(sql("SELECT sum(found) FROM pipeline_counts"))
    duplicates = int(sql("SELECT count(*) FROM pipeline_duplicates"))
    tasks = sum(map(int, states.values()))
    rows = int(sql("SELECT count(*) FROM docs WHERE archive IS NULL"))
    distinct = int(sql("SELECT count(DISTINCT document) FROM docs WHERE archive IS NULL"))
    looked = (house.project / "looked").read_text().splitlines()
    checks = {
        "every content is a task": tasks == DOCUMENTS,
        "found = tasks + duplicates": found == tasks + duplicates,
        "every task came to an end": not {"waiting", "running"} & states.keys(),
        "no task failed or was rejected": not {"failed", "rejected"} & states.keys(),
        # one that was killed behind its last commit, and again, has its row and is set aside all the same
        "each document that is done has one row, and no document two": rows == distinct
        and int(states.get("done", 0)) <= rows <= int(states.get("done", 0)) + int(states.get("quarantined", 0)),
        "no file is left": not list(house.inbox.glob("f*")) and not list((house.inbox / "work").glob("*")),
        f"settled within {SETTLED_S} s, and a minute for what was taken and not noted": settled < 2 * SETTLED_S + 15,
    }
    print(json.dumps({"faults": told, "states": states, "found": found, "duplicates": duplicates, "rows": rows,
                      "looked": len(looked), "looked_twice": len(looked) - len(set(looked)),
                      "settled_s": round(settled, 1), "elapsed_s": round(elapsed)}, indent=1))
    for name, holds in checks.items():
        print("ok   " if holds else "WRONG", name)
    sys.exit(0 if all(checks.values()) else 1)


main()
