"""From T-SQL to what PostgreSQL runs for it. What is not understood is an error: a test that needs it has to say so here."""

import functools
import re

import sqlglot
from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.tsql import TSQL
from sqlglot.tokens import TokenType

from tds import NUL

Kind = exp.DataType.Type

# the numbers by which SQL Server knows its types
NUMBERS = {
    "image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "tinyint": 48,
    "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61, "float": 62, "ntext": 99,
    "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122, "bigint": 127, "varbinary": 165, "varchar": 167,
    "binary": 173, "char": 175, "nvarchar": 231, "nchar": 239, "xml": 241,
}

# what sqlglot calls them
NAMES = {
    Kind.NVARCHAR: "nvarchar", Kind.VARCHAR: "varchar", Kind.NCHAR: "nchar", Kind.CHAR: "char", Kind.TEXT: "varchar",
    Kind.BINARY: "binary", Kind.VARBINARY: "varbinary", Kind.BIT: "bit", Kind.BOOLEAN: "bit", Kind.TINYINT: "tinyint",
    Kind.UTINYINT: "tinyint", Kind.SMALLINT: "smallint", Kind.INT: "int", Kind.BIGINT: "bigint", Kind.FLOAT: "float",
    Kind.DOUBLE: "float", Kind.UDOUBLE: "real", Kind.DECIMAL: "decimal", Kind.UUID: "uniqueidentifier", Kind.DATE: "date", Kind.TIME: "time",
    Kind.DATETIME2: "datetime2", Kind.DATETIME: "datetime", Kind.SMALLDATETIME: "smalldatetime",
    Kind.TIMESTAMP: "datetime2", Kind.MONEY: "money", Kind.SMALLMONEY: "smallmoney", Kind.XML: "xml",
}


class Asked(TSQL):
    class Tokenizer(TSQL.Tokenizer):
        # sqlglot holds REAL and FLOAT for one; nobody else needs this kind
        KEYWORDS = {**TSQL.Tokenizer.KEYWORDS, "REAL": TokenType.UDOUBLE}


class Unknown(Exception):
    """A statement that the peer does not understand."""


class Declared:
    """A type as the catalogue of SQL Server has it."""

    def __init__(self, kind):
        if kind.this not in NAMES:
            raise Unknown(f"the peer has no type {kind.sql('tsql')}")
        self.name = NAMES[kind.this]
        words = [part.name.lower() for part in kind.expressions]
        numbers = [int(word) for word in words if word.isdigit()]
        self.is_max = words == ["max"]
        first = numbers[0] if numbers else None
        self.precision, self.scale = 0, 0
        letter = 2 if self.name in ("nvarchar", "nchar") else 1
        if self.name in ("nvarchar", "varchar", "nchar", "char", "binary", "varbinary"):
            self.length = -1 if self.is_max else (first or 1) * letter
        elif self.name == "decimal":
            self.length, self.precision, self.scale = 17, first or 18, (numbers + [0, 0])[1]
        elif self.name in ("time", "datetime2"):
            self.length, self.scale = 8, 7 if first is None else first
        else:
            self.length = 8
        self.letters = first

    def postgres(self):
        if self.name in ("nvarchar", "varchar"):
            return "text" if self.is_max or self.letters is None else f"varchar({self.letters})"
        if self.name in ("nchar", "char"):
            return f"char({self.letters or 1})"
        if self.name == "decimal":
            return f"numeric({self.precision},{self.scale})"
        if self.name in ("time", "datetime2"):
            # PostgreSQL has six digits
            return f"{'time' if self.name == 'time' else 'timestamp'}({min(self.scale, 6)})"
        return {
            "binary": "bytea", "varbinary": "bytea", "bit": "boolean", "tinyint": "smallint", "smallint": "smallint",
            "int": "integer", "bigint": "bigint", "float": "double precision", "real": "real",
            "uniqueidentifier": "uuid", "date": "date", "datetime": "timestamp(3)", "smalldatetime": "timestamp(0)",
            "money": "numeric(19,4)", "smallmoney": "numeric(10,4)", "xml": "text",
        }[self.name]


def text_literal(text):
    return "'" + text.replace("\0", NUL).replace("'", "''") + "'"


class Peer(Postgres):
    class Generator(Postgres.Generator):
        TRANSFORMS = {
            **{kind: how for kind, how in Postgres.Generator.TRANSFORMS.items() if kind is not exp.TryCast},
        }

        def datatype_sql(self, expression):
            return Declared(expression).postgres()

        def national_sql(self, expression, prefix="N"):
            return text_literal(expression.name)

        def hexstring_sql(self, expression, *_, **__):
            return f"'\\x{hex_of(expression)}'::bytea"

        def collate_sql(self, expression):
            return self.sql(expression, "this")

        def cast_sql(self, expression, safe_prefix=None):
            value, target = expression.this, expression.to
            if isinstance(value, exp.HexString) and target.this in (Kind.NVARCHAR, Kind.VARCHAR):
                return text_literal(bytes.fromhex(hex_of(value)).decode("utf-16-le"))
            if isinstance(value, exp.Substring) and target.this in (Kind.TINYINT, Kind.UTINYINT):
                # a byte of bytes
                return f"get_byte({self.sql(value, 'this')}, {self.sql(value, 'start')} - 1)"
            return f"CAST({self.sql(value)} AS {self.sql(target)})"

        def trycast_sql(self, expression):
            target = self.sql(expression.to)
            return f"sys.try_cast(CAST({self.sql(expression, 'this')} AS text), '{target}')::{target}"

        def anonymous_sql(self, expression):
            told = super().anonymous_sql(expression)
            values = expression.expressions
            is_narrow = values and isinstance(values[0], exp.Cast) and values[0].to.this in (Kind.VARCHAR, Kind.CHAR)
            if expression.name.upper() == "DATALENGTH" and is_narrow:
                # a byte a letter, as in Latin1
                return f"CAST(length({self.sql(values[0])}) AS bigint)"
            return told

        def sum_sql(self, expression):
            value = expression.this
            if isinstance(value, exp.Cast) and value.to.this == Kind.BIGINT:
                return f"CAST(sum({self.sql(value)}) AS bigint)"
            return f"sum({self.sql(value)})"

        def columnconstraint_sql(self, expression):
            if isinstance(expression.kind, exp.CollateColumnConstraint):
                return 'COLLATE "C"'
            return super().columnconstraint_sql(expression)


def hex_of(expression):
    digits = expression.name
    digits = digits[2:] if digits.lower().startswith("0x") else digits
    return digits if len(digits) % 2 == 0 else "0" + digits


def literal(value):
    """A value of a parameter. A text is what the other side makes of it, as on SQL Server."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 2**31 else f"CAST('{value}' AS bigint)"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS double precision)"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea"
    return text_literal(value)


class Statement:
    """What is run on PostgreSQL, and what it is on SQL Server."""

    def __init__(self, sql, kind, tree=None):
        self.sql, self.kind, self.tree = sql, kind, tree


SESSION = re.compile(
    r"SET (ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON"
    r"|NUMERIC_ROUNDABORT OFF|ANSI_NULL_DFLT_ON ON|XACT_ABORT OFF|IMPLICIT_TRANSACTIONS OFF|NOCOUNT OFF|ROWCOUNT 0"
    r"|TEXTSIZE 2147483647|LANGUAGE us_english|DATEFORMAT ymd|LOCK_TIMEOUT 600000"
    r"|TRANSACTION ISOLATION LEVEL READ COMMITTED)$"
)
WHOLE = [
    ("roll back", re.compile(r"IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION$")),
    ("save", re.compile(r'SAVE TRANSACTION (?P<name>\w{1,32})$')),
    ("go back", re.compile(r'ROLLBACK TRANSACTION (?P<name>\w{1,32})$')),
    ("bulk", re.compile(r"INSERT BULK (?P<table>\S+) \((?P<columns>.*)\) WITH \((?P<options>.*)\)$", re.S)),
    (
        "lock",
        re.compile(
            r"DECLARE @got INT; DECLARE @owner NVARCHAR\(32\) = CASE WHEN @@TRANCOUNT > 0 THEN N'Transaction' "
            r"ELSE N'Session' END; EXEC @got = sp_getapplock @Resource = N'(?P<name>[^']{1,255})', "
            r"@LockMode = N'Exclusive', @LockOwner = @owner, @LockTimeout = (?P<wait>\d+); SELECT @got$"
        ),
    ),
    ("create database", re.compile(r"CREATE DATABASE \[?(?P<name>\w+)\]?$")),
    ("close database", re.compile(r"ALTER DATABASE (?P<name>\w+) SET SINGLE_USER WITH ROLLBACK IMMEDIATE$")),
    ("drop database", re.compile(r"DROP DATABASE \[?(?P<name>\w+)\]?$")),
    ("wait", re.compile(r"WAITFOR DELAY '00:00:(?P<seconds>\d\d)'$")),
]


def whole(sql):
    """A batch that is no SQL of other servers: what it is, and its parts."""
    sql = sql.strip().rstrip(";")
    parts = [part.strip() for part in sql.split(";")]
    if parts and all(SESSION.match(part) for part in parts):
        return "session", None
    for kind, form in WHOLE:
        if found := form.match(sql):
            return kind, found
    return None


def statements(sql, values, transactions):
    """The statements of a batch as PostgreSQL takes them."""

    def value(found):
        if found[1] not in values:
            raise Unknown(f"the peer knows no variable @{found[1]}: `{sql[:300]}`")
        return literal(values[found[1]])

    for statement in translated(sql.replace("@@TRANCOUNT", str(transactions))):
        bound = statement.sql and PLACE.sub(value, statement.sql)
        yield Statement(bound, statement.kind, statement.tree)


# where a value goes, in a statement of PostgreSQL
PLACE = re.compile("dc_value_(\\w+?)_end")


# what sqlglot would read all the same
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[(?:[^\]]|\]\])*\]|--[^\n]*")
FOREIGN = re.compile(r"::|\|\||\b(?:LIMIT|ILIKE|RETURNING|USING|TRUE|FALSE|BOOLEAN|SERIAL)\b", re.IGNORECASE)


@functools.lru_cache(maxsize=4096)
def translated(sql):
    """Statements as PostgreSQL takes them, without their values. It takes a while."""
    if found := FOREIGN.search(QUOTED.sub("''", sql)):
        raise Unknown(f"`{found[0]}` is no T-SQL: `{sql[:300]}`")
    try:
        trees = sqlglot.parse(sql, read=Asked)
    except sqlglot.errors.SqlglotError as error:
        raise Unknown(f"the peer cannot read `{sql[:300]}`: {error}") from error
    return [one(tree) for tree in trees if tree is not None]


def one(tree):
    source = tree.sql("tsql")
    if isinstance(tree, exp.Command):
        raise Unknown(f"the peer cannot read `{source[:300]}`")
    if source == "SELECT ROWCOUNT_BIG()":
        return Statement(None, "count")
    for place in list(tree.find_all(exp.Parameter)):
        place.replace(exp.Var(this=f"dc_value_{place.name.upper()}_end"))
    for change in tree.find_all(exp.AlterColumn):
        # PostgreSQL says these apart, and knows other collations
        change.set("allow_null", None)
        change.set("collate", None)
    told = tree.sql(Peer, unsupported_level=sqlglot.ErrorLevel.RAISE)
    if isinstance(tree, exp.Create) and tree.kind == "INDEX" and tree.args.get("unique"):
        # two NULLs are the same there
        columns, where, condition = told.partition(" WHERE ")
        told = f"{columns} NULLS NOT DISTINCT{where}{condition}"
    return Statement(told, "statement", tree)


def declared_columns(tree):
    """The columns that a statement makes or changes, and their types: for the catalogue."""
    table, found = None, []
    if isinstance(tree, exp.Create) and tree.kind == "TABLE":
        table = tree.find(exp.Table)
        defined = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
        found = [(part.name, part.kind, collation(part)) for part in defined if isinstance(part, exp.ColumnDef)]
    elif isinstance(tree, exp.Alter):
        table = tree.this
        for action in tree.args["actions"]:
            if isinstance(action, exp.ColumnDef):
                found.append((action.name, action.kind, collation(action)))
            elif isinstance(action, exp.AlterColumn) and action.args.get("dtype"):
                found.append((action.name, action.args["dtype"], None))
    return table, [(name, Declared(kind), collate) for name, kind, collate in found if kind is not None]


def collation(column):
    constraint = column.find(exp.CollateColumnConstraint)
    return constraint.this.name if constraint else None
