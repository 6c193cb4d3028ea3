package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// result is what libcni keeps of a CNI plugin's ADD, as far as it says which pod got which addresses (from version 0.3 of CNI).
type result struct {
	Args   [][2]string `json:"cniArgs"`
	Result struct {
		IPs []struct {
			Address netip.Prefix `json:"address"`
		} `json:"ips"`
	} `json:"result"`
}

// givenAddresses reads the addresses that the CNI plugin gave to the node's pods from libcni's results. They are written before a pod's first container starts; the API learns of an address after that.
func givenAddresses(folder string) (map[types.UID]netip.Addr, error) {
	entries, err := os.ReadDir(folder)
	given, written := map[types.UID]netip.Addr{}, map[types.UID]time.Time{}
	for _, entry := range entries {
		var r result
		info, gone := entry.Info()
		content, unreadable := os.ReadFile(filepath.Join(folder, entry.Name()))
		if gone != nil || unreadable != nil || json.Unmarshal(content, &r) != nil {
			// It is being written or removed; the watch tells when that is done.
			continue
		}
		for _, ip := range r.Result.IPs {
			// A pod whose sandbox is made anew may have two results: the later one counts.
			if address := ip.Address.Addr(); address.Is4() && !address.IsLoopback() && !info.ModTime().Before(written[r.pod()]) {
				given[r.pod()], written[r.pod()] = address, info.ModTime()
			}
		}
	}
	return given, err
}

// pod is the UID of the pod that the result is of.
func (r result) pod() types.UID {
	for _, arg := range r.Args {
		if arg[0] == "K8S_POD_UID" {
			return types.UID(arg[1])
		}
	}
	return ""
}
