// Command sealed-secrets is the controller that opens SealedSecrets, with those of its own flags that its chart and the tests give.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/controller"
	// The one that the controller declares its own flags with (--listen-addr, --listen-metrics-addr).
	flag "github.com/spf13/pflag"
)

func main() {
	flags := controller.Flags{
		KeySize: 4096, ValidFor: 10 * 365 * 24 * time.Hour, KeyOrderPriority: "CertNotBefore", NamespaceAll: true, MaxRetries: 5,
		RateLimitPerSecond: 10, RateLimitBurst: 10, KubeClientQPS: 50, KubeClientBurst: 100, LogInfoToStdout: true, LogLevel: "INFO",
	}
	flag.StringVar(&flags.KeyPrefix, "key-prefix", "sealed-secrets-key", "beginning of the keys' names")
	flag.BoolVar(&flags.UpdateStatus, "update-status", true, "tell in a SealedSecret's status whether it was opened")
	flag.StringVar(&flags.MyCN, "my-cn", "", "common name of generated certificates")
	flag.DurationVar(&flags.KeyRenewPeriod, "key-renew-period", 0, "how often a new key is made (0: never)")
	flag.Parse()
	if err := controller.Main(&flags, "lab"); err != nil {
		fmt.Fprintln(os.Stderr, "sealed-secrets:", err)
		os.Exit(1)
	}
}
