package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// rule is one rule of a policy, for one direction.
type rule struct {
	peers []networking.NetworkPolicyPeer
	ports []networking.NetworkPolicyPort
	// pods and blocks are the peers, looked up.
	pods   map[netip.Addr]bool
	blocks []block
}

// block is a range of addresses with holes.
type block struct {
	cidr   netip.Prefix
	except []netip.Prefix
}

// span is a range of ports.
type span struct{ first, last int32 }

// rules looks up a policy's rules for one direction.
func (b *builder) rules(d *direction, policy *networking.NetworkPolicy) ([]rule, error) {
	var rules []rule
	if d.kind == networking.PolicyTypeIngress {
		for _, r := range policy.Spec.Ingress {
			rules = append(rules, rule{peers: r.From, ports: r.Ports})
		}
	} else {
		for _, r := range policy.Spec.Egress {
			rules = append(rules, rule{peers: r.To, ports: r.Ports})
		}
	}
	for i := range rules {
		if err := b.lookUp(&rules[i], policy.Namespace); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// lookUp finds the peers that a rule of a policy in the namespace names.
func (b *builder) lookUp(r *rule, namespace string) error {
	r.pods = map[netip.Addr]bool{}
	for _, peer := range r.peers {
		if peer.IPBlock != nil {
			found, err := parse(peer.IPBlock)
			if err != nil {
				return err
			}
			// The others are IPv6: no packet that is looked at is theirs.
			if found.cidr.Addr().Is4() {
				r.blocks = append(r.blocks, found)
			}
			continue
		}
		namespaces, err := selector(peer.NamespaceSelector)
		if err != nil {
			return err
		}
		pods, err := selector(peer.PodSelector)
		if err != nil {
			return err
		}
		for _, e := range b.endpoints {
			inside := e.pod.Namespace == namespace
			if peer.NamespaceSelector != nil {
				inside = namespaces.Matches(b.namespaces[e.pod.Namespace])
			}
			if inside && pods.Matches(labels.Set(e.pod.Labels)) {
				r.pods[e.address] = true
			}
		}
	}
	return nil
}

// selector reads a label selector; one that is not there selects everything.
func selector(of *meta.LabelSelector) (labels.Selector, error) {
	if of == nil {
		return labels.Everything(), nil
	}
	return meta.LabelSelectorAsSelector(of)
}

func parse(ipBlock *networking.IPBlock) (block, error) {
	var found []netip.Prefix
	for _, text := range append([]string{ipBlock.CIDR}, ipBlock.Except...) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return block{}, err
		}
		found = append(found, prefix.Masked())
	}
	return block{found[0], found[1:]}, nil
}

func (b block) contains(address netip.Addr) bool {
	return b.cidr.Contains(address) && !slices.ContainsFunc(b.except, func(hole netip.Prefix) bool { return hole.Contains(address) })
}

// includes tells whether a pod is among the rule's peers.
func (r rule) includes(e endpoint) bool {
	return len(r.peers) == 0 || r.pods[e.address] || slices.ContainsFunc(r.blocks, func(b block) bool { return b.contains(e.address) })
}

// peerMatches are the conditions for the rule's peers, of which one must hold.
func (b *builder) peerMatches(d *direction, r rule) []string {
	if len(r.peers) == 0 {
		return []string{""}
	}
	var matches []string
	if len(r.pods) > 0 {
		pods := b.set(func(e endpoint) bool { return r.pods[e.address] })
		matches = append(matches, fmt.Sprintf("%s @%s ", d.peer, pods))
	}
	for _, block := range r.blocks {
		match := fmt.Sprintf("%s %s ", d.peer, block.cidr)
		for _, hole := range block.except {
			match += fmt.Sprintf("%s != %s ", d.peer, hole)
		}
		matches = append(matches, match)
	}
	return matches
}

// portMatches are the conditions for the rule's ports, of which one must hold. A name means what the packet's destination calls so: towards the isolated pod that is itself.
func portMatches(d *direction, r rule, isolated endpoint) []string {
	if len(r.ports) == 0 {
		return []string{""}
	}
	var matches []string
	spans := map[string][]span{}
	for _, port := range r.ports {
		protocol := protocolOf(port)
		name := strings.ToLower(string(protocol))
		switch {
		case port.Port == nil:
			matches = append(matches, fmt.Sprintf("meta l4proto %s ", name))
		case port.Port.Type == intstr.Int:
			numbers := span{port.Port.IntVal, port.Port.IntVal}
			if port.EndPort != nil {
				numbers.last = *port.EndPort
			}
			spans[name] = append(spans[name], numbers)
		case d.kind == networking.PolicyTypeIngress:
			if number := isolated.port(port.Port.StrVal, protocol); number != 0 {
				spans[name] = append(spans[name], span{number, number})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spans)) {
		matches = append(matches, fmt.Sprintf("%s dport { %s } ", name, merged(spans[name])))
	}
	return matches
}

// namedMatches are the conditions for the named ports of a rule for egress: each peer may call another port so.
func (b *builder) namedMatches(d *direction, r rule) []string {
	var matches []string
	for _, port := range r.ports {
		if d.kind == networking.PolicyTypeIngress || port.Port == nil || port.Port.Type == intstr.Int {
			continue
		}
		protocol := protocolOf(port)
		numbers := map[int32]bool{}
		number := func(e endpoint) int32 {
			if !r.includes(e) {
				return 0
			}
			return e.port(port.Port.StrVal, protocol)
		}
		for _, e := range b.endpoints {
			numbers[number(e)] = true
		}
		delete(numbers, 0)
		for _, n := range slices.Sorted(maps.Keys(numbers)) {
			pods := b.set(func(e endpoint) bool { return number(e) == n })
			matches = append(matches, fmt.Sprintf("%s @%s %s dport %d ", d.peer, pods, strings.ToLower(string(protocol)), n))
		}
	}
	return matches
}

func protocolOf(port networking.NetworkPolicyPort) core.Protocol {
	if port.Protocol == nil {
		return core.ProtocolTCP
	}
	return *port.Protocol
}

// merged writes ranges of ports without overlaps, which nft does not take.
func merged(spans []span) string {
	slices.SortFunc(spans, func(x, y span) int { return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(x.last, y.last)) })
	var apart []span
	for _, s := range spans {
		if n := len(apart); n > 0 && s.first <= apart[n-1].last+1 {
			apart[n-1].last = max(apart[n-1].last, s.last)
		} else {
			apart = append(apart, s)
		}
	}
	var texts []string
	for _, s := range apart {
		if s.first == s.last {
			texts = append(texts, fmt.Sprint(s.first))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", s.first, s.last))
		}
	}
	return strings.Join(texts, ", ")
}
