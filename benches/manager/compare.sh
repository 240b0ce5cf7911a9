#!/usr/bin/env bash
# Measures how fast a manager starts many apps, and how fast the lines of an app are captured, beside supervisord and PM2
# on the same programs, in turns, in one run; writes the table into RESULTS.md. Three minutes after the build.
#
#   benches/manager/compare.sh [APPS] [LINES]
#
# Needs Python 3.11 with pip, and Node.js with npm. With DC_BENCH_POSTGRES=postgres://postgres@127.0.0.1:5432 apps are also
# started on PostgreSQL.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../.."

cargo build --release
python="target/bench-manager-python"
if [ ! -x "$python/bin/supervisord" ]; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
pm2="target/bench-manager-pm2"
if [ ! -x "$pm2/node_modules/.bin/pm2" ]; then
    mkdir -p "$pm2"
    npm install --silent --prefix "$pm2" pm2@7.0.4
fi

exec python3 "$here/compare.py" target/release/dc "$python/bin/supervisord" "$pm2/node_modules/.bin/pm2" "$@"
