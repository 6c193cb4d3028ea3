// Package lego stands for the ACME client of that name, which Traefik cannot be compiled without. The lab has no authority that speaks
// ACME, its certificates are Secrets, and Lego brings the clients of some 180 DNS providers: so here is what Traefik names of it, and each
// use fails. A cluster elsewhere runs Traefik's own image.
package lego

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/challenge/http01"
	"github.com/go-acme/lego/v5/challenge/tlsalpn01"
	"github.com/go-acme/lego/v5/registration"
)

// DirectoryURLLetsEncrypt is the default in Traefik's configuration.
const DirectoryURLLetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Config is a client's.
type Config struct {
	CADirURL    string
	UserAgent   string
	HTTPClient  *http.Client
	Certificate struct{ Timeout time.Duration }
}

// Client is never made.
type Client struct {
	Challenge    Challenges
	Registration registration.Registrar
	Certificate  certificate.Certifier
}

// NewConfig makes a configuration.
func NewConfig(any) *Config { return &Config{} }

// NewClient fails.
func NewClient(*Config) (*Client, error) { return nil, errors.ErrUnsupported }

// CreateCertPool fails.
func CreateCertPool([]string, bool) (*x509.CertPool, error) { return nil, errors.ErrUnsupported }

// Challenges takes none.
type Challenges struct{}

// SetDNS01Provider fails.
func (Challenges) SetDNS01Provider(challenge.Provider, ...dns01.ChallengeOption) error {
	return errors.ErrUnsupported
}

// SetHTTP01Provider fails.
func (Challenges) SetHTTP01Provider(challenge.Provider, ...http01.ChallengeOption) error {
	return errors.ErrUnsupported
}

// SetTLSALPN01Provider fails.
func (Challenges) SetTLSALPN01Provider(challenge.Provider, ...tlsalpn01.ChallengeOption) error {
	return errors.ErrUnsupported
}
