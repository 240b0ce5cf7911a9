"""Three Celery tasks that do nothing, and who sends a chain of them for each file."""

import os
import sys
import time
from pathlib import Path

from celery import Celery, chain

app = Celery("stages", broker=os.environ["BENCH_RABBITMQ"])
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)
LEDGER = Path(os.environ["BENCH_LEDGER"])


@app.task(name="one")
def one(name):
    return name


@app.task(name="two")
def two(name):
    return name


@app.task(name="three")
def three(name):
    with LEDGER.open("a") as ledger:
        ledger.write(name + "\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    began = time.time()
    names = [entry.name for entry in folder.iterdir()]
    for name in names:
        chain(one.s(name), two.s(), three.s()).apply_async()
    while not LEDGER.exists() or LEDGER.read_text().count("\n") < len(names):
        time.sleep(0.05)
    print(f"{len(names) / (time.time() - began):.0f}")
