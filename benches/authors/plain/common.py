"""What the four share: a session that tries again, and a merge that keeps history."""

import logging
import sqlite3
from datetime import datetime, timezone

import requests
from urllib3.util.retry import Retry

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


def session():
    retry = Retry(total=4, backoff_factor=0.3, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=None)
    made = requests.Session()
    made.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    made.request = lambda method, url, _ask=made.request, **more: checked(_ask(method, url, timeout=30, **more))
    return made


def checked(answer):
    answer.raise_for_status()
    return answer


def body(http, url, tries=4):
    """A body that may break off: requests does not try that again."""
    for left in reversed(range(tries)):
        try:
            return http.get(url).content
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
            if not left:
                raise


def merge(table, key, records):
    """Inserts what is new, and closes what has changed or gone, in one transaction."""
    records = {record[key]: record for record in records}
    if not records:
        raise SystemExit(f"{table}: no records")
    names = list(next(iter(records.values())))
    columns = ", ".join(f'"{name}"' for name in names)
    now = datetime.now(timezone.utc).isoformat()
    with sqlite3.connect("data.db") as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute(f'CREATE TABLE IF NOT EXISTS {table} ({columns}, valid_from, valid_to)')
        db.execute(f'CREATE INDEX IF NOT EXISTS {table}_key ON {table} ("{key}") WHERE valid_to IS NULL')
        at = names.index(key)
        known = {row[1 + at]: row for row in db.execute(f"SELECT rowid, {columns} FROM {table} WHERE valid_to IS NULL")}
        new = [record for value, record in records.items() if value not in known or known[value][1:] != tuple(record.values())]
        gone = [row[0] for value, row in known.items() if value not in records or row[1:] != tuple(records[value].values())]
        if len(gone) > max(20, len(known) / 2):
            raise SystemExit(f"{table}: {len(gone)} of {len(known)} rows would vanish")
        db.executemany(f"UPDATE {table} SET valid_to = ? WHERE rowid = ?", [(now, row) for row in gone])
        marks = ", ".join("?" * (len(names) + 1))
        db.executemany(f"INSERT INTO {table} ({columns}, valid_from) VALUES ({marks})", [(*record.values(), now) for record in new])
    logging.info("%s: %d new, %d closed", table, len(new), len(gone))
