package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// maxComment is how many bytes a comment in nftables can hold.
const maxComment = 127

// cluster is what a ruleset is computed from.
type cluster struct {
	node       string
	pods       []*core.Pod
	namespaces []*core.Namespace
	policies   []*networking.NetworkPolicy
	// given holds the addresses that the CNI plugin gave to this node's pods. It is ahead of the pods' status.
	given map[types.UID]netip.Addr
}

// ruleset is the text for nft, and the figures that describe it.
type ruleset struct {
	text                     string
	policies, pods, isolated int
}

// direction is one of the two in which pods can be isolated.
type direction struct {
	kind networking.PolicyType
	Name string
	// Pod and peer are the addresses of a packet that belong to the isolated pod and to its peer, Link is the pod's side of the forwarding.
	Pod, peer, Link string
	Chains          []chain
	// Known is the set of the node's pods, empty unless pods that are to be isolated have no address yet.
	Known string
}

// chain is what one isolated pod may do in one direction. Its rules return what they allow, so that the other direction is looked at too.
type chain struct {
	Name, Comment string
	Address       netip.Addr
	Rules         []string
}

// builder holds what both directions need.
type builder struct {
	endpoints  []endpoint
	waiting    []*core.Pod
	namespaces map[string]labels.Set
	policies   []*networking.NetworkPolicy
	sets       map[string]string
}

// build computes the ruleset of a node. It fails on a policy that no API server lets in.
func build(c cluster) (ruleset, error) {
	b := builder{namespaces: map[string]labels.Set{}, sets: map[string]string{}}
	b.endpoints, b.waiting = endpoints(c.node, c.pods, c.given)
	for _, namespace := range c.namespaces {
		b.namespaces[namespace.Name] = namespace.Labels
	}
	b.policies = slices.SortedFunc(slices.Values(c.policies), func(x, y *networking.NetworkPolicy) int { return cmp.Compare(key(x), key(y)) })
	directions := []*direction{
		{kind: networking.PolicyTypeEgress, Name: "egress", Pod: "ip saddr", peer: "ip daddr", Link: "iifname"},
		{kind: networking.PolicyTypeIngress, Name: "ingress", Pod: "ip daddr", peer: "ip saddr", Link: "oifname"},
	}
	isolated := map[netip.Addr]bool{}
	for _, d := range directions {
		if err := b.isolate(d); err != nil {
			return ruleset{}, err
		}
		for _, chain := range d.Chains {
			isolated[chain.Address] = true
		}
	}
	var text strings.Builder
	err := layout.Execute(&text, map[string]any{"Sets": b.sets, "Directions": directions})
	local := slices.DeleteFunc(slices.Clone(b.endpoints), func(e endpoint) bool { return !e.local })
	return ruleset{text.String(), len(b.policies), len(local), len(isolated)}, err
}

// isolate fills in a direction: a chain for each of the node's pods that a policy selects.
func (b *builder) isolate(d *direction) error {
	chains := map[netip.Addr]*chain{}
	for _, policy := range b.policies {
		if err := b.apply(d, policy, chains); err != nil {
			return fmt.Errorf("network policy %s: %w", key(policy), err)
		}
	}
	for _, address := range slices.SortedFunc(maps.Keys(chains), netip.Addr.Compare) {
		d.Chains = append(d.Chains, *chains[address])
	}
	return nil
}

// apply adds to the chains what a policy allows the pods that it selects.
func (b *builder) apply(d *direction, policy *networking.NetworkPolicy, chains map[netip.Addr]*chain) error {
	if !isolates(policy, d.kind) {
		return nil
	}
	matches, err := selector(&policy.Spec.PodSelector)
	if err != nil {
		return err
	}
	selects := func(pod *core.Pod) bool {
		return pod.Namespace == policy.Namespace && matches.Matches(labels.Set(pod.Labels))
	}
	if slices.ContainsFunc(b.waiting, selects) {
		d.Known = b.set(func(e endpoint) bool { return e.local })
	}
	selected := slices.DeleteFunc(slices.Clone(b.endpoints), func(e endpoint) bool { return !e.local || !selects(e.pod) })
	for _, e := range selected {
		if chains[e.address] == nil {
			// A pod always reaches itself: through a Service it does so by way of the node.
			itself := fmt.Sprintf("%s %s return", d.peer, e.address)
			chains[e.address] = &chain{fmt.Sprintf("%s-%s", d.Name, e.address), comment(e.pod), e.address, []string{itself}}
		}
	}
	if len(selected) == 0 {
		return nil
	}
	rules, err := b.rules(d, policy)
	for _, r := range rules {
		peers, named := b.peerMatches(d, r), b.namedMatches(d, r)
		for _, e := range selected {
			matches := slices.Clone(named)
			for _, port := range portMatches(d, r, e) {
				for _, peer := range peers {
					matches = append(matches, peer+port)
				}
			}
			for _, match := range matches {
				chains[e.address].Rules = append(chains[e.address].Rules, fmt.Sprintf("%sreturn comment %q", match, comment(policy)))
			}
		}
	}
	return err
}

// isolates tells whether the pods that a policy selects may do, in one direction, only what policies allow.
func isolates(policy *networking.NetworkPolicy, kind networking.PolicyType) bool {
	if len(policy.Spec.PolicyTypes) == 0 {
		return kind == networking.PolicyTypeIngress || len(policy.Spec.Egress) > 0
	}
	return slices.Contains(policy.Spec.PolicyTypes, kind)
}

// set gives a name to the set of the addresses of some pods.
func (b *builder) set(includes func(endpoint) bool) string {
	var addresses []string
	for _, e := range b.endpoints {
		if includes(e) {
			addresses = append(addresses, e.address.String())
		}
	}
	elements := strings.Join(addresses, ", ")
	// A name made of the content lets chains share the set, and does not change with other sets.
	name := fmt.Sprintf("pods-%.6x", sha256.Sum256([]byte(elements)))
	b.sets[name] = elements
	return name
}

// comment names an object, as far as a comment in nftables has room.
func comment(object meta.Object) string {
	name := key(object)
	return name[:min(len(name), maxComment)]
}
