"""Times `dc merge`, its contenders and the limits in turns: compare.py DC LIMITS [ROWS] [WITHOUT...].

Started by compare.sh. Each figure is of a whole process: wall seconds, CPU seconds of the client and of the database
server (of PostgreSQL what its ended children used), peak memory of the client. dc, the limits and DuckDB run `ROUNDS` times, of which
the median counts; the rest once or as often as fits `SLOW_SECONDS`.
"""

import hashlib
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from servers import COLUMNS, MariaDb, Postgres

HERE = Path(__file__).parent
ROUNDS = 5
# a contender that took longer than this is not timed again
SLOW_SECONDS = 10
# a contender that has not ended by then is stopped, and counts as slower than this
STOP_SECONDS = 600
SMALL = 100_000
# the contenders on each server
WAYS = {
    "PostgreSQL": ("duckdb_attached", "sqlalchemy_orm", "dlt_arrow", "dlt_json"),
    "MariaDB": ("staged_sql", "sqlalchemy_orm"),
    "SQLite": ("sqlalchemy_orm", "dlt_json"),
}


@dataclass
class Taken:
    """What one process took."""

    wall: float
    client: float
    server: float
    mib: float
    stopped: bool = False


@dataclass
class Case:
    """All that was measured of one job."""

    title: str
    times: dict[str, list[Taken]] = field(default_factory=dict)

    def add(self, who: str, taken: Taken) -> None:
        self.times.setdefault(who, []).append(taken)
        print(f"{self.title:32} {who:18} {taken.wall:8.2f} s  {taken.mib:7.0f} MiB", flush=True)

    def is_slow(self, who: str) -> bool:
        return any(taken.wall > SLOW_SECONDS for taken in self.times.get(who, []))

    def median(self, who: str, what: str) -> float:
        return statistics.median(getattr(taken, what) for taken in self.times[who])


class Bench:
    def __init__(self, dc: str, limits: str, rows: int, without: set[str], folder: Path) -> None:
        self.dc, self.limits, self.rows, self.without, self.folder = dc, limits, rows, without, folder
        self.postgres = Postgres() if "postgres" not in without else None
        self.mariadb = MariaDb() if "mariadb" not in without else None
        # whose processor time is counted
        self.server: Postgres | MariaDb | None = None
        self.cases: dict[str, Case] = {}
        self.last_phases: dict[str, dict[str, int]] = {}
        self.base = self.generate(rows)
        self.churned = self.generate(rows, 1)
        self.small = self.generate(min(rows, SMALL))
        self.turned = {file: self.turn(file) for file in (self.base, self.small)}
        self.loose = {file: self.loosen(turned) for file, turned in self.turned.items()}

    def generate(self, *numbers: int) -> Path:
        path = self.folder / ("-".join(map(str, numbers)) + ".ndjson")
        with path.open("w") as out:
            subprocess.run([sys.executable, HERE / "generate.py", *map(str, numbers)], stdout=out, check=True)
        return path

    def turn(self, file: Path) -> Path:
        """The same records, the last first: nothing has changed, and no place holds what it held."""
        turned = file.with_suffix(".turned.ndjson")
        # a program of its own: what this one has needed would count as the memory of all that it starts
        with turned.open("wb") as out:
            subprocess.run(["tac", str(file)], stdout=out, check=True)
        return turned

    def loosen(self, file: Path) -> Path:
        """The same file with an empty line: by its length it is another input, so every record has to be read."""
        loose = file.with_suffix(".loose.ndjson")
        subprocess.run(["cp", str(file), str(loose)], check=True)
        with loose.open("ab") as out:
            out.write(b"\n")
        return loose

    def case(self, title: str) -> Case:
        return self.cases.setdefault(title, Case(title))

    def run(self, command: list[str], env: dict[str, str] | None = None) -> tuple[Taken, str]:
        """Runs to the end; a failure ends the bench with what the program said."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            server = self.server.cpu() if self.server else 0.0
            started = time.perf_counter()
            child = subprocess.Popen(command, stdout=out, stderr=err, env=os.environ | (env or {}))
            alarm = threading.Timer(STOP_SECONDS, child.kill)
            alarm.start()
            _, status, usage = os.wait4(child.pid, 0)
            alarm.cancel()
            wall = time.perf_counter() - started
            child.returncode = os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
            server = self.server.cpu() - server if self.server else 0.0
            out.seek(0), err.seek(0)
            stopped = wall >= STOP_SECONDS
            if status and not stopped:
                raise ChildProcessError(f"{shlex.join(command)}: {err.read()[-2000:]}")
            return Taken(wall, usage.ru_utime + usage.ru_stime, server, usage.ru_maxrss / 1024, stopped), out.read()

    def merge(self, title: str, file: Path, url: str, *more: str, who: str = "dc") -> dict:
        env = {"DC_DB_MAIN_URL": url}
        command = [self.dc, "-C", str(self.folder), "merge", "companies", str(file), "--json", *more]
        taken, said = self.run(command, env)
        self.case(title).add(who, taken)
        return json.loads(said)

    def unchanged(self, title: str, file: Path, url: str) -> None:
        """Nothing has changed: the fingerprints tell it of the same records, and of a longer file the hashes."""
        report = self.merge(title, self.turned[file], url)
        self.phases(title, report)
        if not report["same_input"]:
            raise AssertionError("dc did not know its input")
        report = self.merge(title, self.loose[file], url, who="dc, all records read")
        if report["same_input"] or report["unchanged"] != report["read"]:
            raise AssertionError("dc did not read its input")

    def contender(self, way: str, title: str, file: Path, url: str) -> bool:
        """Whether it did its job; one that fails is told of, and left out from then on."""
        try:
            taken, _ = self.run([sys.executable, str(HERE / "contenders.py"), way, str(file), url])
        except ChildProcessError as failure:
            print(f"{way} failed and is left out: {failure}", file=sys.stderr)
            return False
        self.case(title).add(way, taken)
        return True

    def limit(self, title: str, who: str, command: list[str]) -> None:
        taken, _ = self.run(command)
        self.case(title).add(who, taken)

    def hashing(self, title: str, file: Path) -> None:
        """Reading, canonical form and SHA3 of all records, with nothing to compare them with."""
        env = {"DC_DB_MAIN_URL": f"sqlite:{self.folder / 'one.db'}"}
        command = [self.dc, "-C", str(self.folder), "merge", "one", "--gone", "keep", "--json"]
        if not (self.folder / "one.db").exists():
            self.run([*command, str(self.generate(1)), "--create"], env)
        taken, said = self.run([*command, str(file), "--dry-run"], env)
        # the rest of that run is not hashing
        taken = Taken(json.loads(said)["phases"]["hash"] / 1000, math.nan, math.nan, math.nan)
        self.case(title).add("limit: hashing alone", taken)

    # PostgreSQL

    def postgres_round(self) -> None:
        server = self.postgres
        server.clean()
        self.server = server
        first, same, churn = self.titles("PostgreSQL")
        report = self.merge(first, self.base, server.url, "--create")
        self.phases(first, report)
        self.unchanged(same, self.base, server.url)
        out = r"\copy (SELECT ctid, sha FROM companies WHERE archive IS NULL) TO '/dev/null' (FORMAT binary)"
        self.limit(same, "limit: hashes out", ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", server.url, "-c", out])
        self.hashing(same, self.base)
        for form in ("text", "binary"):
            self.raw_copy(first, form)
        self.phases(churn, self.merge(churn, self.churned, server.url))

    def raw_copy(self, title: str, form: str) -> None:
        """The same rows into an unindexed table of the same columns, key and index after."""
        out = self.folder / f"rows.{form}"
        columns = f"sha, archive, date_created, date_modified, {COLUMNS}"
        if not out.exists():
            self.postgres.psql(rf"\copy (SELECT {columns} FROM companies ORDER BY id) TO '{out}' (FORMAT {form})")
        self.postgres.psql("DROP TABLE IF EXISTS raw; CREATE TABLE raw (LIKE companies INCLUDING IDENTITY); CHECKPOINT")
        command = ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.postgres.url, "-c", "BEGIN",
                   "-c", rf"\copy raw ({columns}) FROM '{out}' (FORMAT {form})",
                   "-c", "ALTER TABLE raw ADD PRIMARY KEY (id)",
                   "-c", "CREATE UNIQUE INDEX raw_sha_active ON raw (sha) WHERE archive IS NULL", "-c", "COMMIT"]
        self.limit(title, f"limit: {form} COPY", command)

    def titles(self, server: str) -> tuple[str, str, str]:
        what = f"{server}, {self.rows:,}: "
        return what + "first load", what + "no change", what + "1 % churn"

    def server_contender(self, server: Postgres | MariaDb, titles: tuple[str, str, str], way: str) -> None:
        self.server = server
        first, same, _ = titles
        for _ in range(ROUNDS):
            if self.case(first).is_slow(way) or self.case(same).is_slow(way):
                break
            server.clean()
            url = server.python_url
            if not (self.contender(way, first, self.base, url) and self.contender(way, same, self.base, url)):
                break

    # MariaDB

    def mariadb_round(self) -> None:
        server = self.mariadb
        server.clean()
        self.server = server
        first, same, churn = self.titles("MariaDB")
        self.phases(first, self.merge(first, self.base, server.url, "--create"))
        self.unchanged(same, self.base, server.url)
        # the unique index holds the hashes of active rows, and nothing else has them sooner
        hashes = "SELECT id, sha_active FROM companies WHERE sha_active IS NOT NULL"
        out = [*server.client, "--quick", server.name, "-e", hashes]
        self.limit(same, "limit: hashes out", ["sh", "-c", '"$@" >/dev/null', "sh", *out])
        self.hashing(same, self.base)
        self.load_data(first)
        self.phases(churn, self.merge(churn, self.churned, server.url))

    def load_data(self, title: str) -> None:
        """The same rows into a table of the same columns, by LOAD DATA, and the unique index after."""
        rows = self.folder / "rows.tsv"
        if not rows.exists():
            with self.base.open() as lines, rows.open("w") as out:
                for line in lines:
                    row = json.loads(line).values()
                    values = [hashlib.sha3_256(line.encode()).hexdigest(), "2026-11-22 06:00:00.000000"]
                    values += [str(int(value)) if isinstance(value, bool) else str(value) for value in row]
                    out.write("\t".join(values) + "\n")
        bare = "DROP TABLE IF EXISTS raw; CREATE TABLE raw LIKE companies; DROP INDEX sha_active ON raw"
        self.mariadb.sql(bare)
        load = (f"LOAD DATA LOCAL INFILE '{rows}' INTO TABLE raw CHARACTER SET utf8mb4 (@sha, date_created, {COLUMNS}) "
                "SET sha = UNHEX(@sha); CREATE UNIQUE INDEX sha_active ON raw (sha_active)")
        self.limit(title, "limit: LOAD DATA, index", self.mariadb.command(load))

    # SQLite

    def sqlite_round(self, file: Path, rows: int, round: int) -> None:
        self.server = None
        first, same = f"SQLite, {rows:,}: first load", f"SQLite, {rows:,}: no change"
        database = self.folder / f"dc-{rows}-{round}.db"
        self.phases(first, self.merge(first, file, f"sqlite:{database}", "--create"))
        self.unchanged(same, file, f"sqlite:{database}")
        bare = self.folder / "bare.db"
        taken, said = self.run([self.limits, str(file), str(bare)])
        said = json.loads(said)
        self.case(first).add("limit: bare inserts", Taken(said["wall"], said["cpu"], 0, taken.mib))
        self.hashing(same, file)
        for path in [*self.folder.glob("dc-*.db*"), *self.folder.glob("bare.db*")]:
            path.unlink()

    def sqlite_contender(self, way: str) -> None:
        rows = min(self.rows, SMALL)
        first, same = f"SQLite, {rows:,}: first load", f"SQLite, {rows:,}: no change"
        for round in range(ROUNDS):
            if self.case(first).is_slow(way) or self.case(same).is_slow(way):
                break
            url = f"sqlite:///{self.folder / f'{way}-{round}.db'}"
            if not (self.contender(way, first, self.small, url) and self.contender(way, same, self.small, url)):
                break

    def phases(self, title: str, report: dict) -> None:
        self.last_phases[title] = report["phases"]

    def all(self) -> None:
        ways = {name: [way for way in ways if way not in self.without] for name, ways in WAYS.items()}
        for name, server, one_round in (
            ("PostgreSQL", self.postgres, self.postgres_round),
            ("MariaDB", self.mariadb, self.mariadb_round),
        ):
            for _ in range(ROUNDS if server else 0):
                one_round()
            for way in ways[name] if server else ():
                self.server_contender(server, self.titles(name), way)
        if "sqlite" in self.without:
            return
        for rows, file in {min(self.rows, SMALL): self.small, self.rows: self.base}.items():
            for round in range(ROUNDS):
                self.sqlite_round(file, rows, round)
        for way in ways["SQLite"]:
            self.sqlite_contender(way)


def table(bench: Bench) -> str:
    """The results as Markdown."""
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    servers = {"PostgreSQL": bench.postgres, "MariaDB": bench.mariadb}
    versions = "".join(f", {name} {server.version}" for name, server in servers.items() if server)
    lines = [
        "# dc merge beside other tools, and beside what the databases can do",
        "",
        f"Written by `benches/merge/compare.sh {bench.rows}` on {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores "
        f"({cpu}){versions}. One run, in turns, medians of the runs in the last column.",
        "The ratio is wall time over that of dc: above 1, dc is faster. Memory is the client's peak. A limit is no "
        "contender: it is what the database, or the hash, needs in any case. `>`: stopped before its end. Without a "
        "change, dc is given the same records in another order, which it knows by their fingerprints; with an empty line "
        "behind them it reads all records.",
    ]
    for case in bench.cases.values():
        lines += ["", f"## {case.title}", "",
                  "| who | wall s | ratio | CPU s client | CPU s server | peak MiB | runs |", "|---|--:|--:|--:|--:|--:|--:|"]
        ours = case.median("dc", "wall")
        for who, runs in sorted(case.times.items(), key=lambda it: case.median(it[0], "wall")):
            wall, client, server, mib = (case.median(who, what) for what in ("wall", "client", "server", "mib"))
            name = f"**{who}**" if who.startswith("dc") else who
            more = "> " if any(taken.stopped for taken in runs) else ""
            shown = f"{more}{wall:.2f} | {more}{wall / ours:.2f} | {client:.2f} | {server:.2f} | {mib:.0f} | {len(runs)}"
            lines.append(f"| {name} | {shown} |".replace("nan", ""))
        if phases := bench.last_phases.get(case.title):
            told = ", ".join(f"{name} {ms}" for name, ms in phases.items() if ms)
            lines += ["", f"Phases of the last dc run, ms: {told}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    dc, limits = (str(Path(path).resolve()) for path in sys.argv[1:3])
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="dc-bench-") as folder:
        os.environ["DLT_DATA_DIR"] = folder + "/dlt"
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        bench = Bench(dc, limits, rows, set(sys.argv[4:]), Path(folder))
        try:
            bench.all()
            (HERE / "RESULTS.md").write_text(table(bench))
        finally:
            for server in filter(None, (bench.postgres, bench.mariadb)):
                server.drop()
    print((HERE / "RESULTS.md").read_text())


if __name__ == "__main__":
    main()
