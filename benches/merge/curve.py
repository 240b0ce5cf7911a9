"""How a merge grows with its rows: curve.py DC [ROWS...], by default from 100,000 to 20,000,000.

Started by `compare.sh --curve`. Each size is loaded into a new table and merged again without a change, in SQLite and in
PostgreSQL; wall seconds, CPU seconds and peak memory of dc, and the bytes of its spools, go into CURVE.md.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from compare import HERE, Bench, Postgres

ROWS = [100_000, 1_000_000, 5_000_000, 20_000_000]


class Curve(Bench):
    """The parts of a bench that one run of dc needs."""

    def __init__(self, dc: str, folder: Path) -> None:
        self.dc, self.folder = dc, folder
        self.postgres = Postgres()
        self.master = self.postgres.postmaster()

    def point(self, file: Path, url: str, *more: str) -> str:
        command = [self.dc, "-C", str(self.folder), "merge", "companies", str(file), "--json", *more]
        taken, said = self.run(command, {"DC_DB_MAIN_URL": url})
        rate = json.loads(said)["rows_per_second"]
        return f"{taken.wall:.2f} | {taken.client:.2f} | {taken.mib:.0f} | {rate:,}"

    def all(self, sizes: list[int]) -> list[str]:
        lines = []
        for rows in sizes:
            file = self.generate(rows)
            database = self.folder / "curve.db"
            self.postgres.clean()
            for name, url in {"SQLite": f"sqlite:{database}", "PostgreSQL": self.postgres.url}.items():
                for what, more in (("first load", ["--create"]), ("no change", [])):
                    lines.append(f"| {name} | {rows:,} | {what} | {self.point(file, url, *more)} |")
                    print(lines[-1], flush=True)
            for path in [file, *self.folder.glob("curve.db*")]:
                path.unlink()
        return lines


def main() -> None:
    sizes = [int(rows) for rows in sys.argv[2:]] or ROWS
    with tempfile.TemporaryDirectory(prefix="dc-curve-") as folder:
        curve = Curve(str(Path(sys.argv[1]).resolve()), Path(folder))
        try:
            lines = curve.all(sizes)
        finally:
            curve.postgres.drop()
    head = ["# How a merge grows", "", f"Written by `benches/merge/compare.sh --curve`, {os.cpu_count()} cores.", "",
            "| database | rows | what | wall s | CPU s of dc | peak MiB | rows/s |", "|---|--:|---|--:|--:|--:|--:|"]
    (HERE / "CURVE.md").write_text("\n".join(head + lines) + "\n")


if __name__ == "__main__":
    main()
