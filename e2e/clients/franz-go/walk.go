// franz-go walks through a broker: walk HOST:PORT
//
// It prints `ok STEP MILLISECONDS ms` for every step; whatever the client logs at level error is printed as an ERROR line.
// Records are written in order with acks=all and idempotence, which is franz-go's default.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

var bootstrap = os.Args[1]

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 110*time.Second)
	defer cancel()
	client := connect()
	defer client.Close()
	w := &walk{ctx: ctx, client: client, admin: kadm.NewClient(client)}
	w.step("walk-through", w.walkThrough)
	w.step("committed", w.committed)
	w.step("rebalance", w.rebalance)
	codecs := map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for _, name := range []string{"gzip", "snappy", "lz4", "zstd"} {
		w.step("codec-"+name, func() { w.codec(name, codecs[name]) })
	}
	w.step("idempotent", w.idempotent)
	w.step("long-value", w.longValue)
	w.step("offsets-by-timestamp", w.offsetsByTimestamp)
	w.step("configs", w.configs)
	w.step("partitions", w.partitions)
	w.step("delete-topic", w.deleteTopic)
	fmt.Println("ok all")
}

type walk struct {
	ctx    context.Context
	client *kgo.Client
	admin  *kadm.Client
}

func (w *walk) step(name string, work func()) {
	start := time.Now()
	work()
	fmt.Printf("ok %s %d ms\n", name, time.Since(start).Milliseconds())
}

func fail(format string, args ...any) {
	fmt.Printf("FAILED "+format+"\n", args...)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

func check(ok bool, format string, args ...any) {
	if !ok {
		fail(format, args...)
	}
}

// logger turns error lines into lines that the harness refuses.
type logger struct{}

func (logger) Level() kgo.LogLevel { return kgo.LogLevelError }
func (logger) Log(_ kgo.LogLevel, message string, keyvals ...any) {
	fmt.Println("ERROR", message, keyvals)
}

func connect(options ...kgo.Opt) *kgo.Client {
	options = append([]kgo.Opt{
		kgo.SeedBrokers(bootstrap), kgo.WithLogger(logger{}), kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(50 * time.Millisecond),
	}, options...)
	return must(kgo.NewClient(options...))
}

func (w *walk) create(topic string, partitions int32) {
	must(w.admin.CreateTopic(w.ctx, partitions, -1, nil, topic))
}

func (w *walk) send(client *kgo.Client, records ...*kgo.Record) kgo.ProduceResults {
	results := client.ProduceSync(w.ctx, records...)
	must(0, results.FirstErr())
	return results
}

func read(client *kgo.Client, count int) []*kgo.Record {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var seen []*kgo.Record
	for len(seen) < count {
		fetches := client.PollFetches(ctx)
		for _, err := range fetches.Errors() {
			fail("%d of %d records: %s/%d: %v", len(seen), count, err.Topic, err.Partition, err.Err)
		}
		seen = append(seen, fetches.Records()...)
	}
	return seen
}

func until(what string, condition func() bool) {
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		check(time.Now().Before(deadline), "not within %v: %s", patience, what)
	}
}

func rider(partition int32, value string) *kgo.Record {
	return &kgo.Record{Topic: "rider-updates", Partition: partition, Key: []byte("location-update"), Value: []byte(value)}
}

func (w *walk) walkThrough() {
	w.create("rider-updates", 2)
	riders := map[int32]string{1: `{"name":"tom","location":"south"}`, 0: `{"name":"jerry","location":"north"}`}
	w.send(w.client, rider(1, riders[1]), rider(0, riders[0]))
	reader := connect(kgo.ConsumerGroup("user-1"), kgo.ConsumeTopics("rider-updates"), kgo.DisableAutoCommit())
	defer reader.Close()
	seen := read(reader, 2)
	for _, record := range seen {
		fmt.Printf("user-1: [rider-updates] PART:%d: %s\n", record.Partition, record.Value)
		check(string(record.Value) == riders[record.Partition], "wrong value %s", record.Value)
		check(string(record.Key) == "location-update" && record.Offset == 0, "wrong key or offset: %v", record)
	}
	must(0, reader.CommitRecords(w.ctx, seen...))
}

func (w *walk) committed() {
	offsets := must(w.admin.FetchOffsets(w.ctx, "user-1"))
	for partition := range int32(2) {
		offset, ok := offsets.Lookup("rider-updates", partition)
		check(ok && offset.At == 1, "committed offset of partition %d: %v", partition, offset)
	}
	assigned := make(chan struct{}, 8)
	reader := connect(kgo.ConsumerGroup("user-1"), kgo.ConsumeTopics("rider-updates"), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned <- struct{}{} }))
	defer reader.Close()
	<-assigned
	w.send(w.client, rider(0, "new"))
	seen := read(reader, 1)
	check(len(seen) == 1 && string(seen[0].Value) == "new", "read %v", seen)
	groups := must(w.admin.DescribeGroups(w.ctx, "user-1"))
	check(groups["user-1"].State == "Stable" && len(groups["user-1"].Members) == 1, "described as %v", groups["user-1"])
	listed := must(w.admin.ListGroups(w.ctx))
	check(len(listed) >= 1, "listed %v", listed)
	lag := must(w.admin.Lag(w.ctx, "user-1"))["user-1"]
	check(lag.Error() == nil && lag.Lag.Total() == 1, "lag %d: %v", lag.Lag.Total(), lag.Error())
}

func (w *walk) rebalance() {
	for name, balancer := range map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		group := "two-" + name
		member := func() *kgo.Client {
			client := connect(kgo.ConsumerGroup(group), kgo.ConsumeTopics("rider-updates"), kgo.Balancers(balancer),
				kgo.HeartbeatInterval(200*time.Millisecond), kgo.SessionTimeout(6*time.Second), kgo.DisableAutoCommit())
			go func() {
				for !client.PollFetches(w.ctx).IsClientClosed() {
				}
			}()
			return client
		}
		// who holds which partitions, as the coordinator tells
		shares := func(sizes ...int) bool {
			described := must(w.admin.DescribeGroups(w.ctx, group))[group]
			if described.State != "Stable" || len(described.Members) != len(sizes) {
				return false
			}
			for index, member := range described.Members {
				assigned, ok := member.Assigned.AsConsumer()
				if !ok || len(assigned.Topics) == 0 || len(assigned.Topics[0].Partitions) != sizes[index] {
					return false
				}
			}
			return true
		}
		first := member()
		until("all partitions at the first", func() bool { return shares(2) })
		second := member()
		until("one partition each", func() bool { return shares(1, 1) })
		second.Close()
		until("all partitions at the first again", func() bool { return shares(2) })
		first.Close()
	}
}

func (w *walk) codec(name string, codec kgo.CompressionCodec) {
	w.create(name, 1)
	writer := connect(kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(20*time.Millisecond))
	defer writer.Close()
	var records []*kgo.Record
	for number := range 500 {
		records = append(records, &kgo.Record{
			Topic: name, Value: []byte(strings.Repeat(fmt.Sprintf("%s %d ", name, number), 20)),
			Headers: []kgo.RecordHeader{{Key: "n", Value: []byte("1")}, {Key: "n", Value: nil}},
		})
	}
	w.send(writer, records...)
	reader := connect(kgo.ConsumeTopics(name))
	defer reader.Close()
	for index, record := range read(reader, 500) {
		check(record.Offset == int64(index) && bytes.Equal(record.Value, records[index].Value), "%s: wrong record %d", name, index)
		check(len(record.Headers) == 2 && record.Headers[1].Value == nil, "%s: wrong headers %v", name, record.Headers)
	}
}

func (w *walk) idempotent() {
	w.create("exact", 1)
	writer := connect(kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer writer.Close()
	var records []*kgo.Record
	for number := range 2000 {
		records = append(records, &kgo.Record{Topic: "exact", Value: []byte(fmt.Sprintf("exact %d", number))})
	}
	for index, result := range w.send(writer, records...) {
		check(result.Record.Offset == int64(index), "record %d has offset %d", index, result.Record.Offset)
	}
}

func (w *walk) longValue() {
	w.create("long", 1)
	value := bytes.Repeat([]byte("x"), 900_000)
	writer := connect(kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer writer.Close()
	w.send(writer, &kgo.Record{Topic: "long", Value: value})
	reader := connect(kgo.ConsumerGroup("long"), kgo.ConsumeTopics("long"))
	defer reader.Close()
	check(bytes.Equal(read(reader, 1)[0].Value, value), "the long value came back different")
}

func (w *walk) offsetsByTimestamp() {
	w.create("timed", 1)
	base := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
	for number := range 5 {
		w.send(w.client, &kgo.Record{Topic: "timed", Value: []byte{byte(number)}, Timestamp: base.Add(time.Duration(number) * time.Second)})
	}
	for _, want := range []struct{ after, offset int64 }{{0, 0}, {1001, 2}, {4000, 4}, {4001, 5}} {
		listed := must(w.admin.ListOffsetsAfterMilli(w.ctx, base.UnixMilli()+want.after, "timed"))
		offset, ok := listed.Lookup("timed", 0)
		check(ok && offset.Err == nil && offset.Offset == want.offset, "offset after %d ms: %v", want.after, offset)
	}
	start, _ := must(w.admin.ListStartOffsets(w.ctx, "timed")).Lookup("timed", 0)
	end, _ := must(w.admin.ListEndOffsets(w.ctx, "timed")).Lookup("timed", 0)
	check(start.Offset == 0 && end.Offset == 5, "start %v, end %v", start, end)
	newest, _ := must(w.admin.ListMaxTimestampOffsets(w.ctx, "timed")).Lookup("timed", 0)
	check(newest.Offset == 4, "offset of the greatest timestamp: %v", newest)
}

func (w *walk) configs() {
	found := must(must(w.admin.DescribeTopicConfigs(w.ctx, "timed")).On("timed", nil))
	values := map[string]string{}
	for _, config := range found.Configs {
		values[config.Key] = config.MaybeValue()
	}
	check(values["cleanup.policy"] == "delete" && values["max.message.bytes"] == "1048588", "configs: %v", values)
}

func (w *walk) partitions() {
	must(must(w.admin.UpdatePartitions(w.ctx, 3, "timed")).On("timed", nil))
	until("three partitions", func() bool {
		return len(must(w.admin.ListTopics(w.ctx, "timed"))["timed"].Partitions) == 3
	})
}

func (w *walk) deleteTopic() {
	must(w.admin.DeleteTopics(w.ctx, "timed", "long"))
	until("both gone", func() bool {
		topics := must(w.admin.ListTopics(w.ctx))
		return !topics.Has("timed") && !topics.Has("long") && topics.Has("rider-updates")
	})
}
