"""Times `dc merge`, its contenders and the limits in turns: compare.py DC LIMITS [ROWS] [WITHOUT...].

Started by compare.sh. Each figure is of a whole process: wall seconds, CPU seconds of the client and of the database
server (what its ended children used), peak memory of the client. dc, the limits and DuckDB run `ROUNDS` times, of which
the median counts; the rest once or as often as fits `SLOW_SECONDS`.
"""

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

HERE = Path(__file__).parent
ROUNDS = 5
# a contender that took longer than this is not timed again
SLOW_SECONDS = 10
# a contender that has not ended by then is stopped, and counts as slower than this
STOP_SECONDS = 600
SMALL = 100_000
COLUMNS = "vat_no, name, city, street, employees, revenue, active, founded, note, code"


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


class Postgres:
    """The server and a database of our own in it."""

    def __init__(self) -> None:
        self.base = os.environ.get("DC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
        self.name = f"dc_bench_{os.getpid()}"
        self.url = self.base.rsplit("/", 1)[0] + "/" + self.name
        self.python_url = self.url.replace("postgres://", "postgresql://")
        self.psql(f"CREATE DATABASE {self.name}", self.base)
        backend = int(self.psql("SELECT pg_backend_pid()"))
        self.version = self.psql("SHOW server_version").split()[0]
        self.is_here = Path(f"/proc/{self.postmaster()}/stat").exists() and backend > 0

    def psql(self, sql: str, url: str | None = None) -> str:
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url or self.url, "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def postmaster(self) -> str:
        """The first line of the server's pid file, or 0 where the role may not read it."""
        try:
            return self.psql("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").strip()
        except subprocess.CalledProcessError:
            return "0"

    def cpu(self, pid: str) -> float:
        """CPU seconds of all backends that have ended."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def clean(self) -> None:
        # a contender that was stopped has left its statement running
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                  "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        self.psql("DROP SCHEMA IF EXISTS public, bench, bench_staging, bench_arrow, bench_arrow_staging CASCADE;"
                  "CREATE SCHEMA public; CHECKPOINT")

    def drop(self) -> None:
        self.psql(f"DROP DATABASE {self.name} WITH (FORCE)", self.base)


class Bench:
    def __init__(self, dc: str, limits: str, rows: int, without: set[str], folder: Path) -> None:
        self.dc, self.limits, self.rows, self.without, self.folder = dc, limits, rows, without, folder
        self.postgres = Postgres()
        self.master = self.postgres.postmaster()
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
            server = self.postgres.cpu(self.master)
            started = time.perf_counter()
            child = subprocess.Popen(command, stdout=out, stderr=err, env=os.environ | (env or {}))
            alarm = threading.Timer(STOP_SECONDS, child.kill)
            alarm.start()
            _, status, usage = os.wait4(child.pid, 0)
            alarm.cancel()
            wall = time.perf_counter() - started
            child.returncode = os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
            server = self.postgres.cpu(self.master) - server
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

    def limit(self, title: str, who: str, sql: str) -> Taken:
        taken, _ = self.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.postgres.url, "-c", sql])
        self.case(title).add(who, taken)
        return taken

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
        first, same, churn = self.postgres_titles()
        report = self.merge(first, self.base, server.url, "--create")
        self.phases(first, report)
        self.unchanged(same, self.base, server.url)
        self.limit(same, "limit: hashes out",
                   r"\copy (SELECT ctid, sha FROM companies WHERE archive IS NULL) TO '/dev/null' (FORMAT binary)")
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
        taken, _ = self.run(command)
        self.case(title).add(f"limit: {form} COPY", taken)

    def postgres_titles(self) -> tuple[str, str, str]:
        what = f"PostgreSQL, {self.rows:,}: "
        return what + "first load", what + "no change", what + "1 % churn"

    def postgres_contender(self, way: str) -> None:
        first, same, _ = self.postgres_titles()
        for _ in range(ROUNDS):
            if self.case(first).is_slow(way) or self.case(same).is_slow(way):
                break
            self.postgres.clean()
            url = self.postgres.python_url
            if not (self.contender(way, first, self.base, url) and self.contender(way, same, self.base, url)):
                break

    # SQLite

    def sqlite_round(self, file: Path, rows: int, round: int) -> None:
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
        ways = [way for way in ("duckdb_attached", "sqlalchemy_orm", "dlt_arrow", "dlt_json") if way not in self.without]
        for _ in range(ROUNDS):
            self.postgres_round()
        for way in ways:
            self.postgres_contender(way)
        for rows, file in {min(self.rows, SMALL): self.small, self.rows: self.base}.items():
            for round in range(ROUNDS):
                self.sqlite_round(file, rows, round)
        for way in ways:
            if way in ("sqlalchemy_orm", "dlt_json"):
                self.sqlite_contender(way)


def table(bench: Bench) -> str:
    """The results as Markdown."""
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    lines = [
        "# dc merge beside other tools, and beside what the databases can do",
        "",
        f"Written by `benches/merge/compare.sh {bench.rows}` on {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores "
        f"({cpu}), PostgreSQL {bench.postgres.version}. One run, in turns, medians of the runs in the last column.",
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
            bench.postgres.drop()
    print((HERE / "RESULTS.md").read_text())


if __name__ == "__main__":
    main()
