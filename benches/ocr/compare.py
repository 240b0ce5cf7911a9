"""Runs all contenders on the same files and writes what came of it as Markdown."""

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from pages import DEGRADED, KINDS, degraded, page

DC, PDFS, WORK = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
PYTHON = sys.executable
HERE = Path(__file__).parent


def run(command, **more):
    """Seconds, the largest process's memory in MiB, and output of a command."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - started, usage.ru_maxrss / 1024, out.decode(errors="replace")


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
        base = [DC, "ocr", "--engine", "none", "--jobs", str(jobs), "--quiet"]
        command = [*base, "--format", "json", "--tables-by", "lines", *usable]
        ours, _, out = run(command)
        print(f"| dc, {jobs} jobs | {ours:.2f} | {seconds / ours:.0f} | {largest(command):.0f} |")
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
    print("## Seconds and memory\n")
    print("| | seconds | MiB of the largest process |\n|---|---|---|")
    many = [str(path) for path in paths]
    one = many[0]
    for name, command in [
        ("RapidOCR, all pages", [PYTHON, str(HERE / "rapidocr_reads.py"), *many]),
        ("dc --engine paddle --jobs 1, all pages", [DC, "ocr", "--quiet", "--engine", "paddle", "--jobs", "1", *many]),
        ("dc --engine paddle, all pages", [DC, "ocr", "--quiet", "--engine", "paddle", *many]),
    ]:
        seconds, memory, _ = run(["/usr/bin/env", *command])
        print(f"| {name} | {seconds:.1f} | {largest(command) if 'dc' in name else memory:.0f} |")
    from PIL import Image

    scans = WORK / "scans.pdf"
    pictures = [Image.open(path).convert("L") for path in many[:5] + many[:5]]
    pictures[0].save(scans, save_all=True, append_images=pictures[1:], resolution=200)
    single = WORK / "single.pdf"
    pictures[0].save(single, resolution=300)
    out = WORK / "out"
    out.mkdir(exist_ok=True)
    for name, source in (("one page", single), ("ten pages", scans)):
        jobs = str(os.cpu_count())
        theirs = [PYTHON, "-m", "ocrmypdf", "-q", "--output-type", "pdf", "--jobs", jobs, str(source), str(out / "theirs.pdf")]
        seconds, memory, _ = run(theirs)
        print(f"| OCRmyPDF, {name} | {seconds:.1f} | {memory:.0f} |")
        ours, memory, _ = run([DC, "ocr", "-q", "--format", "pdf", "--out", str(out), str(source)])
        print(f"| dc, {name} ({seconds / ours:.1f} times as fast) | {ours:.1f} | {memory:.0f} |")
        seconds, memory, _ = run([DC, "ocr", "-q", "--plain", "--format", "pdf", "--out", str(out), str(source)])
        print(f"| dc --plain, {name} | {seconds:.1f} | {memory:.0f} |")


def largest(command):
    """The memory of the largest process of a command, its children included, in MiB."""
    before = "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    out = subprocess.run([PYTHON, "-c", before, *command], capture_output=True, text=True).stdout
    return int(out or 0) / 1024


def main():
    version = subprocess.run([DC, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"# PDFs and scans\n\nWritten by `benches/ocr/compare.sh` with {version} on {os.cpu_count()} processors.\n")
    native()
    speed(recognised())


main()
