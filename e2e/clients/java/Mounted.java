// A client with the properties that it was given and nothing else: java -cp JARS Mounted.java FILE TOPIC...
// Prints `TOPIC in` for each topic that a record was written to, or `TOPIC refused: ERROR`.

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class Mounted {
    public static void main(String[] arguments) throws Exception {
        var config = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            config.load(reader);
        }
        config.put("max.block.ms", "30000");
        for (int at = 1; at < arguments.length; at++) {
            String topic = arguments[at];
            try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
                producer.send(new ProducerRecord<>(topic, "v")).get();
                System.out.println(topic + " in");
            } catch (ExecutionException error) {
                System.out.println(topic + " refused: " + error.getCause());
            } catch (Exception error) {
                System.out.println(topic + " refused: " + error);
            }
        }
        System.exit(0);
    }
}
