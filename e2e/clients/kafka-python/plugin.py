"""A pytest plugin for kafka-python's own tests: a client has its first metadata before it subscribes.

kafka-python loses a subscription that is made while the answer to its first metadata request is on
its way (its cluster.py says so in two TODOs): the answer clears the wish for an update, and the
topic is not asked for again for five minutes. A broker that answers within a millisecond meets that
moment often, in the constructor with its topics too. The tests are about brokers, so they begin
when the client is ready.
"""

import time

import kafka


def _waits(client):
    begin = client.__init__

    def __init__(self, *topics, **kwargs):
        begin(self, **kwargs)
        deadline = time.monotonic() + 10
        while not self._manager.bootstrapped and time.monotonic() < deadline:
            time.sleep(0.001)
        if topics:
            self.subscribe(topics)

    client.__init__ = __init__


_waits(kafka.KafkaConsumer)
