"""Two hosts made of namespaces, each with its copy of one project, on one PostgreSQL: packets are dropped, clocks moved,
managers and `dc run`s killed, ended and frozen, hosts lost and made anew under other names, the database away when runs
end. Each app writes into a file of its own what it does, and at the end every run, exit status and occurrence is held
against that. As root.

    benches/manager/two_hosts.py DC [MINUTES] [APPS] [SEED]

Needs PostgreSQL on 127.0.0.1:5432 (user postgres) and psql, ip and unshare; clocks are moved where libfaketime is. What it
made is deleted in the end, unless DC_CHAOS_KEEP is set.
"""

import collections
import heapq
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from hosts import FAKETIME, Host, number_inside, signal_to, uptime
from project import deploy, program
from two_hosts_judge import judge

dc = str(pathlib.Path(sys.argv[1]).resolve())
minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 5
apps = int(sys.argv[3]) if len(sys.argv) > 3 else 12
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
LEASE_S = 20
# no row may be open so long after the last fault whose app has ended
QUIET_S = 60
SECONDS_MAX = 12
# a manager is given so long to find back after a fault
AFTERWARDS_S = 15
# its shell would die of a pipe that nobody reads, before it has written how it ended
APP = """unset LD_PRELOAD; exec 2>/dev/null; trap '' PIPE
book="{books}/$DC_RUNTIME"
now() {{ read -r up rest </proc/uptime; }}
set -- $(od -An -N4 -tu1 /dev/urandom)
seconds=$(( $1 % {seconds} + 1 )); code=0; [ "$2" -lt 30 ] && code=$(( $3 % 7 + 1 ))
now; echo "start $up $DC_APP $(hostname) $seconds" >>"$book"
trap 'now; echo "end $up 143 term" >>"$book"; exit 143' TERM
echo "first"
sleep "$seconds"
echo "last"
now; echo "end $up $code" >>"$book"
exit $code"""
SETTINGS = f"""[run]
lease = "{LEASE_S}s"
grace = "3s"
[manager]
max_running = 10
backoff = "1s"
backoff_max = "3s"
"""
# a day and more is what a wrong clock shows, seconds are what a clock drifts
CLOCKS = ["+5", "-5", "+25", "-25", "+3600", "-3600", "+172800", "-172800", "+34560000"]


class Database:
    """A database of our own, on the PostgreSQL of this machine."""

    def __init__(self, name):
        self.name, self.server = name, "postgres://postgres@127.0.0.1:5432"
        self.told("postgres", f"CREATE DATABASE {name}")

    def told(self, database, query):
        words = ["psql", "-qAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", query, f"{self.server}/{database}"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{query}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def rows(self, query):
        return self.told(self.name, query)

    def end_backends(self, count="ALL"):
        ours = f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.name}' AND application_name = 'dc'"
        chosen = f"{ours} ORDER BY random() LIMIT {count}"
        self.told("postgres", f"SELECT pg_terminate_backend(pid) FROM ({chosen}) AS chosen")

    def open_transactions(self):
        """The transactions that decide what is due, and whose clients say nothing."""
        ours = f"datname = '{self.name}' AND state = 'idle in transaction' AND query ~ 'occurrences|pg_advisory'"
        return self.told("postgres", f"SELECT pid FROM pg_stat_activity WHERE {ours}")

    def drop(self):
        self.told("postgres", f"DROP DATABASE {self.name} WITH (FORCE)")


class Chaos:
    """What is done to the hosts, and a book of it."""

    def __init__(self, database, hosts, books):
        self.database, self.hosts, self.books = database, hosts, books
        self.told, self.log, self.later, self.killed = collections.Counter(), [], [], set()
        self.busy, self.number, self.random = {}, 0, random.Random(seed)
        # the moments at which a manager worked somewhere
        self.manned = []

    def note(self, what, host=None, seconds=0.0):
        self.told[what] += 1
        self.log.append((uptime(), seconds, host.name if host else "*", what))
        print(f"{uptime():.1f} {host.name if host else '*'} {what} {seconds:.1f} s", file=sys.stderr, flush=True)

    def after(self, seconds, what, *words):
        self.number += 1
        heapq.heappush(self.later, (time.time() + seconds, self.number, what, words))

    def work_off(self, all_of_it=False):
        while self.later and (all_of_it or self.later[0][0] <= time.time()):
            _, _, what, words = heapq.heappop(self.later)
            what(*words)

    def hold(self, host, kind, seconds):
        """Whether a host is free for this kind of fault, which then lasts so long."""
        key, now = (host.letter, kind), time.time()
        if self.busy.get(key, 0) > now or not host.is_up():
            return False
        self.busy[key] = now + seconds + 1
        return True

    def kill_run(self, pid):
        self.killed.add((os.readlink(f"/proc/{pid}/ns/pid"), number_inside(pid)))
        signal_to(pid, signal.SIGKILL)

    def manager(self, host, how):
        if not self.hold(host, "manager", 0):
            return
        for pid in host.processes("manager"):
            signal_to(pid, how)
        pause = self.random.uniform(0, 6) if self.random.random() < 0.8 else self.random.uniform(15, 60)
        self.note(f"manager {how.name}", host, pause)
        self.busy[(host.letter, "manager")] = time.time() + pause + 2
        if host.is_container:
            self.after(1 + pause, self.make, host)
        else:
            self.after(pause, self.start, host)

    def start(self, host):
        if host.is_up() and not host.processes("manager"):
            host.start_manager()

    def make(self, host):
        """Makes a host anew, if nobody has done so."""
        if host.is_up():
            return
        host.process.wait()
        host.make(is_container=self.random.random() < 0.4)
        if not host.is_container:
            host.start_manager()

    def freeze(self, host, what, seconds):
        if not self.hold(host, f"freeze {what}", seconds):
            return
        pids = host.processes(what)
        if what == "run":
            pids = pids and [self.random.choice(pids)]
        self.note(f"freeze {what or 'host'}", host, seconds)
        for pid in pids:
            signal_to(pid, signal.SIGSTOP)
        self.after(seconds, lambda: [signal_to(pid, signal.SIGCONT) for pid in pids])

    def freeze_in_transaction(self, host, seconds):
        """Freezes a manager that has begun a transaction, and holds its locks: the others must go on."""
        if host.is_container or not self.hold(host, "freeze manager", seconds):
            return
        pids, until, held = host.processes("manager"), time.time() + 5, []
        while pids and not held and time.time() < until:
            for pid in pids:
                signal_to(pid, signal.SIGSTOP)
            held = self.database.open_transactions() and (time.sleep(0.3) or self.database.open_transactions())
            for pid in pids if not held else []:
                signal_to(pid, signal.SIGCONT)
            time.sleep(0.013)
        if held:
            self.note("freeze manager in a transaction", host, seconds)
            self.after(seconds, lambda: [signal_to(pid, signal.SIGCONT) for pid in pids])

    def drop(self, host, seconds):
        if not self.hold(host, "network", seconds):
            return
        which = self.random.choice(["both", "requests", "replies"])
        self.note(f"drop {which}", host, seconds)
        space = host.space
        host.drop(which)
        self.after(seconds, lambda: host.is_up() and host.space == space and host.drop("none"))

    def way(self, hosts, state, seconds):
        if not all(self.hold(host, "network", seconds) for host in hosts):
            return
        if len(hosts) > 1 and state == "refuse":
            self.wait_for_ends()
        for host in hosts:
            self.note(state if len(hosts) == 1 else f"database {state}", host, seconds)
            host.way.set(state)
        if len(hosts) > 1:
            self.database.end_backends()
        self.after(seconds, lambda: [host.way.set("pass") for host in hosts])

    def wait_for_ends(self):
        """Waits until two apps are about to end, at most two seconds."""
        until = time.time() + 2
        while time.time() < until:
            ending = 0
            for book in self.books.iterdir():
                lines = book.read_text().splitlines()
                if len(lines) == 1 and 0 < float(lines[0].split()[1]) + int(lines[0].split()[4]) - uptime() < 0.7:
                    ending += 1
            if ending > 1:
                return
            time.sleep(0.05)

    def clock(self, host, seconds):
        if not FAKETIME or not self.hold(host, "clock", seconds):
            return
        to = self.random.choice(CLOCKS)
        self.note(f"clock {to}", host, seconds)
        host.clock.write_text(f"{to}\n")
        self.after(seconds, host.clock.write_text, "+0\n")

    def lose(self, host, is_silent):
        """The host is gone; silent, its connections are not ended."""
        if not self.hold(host, "network", 5):
            return
        pause = self.random.choice([1, 5, 30, 45])
        self.note("host lost in silence" if is_silent else "host killed", host, pause)
        if is_silent:
            host.drop("both")
            host.way.later()
        host.end()
        self.after(pause, self.make, host)

    def look(self):
        """Notes whether a manager works, once a second."""
        if self.manned and uptime() - self.manned[-1][0] < 1:
            return
        works = [host for host in self.hosts if host.is_up() and any(map(is_at_work, host.processes("manager")))]
        self.manned.append((uptime(), bool(works), any(self.is_well(host) for host in works)))

    def is_well(self, host):
        """Whether nothing is wrong with a host's network and clock, nor was just now."""
        free_at = [self.busy.get((host.letter, kind), 0) for kind in ("network", "clock", "freeze ", "freeze manager")]
        return time.time() > max(free_at) + AFTERWARDS_S

    def was_manned(self, begun, ended, well=False):
        """Whether a manager worked all that time; with `well`, on a host with which nothing was wrong."""
        seen = [moment[2 if well else 1] for moment in self.manned if begun <= moment[0] <= ended]
        return bool(seen) and all(seen)

    def step(self):
        uniform = self.random.uniform
        host = self.random.choice(self.hosts)
        runs = host.processes("run") if host.is_up() else []
        run = self.random.choice(runs) if runs else None
        long = self.random.choice([uniform(1, 6), uniform(5, 15), uniform(LEASE_S, 2.5 * LEASE_S)])
        faults = [
            (4, lambda: self.manager(host, signal.SIGKILL)),
            (3, lambda: self.manager(host, signal.SIGTERM)),
            (3, lambda: self.freeze(host, "manager", long)),
            (2, lambda: self.freeze_in_transaction(host, uniform(2 * LEASE_S, 3 * LEASE_S))),
            (2, lambda: self.freeze(host, "run", long)),
            (1, lambda: self.freeze(host, "", long)),
            (4, lambda: run and (self.note("dc run SIGKILL", host), self.kill_run(run))),
            (2, lambda: run and (self.note("dc run SIGTERM", host), signal_to(run, signal.SIGTERM))),
            (3, lambda: self.drop(host, long)),
            (2, lambda: self.way([host], self.random.choice(["silent", "refuse", "starting"]), long)),
            (3, lambda: self.way(self.hosts, self.random.choice(["refuse", "refuse", "starting", "silent"]), long)),
            (3, lambda: (self.note("backend ended"), self.database.end_backends(self.random.choice([1, 3])))),
            (3, lambda: self.clock(host, uniform(5, 30))),
            (1, lambda: self.lose(host, True)),
            (1, lambda: self.lose(host, False)),
        ]
        weights = [weight for weight, _ in faults]
        self.random.choices([fault for _, fault in faults], weights)[0]()

    def go(self):
        until = time.time() + minutes * 60
        while time.time() < until:
            self.step()
            pause = time.time() + self.random.uniform(0.5, 5)
            while time.time() < pause:
                self.work_off()
                self.look()
                time.sleep(0.1)
                # who ended by itself is started anew, as by systemd
                for host in self.hosts:
                    if not host.is_up() and not any(words[0] is host for *_, words in self.later if words):
                        self.note("container ended late", host)
                        self.after(1, self.make, host)

    def heal(self):
        self.work_off(all_of_it=True)
        for host in self.hosts:
            self.make(host)
            host.drop("none")
            host.way.set("pass")
            host.clock.write_text("+0\n")
            self.start(host)


def is_at_work(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "TZ"
    except OSError:
        return False


def project(folder, books, url, letters):
    """The project, once for each host."""
    definitions = {}
    first = folder / letters[0] / "project"
    first.mkdir(parents=True)
    for number in range(apps):
        seconds = SECONDS_MAX if number % 3 else 2 * SECONDS_MAX
        text = program(folder / f"app{number}", APP.format(books=books, seconds=seconds))
        overlap = ["skip", "queue", "skip", "replace"][number % 4]
        every = [10, 15, 20, 30][number // 4 % 4]
        definition = f'command = ["{text}"]\nschedule = "*/{every} * * * * *"\noverlap = "{overlap}"\n'
        definition += "max_failures = 100000\n"
        definition += 'catch_up = "all"\n' if number % 5 == 4 else ""
        definitions[f"a{number}"] = definition
    deploy(dc, first, definitions, SETTINGS, {**os.environ, "DC_DB_MAIN_URL": url})
    for letter in letters[1:]:
        shutil.copytree(first, folder / letter / "project")


def main():
    # what was made goes also when somebody ends this
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dc-hosts-"))
    books = folder / "books"
    books.mkdir()
    database = Database(f"dc_hosts_{os.getpid()}")
    hosts = []
    print(f"seed {seed}, {folder}, database {database.name}", file=sys.stderr)
    try:
        project(folder, books, f"{database.server}/{database.name}", "ab")
        url = f"postgres://postgres@HOST:5432/{database.name}?connect_timeout=5&answer_timeout=10"
        for number, letter in enumerate("ab"):
            root = folder / letter / "project"
            host = Host(letter, number + 1, root, [dc, "-C", str(root), "manager", "start"], url)
            hosts.append(host)
            host.make()
            host.start_manager()
        chaos = Chaos(database, hosts, books)
        chaos.go()
        chaos.heal()
        healed = uptime()
        time.sleep(QUIET_S)
        return judge(dc, database, hosts, chaos, books, healed, (minutes, apps, seed, LEASE_S))
    finally:
        for host in hosts:
            if host.is_up():
                host.end()
            subprocess.run(["ip", "link", "del", f"dc2h{host.letter}"], capture_output=True)
        if "DC_CHAOS_KEEP" not in os.environ:
            database.drop()
            shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
