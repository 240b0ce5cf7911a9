"""Three managers on one database server, 200 apps due every minute, and minutes of `kill -9` and SIGSTOP of managers and
of restarts of the server and RabbitMQ. Then every occurrence, run and exit code is held against what the apps wrote.

    benches/manager/chaos.py DC [MINUTES] [APPS] [postgres|mariadb]

Needs the programs of PostgreSQL or MariaDB (it makes a server of its own) and, where DC_BROKER_URL names a broker of this
machine, rabbitmqctl. As root the server runs as `postgres` or `mysql`.
"""

import collections
import datetime
import glob
import itertools
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
kind = sys.argv[4] if len(sys.argv) > 4 else "postgres"
broker = os.environ.get("DC_BROKER_URL")
# what runs when the chaos ends is given so long
SETTLE_S = 90
APP = """echo "$DC_RUNTIME start $(date +%s)" >>"{book}"
sleep $(awk -v n="$$" 'BEGIN {{ srand(n); print rand() * {seconds} }}')
code=$(awk -v n="$$" 'BEGIN {{ srand(n + 1); print rand() < 0.2 ? 3 : 0 }}')
echo "$DC_RUNTIME end $code" >>"{book}"
exit $code"""


class Server:
    """A server of our own, which is stopped as it should be, or at once."""

    def __init__(self, folder, user):
        self.data, self.port, self.folder = folder / "data", 20_000 + random.randrange(20_000), folder
        self.user = ["runuser", "-u", user, "--"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(folder, user)

    def told(self, *words):
        words = [*self.user, *map(str, words)]
        return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=self.folder)


class Postgres(Server):
    name = "PostgreSQL"

    def __init__(self, folder):
        super().__init__(folder, "postgres")
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.told(f"{self.programs}/initdb", "-D", self.data, "-A", "trust", "-U", "postgres")
        self.control("start")

    def control(self, *words):
        options = f"-p {self.port} -k {self.folder} -c max_connections=500 -c listen_addresses=127.0.0.1"
        told = ["-D", self.data, "-w", "-l", self.folder / "log", "-o", options]
        self.told(f"{self.programs}/pg_ctl", *told, *words)

    def restart(self, is_sudden):
        self.control("restart", "-m", "immediate" if is_sudden else "fast")

    def stop(self):
        self.control("stop", "-m", "fast")

    def rows(self, query):
        done = subprocess.run(["psql", "-At", "-F", "\t", "-c", query, self.url], check=True, capture_output=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]


class MariaDb(Server):
    name = "MariaDB"

    def __init__(self, folder):
        super().__init__(folder, "mysql")
        self.url = f"mysql://root@127.0.0.1:{self.port}/dc"
        login = "--auth-root-authentication-method=normal"
        self.told("mariadb-install-db", "--no-defaults", f"--datadir={self.data}", login, "--skip-test-db")
        self.start()
        self.rows("CREATE DATABASE dc", "mysql")

    def start(self):
        words = ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--port={self.port}", "--bind-address=127.0.0.1",
                 f"--socket={self.folder}/socket", "--max-connections=500"]
        with (self.folder / "log").open("a") as log:
            as_user = {"user": "mysql", "group": "mysql"} if self.user else {}
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder, **as_user)
        while subprocess.run([*self.client("mysql"), "-e", "SELECT 1"], capture_output=True).returncode:
            if self.process.poll() is not None:
                raise ChildProcessError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def client(self, database):
        return ["mariadb", "-BN", "-h127.0.0.1", f"-P{self.port}", "-uroot", database]

    def restart(self, is_sudden):
        self.process.send_signal(signal.SIGKILL if is_sudden else signal.SIGTERM)
        self.process.wait()
        self.start()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def rows(self, query, database="dc"):
        words = [*self.client(database), "-e", query]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        lines = (line.split("\t") for line in done.stdout.splitlines())
        return [["" if value == "NULL" else value for value in line] for line in lines]


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
            server.restart(is_sudden=random.random() < 0.5)
            told[server.name] += 1
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
    dues = collections.defaultdict(list)
    for app, due in server.rows("SELECT app_id, due_at FROM occurrences ORDER BY due_at"):
        dues[app].append(datetime.datetime.fromisoformat(due))
    minute = datetime.timedelta(minutes=1)
    gaps = sum(later - earlier > minute for of in dues.values() for earlier, later in itertools.pairwise(of))
    if gaps:
        wrong.append(f"{gaps} minutes are without an occurrence")
    return wrong, states, len(runs), len(started)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dc-chaos-"))
    folder.chmod(0o755)
    home = folder / "server"
    home.mkdir()
    server = {"postgres": Postgres, "mariadb": MariaDb}[kind](home)
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
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
