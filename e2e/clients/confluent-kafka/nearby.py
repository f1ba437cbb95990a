"""confluent-kafka reads nearby: nearby.py HOST:PORT TOPIC RECORDS RACK

Writes so many records to partition 0, reads as many from where it began while it says that it is in
RACK, and prints `read of ID`: the broker that the last of them were fetched of.
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

address, topic, count, rack = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
producer = Producer({"bootstrap.servers": address, "acks": "all"})
offsets = []


def delivered(error, message):
    if error is not None:
        sys.exit(f"not written: {error}")
    offsets.append(message.offset())


for number in range(count):
    producer.produce(topic, str(number), partition=0, on_delivery=delivered)
if producer.flush(30) or len(offsets) != count:
    sys.exit(f"{len(offsets)} of {count} written")

brokers = []


def statistics(text):
    known = json.loads(text)["topics"].get(topic, {}).get("partitions", {}).get("0")
    if known:
        brokers.append(known["broker"])


consumer = Consumer({
    "bootstrap.servers": address, "client.rack": rack, "group.id": "nearby", "enable.auto.commit": False,
    "statistics.interval.ms": 100, "stats_cb": statistics,
})
consumer.assign([TopicPartition(topic, 0, min(offsets))])
read, deadline = [], time.monotonic() + 30
while len(read) < count and time.monotonic() < deadline:
    message = consumer.poll(0.1)
    if message is not None and message.error() is None:
        read.append(int(message.value()))
if read != list(range(count)):
    sys.exit(f"read {len(read)} of {count}: {read[:5]} ...")
told = len(brokers)
while len(brokers) < told + 2 and time.monotonic() < deadline:
    consumer.poll(0.1)
consumer.close()
print("read of", brokers[-1])
