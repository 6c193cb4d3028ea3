// Package ext is where makers of other editions of Traefik put what they add to its configuration: nothing here, as in Traefik itself.
// Its folder is not part of the module that is published.
package ext

// HTTP adds to the configuration of HTTP.
type HTTP struct{}

// Router adds to a router.
type Router struct{}
