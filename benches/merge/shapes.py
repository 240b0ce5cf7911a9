"""Memory of dc whatever the shape of the records: the peak of each merge, on SQLite and PostgreSQL.

python3 benches/merge/shapes.py target/release/dc [postgres://USER@HOST/DATABASE]

The records are sparse NDJSON (1,401 columns, 12 of them in a record, 6.9 MB) and wide CSV (60 columns, 200,000 rows,
91 MB). The database is an empty one: the tables `shape` and `dc_merges` in it are dropped.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time


def sparse(path):
    """Writes records of which each has other columns."""
    with open(path, "w") as file:
        size = number = 0
        while size < 6_900_000:
            record = {"id_no": number}
            for column in random.sample(range(1400), 12):
                value = random.randint(0, 10**6)
                record[f"column_{column:04}"] = value if random.random() < 0.5 else f"value {value}"
            size += file.write(json.dumps(record) + "\n")
            number += 1


def wide(path):
    """Writes rows of whole numbers, numbers with decimals, and text."""
    with open(path, "w") as file:
        file.write(",".join(f"c{column}" for column in range(60)) + "\n")
        for _ in range(200_000):
            fields = []
            for _ in range(20):
                fields.append(str(random.randint(0, 10**6)))
                fields.append(f"{random.random() * 1000:.2f}")
                fields.append(f"text{random.randint(0, 9999)}")
            file.write(",".join(fields) + "\n")


def half(path):
    """The first half of a file."""
    name = path.replace(".", "_half.")
    with open(path) as whole, open(name, "w") as part:
        lines = whole.readlines()
        part.writelines(lines[: len(lines) // 2])
    return name


def merge(dc, url, arguments):
    """Merges, and gives the peak in MiB, the seconds, and the report."""
    environment = dict(os.environ, DC_DB_MAIN_URL=url)
    started = time.time()
    child = subprocess.Popen([dc, "merge", "shape", *arguments, "--json"], env=environment, stdout=subprocess.PIPE)
    peak = 0
    while child.poll() is None:
        try:
            with open(f"/proc/{child.pid}/status") as status:
                peak = max([peak] + [int(line.split()[1]) for line in status if line.startswith("VmHWM")])
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.005)
    return peak / 1024, time.time() - started, json.loads(child.stdout.read())


def main():
    dc, server = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    random.seed(1)
    print("| input | database | merge | peak MiB | s | new, unchanged, gone |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("sparse.ndjson", sparse), ("wide.csv", wide)):
            path = os.path.join(folder, name)
            write(path)
            part = half(path)
            for url in filter(None, (f"sqlite:{folder}/{name}.db", server)):
                if url is server:
                    drop = "DROP TABLE IF EXISTS shape, dc_merges"
                    subprocess.run(["psql", "-Xq", "-d", url, "-c", drop], check=True)
                for what, arguments in (
                    ("first load", [path, "--create"]),
                    ("no change", [path, "--threads", "1"]),
                    ("half gone", [part, "--max-gone", "100%"]),
                    ("half back", [path]),
                ):
                    peak, seconds, report = merge(dc, url, arguments)
                    counts = ", ".join(str(report[count]) for count in ("new", "unchanged", "gone"))
                    print(f"| {name} | {url.split(':')[0]} | {what} | {peak:.1f} | {seconds:.2f} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
