package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	passes = 3 * time.Second
	// dropped is how long no answer is taken for none. A connection of this machine to itself takes a millisecond.
	dropped = 200 * time.Millisecond
)

// network is a node with pods as ptp makes them: network namespaces, each with a link of its own to the node, which routes all of their traffic.
type network struct {
	testing.TB
	name string
	pods int
}

var networks atomic.Int32

// newNetwork makes a node without pods; it is removed with all that is in it at the end of the test.
func newNetwork(t testing.TB) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces and loads nftables into them: run it as root")
	}
	n := &network{TB: t, name: fmt.Sprintf("policy-%d-%d", os.Getpid(), networks.Add(1))}
	n.addNamespace(n.name)
	n.ip("-n", n.name, "link", "set", "lo", "up")
	n.run("ip", "netns", "exec", n.name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	return n
}

func (n *network) addNamespace(name string) {
	n.Helper()
	n.ip("netns", "add", name)
	n.Cleanup(func() { n.ip("netns", "delete", name) })
}

// addPod makes the network of a pod with servers on the TCP and UDP ports.
func (n *network) addPod(address string, ports ...int) {
	n.Helper()
	n.pods++
	inside, link := n.of(address), fmt.Sprintf("veth%d", n.pods)
	n.addNamespace(inside)
	n.ip("-n", n.name, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", inside)
	n.ip("-n", n.name, "address", "add", "10.0.0.1/32", "dev", link)
	n.ip("-n", n.name, "link", "set", link, "up")
	n.ip("-n", n.name, "route", "add", address+"/32", "dev", link)
	n.ip("-n", inside, "address", "add", address+"/32", "dev", "eth0")
	n.ip("-n", inside, "link", "set", "eth0", "up")
	n.ip("-n", inside, "route", "add", "10.0.0.1", "dev", "eth0")
	n.ip("-n", inside, "route", "add", "default", "via", "10.0.0.1")
	for _, port := range ports {
		n.serve(inside, fmt.Sprintf("%s:%d", address, port))
	}
}

// of is the namespace of the pod with the address.
func (n *network) of(address string) string { return n.name + "-" + address }

// serve echoes what it is sent.
func (n *network) serve(namespace, address string) {
	n.Helper()
	n.inside(namespace, func() error {
		listener, err := net.Listen("tcp4", address)
		if err != nil {
			return err
		}
		packets, err := net.ListenPacket("udp4", address)
		if err != nil {
			return err
		}
		n.Cleanup(func() { listener.Close(); packets.Close() })
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				go func() { defer connection.Close(); io.Copy(connection, connection) }()
			}
		}()
		go func() {
			buffer := make([]byte, 16)
			for {
				size, peer, err := packets.ReadFrom(buffer)
				if err != nil {
					return
				}
				packets.WriteTo(buffer[:size], peer)
			}
		}()
		return nil
	})
}

// dial opens a connection in a namespace.
func (n *network) dial(namespace, protocol, address string, timeout time.Duration) (connection net.Conn, err error) {
	n.inside(namespace, func() error {
		connection, err = net.DialTimeout(protocol+"4", address, timeout)
		return nil
	})
	return connection, err
}

// answers tells whether a server answers within the time.
func answers(connection net.Conn, timeout time.Duration) bool {
	connection.SetDeadline(time.Now().Add(timeout))
	if _, err := connection.Write([]byte("x")); err != nil {
		return false
	}
	_, err := connection.Read(make([]byte, 1))
	return err == nil
}

// reaches tells whether a namespace gets an answer from a server.
func (n *network) reaches(namespace, protocol, address string, timeout time.Duration) bool {
	n.Helper()
	connection, err := n.dial(namespace, protocol, address, timeout)
	if err != nil {
		return false
	}
	defer connection.Close()
	return answers(connection, timeout)
}

// expect checks whether a pod ("" for the node) gets an answer.
func (n *network) expect(want bool, from, protocol, address string) {
	n.Helper()
	namespace, timeout := n.of(from), dropped
	if from == "" {
		namespace = n.name
	}
	if want {
		timeout = passes
	}
	if got := n.reaches(namespace, protocol, address, timeout); got != want {
		n.Errorf("from %q to %s %s: answered %t", from, protocol, address, got)
	}
}

// inside runs f on a thread of the namespace. Sockets stay in the namespace in which they were made; the thread ends with f.
func (n *network) inside(namespace string, f func() error) {
	n.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		file, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			defer file.Close()
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		n.Fatalf("in the network namespace %s: %v", namespace, err)
	}
}

// nft is the command that acts on the node.
func (n *network) nft() []string { return []string{"ip", "netns", "exec", n.name, "nft"} }

func (n *network) load(text string, flags ...string) {
	n.Helper()
	command := append(append(n.nft(), flags...), "-f", "-")
	if output, err := run(text, command...); err != nil {
		n.Errorf("nft does not take the ruleset: %v\n%s\n%s", err, output, text)
	}
}

func (n *network) ip(arguments ...string) {
	n.Helper()
	n.run(append([]string{"ip"}, arguments...)...)
}

func (n *network) run(command ...string) string {
	n.Helper()
	output, err := run("", command...)
	if err != nil {
		n.Fatalf("%s: %v: %s", command, err, output)
	}
	return output
}

func run(input string, command ...string) (string, error) {
	c := exec.Command(command[0], command[1:]...)
	c.Stdin = strings.NewReader(input)
	output, err := c.CombinedOutput()
	return string(bytes.TrimSpace(output)), err
}

func TestPackets(t *testing.T) {
	n := newNetwork(t)
	for _, address := range []string{web, api, ledger} {
		n.addPod(address, 80, 81, 8080, 9090)
	}
	enforce := func(policies string) {
		t.Helper()
		got, err := build(example(policies))
		if err != nil {
			t.Fatal(err)
		}
		n.load(got.text)
	}

	// A Service whose only endpoint is web, as kube-proxy makes it.
	const service = "10.96.0.1:443"
	n.load("table ip service {\n chain in {\n type nat hook prerouting priority dstnat;\n ip daddr 10.96.0.1 tcp dport 443 dnat to " + web + ":80\n }\n" +
		"chain out {\n type nat hook postrouting priority srcnat;\n ip saddr " + web + " ip daddr " + web + " masquerade\n }\n}")

	enforce(`{podSelector: {matchLabels: {app: none}}}`)
	n.expect(true, web, "tcp", api+":80")
	n.expect(true, api, "tcp", service)
	n.expect(true, web, "tcp", service)
	n.expect(true, ledger, "udp", web+":80")

	enforce(`{podSelector: {}, policyTypes: [Ingress, Egress]}`)
	n.expect(false, web, "tcp", api+":80")
	n.expect(false, web, "tcp", ledger+":80")
	n.expect(false, ledger, "udp", web+":80")
	n.expect(true, "", "tcp", web+":80")
	n.expect(false, api, "tcp", service)
	n.expect(true, web, "tcp", service)

	// Both sides must allow.
	const apiLetsWebIn = `{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}, {port: 80, endPort: 81, protocol: UDP}]}]}`
	const webMayGoToAPI = `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}]}`
	enforce(apiLetsWebIn + "\n---\n{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}")
	n.expect(false, web, "tcp", api+":9090")
	enforce(apiLetsWebIn + "\n---\n" + webMayGoToAPI)
	n.expect(true, web, "tcp", api+":9090")
	n.expect(true, web, "udp", api+":81")
	n.expect(false, web, "tcp", api+":81")
	n.expect(false, web, "udp", api+":9090")
	n.expect(false, web, "tcp", ledger+":80")
	n.expect(false, ledger, "tcp", api+":9090")
	n.expect(true, api, "tcp", ledger+":80")

	// A connection that is open stops when it is no longer allowed.
	connection, err := n.dial(n.of(web), "tcp", api+":9090", passes)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if !answers(connection, passes) {
		t.Error("the open connection does not work")
	}
	enforce(`{podSelector: {matchLabels: {app: api}}}`)
	if answers(connection, dropped) {
		t.Error("the open connection outlived the policy that allowed it")
	}

	// Blocks, and what they leave out.
	enforce(`{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.4/31]}}]}]}`)
	n.expect(true, web, "tcp", api+":80")
	n.expect(false, web, "tcp", ledger+":80")
	n.expect(true, ledger, "tcp", web+":80")
}
