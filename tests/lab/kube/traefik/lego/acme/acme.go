// Package acme has what is written to disk of an account.
package acme

// Account is an account's public part.
type Account struct{}

// ExtendedAccount is an account and its address.
type ExtendedAccount struct {
	Account

	Location string
}
