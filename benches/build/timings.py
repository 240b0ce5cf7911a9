#!/usr/bin/env python3
"""Where the time of the first build goes: builds dc anew in a folder of its own, and prints the wall time, the CPU time,
the number of crates, the size of the binary, and the crates that took longest.

usage: timings.py [--profile release|dev] [--top N]
"""
import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What a first build may come to; whoever raises one says why in the commit.
# 440 and not 400 since ratatui and crossterm draw the board of the manager, and since MariaDB and SQL Server have drivers;
# 500 since HTML is read as browsers do (scraper: 21), workbooks of the old forms are (calamine with zip: 11), a dashboard is served
# (axum and hyper's server: 20) and the TLS of other programs is ended (rcgen: 2)
CRATES_MAX = 500
# 50 and not 43 since storage, pipelines and Dramatiq are in it: 6 MiB, without a crate more
BINARY_MIB_MAX = 50


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--profile", choices=["release", "dev"], default="release")
    options.add_argument("--top", type=int, default=20)
    options = options.parse_args()
    target = ROOT / "target" / "timings"
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cargo", "fetch", "--locked"], cwd=ROOT, check=True)
    begun = time.monotonic()
    command = ["cargo", "build", "--locked", "--timings", "--profile", options.profile, "--target-dir", target]
    subprocess.run(command, cwd=ROOT, check=True)
    wall = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    page = (target / "cargo-timings" / "cargo-timing.html").read_text()
    units = json.loads(re.search(r"const UNIT_DATA = (\[.*?\]);", page, re.S).group(1))
    crates = {(unit["name"], unit["version"]) for unit in units}
    binary = target / ("debug" if options.profile == "dev" else "release") / "dc"
    size = binary.stat().st_size / 2**20
    print(f"{wall:.0f} s on {os.cpu_count()} cores, {used.ru_utime + used.ru_stime:.0f} s of CPU, ", end="")
    print(f"{len(crates)} crates, binary {size:.1f} MiB")
    for unit in sorted(units, key=lambda unit: -unit["duration"])[: options.top]:
        print(f"{unit['duration']:7.1f} s  {unit['name']} {unit['version']}{unit['target']}")
    if len(crates) > CRATES_MAX or options.profile == "release" and size > BINARY_MIB_MAX:
        sys.exit(f"over the budget of {CRATES_MAX} crates and {BINARY_MIB_MAX} MiB")


main()
