"""Holds what the database and `dc manager why` say of two hosts' runs against what the apps wrote themselves."""

import collections
import datetime
import json
import subprocess
import time

from hosts import uptime

# what ends at nearly the same time as its host or its `dc run` may be unheard of
BLINK_S = 3.0
# the last lines of a run are delivered, or on disk, so long after its end
FLUSH_S = 15.0
SHOWN_MAX = 8
# what is due is decided so late at the latest, where a manager is well
LATE_S = 10.0
RUNS = """SELECT r.runtime, r.app_id, g.name || '/' || p.name || '/' || a.name, r.code,
    extract(epoch FROM r.started_at AT TIME ZONE 'UTC'), extract(epoch FROM r.ended_at AT TIME ZONE 'UTC'), r.exit_code,
    r.is_guess, replace(coalesce(r.reason, ''), E'\\n', ' '), r.host, r.pid_namespace, r.pid, r.started_by
    FROM runtime r JOIN apps a ON a.id = r.app_id JOIN app_parents p ON p.id = a.app_parent_id
    JOIN app_groups g ON g.id = p.app_group_id"""
OCCURRENCES = """SELECT id, app_id, extract(epoch FROM due_at AT TIME ZONE 'UTC'), state, coalesce(reason, ''),
    coalesce(runtime, ''), extract(epoch FROM claimed_at AT TIME ZONE 'UTC'), fence FROM occurrences"""
LINES = "SELECT runtime, message, count(*) FROM logs WHERE message IN ('first', 'last') GROUP BY 1, 2"
Run = collections.namedtuple("Run", "id app_id app code started ended exit guess reason host space pid by")
Occurrence = collections.namedtuple("Occurrence", "id app_id due state reason runtime claimed fence")


class Book:
    """What one run of an app wrote itself; times are seconds since the boot."""

    def __init__(self, path):
        self.runtime, self.starts, self.ended, self.code, self.by_signal = path.name, 0, None, None, False
        for line in path.read_text().splitlines():
            what, at, *words = line.split()
            if what == "start":
                self.starts, self.started = self.starts + 1, float(at)
                self.app, self.host, self.seconds = words[0], words[1], int(words[2])
            else:
                self.ended, self.code, self.by_signal = float(at), words[0], "term" in words


class Findings:
    """Rows of a table: a check, how much was looked at, and what is wrong."""

    def __init__(self):
        self.rows = []

    def add(self, check, looked, wrong, excused=0):
        self.rows.append((check, looked, excused, list(wrong)))

    def show(self):
        print(f"\n| {'check':<58} | looked at | excused | wrong |\n|{'-' * 60}|----------:|--------:|------:|")
        for check, looked, excused, wrong in self.rows:
            print(f"| {check:<58} | {looked:>9} | {excused:>7} | {len(wrong):>5} |")
        for check, _, _, wrong in self.rows:
            for words in wrong[:SHOWN_MAX]:
                print(f"{check}: {words}")
        return sum(len(wrong) for *_, wrong in self.rows)


class Judge:
    """All that is known after the chaos."""

    def __init__(self, database, hosts, chaos, books, healed):
        self.database, self.chaos, self.healed = database, chaos, healed
        # the clocks of the script and of the database are one
        self.offset = time.time() - uptime()
        self.now = uptime()
        self.books = {path.name: Book(path) for path in books.iterdir() if path.read_text()}
        number = lambda text: float(text) if text else None
        self.runs = {}
        for row in database.rows(RUNS):
            row[4:6] = [number(at) and number(at) - self.offset for at in row[4:6]]
            row[7] = row[7] == "t"
            self.runs[row[0]] = Run(*row)
        rows = (Occurrence(*row) for row in database.rows(OCCURRENCES))
        self.occurrences = [row._replace(due=float(row.due) - self.offset, claimed=float(row.claimed) - self.offset)
                            for row in rows]
        # by now the namespaces of all hosts but the last are gone
        self.living = {host.name for host in hosts}
        self.last_seen = {}
        for at, _, name, what in chaos.log:
            if what.startswith(("host ", "manager SIG", "container")):
                self.last_seen[name] = at

    def was_killed(self, run):
        """Whether we killed its `dc run`."""
        space = (run.space or "").split(" ")[0]
        return (space, int(run.pid or 0)) in self.chaos.killed

    def died_with_host(self, run, at):
        """Whether its host was gone when it ended, or soon after."""
        gone = None if run.host in self.living else self.last_seen.get(run.host)
        return run.host not in self.living and (at is None or gone is None or at > gone - BLINK_S)

    def starts(self, findings):
        wrong = [f"run {book.runtime} began {book.starts} times" for book in self.books.values() if book.starts != 1]
        findings.add("a run begins once", len(self.books), wrong)
        wrong = [f"{book.app} began as run {name}, of which no row tells" for name, book in self.books.items()
                 if name not in self.runs]
        findings.add("a run that began has a row", len(self.books), wrong)
        owners = collections.Counter(row.runtime for row in self.occurrences if row.runtime)
        of_schedule = [run for run in self.runs.values() if run.by == "manager"]
        wrong = [f"run {run.id} is of {owners[run.id]} occurrences: {run.reason}" for run in of_schedule
                 if owners[run.id] != 1]
        findings.add("a run is of one occurrence", len(of_schedule), wrong)
        wrong, excused = [], 0
        unbegun = [run for run in self.runs.values() if run.id not in self.books and run.ended]
        for run in unbegun:
            if self.was_killed(run) or self.died_with_host(run, run.started + BLINK_S) or run.code == "7":
                excused += 1
            else:
                wrong.append(f"{run.app} on {run.host}, run {run.id} at {run.started:.1f}: {run.reason}")
        findings.add("a row is of an app that began", len(self.runs), wrong, excused)

    def ends(self, findings):
        wrong, excused, lost, looked = [], 0, 0, 0
        for book in self.books.values():
            run = self.runs.get(book.runtime)
            if not run or book.code is None or not run.ended:
                continue
            looked += 1
            if not run.guess and run.exit == book.code:
                continue
            if self.was_killed(run) or self.died_with_host(run, book.ended):
                excused += run.guess
                wrong += [] if run.guess else [f"run {run.id}: {run.exit} is recorded, it ended with {book.code}"]
            elif book.by_signal and run.guess:
                lost += 1
            else:
                recorded = f"{run.exit or 'nothing'}, guess {run.guess}, ended {run.ended:.1f}: {run.reason}"
                wrong.append(f"{words_of(run)} ended with {book.code} at {book.ended:.1f}, recorded is {recorded}")
        findings.add("an exit status is as the app wrote it", looked, wrong, excused + lost)
        late = [run for run in self.runs.values() if not run.guess and run.ended and run.id in self.books
                and self.books[run.id].ended and abs(run.ended - self.books[run.id].ended) > BLINK_S]
        findings.add("an end has the time at which it was", looked, [
            f"{words_of(run)} ended at {self.books[run.id].ended:.1f}, recorded is {run.ended:.1f}"
            for run in late if not self.was_frozen(run)], sum(self.was_frozen(run) for run in late))
        open_rows = [run for run in self.runs.values() if not run.ended]
        wrong = []
        for run in open_rows:
            book = self.books.get(run.id)
            if run.started < self.healed or (book and book.ended and book.ended < self.now - 10):
                wrong.append(f"{words_of(run)} since {run.started:.1f}, ended {book and book.ended}")
        findings.add("no row is open a minute after the last fault", len(open_rows), wrong)

    def was_frozen(self, run):
        return any(what.startswith("freeze") and host == run.host and at < run.ended and at + seconds > run.started
                   for at, seconds, host, what in self.chaos.log)

    def overlaps(self, findings):
        by_app, wrong, cut_off, looked = collections.defaultdict(list), [], 0, 0
        for book in self.books.values():
            run = self.runs.get(book.runtime)
            ended = book.ended
            if ended is None and run:
                # who closed it beside its host has ended what was left of it; else it was gone with its host
                is_gone = run.host not in self.living and not run.reason.startswith("the dc that supervised")
                ended = self.last_seen.get(run.host) if is_gone else run.ended
            by_app[book.app].append((book.started, ended or self.now, book, run))
        for app, runs in by_app.items():
            runs.sort(key=lambda one: one[0])
            for place, (started, _, book, run) in enumerate(runs):
                looked += 1
                for _, ended, before, first in runs[:place]:
                    if ended <= started + 0.05 or not first:
                        continue
                    is_lost = "its lease ended" in first.reason and not self.was_killed(first)
                    if is_lost or self.was_taken(first, started):
                        cut_off += 1
                    else:
                        how = ", its `dc run` was killed" if self.was_killed(first) else ""
                        span = f"from {before.started:.1f} to {ended:.1f} ({first.reason}{how})"
                        wrong.append(f"{words_of(first)} {span} beside {book.runtime} on {book.host} at {started:.1f}")
        findings.add("an app runs once at a time, but where it was cut off", looked, wrong, cut_off)

    def was_taken(self, run, at):
        """A true end has replaced the guess of those who took over: the host was cut off then."""
        faults = ("drop", "silent", "refuse", "starting", "database", "freeze")
        return any(host == run.host and what.startswith(faults) and begun < at
                   for begun, seconds, host, what in self.chaos.log if begun + seconds > run.started)

    def occurrences_of(self, findings, lease):
        wrong = []
        for row in self.occurrences:
            words = f"app {row.app_id} due {row.due:.1f}, {row.state} by {row.runtime or 'nobody'}: {row.reason}"
            is_known = row.runtime in self.runs
            if row.state in ("skipped", "missed"):
                wrong += [] if row.reason and not row.runtime else [words]
            elif row.state in ("ran", "started"):
                wrong += [] if is_known and (row.state == "ran") == bool(self.runs[row.runtime].ended) else [words]
            elif row.state == "claimed" and self.now - row.claimed > lease + 15:
                wrong.append(words)
            elif row.state == "queued" and not row.reason:
                wrong.append(words)
        findings.add("an occurrence is settled with a reason", len(self.occurrences), wrong)
        late = [row for row in self.occurrences if row.fence == "1" and row.claimed - row.due > LATE_S]
        idle = [row for row in late if self.chaos.was_manned(row.due, row.claimed, well=True)]
        findings.add("what is due is decided, whoever else is frozen or gone", len(self.occurrences), [
            f"app {row.app_id} due {row.due:.1f} was decided after {row.claimed - row.due:.1f} s though a manager was well"
            for row in idle], len(late) - len(idle))
        gaps, looked, last = [], 0, collections.defaultdict(dict)
        for row in self.occurrences:
            last[row.app_id][round(row.due + self.offset)] = row
        for app_id, definition in self.database.rows("SELECT id, schedule FROM apps WHERE schedule IS NOT NULL"):
            every, due = int(definition.split()[0].split("/")[1]), last[app_id]
            for at in range(min(due, default=0), max(due, default=0), every):
                looked += 1
                if at not in due:
                    gaps.append(f"app {app_id} has no occurrence at {at - self.offset:.1f}")
            if not due or max(due) - self.offset < self.now - every - 15:
                gaps.append(f"app {app_id} was decided up to {max(due, default=0) - self.offset:.1f}, now {self.now:.1f}")
        findings.add("no moment is lost", looked, gaps)
        ran = {row.app_id for row in self.occurrences if row.runtime and row.due > self.healed}
        apps = {row.app_id for row in self.occurrences}
        findings.add("each app has run since the last fault", len(apps), [f"app {one}" for one in sorted(apps - ran)])

    def words(self, findings, dc, root, environment):
        """What `why` says of moments that were not started."""
        wrong, looked, said = [], 0, collections.Counter()
        for (name,) in self.database.rows("SELECT name FROM apps"):
            words = [dc, "-C", root, "manager", "why", name, "--last", "100000", "--json"]
            done = subprocess.run(words, capture_output=True, text=True, env=environment)
            if done.returncode:
                wrong.append(f"why {name}: {done.stderr.strip()}")
                continue
            told = {row["id"]: row for row in json.loads(done.stdout)["occurrences"]}
            for row in told.values():
                if row["state"] not in ("skipped", "missed"):
                    continue
                looked += 1
                if not row["reason"]:
                    wrong.append(f"{name} due {row['due_at']} is {row['state']} without a reason")
                due = datetime.datetime.fromisoformat(row["due_at"]).timestamp() - self.offset
                is_absent = (row["reason"] or "").startswith("no manager")
                # a moment is late after a minute
                is_manned = is_absent and self.chaos.was_manned(due, due + 60, well=True)
                said["no manager could start it, though one was well" if is_manned else "else"] += 1
                if is_manned:
                    wrong.append(f"{name} due at {due:.1f}: {row['reason']}; but a manager was at work, and well")
        findings.add("`why` tells of each moment that was left out, truly", looked, wrong)

    def logs(self, findings):
        counts, wrong, excused = {}, [], 0
        for runtime, message, count in self.database.rows(LINES):
            counts[runtime, message] = int(count)
        wrong += [f"run {runtime}: `{message}` is stored {count} times" for (runtime, message), count in counts.items()
                  if count > 1]
        for book in self.books.values():
            run = self.runs.get(book.runtime)
            if not run or not run.ended or book.code is None or book.by_signal:
                continue
            # its last lines may still have been in memory
            if self.was_killed(run) or self.died_with_host(run, book.ended + FLUSH_S):
                excused += 1
                continue
            lacks = [word for word in ("first", "last") if not counts.get((book.runtime, word))]
            if lacks:
                wrong.append(f"{run.app} on {run.host}, run {run.id} from {book.started:.1f} to {book.ended:.1f} lacks"
                             f" {' and '.join(lacks)}: {run.reason}")
        findings.add("what an app said is stored once", len(self.books), wrong, excused)

    def states(self, findings):
        query = """SELECT a.name, a.status, a.disable, (SELECT count(*) FROM runtime r WHERE r.app_id = a.id
                   AND r.ended_at IS NULL) FROM apps a"""
        rows = self.database.rows(query)
        wrong = [f"{name} has status {status} with {count} open runs, disabled {disable}"
                 for name, status, disable, count in rows if (status == "2") != (count != "0") or disable == "t"]
        findings.add("an app's state is what runs", len(rows), wrong)


def words_of(run):
    return f"{run.app} on {run.host}, run {run.id}"


def judge(dc, database, hosts, chaos, books, healed, given):
    minutes, apps, seed, lease = given
    case = Judge(database, hosts, chaos, books, healed)
    findings = Findings()
    case.starts(findings)
    case.overlaps(findings)
    case.ends(findings)
    case.occurrences_of(findings, lease)
    case.states(findings)
    environment = {**hosts[0].environment, "DC_DB_MAIN_URL": f"{database.server}/{database.name}"}
    environment.pop("LD_PRELOAD", None)
    case.words(findings, dc, str(hosts[0].root), environment)
    case.logs(findings)
    said = "\n".join(host.log.read_text(errors="replace") for host in hosts)
    findings.add("no manager panics", said.count("\n"), [line for line in said.splitlines() if "panicked" in line])
    states = collections.Counter(row.state for row in case.occurrences)
    print(f"{minutes:g} minutes, {apps} apps, seed {seed}: {len(case.runs)} runs, {len(case.books)} by the apps' own books")
    print("occurrences:", ", ".join(f"{count} {state}" for state, count in states.most_common()))
    print("faults:", ", ".join(f"{count} x {what}" for what, count in chaos.told.most_common()))
    told = database.rows("SELECT kind, count(*) FROM outbox GROUP BY 1 ORDER BY 1")
    print("messages:", ", ".join(f"{count} {kind}" for kind, count in told) or "none")
    return 1 if findings.show() else 0
