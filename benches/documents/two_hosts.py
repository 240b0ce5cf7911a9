"""Two machines made of namespaces, on one PostgreSQL, one RabbitMQ and one store of files. Documents are found on the first,
read and loaded there, and looked at on the second, which alone has the label for it. Each loses its network for a minute. At
the end every document is done, has one row, and nothing is stuck.

    two_hosts.py DC [DOCUMENTS] [LOST_S]     wants PostgreSQL and RabbitMQ on this machine, and root
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "manager"))
from hosts import Host, Way

DC = os.path.abspath(sys.argv[1])
DOCUMENTS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
LOST_S = float(sys.argv[3]) if len(sys.argv) > 3 else 60
NAME = f"dc_two_hosts_{os.getpid()}"
SERVER = "postgres://postgres@127.0.0.1:5432"
SETTLED_S = 60
LABELS = {"a": "north", "b": "south"}
APP = """
[pipeline]
watch = ["{inbox}"]
complete = "rename"
workers = 4

[[stage]]
name = "read"
command = ["sh", "-c", "printf '{{\\"name\\": \\"%s\\"}}' $DC_NAME > $DC_OUTPUT"]
on = ["north"]

[[stage]]
name = "look"
command = ["sh", "-c", "echo $DC_NAME $(hostname) >> {books}/looked"]
on = ["south"]
attempts = 50
retry_after = "1s"

[[stage]]
name = "load"
use = "load"
table = "docs"
create = true
key = ["name"]
on = ["north"]
attempts = 50
retry_after = "1s"
"""


def sql(text, database=NAME):
    command = ["psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text, f"{SERVER}/{database}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def rabbit(*words):
    subprocess.run(["rabbitmqctl", "--quiet", *words], check=True, capture_output=True)


def make_projects(folder):
    """The project, once for each machine; the folders of documents, of the store and of books are seen by both."""
    for name in ("inbox", "books", "files"):
        (folder / name).mkdir()
    first = folder / "a/project"
    app = first / "apps/a/b/p"
    app.mkdir(parents=True)
    (first / "dc.toml").write_text(f'[run]\nlease = "10s"\n[storage]\nroot = "{folder}/files"\n')
    (app / "app.toml").write_text(APP.format(inbox=folder / "inbox", books=folder / "books"))
    environment = dict(os.environ, DC_DB_MAIN_URL=f"{SERVER}/{NAME}")
    subprocess.run([DC, "-C", first, "deploy"], check=True, capture_output=True, env=environment)
    shutil.copytree(first, folder / "b/project")


def make_host(folder, letter, number):
    root = folder / letter / "project"
    url = f"postgres://postgres@HOST:5432/{NAME}?connect_timeout=5&answer_timeout=10"
    host = Host(letter, number, root, [DC, "-C", str(root), "manager", "start"], url)
    host.rabbit = Way((host.address, 5672), ("127.0.0.1", 5672))
    host.environment |= {"DC_MANAGER_LABELS": LABELS[letter],
                         "DC_BROKER_URL": f"amqp://guest:guest@{host.address}:5672/{NAME}"}
    # clocks are right here, and every process is started many times
    host.environment.pop("LD_PRELOAD", None)
    host.make()
    host.start_manager()
    return host


def feed(folder, begin, end):
    for number in range(begin, end):
        part = folder / "part"
        part.write_text(f"document {number}")
        part.rename(folder / "inbox" / f"f{number}")


def states():
    return dict(line.split("|") for line in sql("SELECT state, count(*) FROM pipeline_tasks GROUP BY state").splitlines())


def wait_for_done(count, seconds):
    """Whether so many are done; given up once nothing was done for so many seconds."""
    done, moved = 0, time.time()
    while time.time() < moved + seconds:
        now = int(states().get("done", 0))
        if now >= count:
            return True
        if now > done:
            done, moved = now, time.time()
        time.sleep(0.5)
    return False


def lose(host, folder, begin, end):
    """Documents come while the machine's packets are lost; how many are done behind it, and how many before."""
    feed(folder, begin, (begin + end) // 2)
    time.sleep(5)
    host.drop("both")
    host.way.later()
    host.rabbit.later()
    feed(folder, (begin + end) // 2, end)
    before = states()
    time.sleep(LOST_S)
    told = {"host": host.letter, "before": before, "behind": states()}
    host.drop("none")
    return told


def main():
    folder = Path(tempfile.mkdtemp(prefix="dc-two-hosts-"))
    folder.chmod(0o755)
    sql(f"CREATE DATABASE {NAME}", "postgres")
    rabbit("add_vhost", NAME)
    rabbit("set_permissions", "-p", NAME, "guest", ".*", ".*", ".*")
    hosts = []
    try:
        make_projects(folder)
        hosts = [make_host(folder, letter, number) for number, letter in enumerate(LABELS, 1)]
        third = DOCUMENTS // 3
        feed(folder, 0, third)
        assert wait_for_done(third, SETTLED_S), states()
        told = [lose(hosts[1], folder, third, 2 * third), lose(hosts[0], folder, 2 * third, DOCUMENTS)]
        back = time.time()
        is_done = wait_for_done(DOCUMENTS, SETTLED_S)
        # the machine that has found a file puts it away, wherever its document came to its end
        put_away = time.time() + SETTLED_S
        while time.time() < put_away and files(folder):
            time.sleep(0.5)
        return report(folder, told, is_done, time.time() - back)
    finally:
        for host in hosts:
            if host.is_up():
                host.end()
            subprocess.run(["ip", "link", "del", f"dc2h{host.letter}"], capture_output=True)
        if "DC_CHAOS_KEEP" not in os.environ:
            sql(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", "postgres")
            rabbit("delete_vhost", NAME)
            shutil.rmtree(folder, ignore_errors=True)


def files(folder):
    return [it for it in (folder / "inbox").rglob("*") if it.is_file()]


def report(folder, told, is_done, settled):
    ends = states()
    looked = [line.split() for line in (folder / "books/looked").read_text().splitlines()]
    rows = int(sql("SELECT count(*) FROM docs WHERE archive IS NULL"))
    found = int(sql("SELECT sum(found) FROM pipeline_counts"))
    hosts = sql("SELECT stage || '|' || string_agg(DISTINCT left(host, 1), ',') FROM pipeline_attempts GROUP BY stage")
    duplicates = int(sql("SELECT count(*) FROM pipeline_duplicates"))
    checks = {
        "every document is done": ends == {"done": str(DOCUMENTS)},
        "each has one row": rows == DOCUMENTS,
        "each was found once": (found, duplicates) == (DOCUMENTS, 0),
        "stages ran where their label is": sorted(hosts.splitlines()) == ["load|a", "look|b", "read|a"],
        "each was looked at": len({name for name, _ in looked}) == DOCUMENTS,
        "no file is left": not files(folder),
        f"never {SETTLED_S} s without one that is done": is_done,
    }
    print(json.dumps({"lost": told, "states": ends, "rows": rows, "found": found, "duplicates": duplicates,
                      "looked_twice": len(looked) - len({name for name, _ in looked}), "hosts": hosts.split(),
                      "settled_s": round(settled, 1)}, indent=1))
    for name, holds in checks.items():
        print("ok   " if holds else "WRONG", name)
    return 0 if all(checks.values()) else 1


sys.exit(main())
