"""The share of dictionary words in the text of English PDFs: dc beside poppler and MuPDF.

    benches/ocr/words.py DC DIR    needs pdftotext, PyMuPDF (pip install pymupdf), and a dictionary
                                   (sudo apt-get install wamerican)

DIR may hold the test files of any packages: a file that is there twice is read once.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

DICTIONARY = Path("/usr/share/dict/words")
# a file with fewer words, or with a smaller share of English ones, says nothing
WORDS_MIN, ENGLISH_MIN = 50, 0.6
# a share that is less by no more is as good
AS_GOOD = 0.005
MUPDF = """
import sys, pymupdf
pymupdf.TOOLS.mupdf_display_errors(False)
sys.stdout.buffer.write("\\f".join(page.get_text() for page in pymupdf.open(sys.argv[1])).encode("utf-8", "replace"))
"""


def read(command):
    try:
        return subprocess.run(command, capture_output=True, timeout=60).stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        return ""


def share(text, known):
    words = [word.lower() for word in re.findall(r"[A-Za-z]{2,}", text)]
    return (sum(word in known for word in words) / len(words), len(words)) if words else (0.0, 0)


def main():
    dc, folder = sys.argv[1:]
    known = {word.strip().lower() for word in DICTIONARY.read_text(errors="ignore").splitlines()}
    readers = {
        "dc": lambda file: [dc, "ocr", "--engine", "none", "--quiet", file],
        "poppler": lambda file: ["pdftotext", file, "-"],
        "MuPDF": lambda file: [sys.executable, "-c", MUPDF, file],
    }
    rows, worse = [], []
    files = {hashlib.sha256(file.read_bytes()).digest(): str(file) for file in sorted(Path(folder).rglob("*.pdf"))}
    for file in files.values():
        found = {name: share(read(command(file)), known) for name, command in readers.items()}
        # who reads hardly a word reads no share of them
        best = max((found[name][0] for name in ("poppler", "MuPDF") if found[name][1] >= WORDS_MIN), default=0)
        if best < ENGLISH_MIN:
            continue
        rows.append({name: part for name, (part, _) in found.items()})
        if rows[-1]["dc"] < best - AS_GOOD:
            worse.append((file, rows[-1]))
    print(f"\n## Words of English PDFs\n\n{len(rows)} files; dc is as good as the better of both on {len(rows) - len(worse)}\n")
    print("| reader | dictionary words |\n|---|---|")
    for name in readers:
        print(f"| {name} | {sum(row[name] for row in rows) / max(1, len(rows)):.4f} |")
    for file, row in worse:
        print(f"\n{file}: " + ", ".join(f"{name} {part:.3f}" for name, part in row.items()))


if __name__ == "__main__":
    main()
