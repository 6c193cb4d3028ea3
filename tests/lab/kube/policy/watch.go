package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	core "k8s.io/client-go/listers/core/v1"
	networking "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	// debounce collects what changes at the same time, as when a Deployment's pods start.
	debounce   = 50 * time.Millisecond
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// lookAgain is how often the table is looked for: others may flush the whole ruleset.
	lookAgain = 15 * time.Second
)

// enforcer keeps a node's nftables as the cluster's network policies ask.
type enforcer struct {
	node       string
	nft        []string
	lookAgain  time.Duration
	factory    informers.SharedInformerFactory
	pods       core.PodLister
	namespaces core.NamespaceLister
	policies   networking.NetworkPolicyLister
	// results is libcni's folder of them, files its watch.
	results string
	files   *fsnotify.Watcher
	changed chan struct{}
	applied string
}

// newEnforcer prepares what start and run use; nft is a command with its first arguments.
func newEnforcer(client kubernetes.Interface, node, results string, nft ...string) (*enforcer, error) {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	e := &enforcer{
		node: node, nft: nft, lookAgain: lookAgain, factory: factory, results: results, files: files,
		pods:       factory.Core().V1().Pods().Lister(),
		namespaces: factory.Core().V1().Namespaces().Lister(),
		policies:   factory.Networking().V1().NetworkPolicies().Lister(),
		changed:    make(chan struct{}, 1),
	}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Namespaces().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { e.notice() },
			UpdateFunc: func(any, any) { e.notice() },
			DeleteFunc: func(any) { e.notice() },
		})
		if err != nil {
			return nil, err
		}
	}
	return e, nil
}

// start waits until all that the API holds is known: peers that are not known yet would be shut out.
func (e *enforcer) start(ctx context.Context) error {
	e.factory.Start(ctx.Done())
	for kind, synced := range e.factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("cannot list all of %s: %w", kind, context.Cause(ctx))
		}
	}
	return nil
}

// run keeps the rules in force until the context ends.
func (e *enforcer) run(ctx context.Context) {
	defer e.files.Close()
	go func() {
		for range e.files.Events {
			e.notice()
		}
	}()
	wait, retry := time.Duration(0), firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-e.files.Errors:
			slog.Warn("cannot watch", "folder", e.results, "error", err)
		case <-e.changed:
			time.Sleep(debounce)
		case <-time.After(wait):
			if err := e.call(ctx, "", "list", "chain", "inet", "kube-policy", "forward"); err != nil {
				e.applied = ""
			}
		}
		if err := e.reconcile(ctx); err != nil {
			slog.Error("cannot apply the network policies", "error", err, "again_in", retry)
			wait, retry = retry, min(2*retry, lastRetry)
		} else {
			wait, retry = e.lookAgain, firstRetry
		}
	}
}

// notice lets run look, once for all that changed since it last did.
func (e *enforcer) notice() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// reconcile applies the rules of now unless they are in force already.
func (e *enforcer) reconcile(ctx context.Context) error {
	began := time.Now()
	c, err := e.cluster()
	if err != nil {
		return err
	}
	rules, err := build(c)
	if err != nil || rules.text == e.applied {
		return err
	}
	if err := e.call(ctx, rules.text, "-f", "-"); err != nil {
		return err
	}
	e.applied = rules.text
	slog.Info("applied", "policies", rules.policies, "pods", rules.pods, "isolated", rules.isolated, "milliseconds", time.Since(began).Milliseconds())
	return nil
}

// cluster reads what is known now.
func (e *enforcer) cluster() (cluster, error) {
	c := cluster{node: e.node}
	// libcni makes the folder for the node's first pod, and a watch ends when its folder is removed.
	err := os.MkdirAll(e.results, 0o700)
	if err == nil {
		err = e.files.Add(e.results)
	}
	if err == nil {
		c.given, err = givenAddresses(e.results)
	}
	if err == nil {
		c.pods, err = e.pods.List(labels.Everything())
	}
	if err == nil {
		c.namespaces, err = e.namespaces.List(labels.Everything())
	}
	if err == nil {
		c.policies, err = e.policies.List(labels.Everything())
	}
	return c, err
}

// call runs nft.
func (e *enforcer) call(ctx context.Context, input string, arguments ...string) error {
	command := exec.CommandContext(ctx, e.nft[0], append(slices.Clone(e.nft[1:]), arguments...)...)
	command.Stdin = strings.NewReader(input)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, bytes.TrimSpace(output))
	}
	return nil
}
