// Command policy enforces Kubernetes' network policies on one node, with nftables:
//
//	policy --kubeconfig FILE --node-name NAME [--once]
//
// It is made for nodes whose CNI plugin is ptp: all traffic of a pod is routed by the node, so it passes the forward hook, where kube-proxy (in its nftables mode) has already put a pod's address in the place of a Service's. It needs nft, the capability NET_ADMIN, and to list and watch pods, namespaces and networkpolicies.
//
// All of networking.k8s.io/v1 is enforced: both directions, all peers (selectors of pods and namespaces, blocks with exceptions), all ports (numbers, ranges, names; TCP, UDP, SCTP). As everywhere, the traffic between a pod and its own node is never filtered, nor that of pods on the node's network; pods on the node's network are no peers by their labels.
//
// A connection meets the policies of now with every packet of the side that opened it: what a policy no longer allows stops, even when it was opened before.
//
// A new pod is isolated from its start. Its address is read from the CNI plugin's result, which is there before the first container runs; while a pod that is to be isolated has no address at all, no address that is not known may be used on the links of the node's pods.
//
// Limits:
//   - IPv4 only: IPv6 passes unfiltered.
//   - The pods of one node: each node needs a process of its own.
//   - No AdminNetworkPolicy, no BaselineAdminNetworkPolicy.
//   - After a restart of the node nothing is filtered until the process has run; start it (or run it with --once) before the kubelet. When it ends, the rules stay in force.
//   - What is denied is dropped, not rejected: the caller waits for its own time limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the `file` that says how to reach the API server; without it, as a pod's service account")
	node := flag.String("node-name", "", "the `name` of the node whose pods are isolated")
	results := flag.String("cni-results", "/var/lib/cni/results", "the `folder` where libcni keeps the results of CNI plugins")
	once := flag.Bool("once", false, "apply the policies of now and end, within a minute")
	flag.Parse()
	if *node == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "policy: --node-name is needed, and there are no other arguments than flags")
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := enforce(ctx, *kubeconfig, *node, *results, *once); err != nil && ctx.Err() == nil {
		slog.Error("cannot enforce the network policies", "error", err)
		os.Exit(1)
	}
}

func enforce(ctx context.Context, kubeconfig, node, results string, once bool) error {
	if once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Minute, errors.New("no answer within a minute"))
		defer cancel()
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	e, err := newEnforcer(client, node, results, "nft")
	if err != nil {
		return err
	}
	if err := e.start(ctx); err != nil {
		return err
	}
	if once {
		return e.reconcile(ctx)
	}
	e.run(ctx)
	return nil
}
