// cert-manager's controllers for certificates and for issuers that are an authority in a Secret, as
// its own program runs them; that one cannot be had as a module.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	controllers "github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
)

const workers = 2

func main() {
	config := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "how to reach the API server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config string) error {
	// cert-manager takes the files that a kubeconfig names by relative paths from where it runs
	if err := os.Chdir(filepath.Dir(config)); err != nil {
		return err
	}
	factory, err := controllers.NewContextFactory(ctx, controllers.ContextOptions{
		Kubeconfig:         config,
		KubernetesAPIQPS:   100,
		KubernetesAPIBurst: 200,
	})
	if err != nil {
		return err
	}
	var all []controllers.Interface
	for name, construct := range controllers.Known() {
		one, err := construct(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, one)
	}
	shared, err := factory.Build("kastellan-e2e")
	if err != nil {
		return err
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	var group sync.WaitGroup
	failed := make(chan error, len(all))
	for _, one := range all {
		group.Go(func() { failed <- one.Run(workers, ctx) })
	}
	fmt.Println("ready")
	group.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
