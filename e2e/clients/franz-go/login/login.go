// franz-go logs in: login HOST:PORT CA [MECHANISM USER PASSWORD-OR-TOKEN-FILE | KEY CERTIFICATE]
//
// It prints `in` after a record was acknowledged, or `refused: ERROR`.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

func main() {
	if err := login(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Println("refused:", err)
		return
	}
	fmt.Println("in")
}

func login(address, ca string, who []string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(pem)
	options := []kgo.Opt{kgo.SeedBrokers(address), kgo.AllowAutoTopicCreation(), kgo.RecordRetries(1), kgo.RetryTimeout(5 * time.Second)}
	if len(who) == 2 {
		pair, err := tls.LoadX509KeyPair(who[1], who[0])
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{pair}
	} else {
		mechanism, isToken := strings.CutSuffix(who[0], "+token")
		auth := scram.Auth{User: who[1], Pass: who[2], IsToken: isToken}
		switch mechanism {
		case "OAUTHBEARER":
			token, err := os.ReadFile(who[2])
			if err != nil {
				return err
			}
			options = append(options, kgo.SASL(oauth.Auth{Token: string(token)}.AsMechanism()))
		case "PLAIN":
			options = append(options, kgo.SASL(plain.Auth{User: who[1], Pass: who[2]}.AsMechanism()))
		case "SCRAM-SHA-256":
			options = append(options, kgo.SASL(auth.AsSha256Mechanism()))
		default:
			options = append(options, kgo.SASL(auth.AsSha512Mechanism()))
		}
	}
	client, err := kgo.NewClient(append(options, kgo.DialTLSConfig(config))...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return client.ProduceSync(ctx, &kgo.Record{Topic: "franz-go", Value: []byte("v")}).FirstErr()
}
