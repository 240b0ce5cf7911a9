"""The database servers that are measured: a database of our own in each, and what processor time a server has used."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

COLUMNS = "vat_no, name, city, street, employees, revenue, active, founded, note, code"


def cpu(pid: str, first: int) -> float:
    """CPU seconds of a process (first = 11) or of its children that have ended (13); 0 where it is not on this machine."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")


class Postgres:
    """The server and a database of our own in it."""

    def __init__(self) -> None:
        self.base = os.environ.get("DC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
        self.name = f"dc_bench_{os.getpid()}"
        self.url = self.base.rsplit("/", 1)[0] + "/" + self.name
        self.python_url = self.url.replace("postgres://", "postgresql://")
        self.psql(f"CREATE DATABASE {self.name}", self.base)
        self.version = self.psql("SHOW server_version").split()[0]
        self.master = self.postmaster()

    def psql(self, sql: str, url: str | None = None) -> str:
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url or self.url, "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def postmaster(self) -> str:
        """The first line of the server's pid file, or 0 where the role may not read it."""
        try:
            return self.psql("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").strip()
        except subprocess.CalledProcessError:
            return "0"

    def cpu(self) -> float:
        """CPU seconds of all backends that have ended."""
        return cpu(self.master, 13)

    def clean(self) -> None:
        # a contender that was stopped has left its statement running
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                  "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        self.psql("DROP SCHEMA IF EXISTS public, bench, bench_staging, bench_arrow, bench_arrow_staging CASCADE;"
                  "CREATE SCHEMA public; CHECKPOINT")

    def drop(self) -> None:
        self.psql(f"DROP DATABASE {self.name} WITH (FORCE)", self.base)


class MariaDb:
    """The server and a database of our own in it."""

    def __init__(self) -> None:
        self.base = os.environ.get("DC_TEST_MARIADB", "mysql://root@127.0.0.1:3306/mysql")
        self.name = f"dc_bench_{os.getpid()}"
        self.url = self.base.rsplit("/", 1)[0] + "/" + self.name
        self.python_url = self.url.replace("mysql://", "mysql+pymysql://") + "?charset=utf8mb4&local_infile=1"
        place = urlsplit(self.base)
        login = {"-h": place.hostname, "-P": place.port or 3306, "-u": place.username or "root"}
        self.client = ["mariadb", "--local-infile", "-BN", *(f"{flag}{value}" for flag, value in login.items())]
        if place.password:
            self.client.append(f"-p{place.password}")
        self.clean()
        self.version = self.sql("SELECT version()").split("-")[0]
        try:
            self.master = Path(self.sql("SELECT @@pid_file")).read_text().strip()
        except OSError:
            self.master = "0"

    def command(self, sql: str) -> list[str]:
        return [*self.client, self.name, "-e", sql]

    def sql(self, sql: str) -> str:
        return subprocess.run(self.command(sql), check=True, capture_output=True, text=True).stdout.strip()

    def cpu(self) -> float:
        """CPU seconds of the server."""
        return cpu(self.master, 11)

    def clean(self) -> None:
        sql = f"DROP DATABASE IF EXISTS {self.name}; CREATE DATABASE {self.name} CHARACTER SET utf8mb4"
        subprocess.run([*self.client, "-e", sql], check=True)

    def drop(self) -> None:
        subprocess.run([*self.client, "-e", f"DROP DATABASE {self.name}"], check=True)
