// One attempt on two paths: the LAN first, the cloud where the LAN does not accept.

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

type cloud struct {
	base   *url.URL
	roots  *x509.CertPool
	secret string
}

// ask sends one request to the cloud. The secret key goes here and nowhere else; the till's certificate does not.
func (c *cloud) ask(method, target string, body interface{}, key string, until time.Time) (*answer, error) {
	address := c.base.Host
	if c.base.Port() == "" {
		address = net.JoinHostPort(c.base.Hostname(), "443")
	}
	l, err := connect(address, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.roots, ServerName: c.base.Hostname(),
		NextProtos: []string{"http/1.1"}}, sooner(until, time.Now().Add(dialTime)))
	if err != nil {
		return nil, err
	}
	defer l.close()
	headers := map[string]string{"Authorization": "Bearer " + c.secret}
	if key != "" {
		headers["Idempotency-Key"] = key
	}
	return l.exchange(method, strings.TrimSuffix(c.base.Path, "/")+target, body, headers, until, nil)
}

func (t *till) cloudList(a *attempt, until time.Time) (*list, error) {
	if t.cloud == nil {
		return nil, errors.New("no cloud is configured")
	}
	return readList(t.cloud.ask("GET", "/v1/terminal/payments?reference="+url.QueryEscape(a.Reference), nil, "",
		sooner(until, time.Now().Add(askTime))))
}

// cloudHasNothing: the cloud says that nothing of this sale is still on its way to a terminal.
func (t *till) cloudHasNothing(a *attempt, until time.Time) bool {
	known, err := t.cloudList(a, until)
	return err == nil && known.Undelivered != nil && !*known.Undelivered
}

// cloudKnows: the cloud may show how an attempt ended; it never shows that there was none.
func (t *till) cloudKnows(a *attempt, until time.Time) *payment {
	known, err := t.cloudList(a, until)
	if err != nil {
		return nil
	}
	for _, p := range known.Data {
		if p.hasKey(a) && p.isOf(a) && p.isResult() {
			return p
		}
	}
	return nil
}

// sendCloud sends the command through the cloud, once, with the attempt's own key.
func (t *till) sendCloud(a *attempt, until time.Time) outcome {
	body := struct {
		TerminalID string `json:"terminalId"`
		sale
		Wait bool `json:"wait"`
	}{a.Terminal, a.Sale, true}
	said, err := t.cloud.ask("POST", "/v1/terminal/payments", body, a.Key, sooner(until, time.Now().Add(hold)))
	if err != nil {
		return outcome{lost: true}
	}
	o := readOutcome(said, a)
	if o.bad != nil && o.bad.Class == "tls" { // the cloud's 403 is not about this till's certificate
		code, message, _ := said.told()
		o.bad = refused(a.Reference, code, message)
	}
	return o
}

func payHybrid(t *till, it *request) (interface{}, *failure) {
	s, bad := t.saleOf(it, []string{it.TerminalID})
	if bad != nil {
		return nil, bad
	}
	if t.cloud == nil {
		return nil, fail("config", s.Reference, "no cloud is configured")
	}
	until := time.Now().Add(t.deadline)
	defer t.oneAtATime(s.Reference)()
	if p, bad := t.takeUp(s.Reference, until); p != nil || bad != nil {
		return result(p, bad)
	}
	bound := time.Now().Add(time.Duration(it.LocalTimeoutMs) * time.Millisecond)
	l, err := t.reach(it.TerminalID, bound)
	var foreign *identityError
	if errors.As(err, &foreign) { // never a reason to go around it
		return nil, fail("tls", s.Reference, "%v", err)
	}
	journal := ""
	if err == nil {
		journal = l.journal
	}
	a, bad := t.begin(s, it.TerminalID, journal, err != nil)
	if bad != nil {
		return nil, bad
	}
	o := t.bothWays(l, a, bound, until)
	o = t.finish(a, o)
	if o.payment == nil && o.bad == nil {
		o.bad = voided(s.Reference)
	}
	return result(o.payment, o.bad)
}

// bothWays sends the attempt on the LAN and, where no head came by the bound and the terminal does not know it, through
// the cloud too. l is nil where the terminal could not be reached.
func (t *till) bothWays(l *line, a *attempt, bound, until time.Time) outcome {
	local, head := make(chan outcome, 1), make(chan int, 1)
	localOpen := l != nil
	if localOpen {
		go func() { local <- t.send(l, a, until, func(status int) { head <- status }) }()
		stay := false
		select {
		case status := <-head:
			stay = status < 500
		case o := <-local:
			if !o.lost {
				return o
			}
			localOpen = false
		case <-time.After(time.Until(bound)):
		}
		if !stay {
			known, err := t.lookUp(a.Terminal, a.Reference, time.Now().Add(time.Second))
			var foreign *identityError
			if errors.As(err, &foreign) { // something was sent, and whoever is there now did not get it
				return t.settle(a, until)
			}
			if err == nil {
				for _, p := range known.Data {
					if p.hasKey(a) {
						t.store.saw(a)
						stay = true
					}
				}
			}
		}
		if stay {
			if localOpen {
				if o := <-local; !o.lost {
					return o
				}
			}
			return t.settle(a, until)
		}
		select { // it may have answered during the look-up
		case o := <-local:
			if !o.lost {
				return o
			}
			localOpen = false
		default:
		}
	}
	fmt.Fprintf(os.Stderr, "%s: no answer of %s on the LAN, so through the cloud\n", a.Reference, a.Terminal)
	if err := t.store.alsoThroughCloud(a); err != nil {
		return outcome{bad: fail("indeterminate", a.Reference, "the store: %v", err)}
	}
	onLAN := l != nil
	remote := make(chan outcome, 1)
	go func() { remote <- t.sendCloud(a, until) }()
	remoteOpen := true
	for localOpen || remoteOpen {
		var o outcome
		select {
		case o = <-local:
			localOpen = false
		case o = <-remote:
			remoteOpen = false
			if o.bad != nil {
				a.cloudNever = true
				if !onLAN {
					return o // its only copy was refused
				}
			}
		}
		if o.payment != nil {
			return o
		}
		if o.bad != nil { // another copy may exist: cancel the key before anyone is told
			end := t.settle(a, until)
			if end.void || end.payment != nil && end.payment.Status == "cancelled" {
				end.bad, end.payment, end.void = o.bad, nil, true
			}
			return end
		}
	}
	return t.settle(a, until)
}
