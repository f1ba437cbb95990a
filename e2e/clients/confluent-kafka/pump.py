"""A producer that never gives up, and the reader that checks after it.

python pump.py write HOST:PORT FOLDER   sends numbered values to three partitions until FOLDER/stop exists; appends
                                        `PARTITION OFFSET NUMBER` to FOLDER/acked for each acknowledged one
python pump.py read HOST:PORT FOLDER    writes `PARTITION OFFSET NUMBER` to FOLDER/read for each record there is
python pump.py commit HOST:PORT FOLDER  commits 1, 2, 3, ... for a group until FOLDER/stop exists; appends each number
                                        that was acknowledged to FOLDER/committed
python pump.py committed HOST:PORT FOLDER  prints the committed offset
"""

import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 3
MODE, BOOTSTRAP, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
STOP = FOLDER / "stop"
BASE = {"bootstrap.servers": BOOTSTRAP, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}


def write():
    admin = AdminClient(BASE)
    admin.create_topics([NewTopic("pump", num_partitions=PARTITIONS)])["pump"].result(30)
    producer = Producer({
        **BASE, "enable.idempotence": True, "acks": "all", "linger.ms": 2, "batch.num.messages": 50,
        "message.timeout.ms": 90000, "retry.backoff.ms": 20, "retry.backoff.max.ms": 200,
    })
    with open(FOLDER / "acked", "w", buffering=1) as acked:

        def report(error, message):
            assert error is None, error
            print(message.partition(), message.offset(), message.value().decode(), file=acked)

        number = 0
        while not STOP.exists():
            for _ in range(30):
                producer.produce("pump", str(number).encode(), partition=number % PARTITIONS, on_delivery=report)
                number += 1
            producer.poll(0.003)
            while len(producer) > 3000:
                producer.poll(0.01)
        assert producer.flush(60) == 0
    (FOLDER / "sent").write_text(str(number))


def read():
    consumer = Consumer({**BASE, "group.id": "check", "enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition("pump", partition, 0) for partition in range(PARTITIONS)])
    ended = set()
    with open(FOLDER / "read", "w") as lines:
        while len(ended) < PARTITIONS:
            message = consumer.poll(30)
            assert message is not None, "nothing for 30 s"
            if message.error() is None:
                print(message.partition(), message.offset(), message.value().decode(), file=lines)
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended.add(message.partition())
    consumer.close()


def commit():
    consumer = Consumer({**BASE, "group.id": "committer", "enable.auto.commit": False})
    with open(FOLDER / "committed", "w", buffering=1) as committed:
        number = 0
        while not STOP.exists():
            number += 1
            try:
                consumer.commit(offsets=[TopicPartition("pump", 0, number)], asynchronous=False)
            except KafkaException as error:
                print("refused", error, flush=True)  # the broker is away: not acknowledged, go on
                time.sleep(0.02)
                continue
            print(number, file=committed)
    consumer.close()


def committed():
    consumer = Consumer({**BASE, "group.id": "committer"})
    print(consumer.committed([TopicPartition("pump", 0)], timeout=30)[0].offset)


{"write": write, "read": read, "commit": commit, "committed": committed}[MODE]()
