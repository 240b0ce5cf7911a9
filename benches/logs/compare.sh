#!/usr/bin/env bash
# Measures the logging pipeline beside tracing-appender and structlog on the same records, in turns, in one run, and what
# a record costs the thread that writes it; writes the table into RESULTS.md. Two minutes after the build.
#
#   benches/logs/compare.sh [RECORDS]
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here"
records="${1:-1000000}"
export CARGO_TARGET_DIR="$here/../../target/log-bench"

cargo build --release --quiet
python="$here/../../target/log-bench-python"
if [ ! -x "$python/bin/python" ]; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet structlog==25.4.0
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

median() { sort -n | sed -n 3p; }
for round in 1 2 3 4 5; do
    for way in dc tracing structlog; do
        rm -rf "$folder"/*
        if [ "$way" = structlog ]; then
            "$python/bin/python" structlog_queue.py "$((records / 10))" "$folder" >> "$folder.$way"
        else
            "$CARGO_TARGET_DIR/release/throughput" "$way" "$records" "$folder" >> "$folder.$way"
        fi
        lines="$(cat "$folder"/*.ndjson | wc -l)"
        echo "round $round: $way $(tail -1 "$folder.$way") s, $lines lines"
    done
done
dc="$(median < "$folder.dc")" tracing="$(median < "$folder.tracing")" structlog="$(median < "$folder.structlog")"
rm -f "$folder".dc "$folder".tracing "$folder".structlog
emit="$(cargo bench --bench emit 2> /dev/null | grep -A1 -E '^a (record|call)' | tr '\n' ' ')"
{
    echo "# The logging pipeline beside others"
    echo
    echo "Written by \`benches/logs/compare.sh $records\`, $(nproc) cores. Records with three key-values into a file of JSON"
    echo "lines, from the first record to the last byte written; medians of five runs in turns."
    echo
    echo "| who | records a second | dc is |"
    echo "|---|--:|--:|"
    awk -v n="$records" -v d="$dc" -v t="$tracing" -v s="$structlog" 'BEGIN {
        printf "| **dc** | %d | |\n", n / d
        printf "| tracing-subscriber and tracing-appender, nothing dropped | %d | %.1f times as fast |\n", n / t, t / d
        printf "| structlog, QueueHandler and QueueListener | %d | %.1f times as fast |\n", n / 10 / s, 10 * s / d }'
    echo
    echo "What it costs the thread that writes, every sink standing still (criterion: low, median, high):"
    echo
    echo "$emit" | sed 's/ \+/ /g'
} > RESULTS.md
cat RESULTS.md
