"""A peer of the tests of actors: Dramatiq from PyPI, in either edition.

    actors.py send URL                sends what stdin says, a line of JSON each, and prints the identities
    actors.py work URL QUEUE FILE     works until stdin ends; each execution is a line in FILE
"""

import json
import os
import sys
import time

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import CurrentMessage
from dramatiq.worker import Worker

mode, url = sys.argv[1:3]
queue = sys.argv[3] if mode == "work" else "py"
priorities = os.environ.get("MAX_PRIORITY")
broker = RabbitmqBroker(url=url, confirm_delivery=True, max_priority=int(priorities) if priorities else None)
broker.add_middleware(CurrentMessage())
dramatiq.set_broker(broker)


def note(actor, args, kwargs):
    message = CurrentMessage.get_current_message()
    line = {"actor": actor, "args": args, "kwargs": kwargs, "id": message.message_id, "at": time.time()}
    line["options"] = {name: value for name, value in message.options.items() if name != "traceback"}
    with open(sys.argv[4], "a") as file:
        file.write(json.dumps(line) + "\n")


if mode == "work":

    @dramatiq.actor(queue_name=queue)
    def echo(*args, **kwargs):
        note("echo", args, kwargs)
        return list(args)

    @dramatiq.actor(queue_name=queue)
    def double(number):
        note("double", (number,), {})
        return number * 2

    @dramatiq.actor(queue_name=queue, min_backoff=50, max_backoff=100)
    def fail(*args, **kwargs):
        note("fail", args, kwargs)
        raise KeyError("nothing here")

    # only this one: a queue that it sends to would be worked for as well
    worker = Worker(broker, queues=[queue], worker_timeout=50, worker_threads=4)
    worker.start()
    print("ready", flush=True)
    sys.stdin.read()
    worker.stop()
else:
    for line in sys.stdin:
        wanted = json.loads(line)
        target, delay = wanted["queue"], wanted.get("delay")
        pipe = [
            dramatiq.Message(target if not part.get("queue") else part["queue"], part["actor"], tuple(part["args"]), {}, {})
            for part in wanted.get("pipe", [])
        ]
        message = dramatiq.Message(
            target, wanted["actor"], tuple(wanted.get("args", [])), wanted.get("kwargs", {}), wanted.get("options", {})
        )
        for _ in range(wanted.get("count", 1)):
            message = message.copy()
            object.__setattr__(message, "message_id", dramatiq.message.generate_unique_id())
            if pipe:
                chain = dramatiq.pipeline([message, *pipe])
                chain.run()
                print(chain.messages[0].message_id, flush=True)
            else:
                broker.enqueue(message, delay=delay)
                print(message.message_id, flush=True)
