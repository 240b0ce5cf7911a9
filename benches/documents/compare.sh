#!/usr/bin/env bash
# Measures documents a second through three stages that do nothing, beside Celery and Dramatiq, and writes RESULTS.md.
# PostgreSQL and RabbitMQ on loopback. Ten minutes after the build.
#
#   benches/documents/compare.sh [FILES] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --quiet
python="target/stages-bench-python"
if [ ! -x "$python/bin/celery" ]; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet 'celery==5.5.3' 'dramatiq[rabbitmq]==2.2.1'
fi
result="$(mktemp)"
python3 benches/documents/compare.py target/release/dc "$python/bin/python" "${1:-10000}" "${2:-3}" >"$result"
cp "$result" benches/documents/RESULTS.md
cat benches/documents/RESULTS.md
