"""Four sources, collected with dc, plain Python, dlt and Scrapy: lines, time, and what is right afterwards.

    python3 compare.py target/release/dc PYTHON [TOOL..]     # PYTHON has requirements.txt of this folder

Each collector runs in an empty folder: the first edition, the same again, an edition whose source breaks off for ever,
and the second edition. What it has stored is compared with what the source has, value by value.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import sources

HERE = Path(__file__).parent
DC, PYTHON = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).absolute()
TOOLS = sys.argv[3:] or ["dcollect", "plain", "dlt", "scrapy"]
KINDS = {"api": "companies", "prices": "prices", "register": "crafts", "report": "permits"}
TRUTH = {"api": lambda: [tuple(row.values()) for row in sources.companies()], "prices": sources.prices, "register": sources.register, "report": sources.permits}
READ = {
    "dcollect": ("sqlite", ".dc/dc.db", "SELECT * FROM {} WHERE archive IS NULL", "SELECT count(*) FROM {} WHERE archive IS NOT NULL", ("id", "sha", "archive", "date_created", "date_modified")),
    "dlt": ("duckdb", "data.duckdb", "SELECT * FROM authors.{} WHERE _dlt_valid_to IS NULL", "SELECT count(*) FROM authors.{} WHERE _dlt_valid_to IS NOT NULL", ("_dlt_valid_from", "_dlt_valid_to", "_dlt_id", "_dlt_load_id", "_dlt_parent_id")),
}
HISTORY = ("sqlite", "data.db", "SELECT * FROM {} WHERE valid_to IS NULL", "SELECT count(*) FROM {} WHERE valid_to IS NOT NULL", ("valid_from", "valid_to"))
ASK = """
import json, sys
kind, file, rows, gone, own = json.loads(sys.argv[1])
db = __import__("sqlite3" if kind == "sqlite" else "duckdb").connect(file)
cursor = db.execute(rows)
names = [column[0] for column in cursor.description]
found = [[str(value) for name, value in zip(names, row) if name not in own] for row in cursor.fetchall()]
print(json.dumps([found, db.execute(gone).fetchone()[0]]))
"""


def lines(path):
    text = path.read_text().splitlines()
    return sum(1 for line in text if line.strip() and not line.strip().startswith(("#", '"""')))


def make(tool, kind, folder):
    """The command that runs the collector in this folder."""
    if tool != "dcollect":
        return [PYTHON, HERE / tool / f"{kind}.py"]
    app = folder / "apps/bench/authors" / kind
    app.mkdir(parents=True)
    source = HERE / tool / ("prices" if kind == "prices" else f"{kind}.py")
    main = app / ("main" if kind == "prices" else "main.py")
    main.write_text(source.read_text())
    main.chmod(0o755)
    if kind != "prices":
        (app / "app.toml").write_text(f'command = ["{PYTHON}", "main.py"]\n')
    return [DC, "run", kind]


def stored(tool, kind, folder):
    kind_of, file, rows, gone, own = READ.get(tool, HISTORY)
    table = KINDS[kind]
    if tool == "dcollect":
        file = next(str(path) for path in folder.rglob("*.db"))
    question = json.dumps([kind_of, file, rows.format(table), gone.format(table), own])
    done = subprocess.run([PYTHON, "-c", ASK, question], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def plain(row):
    def value(one):
        try:
            return float(one) if "." in str(one) and not str(one).startswith("0000") else str(one)
        except ValueError:
            return str(one)[:10] if str(one).endswith("00:00:00") else str(one)

    return tuple(map(value, row))


def say(edition):
    urlopen(f"http://127.0.0.1:{sources.PORT}/edition?n={edition}").read()


def run(command, folder, tool):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONPATH": str(HERE.parents[1] / "python")}
    environment |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder / "dlt")}
    if tool != "dcollect":
        environment["PYTHONPATH"] = ""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def main():
    sources.serve()
    print("| tool | source | lines | first, s | again, s | second edition, s | CPU a run, s | source breaks off | stored |")
    print("|---|---|--:|--:|--:|--:|--:|---|---|")
    for tool in TOOLS:
        shared = HERE / tool / "common.py"
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                command = make(tool, kind, folder)
                took, cpu, wrong = [], 0.0, []
                for edition, archived in (("1", 0), ("1", 0), ("1&broken=1", 0), ("2", 12)):
                    say(edition)
                    seconds, used, done = run(command, folder, tool)
                    if "broken" in edition:
                        broken = f"status {done.returncode}"
                        sources.state["is_broken"] = False
                    else:
                        took.append(seconds)
                        cpu += used / 3
                        if done.returncode:
                            wrong.append(f"edition {edition}: status {done.returncode}: {done.stderr[-300:]}")
                    rows, gone = stored(tool, kind, folder)
                    have, want = sorted(map(plain, rows)), sorted(map(plain, TRUTH[kind]()))
                    problem = "" if have == want and gone == archived else f"{len(have)} rows ({len(set(want) - set(have))} missing, {len(set(have) - set(want))} wrong), {gone} archived"
                    if "broken" in edition:
                        broken += ", " + (problem or "unchanged")
                    elif problem:
                        wrong.append(f"edition {edition}: {problem}")
                path = next(path for path in (HERE / tool).iterdir() if path.stem == kind)
                times = " | ".join(f"{seconds:.1f}" for seconds in took)
                right = "; ".join(dict.fromkeys(wrong)) or "right"
                print(f"| {tool} | {kind} | {lines(path)} | {times} | {cpu:.1f} | {broken} | {right} |", flush=True)
        if shared.exists():
            print(f"| {tool} | shared by the four | {lines(shared)} | | | | | | |", flush=True)


if __name__ == "__main__":
    main()
