// Command sealed-secrets is the controller that opens SealedSecrets, with the flags of its own that the lab needs.
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
		KeyPrefix: "sealed-secrets-key", KeySize: 4096, ValidFor: 10 * 365 * 24 * time.Hour,
		KeyOrderPriority: "CertNotBefore", NamespaceAll: true, UpdateStatus: true, MaxRetries: 5,
		RateLimitPerSecond: 10, RateLimitBurst: 10, KubeClientQPS: 50, KubeClientBurst: 100, LogInfoToStdout: true, LogLevel: "INFO",
	}
	flag.StringVar(&flags.MyCN, "my-cn", "", "common name of generated certificates")
	flag.DurationVar(&flags.KeyRenewPeriod, "key-renew-period", 0, "how often a new key is made (0: never)")
	flag.Parse()
	if err := controller.Main(&flags, "lab"); err != nil {
		fmt.Fprintln(os.Stderr, "sealed-secrets:", err)
		os.Exit(1)
	}
}
