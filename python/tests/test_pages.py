"""Pages and forms: what `dc html` is asked, and what its answers become."""

import os
import stat
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dcollect import DcError, app
from dcollect.testing import collect

FORM = (
    '{"name": "f", "action": "http://a.example/find.aspx?x=1", "is_post": %s, "fields": [{"name": "__VIEWSTATE", "value": "s/1+=", '
    '"choices": []}, {"name": "box", "value": null, "choices": ["on"]}, {"name": "town", "value": "", "choices": []}], '
    '"buttons": [["go", "Go"]]}'
)
DC = """#!/bin/sh
cat >"$SEEN/input"
printf '%s\\n' "$@" >"$SEEN/words"
cat "$SEEN/answer"
exit "$(cat "$SEEN/status")"
"""


class Pages(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = Path(made.name)
        dc = self.folder / "dc"
        dc.write_text(DC)
        dc.chmod(dc.stat().st_mode | stat.S_IXUSR)
        patch = mock.patch.dict(os.environ, DC_BIN=str(dc), SEEN=made.name)
        patch.start()
        self.addCleanup(patch.stop)

    def answers(self, text, status=0):
        (self.folder / "answer").write_text(text)
        (self.folder / "status").write_text(str(status))

    def words(self):
        return (self.folder / "words").read_text().splitlines()

    def run_app(self, function, answers=None):
        return collect(app(table="t")(function), answers=answers or {})

    def test_a_table_of_an_answer_is_resolved_against_its_address(self):
        self.answers('{"a": "1"}\n{"a": "2"}\n')
        run = self.run_app(lambda ctx: ctx.page(ctx.get("http://a.example/p")).table("#Grid"), {"http://a.example/p": "<p>Š"})
        self.assertEqual(run.records, [{"a": "1"}, {"a": "2"}])
        self.assertEqual(self.words(), ["html", "--table=#Grid", "--base=http://a.example/p"])
        # the charset of the header is told by a byte order mark, whatever the page says of itself
        self.assertEqual((self.folder / "input").read_bytes(), "\ufeff<p>Š".encode("utf-8"))

    def test_elements_are_texts_or_records(self):
        self.answers('{"text": "one"}\n')
        self.run_app(lambda ctx: self.assertEqual(ctx.page(b"<p>").select("p"), ["one"]))
        self.assertEqual(self.words(), ["html", "p", "--json", "-"])
        self.assertEqual((self.folder / "input").read_bytes(), b"<p>")
        self.answers('{"url": null}\n')
        self.run_app(lambda ctx: self.assertEqual(ctx.page("<p>").select("p", url="a@href"), [{"url": None}]))
        self.assertEqual(self.words(), ["html", "p", "--fields=url=a@href", "-"])

    def test_a_form_is_sent_as_a_browser_sends_it(self):
        seen = []

        def exchange(_session, asked, timeout):
            seen.append(asked)
            return mock.Mock(failure=None, status=200, headers=[], body=b"")

        with mock.patch("dcollect._http.Session.exchange", exchange):
            for is_post in ("true", "false"):
                self.answers(FORM % is_post)

                def submit(ctx):
                    form = ctx.page("<form>", url="http://a.example/").form("f")
                    form["town"] = "Čakovec"
                    ctx.submit(form, "go")

                self.run_app(submit)
        sent = "__VIEWSTATE=s%2F1%2B%3D&town=%C4%8Cakovec&go=Go"
        self.assertEqual((seen[0].method, seen[0].url, seen[0].body.decode()), ("POST", "http://a.example/find.aspx?x=1", sent))
        self.assertEqual((seen[1].method, seen[1].url), ("GET", f"http://a.example/find.aspx?{sent}"))

    def test_what_is_not_there_is_named(self):
        self.answers(FORM % "true")
        for ask, says in (
            (lambda page: page.form("other"), "no form `other`; it has: f"),
            (lambda page: page.form().press("stop"), "no button `stop`; it has: go"),
        ):
            with self.assertRaisesRegex(DcError, says):
                self.run_app(lambda ctx: ask(ctx.page("<form>")))
        self.answers("", 5)
        with self.assertRaisesRegex(DcError, "could not read the page with `dc html`"):
            self.run_app(lambda ctx: ctx.page("<p>").table())


if __name__ == "__main__":
    unittest.main()
