// What became of an attempt whose answer was lost. Nothing here takes money.

package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// settle finds out what became of an attempt whose answer was lost. It never sends a payment.
func (t *till) settle(a *attempt, until time.Time) outcome {
	pause := 250 * time.Millisecond
	last := "no answer"
	unknown := func() outcome {
		return outcome{bad: fail("indeterminate", a.Reference, "the outcome at %s is not known: %s", a.Terminal, last)}
	}
	for first := true; first || time.Now().Before(until); first = false {
		// A wrong certificate is no result here: something was sent, and only the right terminal knows the outcome.
		known, err := t.lookUp(a.Terminal, a.Reference, until)
		cancel := false
		switch {
		case err != nil:
			last = err.Error()
		default:
			var mine *payment
			for _, p := range known.Data {
				if p.hasKey(a) {
					mine = p
				}
			}
			if a.Journal != "" && known.JournalID != "" && known.JournalID != a.Journal && mine == nil {
				last = "another device stands in its place"
				return unknown()
			}
			switch {
			case mine != nil:
				t.store.saw(a)
				if mine.isResult() && mine.isOf(a) {
					return outcome{payment: mine}
				}
				last = "its status is " + mine.Status
				cancel = mine.Status == "pending" || mine.Status == "created"
			case t.store.wasSeen(a):
				last = "the terminal denies what it knew"
			case known.JournalID == "" || a.Journal == "":
				last = "the terminal does not know it, which proves nothing without its journal's id"
			case time.Since(a.At) > oldest || time.Since(a.At) < -oldest:
				last = "it is older than the terminal's memory"
				return unknown()
			case a.Cloud && !a.cloudNever && !t.cloudHasNothing(a, until):
				last = "the cloud may still deliver it"
			default:
				cancel = true // it may still be on its way
			}
		}
		if cancel {
			o, why := t.cancel(a, until)
			if !o.lost {
				return o
			}
			last = why
		}
		if a.Cloud {
			if p := t.cloudKnows(a, until); p != nil {
				return outcome{payment: p}
			}
		}
		left := time.Until(until)
		if left <= 0 {
			break
		}
		if pause > left {
			pause = left
		}
		time.Sleep(pause)
		if pause < time.Second {
			pause += pause / 2
		}
	}
	return unknown()
}

// cancel gives an attempt up. Lost: no word, or not yet; ask again.
func (t *till) cancel(a *attempt, until time.Time) (outcome, string) {
	said, err := t.ask(a.Terminal, "POST", "/v1/cancel",
		map[string]string{"terminalId": a.Terminal, "reference": a.Reference, "attemptKey": a.Key}, until)
	if err != nil {
		return outcome{lost: true}, err.Error()
	}
	var it struct {
		Outcome   string   `json:"outcome"`
		Reference string   `json:"reference"`
		Payment   *payment `json:"payment"`
		JournalID string   `json:"journalId"`
	}
	if said.status != 200 || json.Unmarshal(said.body, &it) != nil {
		return outcome{lost: true}, fmt.Sprintf("the cancel was answered %d", said.status)
	}
	mine := it.Payment != nil && it.Payment.isOf(a)
	switch {
	case it.Reference != "" && it.Reference != a.Reference:
		return outcome{lost: true}, "the cancel was answered for another sale"
	case it.Outcome == "too_late" && mine && it.Payment.isResult():
		return outcome{payment: it.Payment}, ""
	case it.Outcome == "cancelled" && mine && it.Payment.Status == "cancelled":
		if it.Payment.CancelReason == "customer" { // the customer's own word is the result, and nothing is asked again
			return outcome{payment: it.Payment}, ""
		}
		return outcome{void: true, payment: it.Payment}, ""
	case it.Outcome == "cancelled" && it.Payment == nil && !t.store.wasSeen(a) && it.JournalID != "" && it.JournalID == a.Journal:
		return outcome{void: true}, "" // with the journal of before: the device was not swapped meanwhile
	}
	return outcome{lost: true}, "the cancel was answered " + it.Outcome
}
