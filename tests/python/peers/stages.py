"""Actors of stages, as people write them; Dramatiq's own command runs them: dramatiq stages

    BROKER    the URL of the broker
    FOLDER    where each execution is noted, and where `go` lets those go on that wait for it
"""

import json
import os
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

dramatiq.set_broker(RabbitmqBroker(url=os.environ["BROKER"]))
folder = Path(os.environ["FOLDER"])


@dramatiq.actor(queue_name="ner", max_retries=2, min_backoff=50, max_backoff=100)
def find_names(document):
    with open(folder / "executed.ndjson", "a") as file:
        file.write(json.dumps(document) + "\n")
    text = Path(document["document"]).read_text()
    word = text.split()[0]
    if word == "wrong":
        return {"dc": "fail", "kind": "permanent", "msg": "there is no name in it"}
    if word == "fails":
        raise KeyError("nothing here")
    if word == "nothing":
        return None
    if word == "large":
        return {"names": ["x" * 100_000]}
    if word == "odd":
        return {"names": float("nan")}
    if word == "waits":
        while not (folder / "go").exists():
            time.sleep(0.05)
    return {"names": text.split()[1:], "before": document["input"]}
