"""The actor of benches/documents/dramatiq.sh for Dramatiq's own command line, at its defaults."""

import os

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

dramatiq.set_broker(RabbitmqBroker(url=os.environ["DC_BROKER_URL"]))


@dramatiq.actor(queue_name=os.environ["QUEUE"])
def nothing(number):
    pass
