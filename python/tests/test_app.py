"""Apps without dc: what they collect, how they fail, and that nothing is written."""

import contextlib
import decimal
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import dcollect
from dcollect import DcError, MergeError, TooManyFailures, app, fun_watch
from dcollect import _log, _watch
from dcollect._around import Around
from dcollect._state import State
from dcollect.testing import collect

PACKAGE = str(Path(dcollect.__file__).parent.parent)


def program(text, *words, **environment):
    """Runs a file with these lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "main.py")
        path.write_text(textwrap.dedent(text))
        around = {name: value for name, value in os.environ.items() if not name.startswith("DC_")}
        around.update(PYTHONPATH=PACKAGE, PYTHONDONTWRITEBYTECODE="1", **environment)
        done = subprocess.run([sys.executable, str(path), *words], capture_output=True, text=True, env=around, cwd=folder)
        left = sorted(path.name for path in Path(folder).iterdir())
        assert left == ["main.py"], f"something was written: {left}"
        return done


class Words(unittest.TestCase):
    def test_an_option_that_is_not_there_is_named_with_the_nearest(self):
        for wrong, near in (("tabel", "table"), ("keys", "key"), ("max_fail", "max_failed"), ("evolv", "evolve")):
            with self.assertRaisesRegex(TypeError, f"no option `{wrong}`; did you mean `{near}`"):
                app(**{wrong: "x"})
        with self.assertRaisesRegex(TypeError, "no option `zzz`: docs"):
            app(table="t", zzz=1)

    def test_a_link_is_no_address(self):
        for url in ("/x", "ftp://a.example/x", "a.example"):
            with self.assertRaisesRegex(DcError, "no address of the web"):
                collect(app(table="t")(lambda ctx: ctx.get(url)))


class Collecting(unittest.TestCase):
    def test_records_of_a_generator_a_list_and_tables(self):
        @app(table="a", scope={"country": "HR"})
        def yields(ctx):
            for page in ctx.progress(range(2)):
                yield {"page": page, "given": ctx.args["x"]}
            ctx.table("b", key="k").add({"k": 1})
            ctx.table("b").add_all([{"k": 2}])

        @app(table="c")
        def returns():
            return [{"n": decimal.Decimal("1.10")}]

        run = collect(yields, args={"x": 5})
        self.assertEqual(run.records[1], {"page": 1, "given": 5, "country": "HR"})
        self.assertEqual(run.tables["b"], [{"k": 1}, {"k": 2}])
        self.assertEqual(str(collect(returns).records[0]["n"]), "1.10")
        self.assertEqual(len(collect(yields, args={"x": 5}, first=1).records), 1)

    def test_answers_of_a_test_and_nothing_else(self):
        @app(table="t")
        def asks(ctx):
            yield from ctx.get("https://e.test/a", params={"p": 1}).json()
            yield {"text": ctx.post("https://e.test/b", {"q": 1}).text, "secret": ctx.secret("KEY")[:1]}

        answers = {"https://e.test/a": [{"n": 1}], "POST https://e.test/b": "words"}
        run = collect(asks, answers=answers, secrets={"KEY": "xyz"})
        self.assertEqual(run.records, [{"n": 1}, {"text": "words", "secret": "x"}])
        with self.assertRaisesRegex(dcollect.ReplayError, "no answer for GET https://e.test/a"):
            collect(asks)
        with self.assertRaisesRegex(dcollect.DcError, "dc secrets set KEY"):
            collect(asks, answers=answers)

    def test_items_fail_by_category_until_there_are_too_many(self):
        def make(limit, count):
            @app(table="t", max_failed=limit)
            def items(ctx):
                for n in range(count):
                    with ctx.item(n) as item:
                        if n % 10 == 3:
                            raise KeyError("x")
                        if n % 10 == 4:
                            item.fail("no date", category="missing")
                            continue
                        yield {"n": n}

            return items

        run = collect(make(0.3, 100))
        self.assertEqual((len(run.records), run.failed), (80, {"KeyError": 10, "missing": 10}))
        with self.assertRaisesRegex(TooManyFailures, "10% may"):
            collect(make(0.1, 100))
        with self.assertRaisesRegex(TooManyFailures, "3 of 14 items failed"):
            collect(make(2, 100))
        with self.assertRaisesRegex(TooManyFailures, "by `missing`"):
            collect(make({"*": 0.9, "missing": 4}, 100))
        with self.assertRaisesRegex(TooManyFailures, "nothing is merged"):
            collect(make(0.1, 10))

    def test_what_is_no_record_names_its_number_and_table(self):
        @app(table="t")
        def wrong(ctx):
            yield {"a": 1}
            yield {"a": object()}

        @app(table="t")
        async def slow(ctx):
            return []

        @app()
        def nowhere(ctx):
            yield {"a": 1}

        for made, error, word in [
            (wrong, TypeError, "record 2 of `t`: `a` is object"),
            (slow, TypeError, "is async"),
            (nowhere, TypeError, "names no table"),
        ]:
            with self.assertRaisesRegex(error, word):
                collect(made)
        with self.assertRaisesRegex(TypeError, "brackets"):
            app(lambda ctx: None)

    def test_state_is_given_and_kept(self):
        @app(table="t")
        def goes_on(ctx):
            yield {"from": ctx.state.get("last", 0)}
            ctx.state["last"] = ctx.state.get("last", 0) + 1

        self.assertEqual(collect(goes_on, state={"last": 7}).state, {"last": 8})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a", "b.json")
            state = State(path)
            state["n"], state["d"] = dcollect.Number("1.10"), {"x": [1]}
            self.assertFalse(path.exists(), "it is written when it is said")
            state.save()
            self.assertEqual(path.read_text(), '{\n "n":1.10,\n "d":{"x":[1]}\n}\n')
            self.assertEqual(dict(State(path)), {"n": 1.1, "d": {"x": [1]}})
            with self.assertRaises(TypeError):
                state["bad"] = object()
            State(path, is_read_only=True).update(n=2)
            self.assertEqual(sorted(os.listdir(path.parent)), ["b.json"])
            path.write_text("{broken")
            with self.assertRaisesRegex(dcollect.DcError, "mend it"):
                State(path).get("n")


class Programs(unittest.TestCase):
    def test_the_example_of_the_readme_shows_its_records(self):
        done = program(
            """
            from dcollect import app

            @app(table="companies", key="vat_no", scope={"country": "HR"})
            def collect(ctx):
                for page in ctx.progress(range(1, 90)):
                    yield from below(page)

            def below(page):
                return [{"vat_no": f"{page}-{n}"} for n in range(CONSTANT)]

            CONSTANT = 3
            """,
            "--show",
            "4",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(json.loads(lines[3]), {"vat_no": "2-0", "country": "HR"})
        self.assertEqual(len(lines), 4)
        self.assertIn("nothing was written", done.stderr)

    def test_without_dc_it_says_what_to_type(self):
        done = program("from dcollect import app\n@app(table='t')\ndef c(ctx):\n    yield {}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--show 20", done.stderr)

    def test_the_rest_of_the_file_is_done_once_and_a_call_of_ones_own_counts(self):
        done = program(
            """
            from __future__ import annotations
            print("above")
            from dcollect import app

            @app(table="t")
            def first(ctx) -> NoSuchName:
                yield {"n": 1}

            print("below", first.__name__)

            @app(table="u")
            def second(ctx):
                yield {"n": 2}

            if __name__ == "__main__":
                print("main")
            """,
            "--show",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), ["above", "below first", "main", '{"n":1}', '{"n":2}'])

    def test_an_error_has_its_status_and_its_line(self):
        done = program("from dcollect import app\n@app(table='t')\ndef c(ctx):\n    yield {}\n    1 / 0\n", "--show")
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 5", done.stderr)
        done = program("from dcollect import app\n@app(table='t')\ndef c(ctx):\n    yield {}\n\nboom()\n", "--show")
        self.assertIn("NameError", done.stderr)
        self.assertEqual(done.returncode, 1)


class Logging(unittest.TestCase):
    def test_a_record_is_one_line_with_its_traceback(self):
        record = logging.LogRecord("a.b", logging.ERROR, "f.py", 1, "no %s", ("answer",), None)
        record.page = float("nan")
        try:
            raise ValueError("bad\nthing")
        except ValueError:
            record.exc_info = sys.exc_info()
        line = _log.as_line(record)
        self.assertNotIn("\n", line)
        read = json.loads(line)
        self.assertEqual((read["level"], read["msg"], read["page"]), ("error", "no answer", "nan"))
        self.assertIn("ValueError: bad\nthing", read["exception"])

    def test_functions_are_counted(self):
        @fun_watch
        def half(n):
            if n == 2:
                raise ValueError
            return n / 2

        for n in range(4):
            with contextlib.suppress(ValueError):
                half(n)
        told = next(one for one in _watch.report() if one["name"].endswith("half"))
        self.assertEqual((told["calls"], told["solved"], told["failed"], told["success"]), (4, 3, 1, False))
        self.assertLessEqual(told["min_ms"], told["median_ms"])

    def test_a_line_is_whole(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            Around({"DC_BIN": "/dc"}).tell({"dc": "progress", "solved": 1})
        self.assertEqual(out.getvalue(), '{"dc": "progress", "solved": 1}\n')

    def test_an_error_of_a_merge_has_its_status(self):
        self.assertEqual(MergeError("t", 6).status, 6)


def load_tests(loader, tests, pattern):
    import doctest

    from dcollect import testing

    tests.addTests(doctest.DocTestSuite(testing))
    tests.addTests(doctest.DocTestSuite(dcollect._csv))
    tests.addTests(doctest.DocTestSuite(dcollect))
    return tests


if __name__ == "__main__":
    unittest.main()
