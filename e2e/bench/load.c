/* Load through librdkafka, for the benchmark:
 *   load produce BROKERS TOPIC PARTITIONS SIZE SECONDS     acks=all, linger 5 ms, no compression, no idempotence
 *   load consume BROKERS TOPIC PARTITIONS COUNT            all partitions from their beginning
 *   load latency BROKERS TOPIC RATE SECONDS                one partition, linger 0, acks=all, produced and consumed here
 *   load gaps BROKERS TOPIC PARTITION RATE                 acks=all, linger 0, until SIGTERM; never gives
 *                                                        up, and does not wait long for those who are silent
 * LOAD_CA=FILE: over TLS, to a broker that this authority has signed.
 * Each prints one line: messages N seconds S cpu S [p50 MS p99 MS: acknowledgement] [e2e50 MS e2e99 MS]
 * gaps: ... failed N lost N gap MS [the longest time without an acknowledgement] at MS [its begin, since 1970]
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

/* A histogram in steps of 10 microseconds up to 20 s. */
#define STEPS 2000000
struct histogram {
    uint32_t count[STEPS];
    uint64_t total;
};
static struct histogram acked, arrived;

static void note(struct histogram *h, int64_t us) {
    int64_t step = us / 10;
    h->count[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : step]++;
    h->total++;
}

static double quantile(const struct histogram *h, double q) {
    uint64_t wanted = (uint64_t)(h->total * q), seen = 0;
    for (int step = 0; step < STEPS; step++) {
        seen += h->count[step];
        if (seen > wanted)
            return step / 100.0;
    }
    return STEPS / 100.0;
}

static uint64_t done, failed;

/* The longest time between two acknowledgements, or since the start, and when it began. */
static int64_t last_ack, longest, longest_at;

static void note_gap(void) {
    int64_t now = now_us();
    if (now - last_ack > longest) {
        longest = now - last_ack;
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        longest_at = t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000 - longest / 1000;
    }
    last_ack = now;
}

/* Every 64th message carries its time; asking the clock for each would be the client's cost, not the broker's. */
static void report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    (void)opaque;
    if (message->err) {
        if (failed++ == 0)
            fprintf(stderr, "load: a message failed: %s\n", rd_kafka_err2str(message->err));
    } else {
        done++;
        note_gap();
    }
    int64_t sent = (int64_t)(intptr_t)message->_private;
    if (sent)
        note(&acked, now_us() - sent);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *const *config) {
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof error);
    const char *ca = getenv("LOAD_CA");
    const char *tls[] = {"security.protocol", "ssl", "ssl.ca.location", ca, NULL};
    for (const char *const *all = ca ? tls : tls + 4; *all; all += 2)
        if (rd_kafka_conf_set(conf, all[0], all[1], error, sizeof error) != RD_KAFKA_CONF_OK)
            die(error);
    for (; config[0]; config += 2)
        if (rd_kafka_conf_set(conf, config[0], config[1], error, sizeof error) != RD_KAFKA_CONF_OK)
            die(error);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, report);
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk)
        die(error);
    return rk;
}

/* How long a request to a topic may take, in milliseconds; NULL: as shipped. */
static const char *patience;

static rd_kafka_topic_t *topic_of(rd_kafka_t *rk, const char *name) {
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    char error[512];
    rd_kafka_topic_conf_set(conf, "acks", "all", error, sizeof error);
    if (patience)
        rd_kafka_topic_conf_set(conf, "request.timeout.ms", patience, error, sizeof error);
    return rd_kafka_topic_new(rk, name, conf);
}

static void produce(const char *brokers, const char *name, int partitions, int size, double seconds) {
    const char *config[] = {"linger.ms", "5", "batch.size", "1000000", "queue.buffering.max.messages", "1000000",
                            "queue.buffering.max.kbytes", "1048576", NULL};
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, brokers, config);
    rd_kafka_topic_t *topic = topic_of(rk, name);
    char *value = malloc(size);
    uint32_t x = 1;
    for (int i = 0; i < size; i++)
        value[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    double cpu = cpu_seconds();
    int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6);
    for (uint64_t n = 0;; n++) {
        void *stamp = NULL;
        if (n % 64 == 0) {
            int64_t now = now_us();
            if (now >= end)
                break;
            stamp = (void *)(intptr_t)now;
        }
        while (rd_kafka_produce(topic, (int32_t)(n % partitions), RD_KAFKA_MSG_F_COPY, value, size, NULL, 0, stamp))
            rd_kafka_poll(rk, 5);
        if (n % 1024 == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 60000);
    double took = (now_us() - start) / 1e6;
    if (failed)
        die("a message failed");
    printf("messages %" PRIu64 " seconds %.3f cpu %.3f p50 %.2f p99 %.2f\n", done, took, cpu_seconds() - cpu,
           quantile(&acked, 0.5), quantile(&acked, 0.99));
}

static void consume(const char *brokers, const char *name, int partitions, uint64_t count) {
    const char *config[] = {"group.id", "load", "enable.auto.commit", "false", "queued.min.messages", "1000000",
                            "check.crcs", "false", NULL};
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, brokers, config);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(list, name, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(rk, list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_message_t *batch[4096];
    double cpu = cpu_seconds();
    int64_t start = now_us(), last = start;
    while (done < count) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 1000, batch, 4096);
        for (ssize_t i = 0; i < n; i++) {
            if (!batch[i]->err)
                done++;
            rd_kafka_message_destroy(batch[i]);
        }
        if (n > 0)
            last = now_us();
        else if (now_us() - last > 30000000)
            die("nothing for 30 s");
    }
    printf("messages %" PRIu64 " seconds %.3f cpu %.3f\n", done, (now_us() - start) / 1e6, cpu_seconds() - cpu);
}

static void latency(const char *brokers, const char *name, int rate, double seconds) {
    const char *in[] = {"linger.ms", "0", NULL};
    const char *out[] = {"group.id", "load", "enable.auto.commit", "false", "fetch.wait.max.ms", "500", NULL};
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, brokers, in);
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, brokers, out);
    rd_kafka_topic_t *topic = topic_of(producer, name);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer, list);
    char value[100] = {0};
    double cpu = cpu_seconds();
    int64_t start = now_us(), warm = start + 1000000, end = warm + (int64_t)(seconds * 1e6);
    uint64_t sent = 0, seen = 0;
    for (int64_t now = start; now < end || seen < sent; now = now_us()) {
        if (now < end && now >= start + (int64_t)(sent * (1e6 / rate))) {
            memcpy(value, &now, sizeof now);
            void *stamp = now > warm ? (void *)(intptr_t)now : NULL;
            if (!rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, stamp))
                sent++;
        }
        rd_kafka_poll(producer, 0);
        int64_t next = start + (int64_t)(sent * (1e6 / rate)) - now_us();
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, next > 1000 || now >= end ? 1 : 0);
        if (message) {
            int64_t then;
            if (!message->err && message->len == sizeof value) {
                memcpy(&then, message->payload, sizeof then);
                if (then > warm)
                    note(&arrived, now_us() - then);
                seen++;
            }
            rd_kafka_message_destroy(message);
        }
        if (now > end + 30000000)
            die("messages did not arrive");
    }
    rd_kafka_flush(producer, 10000);
    printf("messages %" PRIu64 " seconds %.3f cpu %.3f p50 %.2f p99 %.2f e2e50 %.2f e2e99 %.2f\n", sent, seconds + 1,
           cpu_seconds() - cpu, quantile(&acked, 0.5), quantile(&acked, 0.99), quantile(&arrived, 0.5),
           quantile(&arrived, 0.99));
}

/* Said once the first message is acknowledged. */
#define RUNNING "load: running"

static volatile sig_atomic_t stopped;

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

static void gaps(const char *brokers, const char *name, int partition, int rate) {
    const char *config[] = {"linger.ms", "0", "message.timeout.ms", "120000",
                            "reconnect.backoff.ms", "20", "reconnect.backoff.max.ms", "100", "retry.backoff.ms", "20",
                            "socket.timeout.ms", "1000", "topic.metadata.refresh.interval.ms", "100",
                            "topic.metadata.refresh.fast.interval.ms", "50", "log_level", "2", NULL};
    signal(SIGTERM, stop);
    patience = "1000";
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, brokers, config);
    rd_kafka_topic_t *topic = topic_of(rk, name);
    char value[100] = {0};
    double cpu = cpu_seconds();
    int64_t start = last_ack = now_us();
    uint64_t sent = 0;
    while (!stopped) {
        while (now_us() >= start + (int64_t)(sent * (1e6 / rate)) &&
               !rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, NULL)) {
            /* connecting is nobody's gap */
            if (sent++ == 0) {
                rd_kafka_flush(rk, 60000);
                start = now_us();
                longest = 0;
                fprintf(stderr, "%s\n", RUNNING);
            }
        }
        rd_kafka_poll(rk, 1);
    }
    rd_kafka_flush(rk, 60000);
    printf("messages %" PRIu64 " seconds %.3f cpu %.3f failed %" PRIu64 " lost %" PRIu64 " gap %.1f at %" PRId64 "\n",
           done, (now_us() - start) / 1e6, cpu_seconds() - cpu, failed, sent - done - failed, longest / 1e3,
           longest_at);
}

int main(int argc, char **argv) {
    if (argc == 7 && !strcmp(argv[1], "produce"))
        produce(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), atof(argv[6]));
    else if (argc == 6 && !strcmp(argv[1], "consume"))
        consume(argv[2], argv[3], atoi(argv[4]), strtoull(argv[5], NULL, 10));
    else if (argc == 6 && !strcmp(argv[1], "latency"))
        latency(argv[2], argv[3], atoi(argv[4]), atof(argv[5]));
    else if (argc == 6 && !strcmp(argv[1], "gaps"))
        gaps(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
    else
        die("see the comment at the top of load.c");
    fflush(stdout);
    /* librdkafka's orderly end takes seconds that are nobody's cost */
    _Exit(0);
}
