"""Three managers on one PostgreSQL, 200 apps due every minute, and minutes of `kill -9` and SIGSTOP of managers and of
restarts of PostgreSQL and RabbitMQ. Then every occurrence, run and exit code is held against what the apps wrote.

    benches/manager/chaos.py DC [MINUTES] [APPS]

Needs PostgreSQL's programs (it makes a server of its own) and, where DC_BROKER_URL names a broker of this machine,
rabbitmqctl. As root the server runs as `postgres`.
"""

import collections
import glob
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from project import deploy, program

dc = str(pathlib.Path(sys.argv[1]).resolve())
minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10
apps = int(sys.argv[3]) if len(sys.argv) > 3 else 200
broker = os.environ.get("DC_BROKER_URL")
# what runs when the chaos ends is given so long
SETTLE_S = 90
APP = """echo "$DC_RUNTIME start $(date +%s)" >>"{book}"
sleep $(awk -v n="$$" 'BEGIN {{ srand(n); print rand() * {seconds} }}')
code=$(awk -v n="$$" 'BEGIN {{ srand(n + 1); print rand() < 0.2 ? 3 : 0 }}')
echo "$DC_RUNTIME end $code" >>"{book}"
exit $code"""


class Server:
    """A PostgreSQL of our own."""

    def __init__(self, folder):
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.data, self.port, self.folder = folder / "data", 20_000 + random.randrange(20_000), folder
        self.user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(folder, "postgres")
        self.told("initdb", "-D", self.data, "-A", "trust", "-U", "postgres")
        self.control("start")

    def told(self, program, *words):
        words = [*self.user, f"{self.programs}/{program}", *map(str, words)]
        return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=self.folder)

    def control(self, *words):
        options = f"-p {self.port} -k {self.folder} -c max_connections=500 -c listen_addresses=127.0.0.1"
        self.told("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options, *words)

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def rows(self, query):
        done = subprocess.run(["psql", "-At", "-F", "\t", "-c", query, self.url], check=True, capture_output=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]


class Manager:
    """A manager that is started anew when it was killed."""

    def __init__(self, root, environment, number):
        self.root, self.environment, self.log = root, environment, root / f"manager{number}.log"
        self.start()

    def start(self):
        words = [dc, "-C", self.root, "manager", "start"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def send(self, which):
        if self.process.poll() is None:
            self.process.send_signal(which)


def project(folder, url):
    root = folder / "project"
    root.mkdir()
    definitions = {}
    for name in (f"a{number}" for number in range(apps)):
        script = APP.format(book=root / f"{name}.book", seconds=random.choice([1, 5, 25]))
        command = f'command = ["{program(root / name, script)}"]\n'
        definitions[name] = command + 'schedule = "* * * * *"\ntimeout = "5m"\nmax_failures = 1000\n'
    environment = {**os.environ, "DC_DB_MAIN_URL": url}
    deploy(dc, root, definitions, '[manager]\nbackoff = "1s"\nbackoff_max = "5s"\n', environment)
    return root, environment


def chaos(server, managers):
    told = collections.Counter()
    until, next_server, next_broker = time.time() + minutes * 60, time.time() + 45, time.time() + 75
    while time.time() < until:
        time.sleep(random.uniform(0.5, 3))
        manager = random.choice(managers)
        if random.random() < 0.6:
            manager.send(signal.SIGKILL)
            manager.process.wait()
            told["kill"] += 1
            time.sleep(random.uniform(0, 3))
            manager.start()
        else:
            manager.send(signal.SIGSTOP)
            told["stop"] += 1
            time.sleep(random.uniform(0.1, 8))
            manager.send(signal.SIGCONT)
        if time.time() > next_server:
            server.control("restart", "-m", random.choice(["fast", "immediate"]))
            told["PostgreSQL"] += 1
            next_server = time.time() + random.uniform(40, 80)
        if broker and time.time() > next_broker:
            for word in ("stop_app", "start_app"):
                subprocess.run(["rabbitmqctl", word], check=True, capture_output=True)
                time.sleep(random.uniform(0, 5))
            told["RabbitMQ"] += 1
            next_broker = time.time() + random.uniform(60, 120)
    return told


def judge(server, root):
    """What is wrong, in words."""
    wrong = []
    started, codes = collections.Counter(), {}
    for book in root.glob("*.book"):
        for line in book.read_text().splitlines():
            runtime, what, value = line.split()
            if what == "start":
                started[runtime] += 1
            else:
                codes[runtime] = int(value)
    wrong += [f"{runtime} was started {count} times" for runtime, count in started.items() if count > 1]
    runs = {row[0]: row[1:] for row in server.rows("SELECT runtime, ended_at, exit_code, reason FROM runtime")}
    for runtime, (ended_at, code, reason) in runs.items():
        if not ended_at:
            wrong.append(f"{runtime} has no end")
        elif runtime in codes and str(codes[runtime]) != code:
            wrong.append(f"{runtime} ended with {codes[runtime]}, recorded is {code or 'nothing'}: {reason}")
    wrong += [f"{runtime} is not recorded" for runtime in started if runtime not in runs]
    states = collections.Counter()
    owners = collections.Counter()
    for app, due, state, reason, runtime in server.rows("SELECT app_id, due_at, state, reason, runtime FROM occurrences"):
        states[state] += 1
        owners[runtime] += 1
        if state == "ran" and (not runtime or runtime not in runs):
            wrong.append(f"app {app} due {due} ran, and no run is known")
        if state != "ran" and (runtime or not reason or state not in ("skipped", "missed")):
            wrong.append(f"app {app} due {due} is {state} by {runtime}: {reason}")
    wrong += [f"{runtime} is the run of {owners[runtime]} occurrences" for runtime in runs if owners[runtime] != 1]
    # each minute in which the apps were due has its occurrence
    [[gaps]] = server.rows(
        "SELECT count(*) FROM (SELECT due_at - lag(due_at) OVER (PARTITION BY app_id ORDER BY due_at) AS gap FROM occurrences) o"
        " WHERE gap > interval '1 minute'"
    )
    if gaps != "0":
        wrong.append(f"{gaps} minutes are without an occurrence")
    return wrong, states, len(runs), len(started)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dc-chaos-"))
    folder.chmod(0o755)
    home = folder / "server"
    home.mkdir()
    server = Server(home)
    managers = []
    try:
        root, environment = project(folder, server.url)
        managers = [Manager(root, environment, number) for number in range(3)]
        told = chaos(server, managers)
        for manager in managers:
            manager.send(signal.SIGCONT)
        # none may be due while the books are read
        server.rows("UPDATE apps SET disable = true")
        time.sleep(SETTLE_S)
        wrong, states, runs, started = judge(server, root)
        print(f"{minutes:g} minutes, {apps} apps:", ", ".join(f"{count} x {what}" for what, count in told.items()))
        print(f"{runs} runs, {started} of them by the apps' own books; occurrences:", dict(states))
        print("\n".join(wrong[:20] + [f"{len(wrong)} wrong"]))
        return 1 if wrong else 0
    finally:
        for manager in managers:
            manager.send(signal.SIGCONT)
            manager.send(signal.SIGTERM)
            manager.process.wait()
        server.control("stop", "-m", "fast")
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
