// An intent: get this sale paid, at one terminal or at the first free one of a group.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// outcome is what became of an attempt: a payment, a failure, or void. A void one never will charge, and may have a
// payment that says so.
type outcome struct {
	payment *payment
	void    bool
	bad     *failure
	lost    bool // not known yet: it must be settled
}

// send sends the payment of an attempt once and waits for its outcome.
func (t *till) send(l *line, a *attempt, until time.Time, head func(int)) outcome {
	body := struct {
		TerminalID string `json:"terminalId"`
		sale
	}{a.Terminal, a.Sale}
	heard := func(status int) {
		if status == 200 {
			t.store.saw(a)
		}
		if head != nil {
			head(status)
		}
	}
	said, err := l.exchange("POST", "/v1/pay", body, map[string]string{"Idempotency-Key": a.Key},
		sooner(until, time.Now().Add(hold)), heard)
	if err != nil {
		l.close()
		var foreign *identityError
		if errors.As(err, &foreign) {
			return outcome{void: true, bad: fail("tls", a.Reference, "%v", err)}
		}
		return outcome{lost: true}
	}
	t.keepLine(l)
	return readOutcome(said, a)
}

// readOutcome reads the answer to a payment, of a terminal or of the cloud.
func readOutcome(said *answer, a *attempt) outcome {
	if said.status == 200 {
		p := &payment{}
		if json.Unmarshal(said.body, p) == nil && p.isResult() && p.isOf(a) {
			return outcome{payment: p}
		}
		return outcome{lost: true}
	}
	code, message, next := said.told()
	switch {
	case said.status < 400 || said.status > 499 || code == "":
		return outcome{lost: true}
	case said.status == 403 && strings.HasPrefix(code, "certificate_"):
		return outcome{void: true, bad: fail("tls", a.Reference, "%s: %s", code, message)}
	}
	if next == "look_up" && !aboutAnother(code) { // a code to come: what it means is to be looked up
		return outcome{lost: true}
	}
	return outcome{void: true, bad: refused(a.Reference, code, message)}
}

// aboutAnother: the refusal is for the sake of another attempt of the same sale.
func aboutAnother(code string) bool {
	return code == "reference_in_progress" || code == "reference_already_paid" || code == "idempotency_conflict"
}

// finish forgets an attempt that is settled and keeps one that is not.
func (t *till) finish(a *attempt, o outcome) outcome {
	if o.payment != nil || o.void {
		t.store.done(a)
	}
	t.store.rest(a)
	return o
}

// attemptAt makes one attempt on a connection that is ready, and settles it if its answer is lost.
func (t *till) attemptAt(l *line, id string, s sale, until time.Time) outcome {
	a, bad := t.begin(s, id, l.journal, false)
	if bad != nil {
		l.close()
		return outcome{bad: bad}
	}
	o := t.send(l, a, until, nil)
	if o.lost {
		o = t.settle(a, until)
	}
	o = t.finish(a, o)
	if o.bad != nil && o.bad.Class == "refused" && aboutAnother(o.bad.Code) {
		o.bad = t.another(id, s.Reference, o.bad, until)
	}
	return o
}

// another checks a refusal for the sake of another attempt: where nobody lists one, nobody knows whether the sale is paid.
func (t *till) another(id, reference string, bad *failure, until time.Time) *failure {
	for try := 0; try < 3 && time.Now().Before(until); try++ {
		if known, err := t.lookUp(id, reference, until); err == nil && len(known.Data) > 0 {
			newest := known.Data[0]
			bad.Message += fmt.Sprintf(" (%s is %s)", newest.ID, newest.Status)
			return bad
		}
		time.Sleep(250 * time.Millisecond)
	}
	return fail("indeterminate", reference, "the terminal answered %s, and lists no such attempt", bad.Code)
}

// voided: the attempt never will charge, and no terminal has a Payment of it.
func voided(reference string) *failure {
	return refused(reference, "voided", "the payment was lost on its way and is cancelled: it never will charge")
}

// takeUp settles what the store holds open of a sale before there is a new attempt. One that failed or
// was cancelled leaves the way free; any other is the result.
func (t *till) takeUp(reference string, until time.Time) (*payment, *failure) {
	for _, a := range t.store.left(reference) {
		o := t.settle(a, until)
		if o.bad != nil {
			return nil, o.bad
		}
		t.finish(a, o)
		if !o.void && o.payment != nil && o.payment.Status != "failed" && o.payment.Status != "cancelled" {
			return o.payment, nil
		}
	}
	return nil, nil
}

// reachOrSay connects before anything is sent, so it may try more than once.
func (t *till) reachOrSay(id, reference string, tries int, until time.Time) (*line, *failure) {
	var last error
	for try := 0; try < tries && time.Now().Before(until); try++ {
		if try > 0 {
			time.Sleep(time.Duration(try) * 200 * time.Millisecond)
		}
		l, err := t.reach(id, sooner(until, time.Now().Add(dialTime)))
		if err == nil {
			return l, nil
		}
		var foreign *identityError
		if errors.As(err, &foreign) {
			return nil, fail("tls", reference, "%v", err)
		}
		last = err
	}
	return nil, fail("unreachable", reference, "%s: %v", id, last)
}

func pay(t *till, it *request) (interface{}, *failure) {
	s, bad := t.saleOf(it, []string{it.TerminalID})
	if bad != nil {
		return nil, bad
	}
	return result(t.payAt(s, []string{it.TerminalID}, time.Now().Add(t.deadline), nil))
}

func payGroup(t *till, it *request) (interface{}, *failure) {
	s, bad := t.saleOf(it, it.TerminalGroup)
	if bad != nil {
		return nil, bad
	}
	until := time.Now().Add(t.deadline)
	patience := until
	if it.MaxWaitMs > 0 {
		patience = sooner(until, time.Now().Add(time.Duration(it.MaxWaitMs)*time.Millisecond))
	}
	return result(t.payAt(s, it.TerminalGroup, until, &patience))
}

func result(p *payment, bad *failure) (interface{}, *failure) {
	if bad != nil {
		return nil, bad
	}
	return p, nil
}

// payAt gets a sale paid at the first of these terminals that is not busy. patience is how long a group may wait for a
// free one; a single terminal that is busy refuses.
func (t *till) payAt(s sale, terminals []string, until time.Time, patience *time.Time) (*payment, *failure) {
	defer t.oneAtATime(s.Reference)()
	if p, bad := t.takeUp(s.Reference, until); p != nil || bad != nil {
		return p, bad
	}
	tries := dialTries
	if patience != nil {
		tries = 2 // there are others
	}
	again := true // one attempt more, after one that was cancelled
	for round := 0; ; round++ {
		var silent, busy *failure
		for _, id := range terminals {
			if round > 0 && !t.idle(id, until) { // asked before it is tried, so that a busy one is left in peace
				continue
			}
			l, bad := t.reachOrSay(id, s.Reference, tries, until)
			if bad != nil && bad.Class == "tls" {
				return nil, bad
			} else if bad != nil {
				silent = bad
				continue
			}
			o := t.attemptAt(l, id, s, until)
			for o.void && o.bad == nil && again && time.Until(until) >= roomForNew {
				again = false
				if l, bad = t.reachOrSay(id, s.Reference, tries, until); bad != nil {
					break // the one before is cancelled, and that is the answer
				}
				o = t.attemptAt(l, id, s, until)
			}
			if o.bad != nil && o.bad.Code == "terminal_busy" && patience != nil {
				busy = o.bad
				continue // void: its only copy was refused. The next gets another key
			}
			if o.payment == nil && o.bad == nil {
				o.bad = voided(s.Reference)
			}
			return o.payment, o.bad
		}
		if round == 0 && busy == nil {
			return nil, silent
		}
		if !time.Now().Before(*patience) {
			return nil, refused(s.Reference, "terminal_busy", "all terminals of the group are busy")
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (t *till) idle(id string, until time.Time) bool {
	said, err := t.ask(id, "GET", "/v1/reader", nil, until)
	var r reader
	return err == nil && said.status == 200 && json.Unmarshal(said.body, &r) == nil && r.Activity != "busy"
}
