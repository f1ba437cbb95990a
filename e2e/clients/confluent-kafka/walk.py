"""confluent-kafka (librdkafka 2.16) walks through a broker: python walk.py HOST:PORT [MARK]

With MARK the walk is one of several on a cluster whose brokers may go meanwhile: the names of its topics and groups end
with it, and what only asks is asked again where Kafka calls the error retriable, which librdkafka leaves to us.
Prints `ok STEP MILLISECONDS ms` for every step; librdkafka's own log lines go to stderr as they are.
"""

import sys
import time

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

BOOTSTRAP = sys.argv[1]
MARK = "".join(sys.argv[2:3])
RIDERS, EXACT, LONG, TIMED, USER = (name + MARK for name in ("rider-updates", "exact", "long", "timed", "user-1"))
PATIENCE = 30.0
RETRIABLE = {
    KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._WAIT_COORD, KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART,
}


def step(work):
    start = time.monotonic()
    work()
    print(f"ok {work.__name__.replace('_', '-')} {round((time.monotonic() - start) * 1000)} ms", flush=True)
    return work


def producer(**config):
    # a batch that is sent again must not be there twice
    return Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 5, "enable.idempotence": bool(MARK), **config})


def send(target, topic, values, **kwargs):
    """Sends all and returns the delivered messages; fails on the first error."""
    delivered = []

    def report(error, message):
        assert error is None, error
        delivered.append(message)

    for value in values:
        target.produce(topic, value, on_delivery=report, **kwargs)
        target.poll(0)
    assert target.flush(PATIENCE) == 0
    assert len(delivered) == len(values)
    return delivered


def consumer(group, **config):
    return Consumer({
        "bootstrap.servers": BOOTSTRAP, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "fetch.wait.max.ms": 100, "check.crcs": True, **config,
    })


def read(source, count):
    seen, deadline = [], time.monotonic() + PATIENCE
    while len(seen) < count:
        assert time.monotonic() < deadline, f"{len(seen)} of {count} messages within {PATIENCE} s"
        message = source.poll(0.1)
        if message is None:
            continue
        assert message.error() is None, message.error()
        seen.append(message)
    return seen


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"


def done(futures):
    return {key: future.result(PATIENCE) for key, future in futures.items()}


def changed(futures, already):
    """`done`, of a change. One that was sent again because a broker went before it answered may have been made, which
    the broker that is asked then says by the error `already`."""
    for future in futures.values():
        try:
            future.result(PATIENCE)
        except KafkaException as error:
            if not MARK or error.args[0].code() != already:
                raise


def create(name, partitions=1):
    wanted = NewTopic(name, num_partitions=partitions)
    changed(admin.create_topics([wanted]), KafkaError.TOPIC_ALREADY_EXISTS)


def asked(question):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return question()
        except KafkaException as error:
            if not MARK or error.args[0].code() not in RETRIABLE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def topics():
    return asked(lambda: admin.list_topics(timeout=PATIENCE)).topics


admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
plain = producer()


@step
def walk_through():
    create(RIDERS, 2)
    send(plain, RIDERS, [b'{"name":"tom","location":"south"}'], key=b"location-update", partition=1)
    send(plain, RIDERS, [b'{"name":"jerry","location":"north"}'], key=b"location-update", partition=0)
    reader = consumer(USER)
    reader.subscribe([RIDERS])
    seen = {message.partition(): message for message in read(reader, 2)}
    for message in seen.values():
        print(f"user-1: [rider-updates] PART:{message.partition()}: {message.value().decode()}")
        assert message.key() == b"location-update" and message.offset() == 0
    assert seen[1].value() == b'{"name":"tom","location":"south"}'
    assert seen[0].value() == b'{"name":"jerry","location":"north"}'
    asked(lambda: reader.commit(asynchronous=False))
    reader.close()


@step
def committed():
    wanted = [TopicPartition(RIDERS, partition) for partition in (0, 1)]
    reader = consumer(USER)
    found = asked(lambda: reader.committed(wanted, timeout=PATIENCE))
    assert [part.offset for part in found] == [1, 1]
    listed = asked(lambda: done(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(USER, wanted)])))
    assert [part.offset for part in listed[USER].topic_partitions] == [1, 1]
    reader.subscribe([RIDERS])
    until("an assignment", lambda: reader.poll(0.05) is None and len(reader.assignment()) == 2)
    send(plain, RIDERS, [b"new"], partition=0)
    assert [message.value() for message in read(reader, 1)] == [b"new"]
    described = asked(lambda: done(admin.describe_consumer_groups([USER])))[USER]
    assert described.state == ConsumerGroupState.STABLE and len(described.members) == 1

    def listed():  # by all brokers but those that are gone
        found = admin.list_consumer_groups().result(PATIENCE)
        return any(group.group_id == USER for group in found.valid)

    until("the group is listed", listed)
    reader.close()


@step
def rebalance():
    for assignor in ("range", "cooperative-sticky"):
        config = {"partition.assignment.strategy": assignor, "heartbeat.interval.ms": 200, "session.timeout.ms": 6000}
        first, second = consumer(f"two-{assignor}{MARK}", **config), consumer(f"two-{assignor}{MARK}", **config)
        first.subscribe([RIDERS])

        def shared(sizes):
            for member in (first, second):
                member.poll(0.02)
            return (len(first.assignment()), len(second.assignment())) == sizes

        until("all partitions at the first", lambda: first.poll(0.02) is None and len(first.assignment()) == 2)
        second.subscribe([RIDERS])
        until("one partition each", lambda: shared((1, 1)))
        second.close()
        until("all partitions at the first again", lambda: first.poll(0.02) is None and len(first.assignment()) == 2)
        first.close()


@step
def static_member():
    config = {"group.instance.id": "one", "session.timeout.ms": 6000, "heartbeat.interval.ms": 200}
    for _ in range(2):  # the second time it takes its old place without a rebalance
        reader = consumer("static" + MARK, **config)
        reader.subscribe([RIDERS])
        until("an assignment", lambda: (reader.poll(0.02), len(reader.assignment()) == 2)[1])
        reader.close()


def codec(codec):
    name = codec + MARK
    values = [f"{name} {number} ".encode() * 20 for number in range(500)]
    create(name)
    target = producer(**{"compression.type": codec, "linger.ms": 50})
    before = send(target, name, values, partition=0, headers=[("n", b"1"), ("n", b"2")])
    assert [message.offset() for message in before] == list(range(500))
    reader = consumer(name)
    reader.assign([TopicPartition(name, 0, 0)])
    seen = read(reader, 500)
    assert [message.value() for message in seen] == values
    assert seen[0].headers() == [("n", b"1"), ("n", b"2")]
    reader.close()


for each in ("gzip", "snappy", "lz4", "zstd"):
    def work(name=each):
        codec(name)

    work.__name__ = f"codec-{each}"
    step(work)


@step
def idempotent():
    create(EXACT)
    exact = producer(**{"enable.idempotence": True, "linger.ms": 0})
    values = [f"exact {number}".encode() for number in range(2000)]
    assert [message.offset() for message in send(exact, EXACT, values, partition=0)] == list(range(2000))


@step
def long_value():
    value = b"x" * 900_000
    create(LONG)
    send(plain, LONG, [value])
    reader = consumer(LONG)
    reader.subscribe([LONG])
    assert read(reader, 1)[0].value() == value
    reader.close()


@step
def offsets_by_timestamp():
    create(TIMED)
    base = int(time.time() * 1000) - 100_000
    for number in range(5):
        send(plain, TIMED, [str(number).encode()], partition=0, timestamp=base + number * 1000)
    reader = consumer(TIMED)
    for timestamp, offset in ((base, 0), (base + 1001, 2), (base + 4000, 4), (base + 4001, -1)):
        wanted = TopicPartition(TIMED, 0, timestamp)
        [found] = asked(lambda: reader.offsets_for_times([wanted], timeout=PATIENCE))
        assert found.offset == offset, (timestamp - base, found)
    where = TopicPartition(TIMED, 0)
    assert asked(lambda: reader.get_watermark_offsets(where, timeout=PATIENCE)) == (0, 5)
    reader.close()
    for spec, offset in ((OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 5), (OffsetSpec.max_timestamp(), 4)):
        level = IsolationLevel.READ_UNCOMMITTED
        found = asked(lambda: done(admin.list_offsets({where: spec}, isolation_level=level)))
        assert found[where].offset == offset, (spec, found[where].offset)


@step
def configs():
    resource = ConfigResource(ResourceType.TOPIC, TIMED)
    found = asked(lambda: done(admin.describe_configs([resource])))[resource]
    assert found["cleanup.policy"].value == "delete"
    assert found["max.message.bytes"].value == "1048588"


@step
def partitions():
    changed(admin.create_partitions([NewPartitions(TIMED, 3)]), KafkaError.INVALID_PARTITIONS)
    until("three partitions", lambda: len(topics()[TIMED].partitions) == 3)


@step
def delete_topic():
    changed(admin.delete_topics([TIMED, LONG], operation_timeout=PATIENCE), KafkaError.UNKNOWN_TOPIC_OR_PART)
    until("both gone", lambda: not {TIMED, LONG} & set(topics()))
    assert RIDERS in topics()


print("ok all")
