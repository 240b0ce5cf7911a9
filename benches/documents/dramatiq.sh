#!/usr/bin/env bash
# Measures the CPU that a message costs an actor in Rust beside one of Dramatiq in Python, in turns, in one run; writes
# DRAMATIQ.md. A RabbitMQ on loopback whose rabbitmqctl may make virtual hosts; BENCH_POSTGRES=URL of an empty database adds
# a row. Five minutes after the build.
#
#   benches/documents/dramatiq.sh [MESSAGES] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
count="${1:-20000}" rounds="${2:-3}"
cargo build --release --quiet --example actors
python="target/documents-bench-python"
if [ ! -x "$python/bin/dramatiq" ]; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet 'dramatiq[rabbitmq]==2.2.1'
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$python/bin/python" benches/documents/cpu.py "${CARGO_TARGET_DIR:-$PWD/target}/release/examples/actors" "$folder" \
    "$count" "$rounds" > "$folder/DRAMATIQ.md"
cp "$folder/DRAMATIQ.md" benches/documents/DRAMATIQ.md
cat benches/documents/DRAMATIQ.md
