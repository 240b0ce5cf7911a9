"""`requests` and `httpx` with the retries, the cassettes and the times of the run; skipped where they are not installed."""

import tempfile
import unittest

from dcollect import ReplayError
from dcollect._cassette import Cassette
from dcollect._context import Context
from dcollect._around import Around
from dcollect._adapters import httpx_client, requests_session

from .test_http import Handler, Served

try:
    import requests
except ImportError:
    requests = None
try:
    import httpx
except ImportError:
    httpx = None


class Adapters(Served):
    def context(self, folder, mode):
        around = Around({"DC_CASSETTE": folder, "DC_CASSETTE_MODE": mode})
        return Context(around)

    def ask(self, client, error):
        yield client.get(self.url + "/flaky").status_code
        yield client.get(self.url + "/gzip").text
        yield client.post(self.url + "/echo", data={"password": "f0rm-passw0rd", "a": "1"}).json()["path"]
        yield client.get(self.url + "/login").json()["n"]
        yield client.get(self.url + "/echo").json()["headers"]["cookie"].split("=")[0]
        yield client.get(self.url + "/gone").status_code
        yield client.get(self.url + "/bytes").content
        with self.assertRaises(error):
            client.get("http://127.0.0.1:9/")

    def check(self, make, error):
        with tempfile.TemporaryDirectory() as folder:
            context = self.context(folder, "record")
            recorded = list(self.ask(make(context), error))
            self.assertEqual(recorded[:3], [200, "packed", "/echo"])
            self.assertGreaterEqual(context.http.times.count, 10)
            asked = len(Handler.seen)
            context = self.context(folder, "replay")
            self.assertEqual(list(self.ask(make(context), error)), recorded)
            self.assertEqual(len(Handler.seen), asked, "nothing goes over the network")
            self.assertEqual(context.http.cassette.missing, 0)
            with self.assertRaises(ReplayError):
                make(context).get(self.url + "/never-recorded-path/x")

    @unittest.skipIf(requests is None, "requests is not installed")
    def test_requests(self):
        self.check(requests_session, requests.ConnectionError)

    @unittest.skipIf(httpx is None, "httpx is not installed")
    def test_httpx(self):
        self.check(lambda context: httpx_client(context, follow_redirects=True), httpx.ConnectError)

    def test_they_read_what_the_other_wrote(self):
        with tempfile.TemporaryDirectory() as folder:
            context = self.context(folder, "record")
            context.get(self.url + "/echo", params={"a": 1})
            self.assertIsInstance(context.http.cassette, Cassette)
            again = self.context(folder, "replay")
            self.assertEqual(again.get(self.url + "/echo", params={"a": 1}).status, 200)


if __name__ == "__main__":
    unittest.main()
