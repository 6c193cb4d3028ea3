// Package certificate would order certificates.
package certificate

import (
	"context"
	"errors"

	"github.com/go-acme/lego/v5/certcrypto"
)

// Resource is a certificate and its key.
type Resource struct {
	ID          string
	Domains     []string
	PrivateKey  []byte
	Certificate []byte
}

// ObtainRequest is an order.
type ObtainRequest struct {
	Domains          []string
	EmailAddresses   []string
	Bundle           bool
	EnableCommonName bool
	Profile          string
	PreferredChain   string
	KeyType          certcrypto.KeyType
}

// RenewOptions are of an order for another one.
type RenewOptions struct {
	EmailAddresses   []string
	Bundle           bool
	EnableCommonName bool
	Profile          string
	PreferredChain   string
}

// Certifier orders nothing.
type Certifier struct{}

// Obtain fails.
func (Certifier) Obtain(context.Context, ObtainRequest) (*Resource, error) {
	return nil, errors.ErrUnsupported
}

// Renew fails.
func (Certifier) Renew(context.Context, Resource, *RenewOptions) (*Resource, error) {
	return nil, errors.ErrUnsupported
}
