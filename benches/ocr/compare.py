"""Runs all contenders on the same files and writes what came of it as Markdown."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median

from rapidfuzz.distance import Levenshtein

from pages import DEGRADED, KINDS, degraded, page

DC, PDFS, WORK = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
PYTHON = sys.executable
HERE = Path(__file__).parent


# a process is told the memory of the one that started it until it runs its own program: so a small one starts it
LAUNCHER = """import json, resource, subprocess, sys, time
started = time.monotonic()
subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)
seconds = time.monotonic() - started
json.dump([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024], sys.stderr)
"""
TURNS = 3


def run(command, **more):
    """Seconds, the memory of the largest process in MiB, and output of a command."""
    launched = [sys.executable, "-S", "-E", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, capture_output=True, check=True, **more)
    seconds, memory = json.loads(done.stderr)
    return seconds, memory, done.stdout.decode(errors="replace")


def in_turns(commands):
    """The median seconds and the memory of each of the named commands, which run in turns."""
    runs = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            runs[name].append(run(command)[:2])
    return {name: (median(s for s, _ in found), max(m for _, m in found)) for name, found in runs.items()}


def error_rate(wanted, found):
    """Changed letters by letters; white space counts as one space."""
    a, b = " ".join(wanted.split()), " ".join(found.split())
    return Levenshtein.distance(a, b) / max(len(a), 1)


def native():
    files = sorted(str(path) for path in PDFS.rglob("*.pdf") if path.is_file() and path.stat().st_size)
    seconds, memory, out = run([PYTHON, str(HERE / "pdfplumber_reads.py"), *files])
    theirs = {row["file"]: row for row in map(json.loads, out.splitlines())}
    usable = [file for file in files if "pages" in theirs[file] and any(p["words"] for p in theirs[file]["pages"])]
    seconds, memory, _ = run([PYTHON, str(HERE / "pdfplumber_reads.py"), *usable])
    print("## Words and tables of PDFs\n")
    print(f"{len(usable)} PDFs that pdfplumber reads words of, their words and tables.\n")
    print("| | seconds | times | MiB |\n|---|---|---|---|")
    print(f"| pdfplumber | {seconds:.2f} | 1 | {memory:.0f} |")
    for jobs in (1, 2):
        # pages without text are not recognised, as with pdfplumber
        base = [DC, "ocr", "--engine", "none", "--layout", "pdfplumber", "--jobs", str(jobs), "--quiet"]
        command = [*base, "--format", "json", "--tables-by", "lines", *usable]
        ours, memory, out = run(command)
        print(f"| dc, {jobs} jobs | {ours:.2f} | {seconds / ours:.0f} | {memory:.0f} |")
    good, same, all_tables = 0, 0, 0
    mine = {row["file"]: row for row in map(json.loads, out.splitlines())}
    found = {}
    for row in mine.values():
        for page in row["pages"]:
            found[row["file"], page["page"]] = [table["rows"] for table in page.get("tables") or []]
    for file in usable:
        want = Counter(word for p in theirs[file]["pages"] for word in p["words"])
        have = Counter(w["text"] for p in mine.get(file, {"pages": []})["pages"] for l in p["lines"] for w in l["words"])
        good += 2 * sum((want & have).values()) / max(1, sum(want.values()) + sum(have.values())) >= 0.99
        for number, p in enumerate(theirs[file]["pages"], 1):
            all_tables += len(p["tables"])
            here = found.get((file, number), [])
            same += sum(at < len(here) and here[at] == table for at, table in enumerate(p["tables"]))
    print(f"\nWord F1 of 0.99 or more against pdfplumber: {good} of {len(usable)} files. Tables identical: {same} of {all_tables}.\n")


def recognised():
    folder = WORK / "pages"
    folder.mkdir(exist_ok=True)
    wanted = {}
    for at, (name, dpi, kind, how) in enumerate(KINDS):
        picture, text = page(at, dpi, kind)
        path = folder / f"{at:02}.png"
        degraded(picture, how, at).save(path, dpi=(dpi, dpi))
        wanted[name] = (path, text)
    contenders = {
        "Tesseract": lambda path: run(["tesseract", str(path), "stdout"], env=dict(os.environ, OMP_THREAD_LIMIT="1")),
        "dc": lambda path: run([DC, "ocr", "--quiet", str(path)]),
        "dc paddle": lambda path: run([DC, "ocr", "--quiet", "--engine", "paddle", str(path)]),
        "RapidOCR": lambda path: run([PYTHON, str(HERE / "rapidocr_reads.py"), str(path)]),
    }
    rates = {name: {} for name in contenders}
    for kind, (path, text) in wanted.items():
        for name, read in contenders.items():
            rates[name][kind] = error_rate(text, read(path)[2])
    print("## Character error rate, page by page\n")
    print("| page | " + " | ".join(contenders) + " |\n|---|" + "---|" * len(contenders))
    for kind in wanted:
        print(f"| {kind} | " + " | ".join(f"{rates[name][kind]:.4f}" for name in contenders) + " |")
    names = [name for name, *_ in DEGRADED]
    mean = {name: sum(rates[name][kind] for kind in names) / len(names) for name in contenders}
    print("| **mean of the bad pages** | " + " | ".join(f"**{mean[name]:.4f}**" for name in contenders) + " |\n")
    return [path for path, _ in wanted.values()]


def speed(paths):
    print(f"## Seconds and memory\n\nMedians of {TURNS} runs in turns. The last column is the memory of the largest process.\n")
    print("| | seconds | times | MiB |\n|---|---|---|---|")
    from PIL import Image

    many = [str(path) for path in paths]
    rapid = [PYTHON, str(HERE / "rapidocr_reads.py")]
    paddle = [DC, "ocr", "--quiet", "--engine", "paddle"]
    for what, files in (("one page", many[:1]), (f"{len(many)} pages", many)):
        told({f"RapidOCR, {what}": [*rapid, *files], f"dc --engine paddle, {what}": [*paddle, *files]})
    pictures = [Image.open(path).convert("L") for path in many[:5] + many[:5]]
    out = WORK / "out"
    out.mkdir(exist_ok=True)
    for what, some in (("one page", pictures[:1]), ("ten pages", pictures)):
        source = str(WORK / f"{what.replace(' ', '-')}.pdf")
        some[0].save(source, save_all=True, append_images=some[1:], resolution=300 if len(some) == 1 else 200)
        jobs = str(os.cpu_count())
        searchable = [DC, "ocr", "-q", "--format", "pdf", "--out", str(out)]
        commands = {
            f"OCRmyPDF, {what}": [PYTHON, "-m", "ocrmypdf", "-q", "--output-type", "pdf", "--jobs", jobs, source, str(out / "theirs.pdf")],
            f"dc, {what}": [*searchable, source],
            f"dc --plain, {what}": [*searchable, "--plain", source],
        }
        if len(some) == 1:
            # what Tesseract alone needs for the page: no engine around it can be faster
            commands["limit: tesseract, one page"] = ["env", "OMP_THREAD_LIMIT=1", "tesseract", many[0], "stdout"]
        told(commands)


def told(commands):
    """A line for each command; the first is what the others are compared with."""
    measured = in_turns(commands)
    first = next(iter(measured.values()))[0]
    for name, (seconds, memory) in measured.items():
        print(f"| {name} | {seconds:.1f} | {first / seconds:.1f} | {memory:.0f} |")


def main():
    version = subprocess.run([DC, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"# PDFs and scans\n\nWritten by `benches/ocr/compare.sh` with {version} on {os.cpu_count()} processors.\n")
    native()
    speed(recognised())


main()
