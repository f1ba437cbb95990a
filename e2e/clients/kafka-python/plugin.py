"""A pytest plugin for kafka-python's own tests: a consumer knows its topics before it is used.

kafka-python loses a subscription that is made while the answer to its first metadata request is on
its way (its cluster.py says so in two TODOs): the answer clears the wish for an update, and the
topic is not asked for again for five minutes. And the leader of a group that does not know a topic
yet gives nobody a part of it. A broker that answers within a millisecond meets both moments often,
in the constructor with its topics too. The tests are about brokers, so they begin when the client
is ready.
"""

import time

import kafka


def _waits(client):
    begin = client.__init__

    def __init__(self, *topics, **kwargs):
        begin(self, **kwargs)
        deadline = time.monotonic() + 10

        def until(is_so):
            while not is_so() and time.monotonic() < deadline:
                time.sleep(0.001)

        until(lambda: self._manager.bootstrapped)
        if topics:
            self.subscribe(topics)
            until(lambda: all(map(self._cluster.partitions_for_topic, topics)))

    client.__init__ = __init__


_waits(kafka.KafkaConsumer)
