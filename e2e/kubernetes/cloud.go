package main

import (
	"context"
	"log"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	core "k8s.io/client-go/listers/core/v1"
	storage "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// cloud plays the parts of a cloud that Kubernetes leaves to one: volumes that are made, grown and
// deleted on demand, and addresses for Services of type LoadBalancer. Every change of what it
// watches leads to a pass over everything: it is for a test's cluster, where everything is little.
type cloud struct {
	client    kubernetes.Interface
	folder    string // where the volumes are
	addresses string // of load balancers, as a prefix: "10.77.1."
	claims    core.PersistentVolumeClaimLister
	volumes   core.PersistentVolumeLister
	classes   storage.StorageClassLister
	services  core.ServiceLister
}

func newCloudCommand() *cobra.Command {
	var kubeconfig, folder, addresses string
	command := &cobra.Command{
		Use:          "cloud",
		Short:        "volumes and load balancers for a cluster of tests",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			return runCloud(command.Context(), kubeconfig, folder, addresses)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&folder, "volumes", "", "the folder for the volumes, the same on every node")
	command.Flags().StringVar(&addresses, "addresses", "", "the first three numbers of a load balancer's address, as 10.77.1.")
	return command
}

func runCloud(ctx context.Context, kubeconfig, folder, addresses string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	signal := func() {
		select {
		case changed <- struct{}{}:
		default: // a pass is due already
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { signal() },
		UpdateFunc: func(any, any) { signal() },
		DeleteFunc: func(any) { signal() },
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	v1 := factory.Core().V1()
	claims, volumes, services := v1.PersistentVolumeClaims(), v1.PersistentVolumes(), v1.Services()
	classes := factory.Storage().V1().StorageClasses()
	for _, informer := range []cache.SharedIndexInformer{
		claims.Informer(), volumes.Informer(), services.Informer(), classes.Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	cloud := cloud{
		client: client, folder: folder, addresses: addresses,
		claims: claims.Lister(), volumes: volumes.Lister(), classes: classes.Lister(), services: services.Lister(),
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		for _, pass := range []func(context.Context) error{cloud.provision, cloud.grow, cloud.reclaim, cloud.balance} {
			if err := pass(ctx); err != nil {
				// a conflict, most of the time: what changed is on its way to us
				log.Print(err)
				time.AfterFunc(time.Second, signal)
			}
		}
	}
}
