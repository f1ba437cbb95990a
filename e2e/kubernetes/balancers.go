package main

import (
	"context"
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// balance gives every Service of type LoadBalancer an address of its own, and takes it from those
// that are of another type by now. kube-proxy does the rest on whichever node the address leads to.
func (cloud *cloud) balance(ctx context.Context) error {
	services, err := cloud.services.List(labels.Everything())
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, service := range services {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			taken[ingress.IP] = true
		}
	}
	var failed []error
	for _, service := range services {
		wanted := service.Spec.Type == v1.ServiceTypeLoadBalancer && service.DeletionTimestamp == nil
		if wanted == (len(service.Status.LoadBalancer.Ingress) > 0) {
			continue
		}
		changed := service.DeepCopy()
		changed.Status.LoadBalancer.Ingress = nil
		if wanted {
			address, err := cloud.free(taken)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			taken[address] = true
			changed.Status.LoadBalancer.Ingress = []v1.LoadBalancerIngress{{IP: address}}
		}
		_, err := cloud.client.CoreV1().Services(changed.Namespace).UpdateStatus(ctx, changed, meta.UpdateOptions{})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (cloud *cloud) free(taken map[string]bool) (string, error) {
	for last := 1; last < 255; last++ {
		if address := fmt.Sprintf("%s%d", cloud.addresses, last); !taken[address] {
			return address, nil
		}
	}
	return "", errors.New("every address of a load balancer is taken")
}
