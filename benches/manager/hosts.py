"""Machines made of namespaces, and the way between them and a database, which can be disturbed.

A `Host` has network, PID, UTS, IPC and mount namespaces of its own and a veth pair to here. It is a machine, whose process
1 is a shell, or a container, whose process 1 is its manager. A `Way` carries its connections to the database: it can
refuse, fall silent, or answer as a server does that is about to start.
"""

import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

# SO_LINGER of no time: the end of a connection is a reset
LINGER_NONE = struct.pack("ii", 1, 0)
IP_FREEBIND = 15
CHUNK_BYTES = 1 << 16
# what a server makes of a client that is not heard of: it gives its connection up
UNHEARD_S = 45
NETWORK = "10.98"
SETUP = 'hostname "$0"; mount -t tmpfs none /dev/shm; ip link set lo up; echo ready; read go; '
MACHINE = SETUP + "while :; do sleep 600; done"
CONTAINER = SETUP + 'exec "$@"'
FAKETIME = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def uptime():
    """The seconds since the boot, which no namespace and no faketime changes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Way:
    """The way of one host's connections to the database."""

    def __init__(self, address, target):
        self.address, self.target, self.state = address, target, "pass"
        self.listener, self.pairs, self.lock = None, [], threading.Lock()
        self.listen()

    def listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        listener.bind(self.address)
        listener.listen(64)
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client):
        if self.state == "starting":
            return answer_starting(client)
        try:
            server = socket.create_connection(self.target, 5)
            server.settimeout(None)
        except OSError:
            return cut(client)
        pair = [client, server, self.state == "silent"]
        with self.lock:
            self.pairs.append(pair)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self.carry, args=(pair, source, sink), daemon=True).start()

    def carry(self, pair, source, sink):
        try:
            while data := source.recv(CHUNK_BYTES):
                # what fell silent stays so
                if not pair[2]:
                    sink.sendall(data)
        except OSError:
            pass
        for end in pair[:2]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.lock:
            if pair in self.pairs:
                self.pairs.remove(pair)

    def set(self, state):
        """pass, silent (nothing comes through any more), refuse, or starting (as a server that is about to start)."""
        before, self.state = self.state, state
        if before == "refuse" and state != "refuse":
            self.listen()
        with self.lock:
            pairs = list(self.pairs)
        if state == "silent":
            for pair in pairs:
                pair[2] = True
            self.later(pairs)
        if state in ("refuse", "starting"):
            self.cut(pairs)
        if state == "refuse" and before != "refuse":
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()

    def cut(self, pairs=None):
        """Both sides of these connections, or of all, are told that they are over."""
        with self.lock:
            pairs = list(self.pairs) if pairs is None else pairs
        for pair in pairs:
            for end in pair[:2]:
                cut(end, False)

    def later(self, pairs=None):
        """The server gives up connections whose client is not heard of."""
        with self.lock:
            pairs = list(self.pairs) if pairs is None else pairs
        timer = threading.Timer(UNHEARD_S, self.cut, [pairs])
        timer.daemon = True
        timer.start()


def cut(end, close=True):
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    if close:
        end.close()


def answer_starting(client):
    """What PostgreSQL answers while it starts."""
    words = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
    try:
        client.settimeout(5)
        length, code = struct.unpack("!II", client.recv(8))
        if code == 80877103:
            client.sendall(b"N")
            length, code = struct.unpack("!II", client.recv(8))
        client.recv(length)
        client.sendall(b"E" + struct.pack("!I", len(words) + 4) + words)
    except (OSError, struct.error):
        pass
    client.close()


class Host:
    """A machine, or a container."""

    def __init__(self, letter, number, root, words, database):
        self.letter, self.root, self.words, self.number = letter, root, words, number
        self.address, self.generation, self.log = f"{NETWORK}.{number}.1", 0, root.parent / f"manager-{letter}.log"
        self.way = Way((self.address, 5432), ("127.0.0.1", 5432))
        self.clock, self.generations, self.process, self.first = root.parent / f"clock-{letter}", {}, None, None
        self.clock.write_text("+0\n")
        self.environment = {**os.environ, "DC_DB_MAIN_URL": database.replace("HOST", self.address)}
        if FAKETIME:
            self.environment |= {
                "LD_PRELOAD": str(FAKETIME[0]),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_CACHE_DURATION": "1",
                "NO_FAKE_STAT": "1",
            }

    @property
    def name(self):
        return f"{self.letter}{self.generation}"

    def make(self, is_container=False):
        """Makes it anew, with another name; the folder of its project stays, as a volume does."""
        self.generation += 1
        self.is_container = is_container
        script = ["sh", "-c", CONTAINER if is_container else MACHINE, self.name]
        kinds = ["--net", "--pid", "--uts", "--ipc", "--mount"]
        words = ["unshare", *kinds, "--fork", "--mount-proc", "--kill-child", *script]
        words += ["env", *self.set_variables(), *self.words] if is_container else []
        with self.log.open("a") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.process.stdout.readline()
        self.first = int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text())
        self.space = os.readlink(f"/proc/{self.first}/ns/pid")
        self.generations[self.name] = self.space
        self.wire()
        # a container's manager goes on writing here, and nobody reads
        threading.Thread(target=self.drain, args=(self.process.stdout,), daemon=True).start()
        self.process.stdin.write("go\n")
        self.process.stdin.close()

    def set_variables(self):
        return [f"{name}={value}" for name, value in self.environment.items() if os.environ.get(name) != value]

    def drain(self, stdout):
        with self.log.open("a") as log:
            for line in stdout:
                log.write(line)
                log.flush()

    def wire(self):
        link = f"dc2h{self.letter}"
        subprocess.run(["ip", "link", "del", link], capture_output=True)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self.first))
        run("ip", "address", "add", f"{self.address}/24", "dev", link)
        run("ip", "link", "set", link, "up")
        self.inside("ip", "address", "add", f"{NETWORK}.{self.number}.2/24", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")

    def inside(self, *words):
        return run("nsenter", "--target", str(self.first), "--net", "--", *words)

    def drop(self, which):
        """Packets are lost on their way: requests, replies or both, by an address that nobody has; none, all arrive."""
        here = ("neigh", f"{NETWORK}.{self.number}.2", "dev", f"dc2h{self.letter}")
        there = ("neigh", self.address, "dev", "eth0")
        for (kind, address, *device), way, call in ((here, "replies", run), (there, "requests", self.inside)):
            if which in (way, "both"):
                call("ip", kind, "replace", address, "lladdr", "02:00:00:00:00:99", "nud", "permanent", *device)
            else:
                call("ip", kind, "del", address, *device, check=False) if call is run else self.forget(address)

    def forget(self, address):
        words = ["nsenter", "--target", str(self.first), "--net", "--", "ip", "neigh", "del", address, "dev", "eth0"]
        subprocess.run(words, capture_output=True)

    def start_manager(self):
        namespaces = ["--net", "--pid", "--uts", "--ipc", "--mount"]
        # a child of process 1 there: nobody here holds up the end of its namespace
        words = ["nsenter", "--target", str(self.first), *namespaces, "--"]
        words += ["sh", "-c", 'setsid "$@" &', "sh", *self.words]
        with self.log.open("a") as log:
            subprocess.run(words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def processes(self, what=""):
        """The numbers, seen from here, of its processes; `manager` or `run` for those of dc."""
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                if os.readlink(folder / "ns/pid") != self.space:
                    continue
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            # a run tells that a manager started it
            is_run = b"run" in words
            if not what or (words[0].endswith(b"/dc") and what == ("run" if is_run else "manager")):
                found.append(int(folder.name))
        return found

    def end(self):
        """Its process 1 is killed, and all others with it."""
        signal_to(self.first, signal.SIGKILL)
        self.process.wait()

    def is_up(self):
        return self.process is not None and self.process.poll() is None


def signal_to(pid, which):
    try:
        os.kill(pid, which)
        return True
    except ProcessLookupError:
        return False


def number_inside(pid):
    """The number that a process has in its own namespace."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    except OSError:
        pass
    return None


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done
