// One program that is several of Kubernetes' own, so that one build serves the tests: it is the one
// whose name it is called by (a link), or the one that its first argument names.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/coredns/coredns/coremain"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	helm "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// programs are those that take their arguments from the command line by cobra.
var programs = map[string]func() (*cobra.Command, error){
	"kube-apiserver":          ready(apiserver.NewAPIServerCommand),
	"kube-controller-manager": ready(controllers.NewControllerManagerCommand),
	"kube-scheduler":          ready(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kube-proxy":              ready(proxy.NewProxyCommand),
	"kubelet":                 ready(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"kubectl":                 ready(kubectl.NewDefaultKubectlCommand),
	"cloud":                   ready(newCloudCommand),
	"helm":                    newHelmCommand,
}

func newHelmCommand() (*cobra.Command, error) {
	kube.ManagedFieldsManager = "helm" // as its own main does: not the program's name
	return helm.NewRootCmd(os.Stdout, os.Args[1:], helm.SetupLogging)
}

func ready(make func() *cobra.Command) func() (*cobra.Command, error) {
	return func() (*cobra.Command, error) { return make(), nil }
}

func main() {
	if filepath.Base(os.Args[0]) == "kubernetes" && len(os.Args) > 1 {
		os.Args = os.Args[1:]
	}
	if os.Getenv("EXIT_WITH_PARENT") != "" {
		go exitWith(os.Getppid())
	}
	name := filepath.Base(os.Args[0])
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "coredns":
		coremain.Run()
		return
	}
	program, known := programs[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: none of the programs that this one is\n", name)
		os.Exit(2)
	}
	command, err := program()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(cli.Run(command))
}

// exitWith ends this process soon after its parent: a test that is killed cannot stop what it started.
func exitWith(parent int) {
	for os.Getppid() == parent {
		time.Sleep(500 * time.Millisecond)
	}
	os.Exit(1)
}
