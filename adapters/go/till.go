// Whom this till trusts, where its terminals are, and what it may be asked.

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/url"
	"os"
	"regexp"
	"sync"
	"time"
)

const (
	hold       = 121 * time.Second // a payment is waited for; the rule says 120 s at least
	dialTime   = 2 * time.Second   // TCP and TLS together
	askTime    = 3 * time.Second   // one look-up or cancel
	dialTries  = 4                 // before a terminal is called unreachable
	roomForNew = 120 * time.Second // what the deadline must leave for another attempt
	keptIdle   = 5 * time.Minute   // terminals keep idle connections for 10
	oldest     = 30 * 24 * time.Hour
)

type till struct {
	lock      sync.Mutex
	ready     bool
	identity  tls.Certificate
	terminals *x509.CertPool // the terminal CA and nothing else
	hosts     map[string]string
	kept      map[string]*line // one warm connection for each terminal, idle
	sales     map[string]*sync.Mutex
	store     *store
	deadline  time.Duration
	cloud     *cloud
}

func hello(*till, *request) (interface{}, *failure) {
	return map[string]interface{}{"name": "bare-go", "version": "1", "wire": "vinr-local/1", "ops": opNames}, nil
}

func configure(t *till, it *request) (interface{}, *failure) {
	t.lock.Lock()
	defer t.lock.Unlock()
	bad := func(format string, values ...interface{}) (interface{}, *failure) {
		return nil, fail("config", "", format, values...)
	}
	if t.ready {
		return nil, fail("usage", "", "configured before")
	}
	pool, err := bundle(it.CA)
	if err != nil {
		return bad("the terminal CA: %v", err)
	}
	if it.Cert == "" || it.Key == "" {
		return bad("the identity is read as PEM: cert and key")
	}
	identity, err := tls.LoadX509KeyPair(it.Cert, it.Key)
	if err != nil {
		return bad("the identity: %v", err)
	}
	leaf, err := x509.ParseCertificate(identity.Certificate[0])
	if err != nil {
		return bad("the identity: %v", err)
	}
	if now := time.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return bad("the identity is valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	hosts := map[string]string{}
	if len(it.Hosts) > 0 {
		if err := json.Unmarshal(it.Hosts, &hosts); err != nil {
			return bad("hosts: %v", err)
		}
	}
	if it.CloudURL != "" {
		base, err := url.Parse(it.CloudURL)
		if err != nil || base.Scheme != "https" {
			return bad("cloudUrl is no https address")
		}
		roots, err := bundle(it.CloudCA)
		if err != nil {
			return bad("the cloud's CA: %v", err)
		}
		t.cloud = &cloud{base: base, roots: roots, secret: it.SecretKey}
	}
	if t.store, err = openStore(it.Store); err != nil {
		return bad("the store: %v", err)
	}
	t.deadline = time.Duration(it.DeadlineMs) * time.Millisecond
	if t.deadline <= 0 {
		t.deadline = 180 * time.Second
	}
	t.identity, t.terminals, t.hosts, t.ready = identity, pool, hosts, true
	open := []string{}
	seen := map[string]bool{}
	for _, a := range t.store.left("") {
		if !seen[a.Reference] {
			seen[a.Reference] = true
			open = append(open, a.Reference)
		}
	}
	return map[string]interface{}{"unresolved": open}, nil
}

func bundle(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool, found := x509.NewCertPool(), false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		pool.AddCert(ca)
		found = true
	}
	if !found {
		return nil, errors.New("no certificate in it")
	}
	return pool, nil
}

var (
	isReference = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,64}$`)
	isTerminal  = regexp.MustCompile(`^term_[A-Za-z0-9_-]{1,58}$`)
	isCurrency  = regexp.MustCompile(`^[A-Z]{3}$`)
)

// sale is what the merchant wants to be paid: the money fields and the reference.
type sale struct {
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	Reference     string `json:"reference"`
	CaptureMethod string `json:"captureMethod"`
}

// saleOf checks what can never be lawful on the wire, so that it is not sent.
func (t *till) saleOf(it *request, terminals []string) (sale, *failure) {
	s := sale{it.Amount, it.Currency, it.Reference, it.CaptureMethod}
	if s.CaptureMethod == "" {
		s.CaptureMethod = "automatic"
	}
	t.lock.Lock()
	ready := t.ready
	t.lock.Unlock()
	why := ""
	switch {
	case !ready:
		why = "configure has not come"
	case !isReference.MatchString(s.Reference):
		why = "the reference is not 1 to 64 of A-Z a-z 0-9 . _ : / -"
	case s.Amount < 1 || s.Amount > 99999999:
		why = "the amount is not within 1 and 99999999"
	case !isCurrency.MatchString(s.Currency):
		why = "the currency is not three capital letters"
	case s.CaptureMethod != "automatic" && s.CaptureMethod != "manual":
		why = "captureMethod is neither automatic nor manual"
	case len(terminals) == 0:
		why = "no terminal is named"
	}
	for _, id := range terminals {
		if why == "" && !isTerminal.MatchString(id) {
			why = "a terminal's id is not of the form term_..."
		}
	}
	if why != "" {
		return s, fail("usage", it.Reference, "%s", why)
	}
	return s, nil
}

// oneAtATime keeps two calls for one sale apart; the second finds what the first left.
func (t *till) oneAtATime(reference string) (release func()) {
	t.lock.Lock()
	m := t.sales[reference]
	if m == nil {
		m = &sync.Mutex{}
		t.sales[reference] = m
	}
	t.lock.Unlock()
	m.Lock()
	return m.Unlock
}
