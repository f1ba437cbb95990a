// One program that is several of Kubernetes' own, so that one build serves the tests: it is the one
// whose name it is called by (a link), or the one that its first argument names.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if filepath.Base(os.Args[0]) == "kubernetes" && len(os.Args) > 1 {
		os.Args = os.Args[1:]
	}
	if os.Getenv("EXIT_WITH_PARENT") != "" {
		go exitWith(os.Getppid())
	}
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kubectl":
		os.Exit(cli.Run(kubectl.NewDefaultKubectlCommand()))
	default:
		fmt.Fprintf(os.Stderr, "%s: give one of etcd, kube-apiserver, kubectl\n", name)
		os.Exit(2)
	}
}

// exitWith ends this process soon after its parent: a test that is killed cannot stop what it started.
func exitWith(parent int) {
	for os.Getppid() == parent {
		time.Sleep(500 * time.Millisecond)
	}
	os.Exit(1)
}
