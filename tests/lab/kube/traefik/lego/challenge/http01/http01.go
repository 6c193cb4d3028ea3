// Package http01 says where an authority asks by HTTP.
package http01

import "time"

// PathPrefix is RFC 8555's.
const PathPrefix = "/.well-known/acme-challenge/"

// ChallengeOption has no effect.
type ChallengeOption struct{}

// SetDelay is an option.
func SetDelay(time.Duration) ChallengeOption { return ChallengeOption{} }
