"""Records as JSON: every digit, every type, and what is refused with its name."""

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import pickle
import unittest
import uuid

from dcollect import csv_rows
from dcollect._records import Number, dumps, loads

UTC = datetime.timezone.utc


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Company:
    name: str
    share: decimal.Decimal


class Model:
    def model_dump(self):
        return {"a": 1}


class Records(unittest.TestCase):
    def test_each_type_has_its_form(self):
        for value, text in [
            (None, "null"),
            (True, "true"),
            (7, "7"),
            (10**30, "1" + "0" * 30),
            (1.5, "1.5"),
            (decimal.Decimal("12345678901234567.890"), "12345678901234567.890"),
            (decimal.Decimal("1E+5"), "1E+5"),
            (Number("1.10"), "1.10"),
            ("a\"\n\u00e9\u20ac", '"a\\"\\n\u00e9\u20ac"'),
            (datetime.date(2026, 11, 1), '"2026-11-01"'),
            (datetime.time(6, 30), '"06:30:00"'),
            (datetime.datetime(2026, 11, 1, 6, 30), '"2026-11-01T06:30:00"'),
            (datetime.datetime(2026, 11, 1, 6, 30, tzinfo=UTC), '"2026-11-01T06:30:00+00:00"'),
            (
                datetime.datetime(2026, 11, 1, 6, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
                '"2026-11-01T05:30:00+00:00"',
            ),
            (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
            (b"\x00\xff", '"\\\\x00ff"'),
            (Colour.RED, '"red"'),
            (Level.HIGH, "3"),
            (pathlib.PurePosixPath("a/b"), '"a/b"'),
            ([1, (2, 3)], "[1,[2,3]]"),
            ({"b", "a"}, '["a","b"]'),
            ({"x": {"y": None}}, '{"x":{"y":null}}'),
            (Company("c", decimal.Decimal("0.50")), '{"name":"c","share":0.50}'),
            (collections.OrderedDict(z=1, a=2), '{"z":1,"a":2}'),
        ]:
            with self.subTest(value=value):
                self.assertEqual(dumps({"v": value}), '{"v":' + text + "}")
                json.loads(dumps({"v": value}))

    def test_dataclasses_models_and_named_tuples_are_records(self):
        pair = collections.namedtuple("Pair", "a b")
        self.assertEqual(dumps(Company("c", decimal.Decimal("1"))), '{"name":"c","share":1}')
        self.assertEqual(dumps(Model()), '{"a":1}')
        self.assertEqual(dumps(pair(1, 2)), '{"a":1,"b":2}')

    def test_what_has_no_form_is_refused_with_its_place(self):
        circle = {}
        circle["self"] = circle
        for record, error, word in [
            ({"a": {"b": float("nan")}}, ValueError, "`a.b` is nan"),
            ({"a": [1, float("inf")]}, ValueError, "`a.1` is inf"),
            ({"a": decimal.Decimal("NaN")}, ValueError, "`a` is NaN"),
            ({"a": object()}, TypeError, "`a` is object"),
            ({1: 2}, TypeError, "the name 1"),
            ({"a": "\ud800"}, ValueError, "`a` holds half a character"),
            (circle, ValueError, "it may hold itself"),
            (7, TypeError, "a record is a dict"),
            ("text", TypeError, "a record is a dict"),
            ([1], TypeError, "a record is a dict"),
            (Company, TypeError, "a record is a dict"),
        ]:
            with self.subTest(word=word), self.assertRaisesRegex(error, word.replace(".", r"\.")):
                dumps(record)

    def test_a_number_keeps_its_digits_and_calculates(self):
        read = loads('{"a": 1.10, "b": 12345678901234567.890, "c": 5, "d": 1e5}')
        self.assertEqual(dumps(read), '{"a":1.10,"b":12345678901234567.890,"c":5,"d":1e5}')
        self.assertEqual(read["a"] + 1, 2.1)
        self.assertIs(type(read["a"] + 1), float)
        self.assertEqual(str(pickle.loads(pickle.dumps(read["a"]))), "1.10")

    def test_csv_says_how_numbers_are_written(self):
        rows = list(csv_rows("a;b\n1.234;1.234.567,89\n12.34;-0,10\n\n007;\n", ";", decimal=",", thousands="."))
        self.assertEqual([dumps(row) for row in rows], ['{"a":1234,"b":1234567.89}', '{"a":"12.34","b":-0.10}', '{"a":"007","b":null}'])
        self.assertEqual(list(csv_rows('a,b\n"x\ny",1.5\n')), [{"a": "x\ny", "b": 1.5}])

    def test_csv_that_is_broken_is_refused_with_its_line(self):
        for text, says in (
            ("a,b\n1,2\n3\n", "line 3 has 1 fields, and the header 2"),
            ("a,b\n1,2,3\n", "line 2 has 3 fields, and the header 2"),
            ("a,b,a\n1,2,3\n", r"the header has \['a'\] twice"),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(ValueError, says):
                list(csv_rows(text))
        with self.assertRaisesRegex(ValueError, "two different characters"):
            list(csv_rows("a\n1\n", decimal=",", thousands=","))


if __name__ == "__main__":
    unittest.main()
