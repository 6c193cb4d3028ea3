// Command argocd is the parts of Argo CD that bring a cluster to what Git says, in one binary, for the tests of releases:
//
//	argocd argocd-application-controller|argocd-applicationset-controller|argocd-repo-server|argocd-git-ask-pass [flags]
//
// Each part is Argo CD's own command with its own flags. Its server with the web page, and all that logs people in, are left out.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	gitaskpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
)

var parts = map[string]func() *cobra.Command{
	"argocd-application-controller":    controller.NewCommand,
	"argocd-applicationset-controller": applicationset.NewCommand,
	"argocd-git-ask-pass":              gitaskpass.NewCommand,
	"argocd-repo-server":               reposerver.NewCommand,
}

func main() {
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	// The repo server names itself to git as the program that answers for the password, and says by this which part is meant.
	name := os.Getenv("ARGOCD_BINARY_NAME")
	if name == "" && len(os.Args) > 1 {
		name, os.Args = os.Args[1], os.Args[1:]
	}
	part, known := parts[name]
	if !known {
		fmt.Fprintf(os.Stderr, "argocd: %q is no part; there are %v\n", name, slices.Sorted(maps.Keys(parts)))
		os.Exit(2)
	}
	if err := part().Execute(); err != nil {
		os.Exit(1)
	}
}
