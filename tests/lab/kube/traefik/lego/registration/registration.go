// Package registration would make accounts.
package registration

import (
	"context"
	"errors"

	"github.com/go-acme/lego/v5/acme"
)

// RegisterOptions are an account's.
type RegisterOptions struct{ TermsOfServiceAgreed bool }

// RegisterEABOptions are those of an account that an authority knows already.
type RegisterEABOptions struct {
	TermsOfServiceAgreed bool
	Kid                  string
	HmacEncoded          string
}

// Registrar makes none.
type Registrar struct{}

// Register fails.
func (Registrar) Register(context.Context, RegisterOptions) (*acme.ExtendedAccount, error) {
	return nil, errors.ErrUnsupported
}

// RegisterWithExternalAccountBinding fails.
func (Registrar) RegisterWithExternalAccountBinding(context.Context, RegisterEABOptions) (*acme.ExtendedAccount, error) {
	return nil, errors.ErrUnsupported
}
