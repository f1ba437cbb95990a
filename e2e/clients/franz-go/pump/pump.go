// franz-go never gives up: pump BOOTSTRAP FOLDER
//
// It sends numbered values to the three partitions of the topic `pump` until FOLDER/stop exists, and appends
// `PARTITION OFFSET NUMBER` to FOLDER/acked for each acknowledged one; how many that were is in FOLDER/sent then. Meanwhile
// a group reads them: FOLDER/consumed has the same for each record, and `commit PARTITION OFFSET` for each commit.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const most = 1000

var bootstrap, folder = os.Args[1], os.Args[2]

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
	return value
}

func connect(options ...kgo.Opt) *kgo.Client {
	options = append(options, kgo.SeedBrokers(strings.Split(bootstrap, ",")...), kgo.MetadataMinAge(50*time.Millisecond))
	return must(kgo.NewClient(options...))
}

func notes(name string) *os.File {
	return must(os.Create(filepath.Join(folder, name)))
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(folder, name))
	return err == nil
}

func main() {
	done := make(chan struct{})
	go func() {
		write()
		close(done)
	}()
	read()
	<-done
}

// write is idempotent with acks=all, which is franz-go's default.
func write() {
	client := connect(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(most))
	defer client.Close()
	acked, number := notes("acked"), 0
	ctx := context.Background()
	for ; !exists("stop"); time.Sleep(5 * time.Millisecond) {
		for range 15 {
			record := &kgo.Record{Topic: "pump", Partition: int32(number % 3), Value: []byte(strconv.Itoa(number))}
			client.Produce(ctx, record, func(record *kgo.Record, err error) {
				must(record, err)
				fmt.Fprintf(acked, "%d %d %s\n", record.Partition, record.Offset, record.Value)
			})
			number++
		}
	}
	must(0, client.Flush(ctx))
	must(0, os.WriteFile(filepath.Join(folder, "sent"), []byte(strconv.Itoa(number)), 0o644))
}

func isDone(seen int) bool {
	text, err := os.ReadFile(filepath.Join(folder, "sent"))
	return err == nil && len(text) > 0 && seen >= must(strconv.Atoi(string(text)))
}

func read() {
	client := connect(kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("pump"), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	consumed, seen := notes("consumed"), map[string]bool{}
	for !isDone(len(seen)) {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		records := client.PollFetches(ctx).Records()
		cancel()
		ends := map[int32]int64{}
		for _, record := range records {
			fmt.Fprintf(consumed, "%d %d %s\n", record.Partition, record.Offset, record.Value)
			seen[string(record.Value)] = true
			ends[record.Partition] = record.Offset + 1
		}
		ctx, cancel = context.WithTimeout(context.Background(), 5*time.Second)
		err := client.CommitRecords(ctx, records...)
		cancel()
		if err != nil {
			fmt.Println("not committed:", err) // the next one covers it
			continue
		}
		for partition, end := range ends {
			fmt.Fprintf(consumed, "commit %d %d\n", partition, end)
		}
	}
}
