"""Runs each tool on the same four secrets and prints RESULTS.md: what becomes of changed files, of rewrites that are
killed, and how long the first secret takes. Called by compare.sh."""
import collections
import datetime
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

DC = sys.argv[1]
PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another long battery staple"
TEXT = "API_KEY=plain-value-one-4711\nDB_PASSWORD=plain-value-two-4712\nTOKEN=plain-value-three-4713\nLAST=four\n"
PLAIN = [b"plain-value-one", b"plain-value-two", b"plain-value-three"]
# how many places of a file are tried where a process has to be started for each
PLACES = int(os.environ.get("PLACES", "96"))
ROUNDS = 7
CHANGING = {"openat", "open", "write", "pwrite64", "writev", "ftruncate", "fsync", "rename", "renameat", "renameat2",
            "unlink", "unlinkat", "chmod", "fchmod", "link", "linkat", "copy_file_range", "sendfile"}


class Tool:
    """A tool in a folder of its own. `file` is what it keeps at rest."""

    name, version, file, rewrite = "", [], "", None

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "HOME": str(folder), "DC_SECRET_PASSWORD": PASSWORD,
                            "DC_SECRET_PASSWORD_NEW": NEW_PASSWORD, "NO_COLOR": "1", "DOTENVX_NO_OPS": "1"}

    def run(self, command, **more):
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, timeout=120, **more)

    def must(self, command, **more):
        done = self.run(command, **more)
        if done.returncode != 0:
            raise SystemExit(f"{command}: {done.stderr.decode()}")
        return done.stdout

    def opens(self):
        """The plain text, or None, with what it printed."""
        done = self.run(self.read)
        return (done.stdout if done.returncode == 0 else None), done.stdout

    def whole(self, opened):
        return opened is not None and all(value in opened for value in PLAIN)


class Dc(Tool):
    name, version, file = "**dc**", [DC, "--version"], "secrets.zip"
    read = [DC, "secrets", "decrypt"]
    rewrite = [DC, "secrets", "rekey"]

    def make(self):
        self.must([DC, "secrets", "encrypt", "-"], input=TEXT.encode())

    def opens(self):
        first, printed = super().opens()
        if first is None:
            self.environment["DC_SECRET_PASSWORD"] = NEW_PASSWORD
            first, more = super().opens()
            self.environment["DC_SECRET_PASSWORD"] = PASSWORD
            printed += more
        return first, printed


class Age(Tool):
    name, version, file = "age", ["age", "--version"], "secrets.age"
    read = ["age", "-d", "-i", "key.txt", "secrets.age"]

    def make(self):
        self.must(["age-keygen", "-o", "key.txt"])
        recipient = self.must(["age-keygen", "-y", "key.txt"]).decode().strip()
        self.must(["age", "-r", recipient, "-o", self.file], input=TEXT.encode())
        # it has no command that rewrites a file: this is what its manual has people do
        self.rewrite = ["sh", "-c", f"age -d -i key.txt {self.file} > new.txt && age -r {recipient} -o {self.file} new.txt"]


class Ansible(Tool):
    name, version, file = "ansible-vault", ["ansible-vault", "--version"], "secrets.yml"
    read = ["ansible-vault", "view", "--vault-password-file", "password", "secrets.yml"]
    rewrite = ["ansible-vault", "rekey", "--vault-password-file", "password", "--new-vault-password-file", "new", "secrets.yml"]

    def make(self):
        for name, text in (("password", PASSWORD), ("new", NEW_PASSWORD)):
            (self.folder / name).write_text(text)
        self.environment["PAGER"] = "cat"
        (self.folder / self.file).write_text(TEXT)
        self.must(["ansible-vault", "encrypt", "--vault-password-file", "password", self.file])

    def opens(self):
        first, printed = super().opens()
        if first is None:
            done = self.run([word if word != "password" else "new" for word in self.read])
            first, printed = (done.stdout if done.returncode == 0 else None), printed + done.stdout
        return first, printed


class Dotenvx(Tool):
    name, version, file = "dotenvx", ["dotenvx", "--version"], ".env"
    read = ["dotenvx", "get", "--format", "shell"]
    rewrite = ["dotenvx", "set", "ADDED", "value"]

    def make(self):
        (self.folder / self.file).write_text(TEXT)
        self.must(["dotenvx", "encrypt"])

    def opens(self):
        done = self.run(self.read)
        # what it cannot decrypt it hands on as it is, and ends with 0
        good = done.returncode == 0 and b"encrypted:" not in done.stdout
        return (done.stdout if good else None), done.stdout


class Sops(Tool):
    name, version, file = "SOPS 1.18", ["sops", "--version"], "secrets.yaml"
    read = ["sops", "-d", "secrets.yaml"]
    rewrite = ["sops", "-r", "-i", "secrets.yaml"]

    def make(self):
        home = pathlib.Path(tempfile.mkdtemp(prefix="dcg"))
        self.environment["GNUPGHOME"] = str(home)
        self.must(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "t@example.org", "rsa2048", "encr", "never"])
        listed = self.must(["gpg", "--list-keys", "--with-colons"]).decode()
        key = re.search(r"^fpr:+([0-9A-F]+):", listed, re.M).group(1)
        (self.folder / "plain.yaml").write_text(TEXT.replace("=", ": "))
        (self.folder / self.file).write_bytes(self.must(["sops", "-e", "--pgp", key, "plain.yaml"]))
        (self.folder / "plain.yaml").unlink()


def flips(tool):
    """Single bits flipped, and lengths: refused, opened with the same text, opened with another one, shown in part."""
    path = tool.folder / tool.file
    good = path.read_bytes()
    reference, _ = tool.opens()
    assert tool.whole(reference), (tool.name, reference)
    tally = collections.Counter()
    bits = sorted({at * (len(good) * 8 - 1) // (PLACES - 1) for at in range(PLACES)})
    lengths = sorted({at * (len(good) - 1) // (PLACES // 4 - 1) for at in range(PLACES // 4)})
    for kind, place in [("bit", bit) for bit in bits] + [("length", length) for length in lengths]:
        changed = bytearray(good)
        if kind == "bit":
            changed[place // 8] ^= 1 << (place % 8)
        else:
            del changed[place:]
        path.write_bytes(changed)
        try:
            opened, printed = tool.opens()
        except subprocess.TimeoutExpired:
            opened, printed = None, b""
        what = "refused" if opened is None else "same" if opened == reference else "other"
        if opened is None and any(value in printed for value in PLAIN):
            what = "part"
        tally[kind, what] += 1
    path.write_bytes(good)
    return tally


def kills(tool):
    """kill -9 at each call of the rewrite that changes something, by fault injection; whether the file opens then."""
    if tool.rewrite is None:
        return None
    saved = {path: path.read_bytes() for path in tool.folder.iterdir() if path.is_file()}

    def restore():
        for path in tool.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path, data in saved.items():
            path.write_bytes(data)
            path.chmod(0o600)

    def trace(more, output="/dev/null"):
        return tool.run(["strace", "-f", "-qq", "-o", str(output), *more, *tool.rewrite], stdin=subprocess.DEVNULL)

    log = tool.folder.parent / "trace"
    trace([], log)
    counts, points, touched = collections.Counter(), set(), False
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if not match:
            continue
        counts[match.groups()] += 1
        touched = touched or tool.file in line
        if touched and match.group(2) in CHANGING and '"/proc' not in line and "O_RDONLY" not in line:
            points.add((match.group(2), counts[match.groups()]))
    tally = collections.Counter()
    for name, count in sorted(points):
        restore()
        trace(["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={count}"])
        opened, _ = tool.opens()
        tally["opens" if tool.whole(opened) else "lost"] += 1
    leftovers = [path.name for path in tool.folder.iterdir() if path.is_file() and path not in saved
                 and any(value in path.read_bytes() for value in PLAIN)]
    restore()
    return tally, leftovers


def first_secret(tool):
    tool.opens()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        tool.must(tool.read)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main():
    rows, versions = [], []
    for kind in (Dc, Age, Ansible, Dotenvx, Sops):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder) / "project"
            folder.mkdir()
            tool = kind(folder)
            version = tool.run(tool.version).stdout.decode().strip().splitlines()[-1 if kind is Sops else 0]
            versions.append(f"{tool.name.strip('*')}: {version}")
            tool.make()
            ms = first_secret(tool)
            tally = flips(tool)
            killed = kills(tool)
            rows.append((tool.name, ms, tally, killed))
            print(tool.name, f"{ms:.0f} ms", dict(tally), killed, file=sys.stderr)
    print("# The store of secrets beside other tools\n")
    print(f"Written by `benches/secrets/compare.sh` on {datetime.date.today()}: {os.cpu_count()} cores, {platform.system()}. "
          f"Four secrets, {PLACES} single bits and {PLACES // 4} lengths spread over each file, one process for each; "
          "a kill at each system call of the tool's own rewrite that changes anything, once it has touched the file.\n")
    print("| | first secret, median ms | bits: refused | unseen, same text | unseen, other text | lengths: refused | unseen | kills: opens | lost |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, ms, tally, killed in rows:
        unseen = tally["length", "same"] + tally["length", "other"] + tally["length", "part"]
        opens, lost = (killed[0]["opens"], killed[0]["lost"]) if killed else ("-", "-")
        print(f"| {name} | {ms:.0f} | {tally['bit', 'refused']} | {tally['bit', 'same']} | "
              f"{tally['bit', 'other'] + tally['bit', 'part']} | {tally['length', 'refused']} | {unseen} | {opens} | {lost} |")
    print("\nVersions: " + "; ".join(versions) + ".\n")
    print((pathlib.Path(__file__).parent / "NOTES.md").read_text(), end="")


main()
