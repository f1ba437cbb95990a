"""A client that takes all it can get, and says how much that was.

python quota.py fill HOST:PORT BYTES       sends so many bytes of values as client `filler`, as fast as it can
python quota.py produce HOST:PORT SECONDS  sends values as client `producer` for so long; prints the acknowledged bytes
python quota.py consume HOST:PORT SECONDS  reads values as client `consumer` for so long; prints their bytes
"""

import os
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

MODE, BOOTSTRAP, AMOUNT = sys.argv[1], sys.argv[2], float(sys.argv[3])
VALUE = os.urandom(1000)


def produce(client_id, topic, enough):
    producer = Producer({
        "bootstrap.servers": BOOTSTRAP, "client.id": client_id, "acks": "1", "linger.ms": 5,
        "batch.size": 100_000, "message.timeout.ms": 300_000, "queue.buffering.max.kbytes": 4096,
    })
    acked = 0

    def report(error, message):
        nonlocal acked
        assert error is None, error
        acked += len(message.value())

    while not enough(acked):
        try:
            producer.produce(topic, VALUE, partition=0, on_delivery=report)
        except BufferError:
            producer.poll(0.01)
        producer.poll(0)
    print(acked, flush=True)
    if client_id == "filler":
        assert producer.flush(60) == 0
    os._exit(0)  # what is left would have to wait for its quota


def consume(seconds):
    consumer = Consumer({
        "bootstrap.servers": BOOTSTRAP, "client.id": "consumer", "group.id": "quota", "enable.auto.commit": False,
        "fetch.message.max.bytes": 100_000,  # a wait for a large answer is longer than the quota asks for
    })
    consumer.assign([TopicPartition("full", 0, 0)])
    read, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for message in consumer.consume(1000, 0.05):
            assert message.error() is None, message.error()
            read += len(message.value())
    print(read, flush=True)
    os._exit(0)


if MODE == "fill":
    produce("filler", "full", lambda acked: acked >= AMOUNT)
elif MODE == "produce":
    END = time.monotonic() + AMOUNT
    produce("producer", "new", lambda acked: time.monotonic() >= END)
else:
    consume(AMOUNT)
