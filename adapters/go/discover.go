// Who is at these hosts? Asked over mutual TLS, never believed.

package main

import (
	"encoding/json"
	"net"
	"sort"
	"strings"
	"time"
)

func discover(t *till, it *request) (interface{}, *failure) {
	t.lock.Lock()
	ready := t.ready
	t.lock.Unlock()
	if !ready {
		return nil, fail("usage", "", "configure has not come")
	}
	if len(it.Hosts) == 0 {
		return nil, &failure{Class: "unsupported"} // no mDNS, and the profile says so
	}
	var hosts []string
	if err := json.Unmarshal(it.Hosts, &hosts); err != nil {
		return nil, fail("usage", "", "hosts: %v", err)
	}
	window := time.Duration(it.TimeoutMs) * time.Millisecond
	if window <= 0 {
		window = 2 * time.Second
	}
	until := time.Now().Add(window)
	type found struct {
		address, ip string
		reader      *reader
		err         error
	}
	answers := make(chan found, len(hosts))
	for _, host := range hosts {
		go func(host string) {
			f := found{address: withPort(host)}
			var l *line
			if l, f.err = t.dial("", f.address, until); f.err == nil {
				defer l.close()
				f.ip, _, _ = net.SplitHostPort(l.conn.RemoteAddr().String())
				f.reader, f.err = l.whoIsThere(until)
			}
			answers <- f
		}(host)
	}
	type seen struct {
		ID     string `json:"id"`
		IP     string `json:"ip"`
		Model  string `json:"model"`
		Status string `json:"status"`
	}
	readers, leftOut := []seen{}, []map[string]string{}
	for range hosts {
		f := <-answers
		if f.err != nil {
			leftOut = append(leftOut, map[string]string{"address": f.address, "why": f.err.Error()})
			continue
		}
		known := false
		for _, r := range readers {
			known = known || r.ID == f.reader.ID
		}
		if known {
			continue
		}
		readers = append(readers, seen{f.reader.ID, f.ip, f.reader.Model, f.reader.Status})
		t.lock.Lock()
		t.hosts[f.reader.ID] = f.address
		t.lock.Unlock()
	}
	sort.Slice(readers, func(i, j int) bool { return readers[i].ID < readers[j].ID })
	return map[string]interface{}{"readers": readers, "leftOut": leftOut}, nil
}

// withPort adds the usual port where a host has none: `host`, `host:port`, `[IPv6]`, `[IPv6]:port`.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "8443")
}
