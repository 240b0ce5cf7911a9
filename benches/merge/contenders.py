"""The other ways to do what `dc merge` does, each as its users would write it: contenders.py WAY FILE URL.

Each brings the table `companies` to what FILE says: new records are inserted, vanished ones are marked as archived (in
dlt's own manner: `_dlt_valid_to`), in PostgreSQL, MariaDB or SQLite, by URL. Only the first call may find no table.
"""

import hashlib
import json
import re
import sys
from datetime import UTC, datetime

TABLE = "companies"


def records(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def sqlalchemy_orm(path, url):
    """The design that Data Collector began with: hash each record, load the active objects, compare, save."""
    import sqlalchemy as sa
    from sqlalchemy.orm import DeclarativeBase, Session

    class Base(DeclarativeBase):
        pass

    class Company(Base):
        __tablename__ = TABLE
        id = sa.Column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
        sha = sa.Column(sa.String(64), nullable=False, index=True)
        archive = sa.Column(sa.DateTime)
        date_created = sa.Column(sa.DateTime, server_default=sa.func.now())
        date_modified = sa.Column(sa.DateTime, onupdate=sa.func.now())
        vat_no, name, city, street = (sa.Column(sa.Text) for _ in range(4))
        employees, code = sa.Column(sa.Integer), sa.Column(sa.Integer)
        revenue, active = sa.Column(sa.Float), sa.Column(sa.Boolean)
        founded, note = sa.Column(sa.Text), sa.Column(sa.Text)

    def sha(record):
        normal = {k: "".join(v.lower().split()) if isinstance(v, str) else v for k, v in record.items()}
        return hashlib.sha3_256(json.dumps(normal, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    incoming = {}
    for record in records(path):
        incoming.setdefault(key := sha(record), Company(sha=key, **record))
    with Session(engine) as session:
        known = {row.sha: row for row in session.scalars(sa.select(Company).where(Company.archive.is_(None)))}
        session.add_all(row for key, row in incoming.items() if key not in known)
        now = datetime.now(UTC).replace(tzinfo=None)
        for key, row in known.items():
            if key not in incoming:
                row.archive = now
        session.commit()


def dlt_destination(url):
    import dlt

    if url.startswith("postgresql://"):
        # it insists on a password, also where the server asks for none
        scheme, login, place = re.match("(.*://)([^@]*)@(.*)", url).groups()
        return dlt.destinations.postgres(scheme + (login if ":" in login else login + ":none") + "@" + place)
    return dlt.destinations.sqlalchemy(url)


def dlt_pipeline(url):
    import dlt

    name = "bench_" + hashlib.sha1(url.encode()).hexdigest()[:8]
    return dlt.pipeline(name, destination=dlt_destination(url), dataset_name="bench")


SCD2 = {"disposition": "merge", "strategy": "scd2"}


def dlt_json(path, url):
    """dlt as its tutorial has it: a resource that yields dictionaries, slowly changing dimension type 2."""
    import dlt

    @dlt.resource(name=TABLE, write_disposition=SCD2)
    def companies():
        yield from records(path)

    dlt_pipeline(url).run(companies())


def dlt_arrow(path, url):
    """dlt tuned: Arrow tables, its own fast row hash, and work memory without which its NOT IN is quadratic."""
    import dlt
    import pyarrow.json
    from dlt.sources.helpers.transform import add_row_hash_to_table

    def tables():
        with pyarrow.json.open_json(path, pyarrow.json.ReadOptions(block_size=32 << 20)) as batches:
            for batch in batches:
                yield pyarrow.Table.from_batches([batch])

    resource = dlt.resource(tables, name=TABLE, write_disposition=SCD2 | {"row_version_column_name": "row_hash"})
    more = "&" if "?" in url else "?"
    tuned = url + more + "options=-c%20work_mem%3D512MB" if url.startswith("postgresql://") else url
    pipeline = dlt.pipeline(
        dlt_pipeline(url).pipeline_name + "_arrow", destination=dlt_destination(tuned), dataset_name="bench_arrow"
    )
    pipeline.run(resource().add_map(add_row_hash_to_table("row_hash")), loader_file_format="csv" if url != tuned else None)


def duckdb_attached(path, url):
    """DuckDB reads and hashes; the table is attached; unchanged rows are left out by an anti-join in DuckDB."""
    import duckdb

    db = duckdb.connect()
    if url.startswith("postgresql://"):
        from duckdb_extensions import import_extension

        import_extension("postgres_scanner")
        db.execute("LOAD postgres_scanner")
        db.execute(f"ATTACH '{url}' AS target (TYPE postgres)")
    columns = "vat_no, name, city, street, employees, revenue, active, founded, note, code"
    db.execute(f"""CREATE TABLE IF NOT EXISTS target.{TABLE} (sha TEXT, archive TIMESTAMP, date_created TIMESTAMP,
        vat_no TEXT, name TEXT, city TEXT, street TEXT, employees BIGINT, revenue DOUBLE, active BOOLEAN,
        founded TEXT, note TEXT, code BIGINT)""")
    db.execute(f"""CREATE TABLE incoming AS SELECT sha256(concat_ws('|', {columns})) AS sha, * FROM read_json('{path}',
        format='newline_delimited', columns={{vat_no: 'TEXT', name: 'TEXT', city: 'TEXT', street: 'TEXT',
        employees: 'BIGINT', revenue: 'DOUBLE', active: 'BOOLEAN', founded: 'TEXT', note: 'TEXT', code: 'BIGINT'}})""")
    db.execute(f"CREATE TABLE known AS SELECT sha FROM target.{TABLE} WHERE archive IS NULL")
    db.execute("BEGIN")
    gone = db.execute("SELECT sha FROM known ANTI JOIN incoming USING (sha)").fetchall()
    for some in (gone[at : at + 1000] for at in range(0, len(gone), 1000)):
        list_of = ", ".join(f"'{sha}'" for (sha,) in some)
        db.execute(f"UPDATE target.{TABLE} SET archive = now()::TIMESTAMP WHERE archive IS NULL AND sha IN ({list_of})")
    db.execute(f"""INSERT INTO target.{TABLE} (sha, date_created, {columns}) SELECT sha, now()::TIMESTAMP, {columns}
        FROM incoming ANTI JOIN known USING (sha)""")
    db.execute("COMMIT")


def staged_sql(path, url):
    """What people write by hand, and Sling for them: LOAD DATA into a stage, hashes and anti-joins in the server."""
    import csv
    import os
    import threading

    import pymysql

    host, name = re.match(r".*@([^/:]*)[^/]*/([^?]*)", url).groups()
    user, port = re.match(r".*//([^:@]*)", url).group(1), int(re.match(r".*:(\d+)/", url).group(1))
    columns = "vat_no, name, city, street, employees, revenue, active, founded, note, code"
    types = """vat_no TEXT, name TEXT, city TEXT, street TEXT, employees INT, revenue DOUBLE, active TINYINT,
        founded TEXT, note TEXT, code BIGINT"""
    db = pymysql.connect(host=host, port=port, user=user, database=name, charset="utf8mb4", local_infile=True)
    run = db.cursor().execute
    run(f"""CREATE TABLE IF NOT EXISTS {TABLE} (id BIGINT AUTO_INCREMENT PRIMARY KEY, sha BINARY(32) NOT NULL,
        archive DATETIME(6), date_created DATETIME(6) NOT NULL, {types}, INDEX (sha))""")
    run(f"CREATE TEMPORARY TABLE stage ({types}, sha BINARY(32) AS (UNHEX(SHA2(CONCAT_WS('|', {columns}), 256))) STORED)")
    pipe = f"{path}.{os.getpid()}.pipe"
    os.mkfifo(pipe)

    def feed():
        with open(pipe, "w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
            rows.writerows([int(v) if isinstance(v, bool) else v for v in row.values()] for row in records(path))

    feeder = threading.Thread(target=feed)
    feeder.start()
    run(f"LOAD DATA LOCAL INFILE '{pipe}' INTO TABLE stage CHARACTER SET utf8mb4 ({columns})")
    feeder.join()
    os.unlink(pipe)
    run("ALTER TABLE stage ADD INDEX (sha)")
    run(f"""UPDATE {TABLE} t LEFT JOIN stage s ON s.sha = t.sha SET t.archive = NOW(6)
        WHERE t.archive IS NULL AND s.sha IS NULL""")
    run(f"""INSERT INTO {TABLE} (sha, date_created, {columns}) SELECT sha, NOW(6), {columns} FROM stage s WHERE NOT EXISTS
        (SELECT 1 FROM {TABLE} t WHERE t.sha = s.sha AND t.archive IS NULL)""")
    db.commit()


WAYS = {way.__name__: way for way in (sqlalchemy_orm, dlt_json, dlt_arrow, duckdb_attached, staged_sql)}

if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2], sys.argv[3])
