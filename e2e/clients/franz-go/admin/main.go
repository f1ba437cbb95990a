// A foreign administrator and a steady producer, as one program for a pod:
//
//	admin HOST:PORT create|grow TOPIC PARTITIONS
//	admin HOST:PORT set TOPIC NAME VALUE
//	admin HOST:PORT get TOPIC NAME
//	admin HOST:PORT partitions TOPIC
//	admin HOST:PORT delete TOPIC
//	admin HOST:PORT pump TOPIC SECONDS
//
// pump writes numbers, 200 a second with acks=all and idempotence, and prints each once it is acknowledged, in order.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("admin HOST:PORT create|grow|set|get|partitions|delete|pump TOPIC ...")
	}
	broker, verb, topic, rest := words[0], words[1], words[2], words[3:]
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordDeliveryTimeout(2*time.Minute))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	admin := kadm.NewClient(client)
	switch {
	case verb == "create" && len(rest) == 1:
		_, err = admin.CreateTopic(ctx, int32(number(rest[0])), 1, nil, topic)
	case verb == "grow" && len(rest) == 1:
		var answers kadm.CreatePartitionsResponses
		answers, err = admin.UpdatePartitions(ctx, number(rest[0]), topic)
		if err == nil {
			err = answers.Error()
		}
	case verb == "set" && len(rest) == 2:
		var answers kadm.AlterConfigsResponses
		change := kadm.AlterConfig{Op: kadm.SetConfig, Name: rest[0], Value: &rest[1]}
		answers, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, topic)
		for _, answer := range answers {
			if err == nil {
				err = answer.Err
			}
		}
	case verb == "get" && len(rest) == 1:
		err = show(ctx, admin, topic, rest[0])
	case verb == "partitions" && len(rest) == 0:
		var topics kadm.TopicDetails
		topics, err = admin.ListTopics(ctx, topic)
		if err == nil {
			fmt.Println(len(topics[topic].Partitions))
		}
	case verb == "delete" && len(rest) == 0:
		_, err = admin.DeleteTopic(ctx, topic)
	case verb == "pump" && len(rest) == 1:
		err = pump(ctx, client, topic, time.Duration(number(rest[0]))*time.Second)
	default:
		err = fmt.Errorf("%v: not understood", words)
	}
	return err
}

func number(word string) int {
	number, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return number
}

func show(ctx context.Context, admin *kadm.Client, topic, name string) error {
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return err
	}
	config, err := configs.On(topic, nil)
	if err != nil {
		return err
	}
	for _, one := range config.Configs {
		if one.Key == name {
			fmt.Println(one.MaybeValue())
			return config.Err
		}
	}
	return fmt.Errorf("%s has no setting %s", topic, name)
}

func pump(ctx context.Context, client *kgo.Client, topic string, length time.Duration) error {
	end := time.Now().Add(length)
	for next := 0; time.Now().Before(end); next++ {
		value := strconv.Itoa(next)
		client.Produce(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}, func(_ *kgo.Record, err error) {
			if err != nil {
				fmt.Fprintln(os.Stderr, value, err)
				os.Exit(1)
			}
			fmt.Println(value)
		})
		time.Sleep(5 * time.Millisecond)
	}
	return client.Flush(ctx)
}
