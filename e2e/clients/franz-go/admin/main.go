// A foreign administrator and a steady producer, as one program for a pod:
//
//	admin HOST:PORT create|grow TOPIC PARTITIONS
//	admin HOST:PORT set TOPIC NAME VALUE
//	admin HOST:PORT get TOPIC NAME
//	admin HOST:PORT partitions TOPIC
//	admin HOST:PORT delete TOPIC
//	admin HOST:PORT pump TOPIC SECONDS
//	admin HOST:PORT secured TOPIC FOLDER STOP
//	admin HOST:PORT shown FOLDER
//	admin HOST:PORT stop STOP
//
// pump writes numbers, 200 a second with acks=all and idempotence, and prints each once it is acknowledged, in order.
// secured does so by mutual TLS until the file STOP is there, which stop makes: with ca.crt, user.crt and user.key as FOLDER has them at the
// moment of each connection. Every second somebody new asks each broker something; one refusal ends it all. shown prints
// the SHA-256 of the certificate that a broker shows.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	switch {
	case verb == "secured" && len(rest) == 2:
		return secured(broker, topic, rest[0], rest[1])
	case verb == "shown" && len(rest) == 0:
		return shown(broker, topic)
	case verb == "stop" && len(rest) == 0:
		return os.WriteFile(topic, nil, 0o600)
	}
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
		end := time.Now().Add(time.Duration(number(rest[0])) * time.Second)
		err = pump(ctx, client, topic, func() bool { return time.Now().Before(end) })
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

func pump(ctx context.Context, client *kgo.Client, topic string, goOn func() bool) error {
	for next := 0; goOn(); next++ {
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

// dial connects with what the folder has now.
func dial(ctx context.Context, folder, address string) (*tls.Conn, error) {
	file := func(name string) string { return filepath.Join(folder, name) }
	own, err := tls.LoadX509KeyPair(file("user.crt"), file("user.key"))
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(file("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return connection.(*tls.Conn), nil
}

func shown(broker, folder string) error {
	connection, err := dial(context.Background(), folder, broker)
	if err != nil {
		return err
	}
	defer connection.Close()
	fmt.Printf("%x\n", sha256.Sum256(connection.ConnectionState().PeerCertificates[0].Raw))
	return nil
}

func secured(broker, topic, folder, stop string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	options := []kgo.Opt{
		kgo.SeedBrokers(broker),
		kgo.RecordDeliveryTimeout(30 * time.Second),
		kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) {
			return dial(ctx, folder, address)
		}),
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	goOn := func() bool {
		_, err := os.Stat(stop)
		return errors.Is(err, os.ErrNotExist) && ctx.Err() == nil
	}
	guests := make(chan int)
	go func() {
		count := 0
		for ; goOn(); time.Sleep(time.Second) {
			asked, err := guest(ctx, options)
			if err != nil {
				fmt.Fprintln(os.Stderr, "somebody new:", err)
				os.Exit(1)
			}
			count += asked
		}
		guests <- count
	}()
	if err := pump(ctx, client, topic, goOn); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "connections made:", <-guests)
	return ctx.Err()
}

// guest asks every broker something over connections of its own; how many there were.
func guest(ctx context.Context, options []kgo.Opt) (int, error) {
	client, err := kgo.NewClient(options...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return 0, err
	}
	brokers := client.DiscoveredBrokers()
	for _, broker := range brokers {
		if _, err := broker.Request(ctx, kmsg.NewPtrMetadataRequest()); err != nil {
			return 0, err
		}
	}
	return len(brokers), nil
}
