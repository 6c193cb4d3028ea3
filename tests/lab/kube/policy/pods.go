package main

import (
	"cmp"
	"net/netip"
	"slices"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// endpoint is a pod that can send and receive: one with a network and an address of its own.
type endpoint struct {
	pod     *core.Pod
	address netip.Addr
	local   bool
}

// endpoints finds the pods that can send and receive, in the order of their addresses, and those of the node that are still to get an address.
func endpoints(node string, pods []*core.Pod, given map[types.UID]netip.Addr) (found []endpoint, waiting []*core.Pod) {
	byAddress := map[netip.Addr]endpoint{}
	for _, pod := range pods {
		if pod.Spec.HostNetwork || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
			continue
		}
		e := endpoint{pod, address(pod, given), pod.Spec.NodeName == node}
		switch {
		case e.address.IsValid():
			// An address that is given out again belongs to the newest pod, though the one before it may not be deleted yet.
			other, taken := byAddress[e.address]
			if !taken || cmp.Or(pod.CreationTimestamp.Compare(other.pod.CreationTimestamp.Time), cmp.Compare(key(pod), key(other.pod))) > 0 {
				byAddress[e.address] = e
			}
		case e.local:
			waiting = append(waiting, pod)
		}
	}
	for _, e := range byAddress {
		found = append(found, e)
	}
	slices.SortFunc(found, func(x, y endpoint) int { return x.address.Compare(y.address) })
	return found, waiting
}

// address is the pod's IPv4 address; the zero address while it has none.
func address(pod *core.Pod, given map[types.UID]netip.Addr) netip.Addr {
	if known, found := given[pod.UID]; found {
		return known
	}
	for _, ip := range pod.Status.PodIPs {
		if parsed, err := netip.ParseAddr(ip.IP); err == nil && parsed.Is4() {
			return parsed
		}
	}
	return netip.Addr{}
}

// port is the number that the pod gives to a port's name; 0 when it has no such port.
func (e endpoint) port(name string, protocol core.Protocol) int32 {
	containers := slices.Clone(e.pod.Spec.Containers)
	for _, container := range e.pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == core.ContainerRestartPolicyAlways {
			containers = append(containers, container)
		}
	}
	for _, container := range containers {
		for _, port := range container.Ports {
			if port.Name == name && cmp.Or(port.Protocol, core.ProtocolTCP) == protocol {
				return port.ContainerPort
			}
		}
	}
	return 0
}

func key(object meta.Object) string {
	return object.GetNamespace() + "/" + object.GetName()
}
