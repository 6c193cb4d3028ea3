// Package tlsalpn01 names the protocol that an authority asks by in TLS.
package tlsalpn01

import (
	"errors"
	"time"
)

// ACMETLS1Protocol is RFC 8737's.
const ACMETLS1Protocol = "acme-tls/1"

// ChallengeOption has no effect.
type ChallengeOption struct{}

// SetDelay is an option.
func SetDelay(time.Duration) ChallengeOption { return ChallengeOption{} }

// ChallengeBlocks fails.
func ChallengeBlocks(string, string) ([]byte, []byte, error) { return nil, nil, errors.ErrUnsupported }
