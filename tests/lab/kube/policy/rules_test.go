package main

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const (
	web    = "10.0.0.2"
	api    = "10.0.0.3"
	ledger = "10.0.0.4"
	dns    = "10.0.1.5"
	away   = "10.0.1.6"
)

func namespace(name, team string) *core.Namespace {
	return &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"team": team}}}
}

func newPod(namespace, name, address string, change ...func(*core.Pod)) *core.Pod {
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name), Labels: map[string]string{"app": name}},
		Spec:       core.PodSpec{NodeName: "here"},
	}
	if address != "" {
		pod.Status.PodIPs = []core.PodIP{{IP: "fd00::1"}, {IP: address}}
	}
	for _, c := range change {
		c(pod)
	}
	return pod
}

func on(node string) func(*core.Pod) {
	return func(pod *core.Pod) { pod.Spec.NodeName = node }
}

func phase(phase core.PodPhase) func(*core.Pod) {
	return func(pod *core.Pod) { pod.Status.Phase = phase }
}

func listens(name string, number int32, protocol core.Protocol) func(*core.Pod) {
	return func(pod *core.Pod) {
		port := core.ContainerPort{Name: name, ContainerPort: number, Protocol: protocol}
		pod.Spec.Containers = append(pod.Spec.Containers, core.Container{Ports: []core.ContainerPort{port}})
	}
}

// starts adds containers that run before the others: one that ends, and a sidecar.
func starts(ends, sidecar int32) func(*core.Pod) {
	return func(pod *core.Pod) {
		for number, restart := range map[int32]core.ContainerRestartPolicy{ends: core.ContainerRestartPolicyNever, sidecar: core.ContainerRestartPolicyAlways} {
			port := core.ContainerPort{Name: "admin", ContainerPort: number}
			pod.Spec.InitContainers = append(pod.Spec.InitContainers, core.Container{RestartPolicy: &restart, Ports: []core.ContainerPort{port}})
		}
	}
}

func hostNetwork(pod *core.Pod) { pod.Spec.HostNetwork = true }

// example is a cluster of three namespaces and two nodes.
func example(policies string, more ...*core.Pod) cluster {
	return cluster{
		node:       "here",
		namespaces: []*core.Namespace{namespace("shop", "red"), namespace("bank", "blue"), namespace("kube-system", "ops")},
		pods: append([]*core.Pod{
			newPod("shop", "web", web, listens("http", 8080, ""), starts(1, 15000)),
			newPod("shop", "api", api, listens("metrics", 9100, core.ProtocolTCP), listens("http", 9090, core.ProtocolTCP)),
			newPod("bank", "ledger", ledger, listens("http", 8080, core.ProtocolUDP)),
			newPod("kube-system", "dns", dns, on("there"), listens("dns", 53, core.ProtocolUDP), listens("http", 8181, core.ProtocolTCP)),
			newPod("shop", "away", away, on("there")),
			newPod("shop", "proxy", "10.9.0.1", hostNetwork),
			newPod("shop", "finished", "10.0.0.9", phase(core.PodSucceeded)),
		}, more...),
		policies: parsePolicies(policies),
	}
}

// parsePolicies reads policies of the namespace shop: specs in YAML, separated by "---"; they are named a, b, c….
func parsePolicies(text string) []*networking.NetworkPolicy {
	var policies []*networking.NetworkPolicy
	for i, document := range strings.Split(text, "---") {
		policy := &networking.NetworkPolicy{ObjectMeta: meta.ObjectMeta{Namespace: "shop", Name: string(rune('a' + i))}}
		if err := yaml.UnmarshalStrict([]byte(document), &policy.Spec); err != nil {
			panic(err)
		}
		policies = append(policies, policy)
	}
	return policies
}

var setPattern = regexp.MustCompile(`(?s)set (\S+) \{\s+type ipv4_addr\s+(?:elements = (\{[^}]*\})\s+)?\}`)

// rulesOf are the rules of a chain but for the first (the pod itself) and the last (drop), with the sets written out; nil when there is no such chain.
func rulesOf(t *testing.T, text, chain string) []string {
	t.Helper()
	_, after, found := strings.Cut(text, "\tchain "+chain+" {\n")
	if !found {
		return nil
	}
	body, _, _ := strings.Cut(after, "\t}\n")
	for _, set := range setPattern.FindAllStringSubmatch(text, -1) {
		body = strings.ReplaceAll(body, "@"+set[1], set[2])
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimSpace(body), "\t", ""), "\n")
	if len(lines) < 3 || !strings.HasPrefix(lines[0], "comment ") || !strings.HasSuffix(lines[1], " return") || lines[len(lines)-1] != "counter drop" {
		t.Fatalf("chain %s is no list between the pod itself and drop:\n%s", chain, body)
	}
	return lines[2 : len(lines)-1]
}

func TestRules(t *testing.T) {
	tests := map[string]struct {
		policies string
		want     map[string][]string // by chain; all other chains must be absent
	}{
		"no policy isolates nobody": {
			policies: `{podSelector: {matchLabels: {app: none}}}`,
			want:     map[string][]string{},
		},
		"deny all, by default for ingress": {
			policies: `{podSelector: {}}`,
			want:     map[string][]string{"ingress-" + web: {}, "ingress-" + api: {}},
		},
		"egress rules make it a policy for both": {
			policies: `{podSelector: {matchLabels: {app: web}}, egress: [{}]}`,
			want:     map[string][]string{"ingress-" + web: {}, "egress-" + web: {`return comment "shop/a"`}},
		},
		"deny all in both directions": {
			policies: `{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]}`,
			want:     map[string][]string{"ingress-" + web: {}, "egress-" + web: {}},
		},
		"egress alone leaves ingress open": {
			policies: `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}`,
			want:     map[string][]string{"egress-" + web: {}},
		},
		"an empty rule allows everything": {
			policies: `{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [api]}]}, ingress: [{}]}`,
			want:     map[string][]string{"ingress-" + web: {`return comment "shop/a"`}},
		},
		"pods of the policy's own namespace": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}`,
			want:     map[string][]string{"ingress-" + web: {`ip saddr { 10.0.0.2, 10.0.0.3, 10.0.1.6 } return comment "shop/a"`}},
		},
		"pods of chosen namespaces": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: ledger}}}]}]}`,
			want:     map[string][]string{"ingress-" + web: {`ip saddr { 10.0.0.4 } return comment "shop/a"`}},
		},
		"both selectors must match": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: api}}}]}]}`,
			want:     map[string][]string{"ingress-" + web: {}},
		},
		"two peers are alternatives": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: api}}}]}]}`,
			want:     map[string][]string{"ingress-" + web: {`ip saddr { 10.0.0.3, 10.0.0.4 } return comment "shop/a"`}},
		},
		"all namespaces, other nodes' pods too": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {}}]}]}`,
			want:     map[string][]string{"ingress-" + web: {`ip saddr { 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.1.5, 10.0.1.6 } return comment "shop/a"`}},
		},
		"block with exceptions that overlap": {
			policies: `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.1.0.0/16, 10.1.2.0/24]}}], ports: [{port: 443}]}]}`,
			want:     map[string][]string{"egress-" + web: {`ip daddr 10.0.0.0/8 ip daddr != 10.1.0.0/16 ip daddr != 10.1.2.0/24 tcp dport { 443 } return comment "shop/a"`}},
		},
		"a block of IPv6 allows no IPv4": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: "::/0"}}]}]}`,
			want:     map[string][]string{"ingress-" + web: {}},
		},
		"peers and ports multiply": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}, {ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}, {port: 53, protocol: UDP}]}]}`,
			want: map[string][]string{"ingress-" + web: {
				`ip saddr { 10.0.0.3 } tcp dport { 80 } return comment "shop/a"`,
				`ip saddr 192.0.2.0/24 tcp dport { 80 } return comment "shop/a"`,
				`ip saddr { 10.0.0.3 } udp dport { 53 } return comment "shop/a"`,
				`ip saddr 192.0.2.0/24 udp dport { 53 } return comment "shop/a"`,
			}},
		},
		"ranges of ports, merged": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 85, endPort: 100}, {port: 80, endPort: 90}, {port: 82}, {port: 443}, {port: 5000, endPort: 5001, protocol: SCTP}]}]}`,
			want: map[string][]string{"ingress-" + web: {
				`sctp dport { 5000-5001 } return comment "shop/a"`,
				`tcp dport { 80-100, 443 } return comment "shop/a"`,
			}},
		},
		"a protocol alone is all its ports": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{protocol: UDP}]}]}`,
			want:     map[string][]string{"ingress-" + web: {`meta l4proto udp return comment "shop/a"`}},
		},
		"a port's name is each isolated pod's own for ingress": {
			policies: `{podSelector: {}, ingress: [{ports: [{port: http}, {port: http, protocol: UDP}]}]}`,
			want: map[string][]string{
				"ingress-" + web: {`tcp dport { 8080 } return comment "shop/a"`},
				"ingress-" + api: {`tcp dport { 9090 } return comment "shop/a"`},
			},
		},
		"a port's name is of a sidecar, not of a container that ends": {
			policies: `{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: admin}]}]}`,
			want:     map[string][]string{"ingress-" + web: {`tcp dport { 15000 } return comment "shop/a"`}},
		},
		"a port's name is each peer's own for egress": {
			policies: `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`,
			want: map[string][]string{"egress-" + web: {
				`ip daddr { 10.0.0.2 } tcp dport 8080 return comment "shop/a"`,
				`ip daddr { 10.0.1.5 } tcp dport 8181 return comment "shop/a"`,
				`ip daddr { 10.0.0.3 } tcp dport 9090 return comment "shop/a"`,
			}},
		},
		"a port's name for egress to chosen peers only": {
			policies: `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}, {ipBlock: {cidr: 10.0.1.0/24}}], ports: [{port: http}, {port: 53, protocol: UDP}]}]}`,
			want: map[string][]string{"egress-" + web: {
				`ip daddr { 10.0.1.5 } tcp dport 8181 return comment "shop/a"`,
				`ip daddr { 10.0.0.3 } tcp dport 9090 return comment "shop/a"`,
				`ip daddr { 10.0.0.3 } udp dport { 53 } return comment "shop/a"`,
				`ip daddr 10.0.1.0/24 udp dport { 53 } return comment "shop/a"`,
			}},
		},
		"egress to DNS only": {
			policies: `{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: dns}}}], ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}]}`,
			want: map[string][]string{
				"egress-" + web: {`ip daddr { 10.0.1.5 } tcp dport { 53 } return comment "shop/a"`, `ip daddr { 10.0.1.5 } udp dport { 53 } return comment "shop/a"`},
				"egress-" + api: {`ip daddr { 10.0.1.5 } tcp dport { 53 } return comment "shop/a"`, `ip daddr { 10.0.1.5 } udp dport { 53 } return comment "shop/a"`},
			},
		},
		"policies add up": {
			policies: `{podSelector: {}, policyTypes: [Ingress, Egress]}
---
{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}
---
{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}]}
---
{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`,
			want: map[string][]string{
				"ingress-" + web: {}, "egress-" + api: {},
				"ingress-" + api: {`ip saddr { 10.0.0.2 } return comment "shop/b"`, `ip saddr 0.0.0.0/0 return comment "shop/d"`},
				"egress-" + web:  {`ip daddr { 10.0.0.3 } return comment "shop/c"`},
			},
		},
	}
	node := newNetwork(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := build(example(test.policies))
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"ingress-", "egress-"} {
				for _, address := range []string{web, api, ledger, dns, away, "10.9.0.1", "10.0.0.9"} {
					chain := kind + address
					rules, want := rulesOf(t, got.text, chain), test.want[chain]
					if (rules == nil) != (want == nil) || !slices.Equal(rules, want) {
						t.Errorf("%s\n got %q\nwant %q", chain, rules, want)
					}
				}
			}
			node.load(got.text, "--check")
		})
	}
}

func TestTextIsTheSameWhateverTheOrder(t *testing.T) {
	policies := "{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 1}, {port: http, protocol: UDP}, {port: 3, protocol: SCTP}]}]}\n---\n{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}"
	c := example(policies)
	first, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		slices.Reverse(c.pods)
		slices.Reverse(c.policies)
		slices.Reverse(c.namespaces)
		if again, _ := build(c); again != first {
			t.Fatalf("the text differs:\n%s\n%s", first.text, again.text)
		}
	}
	if first.policies != 2 || first.pods != 3 || first.isolated != 2 {
		t.Errorf("figures: %d policies, %d pods, %d isolated", first.policies, first.pods, first.isolated)
	}
}

func TestWholeText(t *testing.T) {
	const want = `add table inet kube-policy
delete table inet kube-policy
table inet kube-policy {
	set pods-a9a5126d7cca {
		type ipv4_addr
		elements = { 10.0.0.3 }
	}
	map egress {
		type ipv4_addr : verdict
	}
	chain ingress-10.0.0.2 {
		comment "shop/web"
		ip saddr 10.0.0.2 return
		ip saddr @pods-a9a5126d7cca tcp dport { 80 } return comment "shop/a"
		counter drop
	}
	map ingress {
		type ipv4_addr : verdict
		elements = { 10.0.0.2 : jump ingress-10.0.0.2 }
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state related accept
		ct state established ct direction reply accept
		ip saddr vmap @egress
		ip daddr vmap @ingress
	}
}
`
	got, err := build(example(`{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 80}]}]}`))
	if err != nil || got.text != want {
		t.Errorf("%v\n%s", err, got.text)
	}
}

func TestAddressBelongsToTheNewestPod(t *testing.T) {
	younger := func(pod *core.Pod) { pod.CreationTimestamp = meta.NewTime(time.Unix(1, 0)) }
	got, err := build(example(`{podSelector: {matchLabels: {app: next}}}`, newPod("shop", "next", web, younger)))
	if err != nil {
		t.Fatal(err)
	}
	if rulesOf(t, got.text, "ingress-"+web) == nil || !strings.Contains(got.text, `comment "shop/next"`) {
		t.Errorf("the pod that has the address now is not isolated:\n%s", got.text)
	}
}

func TestPodsThatStart(t *testing.T) {
	const (
		guardIn  = `oifname "veth*" ip daddr != `
		guardOut = `iifname "veth*" ip saddr != `
	)
	starting := newPod("shop", "starting", "")
	tests := map[string]struct {
		policies string
		pod      *core.Pod
		given    string
		in, out  bool
	}{
		"isolated in both directions": {`{podSelector: {}, policyTypes: [Ingress, Egress]}`, starting, "", true, true},
		"isolated for ingress":        {`{podSelector: {}}`, starting, "", true, false},
		"not isolated":                {`{podSelector: {matchLabels: {app: web}}}`, starting, "", false, false},
		"on another node":             {`{podSelector: {}}`, newPod("shop", "starting", "", on("there")), "", false, false},
		"on the node's network":       {`{podSelector: {}}`, newPod("shop", "starting", "", hostNetwork), "", false, false},
		"failed before its start":     {`{podSelector: {}}`, newPod("shop", "starting", "", phase(core.PodFailed)), "", false, false},
		"address given by the plugin": {`{podSelector: {}}`, starting, "10.0.0.7", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := example(test.policies, test.pod)
			if test.given != "" {
				c.given = map[types.UID]netip.Addr{test.pod.UID: netip.MustParseAddr(test.given)}
			}
			got, err := build(c)
			if err != nil {
				t.Fatal(err)
			}
			if in := strings.Contains(got.text, guardIn); in != test.in {
				t.Errorf("towards unknown addresses guarded: %t", in)
			}
			if out := strings.Contains(got.text, guardOut); out != test.out {
				t.Errorf("from unknown addresses guarded: %t", out)
			}
			if isolated := strings.Contains(got.text, "chain ingress-10.0.0.7 "); isolated != (test.given != "") {
				t.Errorf("isolated by the given address: %t", isolated)
			}
		})
	}
}

func TestMistakesNameThePolicy(t *testing.T) {
	for _, spec := range []string{
		`{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}`,
		`{podSelector: {matchExpressions: [{key: app, operator: Like}]}}`,
	} {
		if _, err := build(example(spec)); err == nil || !strings.Contains(err.Error(), "network policy shop/a: ") {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// A name of the greatest length must not make nft refuse the text.
func TestLongNames(t *testing.T) {
	c := example(`{podSelector: {}, ingress: [{}]}`, newPod("shop", strings.Repeat("p", 253), "10.0.0.7"))
	c.policies[0].Name = strings.Repeat("n", 253)
	got, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	newNetwork(t).load(got.text)
}

func BenchmarkBuild(b *testing.B) {
	var pods []*core.Pod
	for i := range 500 {
		address := netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(i%250 + 2)})
		change := func(*core.Pod) {}
		if i >= 110 {
			change = on("there")
		}
		pods = append(pods, newPod("shop", "pod", address.String(), change))
	}
	c := example(strings.Repeat("{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}\n---\n", 29)+"{podSelector: {}}", pods...)
	b.ReportAllocs()
	var text string
	for b.Loop() {
		got, err := build(c)
		if err != nil {
			b.Fatal(err)
		}
		text = got.text
	}
	node := newNetwork(b)
	began := time.Now()
	node.load(text)
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/load")
	b.ReportMetric(float64(len(text)), "bytes/text")
}
