package main

import (
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
)

// startEnforcer runs an enforcer for the example's pods until the test ends.
func startEnforcer(t *testing.T, lookAgain time.Duration, nft []string) (*fake.Clientset, *enforcer) {
	t.Helper()
	var objects []runtime.Object
	c := example("{podSelector: {matchLabels: {app: none}}}")
	for _, pod := range c.pods {
		objects = append(objects, pod)
	}
	for _, namespace := range c.namespaces {
		objects = append(objects, namespace)
	}
	client := fake.NewClientset(objects...)
	e, err := newEnforcer(client, "here", filepath.Join(t.TempDir(), "results"), nft...)
	if err != nil {
		t.Fatal(err)
	}
	e.lookAgain = lookAgain
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	if err := e.start(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { e.run(ctx); close(ended) }()
	return client, e
}

func create(t *testing.T, client *fake.Clientset, name, spec string) {
	t.Helper()
	policy := parsePolicies(spec)[0]
	policy.Name = name
	if _, err := client.NetworkingV1().NetworkPolicies("shop").Create(t.Context(), policy, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func (n *network) hasTable() bool {
	return strings.Contains(n.run(append(n.nft(), "list", "tables")...), "kube-policy")
}

func TestEnforcer(t *testing.T) {
	n := newNetwork(t)
	n.addPod(web)
	n.addPod(api, 80)
	reaches := func() bool { return n.reaches(n.of(web), "tcp", api+":80", dropped) }
	client, _ := startEnforcer(t, 200*time.Millisecond, n.nft())
	eventually(t, "the table is there", n.hasTable)
	n.expect(true, web, "tcp", api+":80")

	create(t, client, "deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}")
	eventually(t, "a new policy counts", func() bool { return !reaches() })

	n.run(append(n.nft(), "flush", "ruleset")...)
	eventually(t, "a table that others removed is back", n.hasTable)
	n.expect(false, web, "tcp", api+":80")

	if err := client.NetworkingV1().NetworkPolicies("shop").Delete(t.Context(), "deny", meta.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a policy that is gone counts no more", reaches)
}

func TestEnforcerIsolatesNewPodsFromTheirStart(t *testing.T) {
	const starting = "10.0.0.7"
	n := newNetwork(t)
	n.addPod(ledger, 80)
	n.addPod(starting, 80)
	reaches := func() bool { return n.reaches(n.of(ledger), "tcp", starting+":80", dropped) }
	// Looking again is not what may find the address.
	client, e := startEnforcer(t, time.Hour, n.nft())
	create(t, client, "in", "{podSelector: {matchLabels: {app: starting}}, policyTypes: [Ingress, Egress], ingress: [{}]}")
	if _, err := client.CoreV1().Pods("shop").Create(t.Context(), newPod("shop", "starting", ""), meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an address of nobody is not reached", func() bool { return !reaches() })
	n.expect(false, starting, "tcp", ledger+":80")

	result := `{"kind":"cniCacheV1","cniArgs":[["K8S_POD_UID","shopstarting"]],"result":{"ips":[{"address":"10.0.0.7/24"}]}}`
	if err := os.WriteFile(filepath.Join(e.results, "pods-1-eth0"), []byte(result), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pod is reached when the plugin has given it an address", reaches)
	n.expect(false, starting, "tcp", ledger+":80")
}

// nft is called again when it failed, though nothing changed, and not when what changed leaves the text as it is.
func TestEnforcerCallsOnlyWhenNeeded(t *testing.T) {
	n := newNetwork(t)
	folder := t.TempDir()
	script := "cd " + folder + `; echo "$@" >> calls; test -e ready || { echo 'not now' >&2; exit 1; }; exec ` + strings.Join(n.nft(), " ") + ` "$@"`
	client, e := startEnforcer(t, time.Hour, []string{"sh", "-c", script, "nft"})
	calls := func() int {
		text, _ := os.ReadFile(filepath.Join(folder, "calls"))
		return strings.Count(string(text), "-f -\n")
	}
	if err := e.call(t.Context(), "", "list", "tables"); err == nil || !strings.Contains(err.Error(), "exit status 1: not now") {
		t.Errorf("the error does not say what nft said: %v", err)
	}
	eventually(t, "nft is called", func() bool { return calls() > 0 })
	if err := os.WriteFile(filepath.Join(folder, "ready"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the table is there", n.hasTable)

	before := calls()
	pod := newPod("shop", "web", web)
	pod.Labels["version"] = "2"
	if _, err := client.CoreV1().Pods("shop").Update(t.Context(), pod, meta.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(6 * debounce)
	if after := calls(); after != before {
		t.Errorf("nft was called %d times for the same text", after-before)
	}
}

func TestGivenAddresses(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, content := range []string{
		`{"cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAME","web"],["K8S_POD_UID","u1"]],"result":{"ips":[{"address":"fd00::2/64"},{"address":"10.0.0.2/24","gateway":"10.0.0.1"}]}}`,
		`{"cniArgs":[["K8S_POD_UID","u1"]],"result":{"ips":[{"address":"127.0.0.1/8"}]}}`,
		`{"cniArgs":[["K8S_POD_UID","u2"]],"result":{"ips":[{"address":"10.0.0.4/24"}]}}`,
		`{"cniArgs":[["K8S_POD_UID","u2"]],"result":{"ips":[{"address":"10.0.0.3/24"}]}}`,
		`{"cniArgs":[["K8S_POD_UID","u3"]],"result":{"ips":[{"addr`,
		``,
	} {
		name := filepath.Join(folder, string(rune('z'-i)))
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		written := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(name, written, written); err != nil {
			t.Fatal(err)
		}
	}
	given, err := givenAddresses(folder)
	want := map[types.UID]netip.Addr{"u1": netip.MustParseAddr("10.0.0.2"), "u2": netip.MustParseAddr("10.0.0.3")}
	if err != nil || !maps.Equal(given, want) {
		t.Errorf("%v, %v; want %v", given, err, want)
	}
}
