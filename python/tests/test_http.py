"""Requests against a server that is unruly: retries, redirects, cookies, packing, pace, and cassettes both ways."""

import gzip
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from dcollect import HttpError, ReplayError
from dcollect import _machine, _pace
from dcollect._cassette import Cassette
from dcollect._hide import Hider
from dcollect._http import Session
from dcollect._pace import Pace


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []
    failures = {}

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        Handler.seen.append((self.command, self.path, dict(self.headers), body))
        path = self.path.split("?")[0]
        headers, status, data = {}, 200, b"ok"
        if path == "/flaky":
            left = Handler.failures.setdefault(self.path, 2)
            Handler.failures[self.path] = left - 1
            status = 503 if left > 0 else 200
        elif path == "/limit":
            left = Handler.failures.setdefault(self.path, 1)
            Handler.failures[self.path] = left - 1
            if left > 0:
                status, headers["Retry-After"] = 429, "1"
        elif path == "/gone":
            status, data = 404, b"no such thing"
        elif path == "/loop":
            status, headers["Location"] = 302, "/loop"
        elif path == "/away":
            status, headers["Location"] = 302, f"http://localhost:{self.server.server_port}/echo"
        elif path == "/login":
            headers["Set-Cookie"] = "sid=aB3x9Zq7Lm12; Path=/"
            headers["Content-Type"] = "application/json"
            data = b'{"access_token":"t0ken-Of-The-s3rver","n":1.10}'
        elif path == "/gzip":
            headers["Content-Encoding"], data = "gzip", gzip.compress(b"packed")
        elif path == "/echo":
            headers["Content-Type"] = "application/json"
            sent = {name.lower(): value for name, value in self.headers.items()}
            data = json.dumps({"headers": sent, "body": body.decode(), "path": self.path}).encode()
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"short")
            self.close_connection = True
            return
        elif path == "/bytes":
            data = b"\xff\x00"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = answer


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        cls.url = f"http://127.0.0.1:{cls.server.server_port}"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        Handler.seen.clear()
        Handler.failures.clear()
        first = mock.patch.object(_pace, "_PAUSE_FIRST", 0.01)
        first.start()
        self.addCleanup(first.stop)
        # whatever is around the tests
        environment = mock.patch.dict(os.environ, {"no_proxy": "*"})
        environment.start()
        self.addCleanup(environment.stop)
        self.session = Session(hider=Hider([]))


class Requests(Served):
    def test_what_passes_is_tried_again(self):
        answer = self.session.get(self.url + "/flaky")
        self.assertEqual((answer.status, answer.attempts, answer.text), (200, 3, "ok"))
        with self.assertRaisesRegex(HttpError, "answered with 503"):
            self.session.post(self.url + "/flaky?post")
        self.assertEqual(sum(path == "/flaky?post" for _, path, _, _ in Handler.seen), 1, "a POST is sent once")
        self.assertEqual(self.session.post(self.url + "/flaky?again", retry=True).status, 200)
        with self.assertRaisesRegex(HttpError, "in 2 attempts"):
            self.session.get(self.url + "/cut", retries=1)
        self.assertGreaterEqual(self.session.times.report()["errors"], 6)

    def test_a_pause_that_is_asked_for_is_kept(self):
        began = time.monotonic()
        self.assertEqual(self.session.get(self.url + "/limit").attempts, 2)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_the_proxy_before_the_cassette_is_passed_by_and_those_beyond_are_used(self):
        led = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "DC_HTTP_PROXY": "http://127.0.0.1:9"}
        with mock.patch.dict(os.environ, led):
            self.assertEqual(Session(hider=Hider([])).get(self.url + "/").status, 200)
        # the server answers as a proxy, too
        with mock.patch.dict(os.environ, {**led, "DC_BEYOND_HTTP": self.url}):
            self.assertEqual(Session(hider=Hider([])).get("http://nowhere.invalid/").status, 200)
        with mock.patch.dict(os.environ, {**led, "DC_BEYOND_HTTP": "http://127.0.0.1:9", "DC_BEYOND_NONE": "127.0.0.1"}):
            self.assertEqual(Session(hider=Hider([])).get(self.url + "/").status, 200)

    def test_a_rate_holds_for_a_host(self):
        session = Session(hider=Hider([]), pace=Pace({"127.0.0.1": 20.0}))
        began = time.monotonic()
        for _ in range(5):
            session.get(self.url + "/")
        self.assertGreaterEqual(time.monotonic() - began, 4 / 20 - 0.01)

    def test_a_rate_holds_for_all_programs_of_the_machine(self):
        url = f"http://rates-{os.getpid()}.test/"
        Pace(5.0).wait(url)
        began = time.monotonic()
        program = f"from dcollect._pace import Pace; pace = Pace(5.0); pace.wait({url!r}); pace.rest({url!r}, 60)"
        subprocess.run([sys.executable, "-c", program], check=True, cwd=os.path.dirname(os.path.dirname(__file__)))
        self.assertGreaterEqual(time.monotonic() - began, 0.19)
        self.assertGreater(_machine.take(f"rates-{os.getpid()}.test:80", 0.1), 50)
        # a moment that lies ahead was written by a wrong clock
        with _machine._in_turn("ahead.test:80") as file:
            ahead = time.time_ns() // 1000 + 10**12
            os.pwrite(file, _machine._KNOWN.pack(ahead, ahead, ahead), 0)
        self.assertEqual(_machine.take("ahead.test:80", 1.0), 0.0)

    def test_statuses_of_400_and_above_are_errors_unless_they_are_wanted(self):
        with self.assertRaisesRegex(HttpError, "404: 'no such thing'") as raised:
            self.session.get(self.url + "/gone?token=s3cret")
        self.assertNotIn("s3cret", str(raised.exception))
        self.assertEqual(raised.exception.response.status, 404)
        self.assertFalse(self.session.get(self.url + "/gone", check=False).ok)
        with self.assertRaisesRegex(HttpError, "no JSON"):
            self.session.get(self.url + "/").json()
        with self.assertRaisesRegex(HttpError, "more than 10 redirects"):
            self.session.get(self.url + "/loop", retries=0)
        with self.assertRaisesRegex(HttpError, "no address of the web|only http and https"):
            self.session.get("file:///etc/passwd", retries=0)

    def test_credentials_stop_at_the_server_that_they_are_for(self):
        answer = self.session.get(self.url + "/away", headers={"Authorization": "Bearer x", "X-Own": "y"}).json()
        self.assertNotIn("authorization", answer["headers"])
        self.assertEqual(answer["headers"]["x-own"], "y")

    def test_cookies_forms_parameters_and_packing(self):
        self.session.get(self.url + "/login")
        answer = self.session.get(self.url + "/echo", params={"a": "b c", "d": [1, 2], "no": None}).json()
        self.assertEqual(answer["headers"]["cookie"], "sid=aB3x9Zq7Lm12")
        self.assertEqual(answer["path"], "/echo?a=b+c&d=1&d=2")
        self.assertEqual(self.session.get(self.url + "/gzip").text, "packed")
        self.assertEqual(self.session.post(self.url + "/echo", {"u": "\u00e9"}).json()["body"], "u=%C3%A9")
        self.assertEqual(self.session.post(self.url + "/echo", json={"n": 1}).json()["body"], '{"n":1}')
        self.assertEqual(self.session.get(self.url + "/a b/\u010d").status, 200)


class Cassettes(Served):
    def record(self, folder):
        hider = Hider(["hunter2-of-the-store"])
        return Session(hider=hider, cassette=Cassette(folder, "record", hider))

    def replay(self, folder):
        hider = Hider(["hunter2-of-the-store"])
        return Session(hider=hider, cassette=Cassette(folder, "replay", hider))

    def ask(self, session):
        token = session.post(self.url + "/login", {"user": "me", "password": "f0rm-passw0rd"}).json()["access_token"]
        yield session.get(self.url + "/echo", headers={"Authorization": f"Bearer {token}"}).json()["path"]
        yield session.get(self.url + "/echo?api_key=k3y-0f-Url-91x&pin=1").status
        yield session.get(self.url + "/flaky").attempts
        yield session.get(self.url + "/gone", check=False).status
        yield session.get(self.url + "/bytes").content
        yield session.get(self.url + f"/echo?q=hunter2-of-the-store&t={token}").status
        try:
            session.get(self.url + "/cut", retries=0)
        except HttpError as error:
            yield str(error)

    def test_a_run_is_played_back_without_a_network_and_holds_no_credential(self):
        with tempfile.TemporaryDirectory() as folder:
            recorded = list(self.ask(self.record(folder)))
            text = "".join(path.read_text() for path in Path(folder).iterdir())
            for secret in ("hunter2-of-the-store", "f0rm-passw0rd", "k3y-0f-Url-91x", "t0ken-Of-The-s3rver", "aB3x9Zq7Lm12"):
                self.assertNotIn(secret, text)
            asked = len(Handler.seen)
            session = self.replay(folder)
            self.assertEqual(list(self.ask(session)), recorded)
            self.assertEqual(len(Handler.seen), asked, "nothing goes over the network")
            self.assertEqual((session.cassette.answered, session.cassette.missing), (10, 0))
            with self.assertRaisesRegex(ReplayError, "no such exchange; the nearest is GET"):
                session.get(self.url + "/echo?api_key=other&pin=2")
            self.assertEqual(session.cassette.missing, 1)

    def test_what_is_asked_twice_is_answered_in_order_and_half_a_line_is_left(self):
        with tempfile.TemporaryDirectory() as folder:
            session = self.record(folder)
            Handler.failures["/flaky"] = 1
            first = [session.get(self.url + "/flaky", check=False, retries=0).status for _ in range(2)]
            path = next(Path(folder).glob("*.ndjson"))
            with open(path, "ab") as file:
                file.write(b'{"at": "2026')
            session = self.replay(folder)
            again = [session.get(self.url + "/flaky", check=False, retries=0).status for _ in range(3)]
            self.assertEqual((first, again), ([503, 200], [503, 200, 200]))

    def test_no_pause_is_waited_in_a_replay(self):
        with tempfile.TemporaryDirectory() as folder:
            self.record(folder).get(self.url + "/limit")
            began = time.monotonic()
            self.assertEqual(self.replay(folder).get(self.url + "/limit").attempts, 2)
            self.assertLess(time.monotonic() - began, 0.5)


if __name__ == "__main__":
    unittest.main()
