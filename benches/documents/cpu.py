"""CPU a message of an actor that does nothing: Rust on SQLite and PostgreSQL beside Python's Dramatiq, in turns.

    cpu.py ACTORS FOLDER COUNT ROUNDS     written for benches/documents/dramatiq.sh
"""

import os
import signal
import statistics
import subprocess
import sys
import time

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker

actors, folder = sys.argv[1:3]
count, rounds = int(sys.argv[3]), int(sys.argv[4])
here = os.path.dirname(os.path.abspath(__file__))
host = f"dc_bench_{os.getpid()}"
url = f"amqp://guest:guest@127.0.0.1:5672/{host}"
ticks = os.sysconf("SC_CLK_TCK")


def rabbit(*arguments):
    subprocess.run(["rabbitmqctl", "--quiet", *arguments], check=True)


def tree(pid):
    pids, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        pids.append(pid)
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                waiting.extend(int(child) for child in file.read().split())
    return pids


def cpu(pid):
    total = 0
    for one in tree(pid):
        with open(f"/proc/{one}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


def memory(pid):
    total = 0
    for one in tree(pid):
        with open(f"/proc/{one}/status") as file:
            total += next((int(line.split()[1]) for line in file if line.startswith("VmRSS")), 0)
    return total / 1024


def run(way, number):
    queue = f"{way.replace('-', '_')}_{number}"
    environment = {**os.environ, "DC_BROKER_URL": url, "QUEUE": queue}
    if way == "python":
        command = [os.path.join(os.path.dirname(sys.executable), "dramatiq"), "nothing"]
    else:
        command = [actors, queue]
        environment["DC_DB_MAIN_URL"] = f"sqlite:{folder}/{queue}.db" if way == "rust-sqlite" else os.environ["BENCH_POSTGRES"]
    worker = subprocess.Popen(
        command, cwd=here, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    broker = RabbitmqBroker(url=url)
    broker.declare_queue(queue, ensure=True)
    message = lambda number: dramatiq.Message(queue, "nothing", (number,), {}, {})
    waiting = lambda: sum(broker.get_queue_message_counts(queue)[:2])
    broker.enqueue(message(0))
    while waiting():
        time.sleep(0.1)
    time.sleep(3)
    before, began = cpu(worker.pid), time.monotonic()
    for number in range(count):
        broker.enqueue(message(number))
    while waiting():
        time.sleep(0.05)
    seconds = time.monotonic() - began
    time.sleep(1)
    used, held = cpu(worker.pid) - before, memory(worker.pid)
    if way == "python":
        worker.send_signal(signal.SIGTERM)
    else:
        worker.stdin.close()
    worker.wait()
    broker.close()
    return used / count * 1e6, count / seconds, held


ways = ["rust-sqlite", "python"] + (["rust-postgres"] if os.environ.get("BENCH_POSTGRES") else [])
rabbit("add_vhost", host)
try:
    rabbit("set_permissions", "-p", host, "guest", ".*", ".*", ".*")
    results = {way: [] for way in ways}
    for number in range(rounds):
        for way in ways:
            results[way].append(run(way, number))
            print("round %d: %s %.0f us of CPU a message, %.0f a second, %.0f MiB" % (number, way, *results[way][-1]), file=sys.stderr)
finally:
    rabbit("delete_vhost", host)
medians = {way: [statistics.median(column) for column in zip(*rows)] for way, rows in results.items()}
print("# CPU a message\n")
print(f"Written by `benches/documents/dramatiq.sh {count} {rounds}`, {os.cpu_count()} cores, RabbitMQ and sender on the same ones;")
print(f"an actor that does nothing, {count:,} messages, medians of {rounds} rounds in turns. Dramatiq {dramatiq.__version__} by its own")
print("command line at its defaults; the worker in Rust at its defaults, counting each message in a database.\n")
print("| who | CPU a message, µs | of Python's | messages a second | memory, MiB |\n|---|--:|--:|--:|--:|")
for way, (used, speed, held) in medians.items():
    print(f"| {way} | {used:.0f} | {used / medians['python'][0]:.3f} | {speed:.0f} | {held:.0f} |")
