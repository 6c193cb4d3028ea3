// Command kwok plays nodes and the pods on them, for clusters that are to look large and cost nothing.
//
// It brings the stages of a fast life with it: nodes and pods are ready at once. A node is as large as its annotations lab/cpu and lab/memory say.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	lease "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	pod "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kwok:", err)
		os.Exit(1)
	}
}

func run() error {
	folder, err := os.MkdirTemp("", "kwok")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	stages := filepath.Join(folder, "stages.yaml")
	if err := os.WriteFile(stages, []byte(life()), 0o600); err != nil {
		return err
	}
	os.Args = append(os.Args, "--config="+stages)

	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := log.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err = config.InitFlags(ctx, flags)
	if err != nil {
		return err
	}
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	return command.ExecuteContext(ctx)
}

// life is what kwok's own distribution gives as "stage-fast", with sizes of nodes that can be had.
func life() string {
	sized := strings.NewReplacer(
		"cpu: 1k", `cpu: {{ or (index .metadata.annotations "lab/cpu") "1k" }}`,
		"memory: 1Ti", `memory: {{ or (index .metadata.annotations "lab/memory") "1Ti" }}`,
		"pods: 1M", "pods: 110",
	)
	return strings.Join([]string{
		sized.Replace(fast.DefaultNodeInit), lease.DefaultNodeHeartbeatWithLease,
		pod.DefaultPodReady, pod.DefaultPodComplete, pod.DefaultPodDelete,
	}, "\n---\n")
}
