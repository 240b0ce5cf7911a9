#!/usr/bin/env bash
# Text, tables and recognition by dc beside pdfplumber, OCRmyPDF, Tesseract and RapidOCR, on the same files in one run.
#
#   benches/ocr/compare.sh [DIR]    DIR holds PDFs; without it the PDFs of two Python packages' own tests are taken
#
# Needs python3 with venv, tesseract, and what OCRmyPDF needs (ghostscript); writes benches/ocr/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
work="${WORK:-$(mktemp -d)}"
mkdir -p "$work/pdfs"
if [ ! -x "$work/venv/bin/python" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet -r benches/ocr/requirements.txt
fi
pdfs="${1:-}"
if [ -z "$pdfs" ]; then
    pdfs="$work/pdfs"
    if [ -z "$(ls -A "$pdfs")" ]; then
        "$work/venv/bin/pip" download --quiet --no-deps --no-binary :all: --dest "$work" pypdf==7.1.1 ocrmypdf==17.13.0
        for archive in "$work"/*.tar.gz; do tar xzf "$archive" -C "$pdfs" --wildcards '*.pdf'; done
    fi
fi
cargo build --release --quiet
export DC_OCR_MODELS="${DC_OCR_MODELS:-$work/models}"
fixtures/ocr/get-models
"$work/venv/bin/python" benches/ocr/compare.py target/release/dc "$pdfs" "$work" >benches/ocr/RESULTS.md
"$work/venv/bin/python" benches/ocr/words.py target/release/dc "$pdfs" >>benches/ocr/RESULTS.md
cat benches/ocr/RESULTS.md
