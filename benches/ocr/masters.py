"""Whether searchable PDFs look as their masters: every page is drawn by poppler before and after, and checked by qpdf.

    benches/ocr/masters.py DC DIR [FLAG..]    flags for dc, such as --force-ocr; needs pdftoppm and qpdf
"""

import hashlib
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

DPI, TIME = "50", 180


def drawn(file):
    pages = subprocess.run(["pdftoppm", "-r", DPI, file], capture_output=True, timeout=TIME).stdout
    return hashlib.sha256(pages).hexdigest()


def faults(file):
    return subprocess.run(["qpdf", "--check", file], capture_output=True).returncode


def main():
    dc, folder, *flags = sys.argv[1:]
    counts = Counter()
    with tempfile.TemporaryDirectory() as work:
        made = Path(work, "made.pdf")
        for file in sorted(map(str, Path(folder).rglob("*.pdf"))):
            command = [dc, "ocr", file, "--format", "pdf", "--quiet", *flags]
            try:
                with made.open("wb") as out:
                    done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=TIME)
                if done.returncode != 0:
                    counts["refused, or not read whole"] += 1
                elif made.read_bytes() == Path(file).read_bytes():
                    counts["needed nothing"] += 1
                elif drawn(file) != drawn(made):
                    counts["LOOK DIFFERENT"] += 1
                    print(f"looks different: {file}")
                elif faults(made) > faults(file):
                    counts["FAULTS FOR QPDF"] += 1
                    print(f"qpdf finds fault: {file}")
                else:
                    counts["look the same"] += 1
            except subprocess.TimeoutExpired:
                counts["took too long"] += 1
    for what, count in counts.most_common():
        print(f"{count} {what}")


if __name__ == "__main__":
    main()
