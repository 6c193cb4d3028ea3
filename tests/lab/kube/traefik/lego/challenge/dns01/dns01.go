// Package dns01 has the one function on names that Traefik uses everywhere, and options of a challenge without effect.
package dns01

import (
	"strings"
	"time"
)

// UnFqdn takes a name's last dot away.
func UnFqdn(name string) string { return strings.TrimSuffix(name, ".") }

// Options say which name servers are asked.
type Options struct{ RecursiveNameservers []string }

// Client asks none.
type Client struct{}

// ChallengeOption has no effect.
type ChallengeOption struct{}

// NewClient makes a client.
func NewClient(*Options) *Client { return nil }

// SetDefaultClient does nothing.
func SetDefaultClient(*Client) {}

// CondOptions is an option where something holds.
func CondOptions(bool, ...ChallengeOption) ChallengeOption { return ChallengeOption{} }

// DisableAuthoritativeNssPropagationRequirement is an option.
func DisableAuthoritativeNssPropagationRequirement() ChallengeOption { return ChallengeOption{} }

// DisableRecursiveNSsPropagationRequirement is an option.
func DisableRecursiveNSsPropagationRequirement() ChallengeOption { return ChallengeOption{} }

// PropagationWait is an option.
func PropagationWait(time.Duration, bool) ChallengeOption { return ChallengeOption{} }
