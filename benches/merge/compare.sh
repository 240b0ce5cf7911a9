#!/usr/bin/env bash
# Measures `dc merge` beside dlt, the SQLAlchemy design, DuckDB and the limits of the databases, on the same files, in
# turns, in one run; writes the table into RESULTS.md. Half an hour for the default million records; most of it is dlt's.
#
#   benches/merge/compare.sh [ROWS] [WITHOUT...]
#   benches/merge/compare.sh --curve [ROWS...]     how time and memory of dc grow, into CURVE.md (5 GB of disk)
#
# WITHOUT names what to leave out: dlt_json dlt_arrow sqlalchemy_orm duckdb_attached staged_sql, and whole databases:
# postgres mariadb sqlite. Needs Python 3.11 with pip, psql and mariadb, and servers where databases can be made: PostgreSQL
# at DC_TEST_POSTGRES or postgres://postgres@127.0.0.1:5432/postgres, MariaDB at DC_TEST_MARIADB or
# mysql://root@127.0.0.1:3306/mysql.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../.."

command -v psql >/dev/null || { echo "compare.sh: psql is not there: install PostgreSQL's client" >&2; exit 1; }
cargo build --release
if [ "${1:-}" = --curve ]; then
    shift
    exec python3 "$here/curve.py" target/release/dc "$@"
fi
limits="$(cargo bench --bench limits --no-run --message-format json |
    sed -n 's/.*"name":"limits".*"executable":"\([^"]*\)".*/\1/p')"

python="target/bench-python"
if [ ! -x "$python/bin/python" ] || ! cmp -s "$here/requirements.txt" "$python/requirements.txt"; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$python/requirements.txt"
fi

exec "$python/bin/python" "$here/compare.py" target/release/dc "$limits" "$@"
