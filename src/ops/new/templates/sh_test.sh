#!/bin/sh
# Reads the sample: ./test
set -eu
cd "$(dirname "$0")"
lines=$(SOURCE={{SAMPLE}} ./collect | wc -l)
[ "$lines" -eq {{LINES}} ] || { echo "$lines lines instead of {{LINES}}" >&2; exit 1; }
echo "ok: {{LINES}} lines"
