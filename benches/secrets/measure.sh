#!/usr/bin/env bash
# Holds the store of secrets beside age, ansible-vault, dotenvx and SOPS: damage of every kind, kills in the middle of a
# rewrite, time to the first secret. Writes RESULTS.md. Needs age, strace, gpg, node and npm; ten minutes after the build.
#
#   benches/secrets/compare.sh
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../.."
tools="$PWD/target/secrets-bench"
cargo build --release --quiet
if [ ! -x "$tools/python/bin/python" ]; then
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
if [ ! -x "$tools/node_modules/.bin/dotenvx" ]; then
    npm install --silent --prefix "$tools" @dotenvx/dotenvx@2.38.2
fi
PATH="$tools/python/bin:$tools/node_modules/.bin:$PATH" python "$here/compare.py" "$PWD/target/release/dc" > "$here/RESULTS.md.new"
mv "$here/RESULTS.md.new" "$here/RESULTS.md"
