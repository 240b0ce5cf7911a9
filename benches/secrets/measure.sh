#!/usr/bin/env bash
# What the store of secrets bears: damage of every kind, kills in the middle of a rewrite; and the time to the first secret.
# Writes RESULTS.md. Needs strace and Python; ten minutes after the build. PLACES is how many bits are flipped.
#
#   benches/secrets/measure.sh
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../.."
cargo build --release --quiet
python3 "$here/measure.py" "$PWD/target/release/dc" > "$here/RESULTS.md.new"
mv "$here/RESULTS.md.new" "$here/RESULTS.md"
