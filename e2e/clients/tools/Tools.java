// Runs Apache Kafka's command-line tools from scripts, against two brokers, in one JVM.
//
//   java --add-opens java.base/java.lang=ALL-UNNAMED -cp JARS Tools.java FOLDER ADDRESS ADDRESS SCRIPT...
//
// A script is lines: a command as one would type it (`--bootstrap-server` is added where neither it
// nor `{address}` stands), `|` for a line of its input or of a file, `#` for a comment.
//   `! COMMAND`           it must end with another status than 0
//   `~ COMMAND`           repeated for up to ten seconds until both brokers give the same output
//   `? COMMAND`           the order of the lines it prints is nobody's
//   `@file NAME`          the `|` lines that follow; `{dir}/NAME` in a command
//   `@keep NAME PATTERN`  the first match (its first group) in the last output becomes `{dir}/NAME`
//   `@join GROUP TOPIC`   a consumer of ours joins, and stays until `@leave GROUP`
//   `@hide PATTERN => TEXT`   what matches is replaced in the outputs of the rest of the script
// Each command becomes a line of JSON on stdout with the outputs and statuses of both brokers.

import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.utils.Exit;

public class Tools {
    static final String TOOLS = "org.apache.kafka.tools.";
    static final Map<String, String> MAINS = Map.ofEntries(
        Map.entry("kafka-topics", TOOLS + "TopicCommand"),
        Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-consumer-groups", TOOLS + "consumer.group.ConsumerGroupCommand"),
        Map.entry("kafka-groups", TOOLS + "GroupsCommand"),
        Map.entry("kafka-get-offsets", TOOLS + "GetOffsetShell"),
        Map.entry("kafka-delete-records", TOOLS + "DeleteRecordsCommand"),
        Map.entry("kafka-log-dirs", TOOLS + "LogDirsCommand"),
        Map.entry("kafka-leader-election", TOOLS + "LeaderElectionCommand"),
        Map.entry("kafka-reassign-partitions", TOOLS + "reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-console-producer", TOOLS + "ConsoleProducer"),
        Map.entry("kafka-console-consumer", TOOLS + "consumer.ConsoleConsumer"),
        Map.entry("kafka-producer-perf-test", TOOLS + "ProducerPerformance"),
        Map.entry("kafka-consumer-perf-test", TOOLS + "ConsumerPerformance"),
        Map.entry("kafka-verifiable-producer", TOOLS + "VerifiableProducer"),
        Map.entry("kafka-verifiable-consumer", TOOLS + "VerifiableConsumer"),
        Map.entry("kafka-broker-api-versions", TOOLS + "BrokerApiVersionsCommand"),
        Map.entry("kafka-cluster", TOOLS + "ClusterTool"),
        Map.entry("kafka-e2e-latency", TOOLS + "EndToEndLatency"),
        Map.entry("kafka-metadata-quorum", TOOLS + "MetadataQuorumCommand"),
        Map.entry("kafka-client-metrics", TOOLS + "ClientMetricsCommand"),
        Map.entry("kafka-features", TOOLS + "FeatureCommand"),
        Map.entry("kafka-transactions", TOOLS + "TransactionsCommand"),
        Map.entry("kafka-acls", TOOLS + "AclCommand"),
        Map.entry("client-compatibility-test", TOOLS + "ClientCompatibilityTest"));

    /** How long a tool may run. */
    static final Duration LIMIT = Duration.ofSeconds(60);
    /** How long a `~` command may differ. */
    static final Duration CONVERGING = Duration.ofSeconds(10);

    /** Thrown where a tool would end the process. */
    static class Ended extends Error {}

    /** The sink of System.out and System.err, which tools and Scala keep from their first use. */
    static class Switch extends OutputStream {
        volatile ByteArrayOutputStream sink = new ByteArrayOutputStream();
        /** The first status a tool asked to end with; what it does after that is not its doing. */
        volatile Integer ended;

        void begin() {
            sink = new ByteArrayOutputStream();
            ended = null;
        }

        synchronized void end(int status) {
            if (ended == null) {
                ended = status;
            }
        }

        @Override
        public void write(int b) {
            if (ended == null) {
                sink.write(b);
            }
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
            if (ended == null) {
                sink.write(bytes, from, length);
            }
        }
    }

    record Outcome(int status, String text, long millis) {}

    record Side(String address, Path folder, Map<String, Member> members) {}

    static final Switch OUTPUT = new Switch();
    static final List<Runnable> HOOKS = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        PrintStream real = System.out;
        PrintStream captured = new PrintStream(OUTPUT, true, StandardCharsets.UTF_8);
        System.setOut(captured);
        System.setErr(captured);
        Exit.Procedure end = (status, message) -> {
            if (message != null) {
                System.err.println(message);
            }
            OUTPUT.end(status);
            throw new Ended();
        };
        Exit.setExitProcedure(end);
        Exit.setHaltProcedure(end);
        Exit.setShutdownHookAdder((name, hook) -> HOOKS.add(hook));
        List<Side> sides = new ArrayList<>();
        for (int place = 1; place <= 2; place++) {
            Path folder = Files.createDirectories(Path.of(args[0], "side" + place));
            sides.add(new Side(args[place], folder, new HashMap<>()));
        }
        ObjectMapper json = new ObjectMapper();
        for (String script : Arrays.asList(args).subList(3, args.length)) {
            new Script(Path.of(script), sides, note -> {
                try {
                    real.println(json.writeValueAsString(note));
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            }).play();
        }
        real.flush();
        // a tool that still runs must not keep the process
        Runtime.getRuntime().halt(0);
    }

    interface Notes {
        void add(Map<String, Object> note);
    }

    static class Script {
        final Path file;
        final List<String> lines;
        final List<Side> sides;
        final Notes notes;
        final List<Map.Entry<Pattern, String>> hidden = new ArrayList<>();
        List<Outcome> last = List.of();

        Script(Path file, List<Side> sides, Notes notes) throws Exception {
            this.file = file;
            this.lines = Files.readAllLines(file);
            this.sides = sides;
            this.notes = notes;
        }

        void play() throws Exception {
            for (int at = 0; at < lines.size(); at++) {
                String line = lines.get(at).strip();
                if (line.isEmpty() || line.startsWith("#")) {
                    continue;
                }
                StringBuilder input = new StringBuilder();
                while (at + 1 < lines.size() && lines.get(at + 1).startsWith("|")) {
                    at += 1;
                    input.append(lines.get(at).replaceFirst("^\\| ?", "")).append('\n');
                }
                try {
                    if (line.startsWith("@")) {
                        direct(line.split(" ", 3), input.toString());
                    } else {
                        command(line, input.toString());
                    }
                } catch (Exception error) {
                    throw new IllegalStateException(file.getFileName() + ": " + line, error);
                }
            }
            for (Side side : sides) {
                for (String group : List.copyOf(side.members.keySet())) {
                    side.members.remove(group).leave();
                }
            }
        }

        void direct(String[] words, String input) throws Exception {
            for (int place = 0; place < sides.size(); place++) {
                Side side = sides.get(place);
                switch (words[0]) {
                    case "@file" -> Files.writeString(side.folder.resolve(words[1]), input);
                    case "@keep" -> {
                        String text = last.get(place).text;
                        Matcher found = Pattern.compile(words[2], Pattern.MULTILINE).matcher(text);
                        String kept = found.find() ? found.group(1) : "";
                        Files.writeString(side.folder.resolve(words[1]), kept);
                    }
                    case "@join" -> side.members.put(words[1], new Member(side, words));
                    case "@leave" -> side.members.remove(words[1]).leave();
                    case "@hide" -> { }
                    default -> throw new IllegalArgumentException("no such directive: " + words[0]);
                }
            }
            if (words[0].equals("@hide")) {
                String[] both = (words[1] + " " + words[2]).split(" => ?", 2);
                hidden.add(Map.entry(Pattern.compile(both[0], Pattern.MULTILINE), both[1]));
            }
        }

        void command(String line, String input) throws Exception {
            boolean repeat = line.startsWith("~ ");
            boolean refused = line.startsWith("! ");
            boolean sorted = line.startsWith("? ");
            String command = repeat || refused || sorted ? line.substring(2) : line;
            long deadline = System.nanoTime() + CONVERGING.toNanos();
            List<String> texts;
            int tries = 0;
            do {
                tries += 1;
                last = new ArrayList<>();
                texts = new ArrayList<>();
                for (Side side : sides) {
                    Outcome outcome = run(side, command, input);
                    last.add(outcome);
                    String text = normal(side, outcome.text);
                    texts.add(sorted ? text.lines().sorted().collect(joining("\n")) : text);
                }
            } while (repeat && !texts.get(0).equals(texts.get(1))
                && System.nanoTime() - deadline < 0);
            Map<String, Object> note = new LinkedHashMap<>();
            note.put("script", file.getFileName().toString().replaceFirst("\\..*", ""));
            note.put("command", command);
            note.put("refused", refused);
            note.put("status", last.stream().map(Outcome::status).toList());
            note.put("text", texts);
            note.put("millis", last.stream().map(Outcome::millis).toList());
            note.put("tries", tries);
            notes.add(note);
            if (last.stream().anyMatch(outcome -> outcome.status < 0)) {
                // what still runs would write into the next output
                Runtime.getRuntime().halt(3);
            }
        }

        /** What may differ between any two brokers is given a name. */
        String normal(Side side, String text) {
            text = text.replace(side.folder.toString(), "{dir}").replace(side.address, "{address}");
            String port = side.address.substring(side.address.indexOf(':') + 1);
            text = text.replaceAll("\\b" + port + "\\b", "{port}");
            text = text.replaceAll("[ \\t]+", " ").replaceAll("(?m) +$", "");
            for (Map.Entry<Pattern, String> entry : hidden) {
                text = entry.getKey().matcher(text).replaceAll(entry.getValue());
            }
            // the texts of errors, which every broker words itself: the class says which it is
            text = text.replaceAll("(errors\\.\\w+Exception): .*", "$1: {message}")
                .replaceAll("(Error while executing [\\w ]+ ?:) .*", "$1 {message}");
            // what clients warn of depends on the moment, but for what they made of an offset
            text = text.replaceAll("(?m)^[\\d:.]* ?WARN (?!OffsetsUtils).*\\R?", "");
            // ids and times; the time and stack of a log line; the usage after a wrong option
            text = text.replaceAll("([Tt]opicId\"?: ?\"?)[\\w-]{22}\\b", "$1{id}")
                .replaceAll("\\b1[6-9]\\d{11}\\b", "{time}")
                .replaceAll("(/[\\w.-]+)+/data\\b", "{data}")
                .replaceAll("adminclient-\\d+", "adminclient-{n}");
            text = text.replaceAll("(?m)^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} ", "")
                .replaceAll("(?m)^\\s+at .*\\R?", "")
                .replaceAll("(?s)(?m)^Option +Description.*", "");
            return text;
        }
    }

    static Outcome run(Side side, String command, String input) throws Exception {
        List<String> words = words(command.replace("{address}", side.address)
            .replace("{dir}", side.folder.toString()));
        String main = MAINS.get(words.get(0));
        if (main == null) {
            throw new IllegalArgumentException("no such tool: " + words.get(0));
        }
        List<String> given = new ArrayList<>(words.subList(1, words.size()));
        if (!command.contains("{address}") && !given.contains("--bootstrap-server")) {
            given.addAll(List.of("--bootstrap-server", side.address));
        }
        Method method = Class.forName(main).getMethod("main", String[].class);
        OUTPUT.begin();
        HOOKS.clear();
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        Thread thread = new Thread(() -> {
            try {
                method.invoke(null, (Object) given.toArray(new String[0]));
                OUTPUT.end(0);
            } catch (InvocationTargetException error) {
                if (!(error.getCause() instanceof Ended)) {
                    error.getCause().printStackTrace();
                    OUTPUT.end(1);
                }
            } catch (IllegalAccessException error) {
                throw new IllegalStateException(error);
            }
        }, words.get(0));
        long began = System.nanoTime();
        thread.start();
        thread.join(LIMIT.toMillis());
        if (thread.isAlive()) {
            System.err.println("still running after " + LIMIT);
            OUTPUT.end(-1);
        }
        // as on a real exit: what tools say while closing counts
        Integer status = OUTPUT.ended;
        OUTPUT.ended = null;
        HOOKS.addAll(hooks());
        for (Runnable hook : List.copyOf(HOOKS)) {
            hook.run();
        }
        System.setIn(before);
        String text = OUTPUT.sink.toString(StandardCharsets.UTF_8);
        return new Outcome(status, text, (System.nanoTime() - began) / 1_000_000);
    }

    /**
     * Takes what tools register for the end of the process: the verifiable ones do not ask Exit.
     * Needs `--add-opens java.base/java.lang=ALL-UNNAMED`.
     */
    static List<Thread> hooks() throws Exception {
        Field field = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
        field.setAccessible(true);
        List<Thread> found = new ArrayList<>();
        for (Object hook : List.copyOf(((Map<?, ?>) field.get(null)).keySet())) {
            // log4j's own stays
            boolean tools = ((Thread) hook).getName().contains("verifiable");
            if (tools && Runtime.getRuntime().removeShutdownHook((Thread) hook)) {
                found.add((Thread) hook);
            }
        }
        return found;
    }

    /** Splits as a shell does, with either quote. */
    static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        Matcher word = Pattern.compile("(?:[^\\s'\"]|'[^']*'|\"[^\"]*\")+").matcher(command);
        while (word.find()) {
            Matcher part = Pattern.compile("'([^']*)'|\"([^\"]*)\"").matcher(word.group());
            words.add(part.replaceAll(found -> Matcher.quoteReplacement(
                found.group(1) != null ? found.group(1) : found.group(2))));
        }
        return words;
    }

    /** A consumer that polls until told to leave. */
    static class Member {
        final KafkaConsumer<String, String> consumer;
        final Thread thread;

        Member(Side side, String[] words) throws Exception {
            Properties config = new Properties();
            config.put("bootstrap.servers", side.address);
            config.put("group.id", words[1]);
            config.put("client.id", "member");
            config.put("auto.offset.reset", "earliest");
            config.put("enable.auto.commit", "false");
            consumer = new KafkaConsumer<>(config, new StringDeserializer(),
                new StringDeserializer());
            consumer.subscribe(List.of(words[2]));
            CountDownLatch joined = new CountDownLatch(1);
            thread = new Thread(() -> {
                try (consumer) {
                    while (true) {
                        consumer.poll(Duration.ofMillis(100));
                        if (!consumer.assignment().isEmpty()) {
                            joined.countDown();
                        }
                    }
                } catch (WakeupException asked) {
                    // left
                }
            }, "member of " + words[1]);
            thread.start();
            if (!joined.await(20, TimeUnit.SECONDS)) {
                throw new IllegalStateException("no partition for the member of " + words[1]);
            }
        }

        void leave() throws Exception {
            consumer.wakeup();
            thread.join();
        }
    }
}
