"""The share of dictionary words in the text of English PDFs: dc beside poppler and MuPDF.

    benches/ocr/words.py DC DIR    needs pdftotext, mutool, and a dictionary (sudo apt-get install wamerican)
"""

import re
import subprocess
import sys
from pathlib import Path

DICTIONARY = Path("/usr/share/dict/words")
# a file with fewer words, or with a smaller share of English ones, says nothing
WORDS_MIN, ENGLISH_MIN = 50, 0.6


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
        "MuPDF": lambda file: ["mutool", "draw", "-q", "-F", "txt", file],
    }
    rows, worse = [], []
    for file in sorted(map(str, Path(folder).rglob("*.pdf"))):
        found = {name: share(read(command(file)), known) for name, command in readers.items()}
        best = max(found["poppler"][0], found["MuPDF"][0])
        if found["poppler"][1] < WORDS_MIN or best < ENGLISH_MIN:
            continue
        rows.append({name: part for name, (part, _) in found.items()})
        if rows[-1]["dc"] < best - 0.005:
            worse.append((file, rows[-1]))
    print(f"{len(rows)} English PDFs; dc is as good as the better of both on {len(rows) - len(worse)}\n")
    print("| reader | dictionary words |\n|---|---|")
    for name in readers:
        print(f"| {name} | {sum(row[name] for row in rows) / max(1, len(rows)):.4f} |")
    for file, row in worse:
        print(f"\n{file}: " + ", ".join(f"{name} {part:.3f}" for name, part in row.items()))


if __name__ == "__main__":
    main()
