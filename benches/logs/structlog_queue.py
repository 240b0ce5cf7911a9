"""The same records by structlog behind the standard library's QueueHandler and QueueListener: RECORDS FOLDER."""

import logging
import logging.handlers
import queue
import sys
import time
from pathlib import Path

import structlog

records, folder = int(sys.argv[1]), Path(sys.argv[2])
waiting: queue.Queue = queue.Queue(-1)
file = logging.FileHandler(folder / "structlog.ndjson")
file.setFormatter(logging.Formatter("%(message)s"))
listener = logging.handlers.QueueListener(waiting, file)
root = logging.getLogger()
root.addHandler(logging.handlers.QueueHandler(waiting))
root.setLevel(logging.INFO)
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
log = structlog.get_logger()
listener.start()
started = time.perf_counter()
for number in range(records):
    log.info(f"read page {number}", page=number, url="https://example.org/companies", took_ms=12.5)
listener.stop()
print(time.perf_counter() - started)
