// The Java client walks through a broker: java -cp JARS Walk.java HOST:PORT
//
// Prints `ok STEP MILLISECONDS ms` for every step; the client's own log (slf4j-simple) goes to stderr, errors marked ERROR.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Walk {
    static final Duration PATIENCE = Duration.ofSeconds(30);
    static final TopicPartition RIDERS_0 = new TopicPartition("rider-updates", 0);
    static final TopicPartition RIDERS_1 = new TopicPartition("rider-updates", 1);
    static String bootstrap;

    interface Work {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap)); var plain = producer(Map.of())) {
            step("walk-through", () -> walkThrough(admin, plain));
            step("committed", () -> committed(admin, plain));
            step("rebalance", () -> rebalance());
            for (String codec : List.of("gzip", "snappy", "lz4", "zstd")) {
                step("codec-" + codec, () -> codec(admin, codec));
            }
            step("idempotent", () -> idempotent(admin));
            step("long-value", () -> longValue(admin, plain));
            step("offsets-by-timestamp", () -> offsetsByTimestamp(admin, plain));
            step("configs", () -> configs(admin));
            step("partitions", () -> partitions(admin));
            step("delete-topic", () -> deleteTopic(admin));
        }
        System.out.println("ok all");
    }

    static void step(String name, Work work) throws Exception {
        long start = System.nanoTime();
        work.run();
        System.out.printf("ok %s %d ms%n", name, (System.nanoTime() - start) / 1_000_000);
    }

    static void check(boolean ok, Object what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }

    static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            check(System.nanoTime() < deadline, "not within " + PATIENCE + ": " + what);
        }
    }

    static KafkaProducer<String, String> producer(Map<String, Object> more) {
        var config = new HashMap<String, Object>(Map.of("bootstrap.servers", bootstrap, "enable.idempotence", false));
        config.putAll(more);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String group, Map<String, Object> more) {
        var config = new HashMap<String, Object>(Map.of(
            "bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest",
            "enable.auto.commit", false, "fetch.max.wait.ms", 100));
        config.putAll(more);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    static List<RecordMetadata> send(KafkaProducer<String, String> producer, List<ProducerRecord<String, String>> records)
            throws Exception {
        var futures = records.stream().map(producer::send).toList();
        producer.flush();
        var sent = new ArrayList<RecordMetadata>();
        for (var future : futures) {
            sent.add(future.get());
        }
        return sent;
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        var seen = new ArrayList<ConsumerRecord<String, String>>();
        until(count + " records", () -> {
            consumer.poll(Duration.ofMillis(50)).forEach(seen::add);
            return seen.size() >= count;
        });
        return seen;
    }

    static void create(Admin admin, String topic, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, Optional.of(partitions), Optional.empty()))).all().get();
    }

    static void walkThrough(Admin admin, KafkaProducer<String, String> plain) throws Exception {
        create(admin, "rider-updates", 2);
        String tom = "{\"name\":\"tom\",\"location\":\"south\"}";
        String jerry = "{\"name\":\"jerry\",\"location\":\"north\"}";
        send(plain, List.of(
            new ProducerRecord<>("rider-updates", 1, "location-update", tom),
            new ProducerRecord<>("rider-updates", 0, "location-update", jerry)));
        try (var reader = consumer("user-1", Map.of())) {
            reader.subscribe(List.of("rider-updates"));
            for (var record : read(reader, 2)) {
                System.out.printf("user-1: [rider-updates] PART:%d: %s%n", record.partition(), record.value());
                check(record.value().equals(record.partition() == 1 ? tom : jerry), record);
                check(record.key().equals("location-update") && record.offset() == 0, record);
            }
            reader.commitSync();
        }
    }

    static void committed(Admin admin, KafkaProducer<String, String> plain) throws Exception {
        var offsets = admin.listConsumerGroupOffsets("user-1").partitionsToOffsetAndMetadata().get();
        check(offsets.get(RIDERS_0).offset() == 1 && offsets.get(RIDERS_1).offset() == 1, offsets);
        try (var reader = consumer("user-1", Map.of())) {
            reader.subscribe(List.of("rider-updates"));
            until("an assignment", () -> reader.poll(Duration.ofMillis(50)).isEmpty() && reader.assignment().size() == 2);
            send(plain, List.of(new ProducerRecord<>("rider-updates", 0, "location-update", "new")));
            var seen = read(reader, 1);
            check(seen.size() == 1 && seen.get(0).value().equals("new"), seen);
            var group = admin.describeConsumerGroups(List.of("user-1")).all().get().get("user-1");
            check(group.groupState() == GroupState.STABLE && group.members().size() == 1, group);
            var groups = admin.listGroups().all().get();
            check(groups.stream().anyMatch(each -> each.groupId().equals("user-1")), groups);
        }
    }

    // A member that polls in a thread of its own, as a consumer's owner must. Closing it leaves the group.
    static class Member implements AutoCloseable {
        volatile Set<TopicPartition> assigned = Set.of();
        volatile boolean closing;
        final Thread thread;

        Member(String group, Class<?> assignor) {
            thread = new Thread(() -> {
                Map<String, Object> config = Map.of("partition.assignment.strategy", assignor.getName(),
                    "heartbeat.interval.ms", 200, "session.timeout.ms", 6000);
                try (var consumer = consumer(group, config)) {
                    consumer.subscribe(List.of("rider-updates"));
                    while (!closing) {
                        consumer.poll(Duration.ofMillis(20));
                        assigned = consumer.assignment();
                    }
                }
            });
            thread.start();
        }

        int share() {
            return assigned.size();
        }

        @Override
        public void close() throws InterruptedException {
            closing = true;
            thread.join();
        }
    }

    static void rebalance() throws Exception {
        for (Class<?> assignor : List.of(RangeAssignor.class, CooperativeStickyAssignor.class)) {
            String group = "two-" + assignor.getSimpleName();
            try (var first = new Member(group, assignor)) {
                until("all partitions at the first", () -> first.share() == 2);
                try (var second = new Member(group, assignor)) {
                    until("one partition each", () -> first.share() == 1 && second.share() == 1);
                }
                until("all partitions at the first again", () -> first.share() == 2);
            }
        }
    }

    static void codec(Admin admin, String name) throws Exception {
        create(admin, name, 1);
        var records = IntStream.range(0, 500).mapToObj(number -> {
            var record = new ProducerRecord<String, String>(name, 0, null, (name + " " + number + " ").repeat(20));
            record.headers().add(new RecordHeader("n", "1".getBytes(StandardCharsets.UTF_8)));
            record.headers().add(new RecordHeader("n", (byte[]) null));
            return record;
        }).toList();
        try (var writer = producer(Map.of("compression.type", name, "linger.ms", 50))) {
            send(writer, records);
        }
        try (var reader = consumer(name, Map.of())) {
            reader.assign(List.of(new TopicPartition(name, 0)));
            var seen = read(reader, 500);
            for (int index = 0; index < 500; index++) {
                check(seen.get(index).offset() == index && seen.get(index).value().equals(records.get(index).value()), seen.get(index));
                check(seen.get(index).headers().toArray().length == 2, seen.get(index));
            }
        }
    }

    static void idempotent(Admin admin) throws Exception {
        create(admin, "exact", 1);
        var records = IntStream.range(0, 2000)
            .mapToObj(number -> new ProducerRecord<String, String>("exact", 0, null, "exact " + number)).toList();
        try (var writer = producer(Map.of("enable.idempotence", true, "linger.ms", 0, "batch.size", 512))) {
            var sent = send(writer, records);
            for (int index = 0; index < 2000; index++) {
                check(sent.get(index).offset() == index, sent.get(index));
            }
        }
    }

    static void longValue(Admin admin, KafkaProducer<String, String> plain) throws Exception {
        create(admin, "long", 1);
        String value = "x".repeat(900_000);
        send(plain, List.of(new ProducerRecord<>("long", value)));
        try (var reader = consumer("long", Map.of())) {
            reader.subscribe(List.of("long"));
            check(read(reader, 1).get(0).value().equals(value), "the long value came back different");
        }
    }

    static void offsetsByTimestamp(Admin admin, KafkaProducer<String, String> plain) throws Exception {
        create(admin, "timed", 1);
        var where = new TopicPartition("timed", 0);
        long base = System.currentTimeMillis() - 100_000;
        for (int number = 0; number < 5; number++) {
            send(plain, List.of(new ProducerRecord<>("timed", 0, base + number * 1000L, null, "" + number)));
        }
        try (var reader = consumer("timed", Map.of())) {
            long[][] wanted = {{0, 0}, {1001, 2}, {4000, 4}, {4001, -1}};
            for (long[] want : wanted) {
                var found = reader.offsetsForTimes(Map.of(where, base + want[0])).get(where);
                check((found == null ? -1 : found.offset()) == want[1], found);
            }
        }
        var specs = Map.of(OffsetSpec.earliest(), 0L, OffsetSpec.latest(), 5L, OffsetSpec.maxTimestamp(), 4L);
        for (var spec : specs.entrySet()) {
            long offset = admin.listOffsets(Map.of(where, spec.getKey())).partitionResult(where).get().offset();
            check(offset == spec.getValue(), spec.getKey() + ": " + offset);
        }
    }

    static void configs(Admin admin) throws Exception {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, "timed");
        var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        check(config.get("cleanup.policy").value().equals("delete"), config);
        check(config.get("max.message.bytes").value().equals("1048588"), config);
    }

    static void partitions(Admin admin) throws Exception {
        admin.createPartitions(Map.of("timed", NewPartitions.increaseTo(3))).all().get();
        var topic = admin.describeTopics(List.of("timed")).allTopicNames().get().get("timed");
        check(topic.partitions().size() == 3, topic);
        check(admin.describeCluster().nodes().get().size() == 1, "one node");
    }

    static void deleteTopic(Admin admin) throws Exception {
        admin.deleteTopics(List.of("timed", "long")).all().get();
        Collection<String> left = admin.listTopics().names().get();
        check(!left.contains("timed") && !left.contains("long") && left.contains("rider-updates"), left);
    }
}
