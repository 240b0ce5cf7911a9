"""Three actors of Dramatiq that do nothing, and who sends a pipeline of them for each file."""

import os
import sys
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

dramatiq.set_broker(RabbitmqBroker(url=os.environ["BENCH_RABBITMQ"]))
LEDGER = Path(os.environ["BENCH_LEDGER"])


@dramatiq.actor
def one(name):
    return name


@dramatiq.actor
def two(name):
    return name


@dramatiq.actor
def three(name):
    with LEDGER.open("a") as ledger:
        ledger.write(name + "\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    began = time.time()
    names = [entry.name for entry in folder.iterdir()]
    for name in names:
        (one.message(name) | two.message() | three.message()).run()
    while not LEDGER.exists() or LEDGER.read_text().count("\n") < len(names):
        time.sleep(0.05)
    print(f"{len(names) / (time.time() - began):.0f}")
