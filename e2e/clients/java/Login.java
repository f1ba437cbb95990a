// The Java client logs in: java -cp JARS Login.java HOST:PORT CA [MECHANISM USER PASSWORD-OR-TOKEN-FILE | KEY-AND-CERTIFICATE]
// Prints `in` after a record was written and the topics listed, or `refused: ERROR`.

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class Login {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", arguments[0], "ssl.truststore.type", "PEM",
                "ssl.truststore.location", arguments[1], "default.api.timeout.ms", "30000", "max.block.ms", "30000"));
        if (arguments.length == 5 && arguments[2].equals("OAUTHBEARER")) {
            String url = "file://" + arguments[4];
            System.setProperty("org.apache.kafka.sasl.oauthbearer.allowed.urls", url);
            String oauth = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLogin";
            config.put("security.protocol", "SASL_SSL");
            config.put("sasl.mechanism", arguments[2]);
            config.put("sasl.oauthbearer.token.endpoint.url", url);
            config.put("sasl.login.callback.handler.class", oauth + "CallbackHandler");
            config.put("sasl.jaas.config", oauth + "Module required;");
        } else if (arguments.length == 5) {
            String module = arguments[2].equals("PLAIN") ? "plain.Plain" : "scram.Scram";
            config.put("security.protocol", "SASL_SSL");
            config.put("sasl.mechanism", arguments[2].replace("+token", ""));
            config.put("sasl.jaas.config", "org.apache.kafka.common.security." + module + "LoginModule required username=\""
                    + arguments[3] + "\" password=\"" + arguments[4] + "\" tokenauth=\"" + arguments[2].endsWith("+token") + "\";");
        } else {
            config.put("security.protocol", "SSL");
            config.put("ssl.keystore.type", "PEM");
            config.put("ssl.keystore.location", arguments[2]);
        }
        try (Admin admin = Admin.create(config);
                var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("java", "v")).get();
            System.out.println(admin.listTopics().names().get().contains("java") ? "in" : "refused: the topic is not there");
        } catch (ExecutionException error) {
            System.out.println("refused: " + error.getCause());
        } catch (Exception error) {
            System.out.print("refused:");
            for (Throwable why = error; why != null; why = why.getCause()) {
                System.out.print(" " + why);
            }
            System.out.println();
        }
        System.exit(0);
    }
}
