// The Java client never gives up: java -cp JARS Pump.java BOOTSTRAP FOLDER
//
// Sends numbered values to the three partitions of the topic `pump` until FOLDER/stop exists, and appends
// `PARTITION OFFSET NUMBER` to FOLDER/acked for each acknowledged one; how many that were is in FOLDER/sent then. Meanwhile
// a group reads them: FOLDER/consumed has the same for each record, and `commit PARTITION OFFSET` for each commit.

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Pump {
    static final int MOST = 1000;
    static Map<String, Object> base;
    static Path folder;

    public static void main(String[] arguments) throws Exception {
        base = Map.of("bootstrap.servers", arguments[0], "reconnect.backoff.ms", 20, "reconnect.backoff.max.ms", 200,
            "retry.backoff.ms", 20, "retry.backoff.max.ms", 200);
        folder = Path.of(arguments[1]);
        var writer = new Thread(() -> {
            try {
                write();
            } catch (Exception error) {
                give(error);
            }
        });
        writer.start();
        read();
        writer.join();
    }

    // prints the error and ends
    static void give(Exception error) {
        error.printStackTrace();
        Runtime.getRuntime().halt(1);
    }

    static Map<String, Object> with(Map<String, Object> more) {
        var all = new HashMap<>(base);
        all.putAll(more);
        return all;
    }

    static PrintWriter notes(String name) throws IOException {
        return new PrintWriter(Files.newBufferedWriter(folder.resolve(name)), true);
    }

    static void write() throws Exception {
        var config = with(Map.of("acks", "all", "enable.idempotence", true, "linger.ms", 2, "delivery.timeout.ms", 90000));
        int number = 0;
        try (var acked = notes("acked");
                var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            var room = new Semaphore(MOST);
            while (!Files.exists(folder.resolve("stop"))) {
                for (int i = 0; i < 15; i++, number++) {
                    room.acquire();
                    String value = Integer.toString(number);
                    producer.send(new ProducerRecord<>("pump", number % 3, null, value), (sent, error) -> {
                        if (error != null) {
                            give(error);
                        }
                        acked.println(sent.partition() + " " + sent.offset() + " " + value);
                        room.release();
                    });
                }
                Thread.sleep(5);
            }
            producer.flush();
        }
        Files.writeString(folder.resolve("sent"), Integer.toString(number));
    }

    static boolean isDone(int seen) throws IOException {
        Path sent = folder.resolve("sent");
        return Files.exists(sent) && Files.size(sent) > 0 && seen >= Integer.parseInt(Files.readString(sent));
    }

    static void read() throws IOException {
        var config = with(Map.of("group.id", "readers", "auto.offset.reset", "earliest", "enable.auto.commit", false));
        var seen = new BitSet();
        try (var consumed = notes("consumed");
                var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("pump"));
            while (!isDone(seen.cardinality())) {
                var records = consumer.poll(Duration.ofMillis(100));
                var ends = new HashMap<TopicPartition, OffsetAndMetadata>();
                for (var record : records) {
                    consumed.println(record.partition() + " " + record.offset() + " " + record.value());
                    seen.set(Integer.parseInt(record.value()));
                    ends.put(new TopicPartition("pump", record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
                try {
                    consumer.commitSync(ends, Duration.ofSeconds(5));
                    ends.forEach((partition, end) -> consumed.println("commit " + partition.partition() + " " + end.offset()));
                } catch (KafkaException error) {
                    System.out.println("not committed: " + error); // the next one covers it
                }
            }
        }
    }
}
