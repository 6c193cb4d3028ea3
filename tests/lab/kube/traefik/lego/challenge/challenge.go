// Package challenge says what answers an authority's question.
package challenge

import "context"

// Provider shows an answer, and takes it away again.
type Provider interface {
	Present(ctx context.Context, domain, token, keyAuth string) error
	CleanUp(ctx context.Context, domain, token, keyAuth string) error
}
