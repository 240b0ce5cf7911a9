"""A server of tests that speaks the protocol of SQL Server and keeps what it is given in PostgreSQL.

    peer.py POSTGRES [--tls CERTIFICATE KEY] [--encryption off|on|required]

prints its port, and ends with its standard input. It knows what Data Collector asks of a server and what its tests need; all
else is an error of the number 50999, which no test expects.
"""

import argparse
import itertools
import os
import pathlib
import socket
import ssl
import sys
import threading
import time
import traceback
import uuid

from psycopg import pq

import tds
import translate
from translate import Unknown

SETUP = (pathlib.Path(__file__).parent / "setup.sql").read_text()
# what PostgreSQL says, as SQL Server numbers it
ERRORS = {
    "23505": 2601, "23503": 547, "23514": 547, "23502": 515, "22001": 2628, "22003": 8115, "42P01": 208, "42703": 207,
    "55P03": 1222, "40P01": 1205, "40001": 1205, "42501": 229, "P0001": 50000, "42P07": 2714, "42883": 195, "42601": 102,
    "3D000": 911, "42P04": 1801, "22P02": 245, "22007": 241, "22008": 242, "22P05": 8114, "428C9": 271, "23P01": 547,
}
# these end the batch and roll the transaction back
FATAL = {245, 241, 242, 8114}
# these end the batch
ENDS_BATCH = {208, 207, 195, 102, 2714, 229, 1222}
NOT_UNDERSTOOD = 50999
DESCRIPTORS = itertools.count(1)


class Refused(Exception):
    def __init__(self, number, text):
        super().__init__(text)
        self.number, self.text = number, text


def at(postgres, database):
    """The URL of another database of the server."""
    return postgres.rpartition("/")[0] + "/" + database


class Store:
    """A database of PostgreSQL, as a session uses it."""

    def __init__(self, options, database):
        name = options.master if database == "master" else database
        self.conn = pq.PGconn.connect(at(options.postgres, name).encode())
        if self.conn.status != pq.ConnStatus.OK:
            raise Refused(4060, f'Cannot open database "{database}" requested by the login. The login failed.')
        self.run("SET client_min_messages = warning; SET lock_timeout = '600s'; SET datestyle = 'ISO, YMD'; SET bytea_output = hex")
        self.set_up()

    def set_up(self):
        self.run("SELECT pg_advisory_lock(7402)")
        if not self.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'sys'"):
            self.run("BEGIN;" + SETUP)
            types = ", ".join(f"('{name}', {number}, {number})" for name, number in translate.NUMBERS.items())
            self.run(f"INSERT INTO sys.types VALUES {types}; COMMIT")
        self.run("SELECT pg_advisory_unlock(7402); SET search_path = dbo, sys")

    def execute(self, sql):
        result = self.conn.exec_(sql.encode())
        if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
            state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            text = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or self.conn.error_message).decode()
            if state not in ERRORS:
                raise Unknown(f"PostgreSQL says {state} {text} of `{sql[:500]}`")
            raise Refused(ERRORS[state], text)
        return result

    def run(self, sql):
        try:
            return self.execute(sql)
        except Refused as refused:
            raise Unknown(f"{refused} ({sql[:200]})") from refused

    def rows(self, sql):
        result = self.run(sql)
        return [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]


def kind_of(oid, modifier):
    """The type of a column of a result."""
    fixed = {
        16: tds.BIT, 17: tds.BYTES, 20: tds.integer(8), 21: tds.integer(2), 23: tds.integer(4), 700: tds.REAL, 701: tds.FLOAT,
        2950: tds.GUID, 1082: tds.DATE,
    }
    if oid in fixed:
        return fixed[oid]
    if oid == 1700:
        return None if modifier < 0 else tds.decimal((modifier - 4) >> 16, (modifier - 4) & 0xFFFF)
    if oid == 1114:
        return tds.moment(6 if modifier < 0 else modifier)
    if oid == 1083:
        return tds.time(6 if modifier < 0 else modifier)
    if oid in (18, 19, 25, 26, 705, 1042, 1043):
        return tds.TEXT
    raise Unknown(f"the peer has no type for the one of number {oid} of PostgreSQL")


def number_of(texts):
    """The type of numbers of which PostgreSQL says none: sums of whole numbers are whole ones on SQL Server."""
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    is_long = any(len(text) > 18 for text in texts)
    return tds.decimal(38, decimals) if decimals or is_long else tds.integer(8)


class Session:
    def __init__(self, line, options):
        self.line, self.options, self.store = line, options, None
        self.transaction = None
        self.bulk = None
        self.changed = 0

    def serve(self):
        kind, message = self.line.read()
        assert kind == tds.PRELOGIN, kind
        wanted = tds.prelogin_encryption(message)
        said = tds.NOT_SUPPORTED
        if self.options.tls:
            if self.options.encryption == "required":
                said = tds.REQUIRED
            elif wanted in (tds.ON, tds.REQUIRED):
                said = tds.ON
        self.line.write(tds.prelogin(said))
        if said != tds.NOT_SUPPORTED:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(*self.options.tls)
            self.line.secure(context)
        kind, message = self.line.read()
        assert kind == tds.LOGIN, kind
        self.log_in(tds.login(message))
        while True:
            kind, message = self.line.read()
            self.answer(kind, message)

    def log_in(self, login):
        try:
            if login["user"] == "nobody":
                raise Refused(18456, "Login failed for user 'nobody'.")
            self.store = Store(self.options, login["database"])
        except Refused as refused:
            self.line.write(tds.error(refused.number, refused.text, 14) + tds.done(tds.DONE, tds.ERROR))
            raise tds.Closed from None
        size = min(login["packet_size"] or 4096, 32767)
        out = tds.changed(1, tds.b_varchar(login["database"]), tds.b_varchar("master")) + tds.login_ack()
        out += tds.changed(4, tds.b_varchar(str(size)), tds.b_varchar("4096")) + tds.done(tds.DONE, 0)
        self.line.write(out)
        self.line.packet_size = size

    def answer(self, kind, message):
        in_procedure = kind == tds.RPC
        out = []
        try:
            if kind == tds.BATCH:
                self.batch(tds.behind_headers(message).decode("utf-16-le"), {}, out, tds.DONE)
            elif kind == tds.RPC:
                sql, values = tds.rpc(message)
                self.batch(sql, values, out, tds.DONE_IN_PROC)
            elif kind == tds.TRANSACTION:
                self.manage(message, out)
            elif kind == tds.BULK:
                self.load(message, out)
            elif kind == tds.ATTENTION:
                out.append(tds.done(tds.DONE, tds.ATTENDED))
            else:
                raise Unknown(f"the peer knows no message of kind {kind}")
        except Refused as refused:
            self.fail(refused.number, refused.text, out)
        except Unknown as error:
            print(error, file=sys.stderr, flush=True)
            self.fail(NOT_UNDERSTOOD, str(error), out)
        if in_procedure:
            out.append(b"\x79" + bytes(4) + tds.done(tds.DONE_PROC, 0))
        else:
            out.append(tds.done(tds.DONE, 0))
        self.line.write(b"".join(out))

    def fail(self, number, text, out):
        out.append(tds.error(number, text))
        if number in FATAL and self.transaction is not None:
            self.end("ROLLBACK", 10, out)

    def batch(self, sql, values, out, done):
        sql = sql.strip()
        special = translate.whole(sql)
        if special is not None:
            self.special(*special, out, done)
            return
        for statement in translate.statements(sql, values, 0 if self.transaction is None else 1):
            if statement.kind == "count":
                self.tell([("", tds.integer(8))], [[str(self.changed)]], out, done)
                continue
            try:
                self.statement(statement, out, done)
            except Refused as refused:
                if refused.number in FATAL | ENDS_BATCH:
                    raise
                # the statement has ended, and the batch goes on
                out.append(tds.error(refused.number, refused.text) + tds.done(done, tds.MORE | tds.ERROR))
                self.changed = 0

    def statement(self, statement, out, done):
        in_transaction = self.transaction is not None
        if in_transaction:
            self.store.run("SAVEPOINT dc_peer_statement")
        try:
            result = self.store.execute(statement.sql)
            self.note(statement.tree)
        except Refused:
            if in_transaction:
                self.store.run("ROLLBACK TO SAVEPOINT dc_peer_statement; RELEASE SAVEPOINT dc_peer_statement")
            raise
        except Unknown:
            if in_transaction:
                self.store.run("ROLLBACK TO SAVEPOINT dc_peer_statement")
            raise
        if in_transaction:
            self.store.run("RELEASE SAVEPOINT dc_peer_statement")
        if result.nfields:
            found = [
                ((result.fname(at) or b"").decode(), kind_of(result.ftype(at), result.fmod(at)))
                for at in range(result.nfields)
            ]
            found = [("" if name == "?column?" else name, kind) for name, kind in found]
            found = self.as_declared(statement, found)
            rows = [
                [None if (cell := result.get_value(row, at)) is None else cell.decode() for at in range(len(found))]
                for row in range(result.ntuples)
            ]
            for at, (name, kind) in enumerate(found):
                if kind is None:
                    found[at] = (name, number_of([row[at] for row in rows if row[at] is not None]))
            self.tell(found, rows, out, done)
            self.changed = result.ntuples
        else:
            self.changed = int(result.command_tuples or 0)
            out.append(tds.done(done, tds.MORE | tds.COUNT, self.changed))

    def as_declared(self, statement, found):
        """What a bulk load asks first: the columns of its table, with the types that they were declared with."""
        if "LIMIT 0" not in statement.sql:
            return found
        table = statement.tree.find(translate.exp.Table).name
        rows = self.store.rows(
            f"SELECT name, max_length FROM sys.declared WHERE relid = to_regclass('{table}')::oid AND type_id = 173"
        )
        sizes = {name.decode(): int(size) for name, size in rows}
        return [(name, tds.binary(sizes[name]) if name in sizes else kind) for name, kind in found]

    def note(self, tree):
        table, columns = translate.declared_columns(tree)
        for name, kind, collation in columns:
            place = ".".join('"' + part.name.replace('"', '""') + '"' for part in table.parts)
            if not any(part.args.get("quoted") for part in table.parts):
                place = place.lower()
            # an unquoted name is a small one there
            values = (translate.NUMBERS[kind.name], kind.length, kind.precision, kind.scale)
            collated = "NULL" if collation is None else f"'{collation}'"
            escaped = place.replace("'", "''")
            named = name.replace("'", "''")
            self.store.run(
                f"INSERT INTO sys.declared SELECT a.attrelid, a.attname, {', '.join(map(str, values))}, {collated} "
                f"FROM pg_attribute AS a WHERE a.attrelid = '{escaped}'::regclass AND a.attname IN ('{named}', lower('{named}')) "
                "ON CONFLICT (relid, name) DO UPDATE SET type_id = excluded.type_id, max_length = excluded.max_length, "
                "precision = excluded.precision, scale = excluded.scale, collation_name = excluded.collation_name"
            )

    def tell(self, found, rows, out, done):
        out.append(tds.columns(found))
        count = 0
        for row in rows:
            out.append(tds.row(found, row))
            count += 1
        out.append(tds.done(done, tds.MORE | tds.COUNT, count))

    def special(self, kind, found, out, done):
        if kind == "session":
            return
        if kind == "roll back":
            if self.transaction is not None:
                self.end("ROLLBACK", 10, out)
        elif kind == "save":
            self.store.run(f'SAVEPOINT "{found["name"]}"')
        elif kind == "go back":
            self.store.run(f'ROLLBACK TO SAVEPOINT "{found["name"]}"')
        elif kind == "bulk":
            if "TABLOCK" not in found["options"]:
                raise Unknown("a bulk load without TABLOCK")
            self.bulk = found["table"].lstrip("#")
        elif kind == "lock":
            self.tell([("", tds.integer(4))], [[self.lock(found["name"], int(found["wait"]))]], out, done)
        elif kind == "wait":
            time.sleep(int(found["seconds"]))
        elif kind == "close database":
            pass
        elif kind == "create database":
            self.store.run(f"CREATE DATABASE {found['name']}")
        elif kind == "drop database":
            self.store.run(f"DROP DATABASE {found['name']} WITH (FORCE)")

    def lock(self, name, wait):
        """0: at once or after a wait; -1: not in time."""
        which = f"hashtextextended('{name}', 0)"
        owner = "xact_" if self.transaction is not None else ""
        end = time.monotonic() + wait / 1000
        while True:
            if self.store.rows(f"SELECT pg_try_advisory_{owner}lock({which})") == [[b"t"]]:
                return "0"
            if time.monotonic() > end:
                return "-1"
            time.sleep(0.02)

    def manage(self, message, out):
        kind = tds.Reader(tds.behind_headers(message)).take("H")
        if kind == 5:
            if self.transaction is not None:
                raise Unknown("a transaction in a transaction")
            self.store.run("BEGIN")
            self.transaction = next(DESCRIPTORS)
            out.append(tds.changed(8, tds.descriptor(self.transaction)))
        elif kind == 7:
            if self.transaction is None:
                raise Refused(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
            self.end("COMMIT", 9, out)
        elif kind == 8:
            if self.transaction is None:
                raise Refused(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
            self.end("ROLLBACK", 10, out)
        else:
            raise Unknown(f"the peer knows no request {kind} of the transaction manager")

    def end(self, how, kind, out):
        old, self.transaction = self.transaction, None
        self.store.run(how)
        out.append(tds.changed(kind, b"\x00", tds.descriptor(old)))

    def load(self, message, out):
        reader = tds.Reader(message)
        found = reader.columns()
        names = ", ".join('"' + name.lower() + '"' for name, _ in found)
        lines = []
        while True:
            token = reader.take("B")
            if token == tds.DONE:
                break
            if token != 0xD1:
                raise Unknown(f"the token {token:#x} in a bulk load")
            lines.append("\t".join(copied(reader.value(info)) for _, info in found))
        conn = self.store.conn
        result = conn.exec_(f"COPY {self.bulk} ({names}) FROM STDIN".encode())
        if result.status != pq.ExecStatus.COPY_IN:
            raise Unknown(conn.error_message.decode())
        if lines:
            conn.put_copy_data(("\n".join(lines) + "\n").encode())
        conn.put_copy_end()
        while (result := conn.get_result()) is not None:
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise Unknown(f"a bulk load: {conn.error_message.decode()}")
        self.bulk = None
        out.append(tds.done(tds.DONE, tds.MORE | tds.COUNT, len(lines)))


ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copied(value):
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, float):
        return repr(value)
    return str(value).translate(ESCAPES)


def serve(connection, options):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session = Session(tds.Line(connection), options)
    try:
        session.serve()
    except (tds.Closed, ConnectionError, ssl.SSLError):
        pass
    except Exception:
        traceback.print_exc()
    finally:
        # what was not committed goes, and so do locks
        if session.store is not None:
            session.store.conn.finish()
        connection.close()


def administer(options, sql):
    conn = pq.PGconn.connect(options.postgres.encode())
    result = conn.exec_(sql.encode())
    if result.status != pq.ExecStatus.COMMAND_OK:
        sys.exit(conn.error_message.decode())
    conn.finish()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("postgres")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--encryption", choices=["off", "on", "required"], default="on")
    options = parser.parse_args()
    # a database of its own, so that nothing is made in those of others
    options.master = f"dc_test_peer_{uuid.uuid4().hex}"
    administer(options, f"CREATE DATABASE {options.master}")
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, options), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    administer(options, f"DROP DATABASE {options.master} WITH (FORCE)")
    os._exit(0)


main()
