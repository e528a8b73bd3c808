// What became of a sale, and of what an earlier process left open.

package main

import "time"

func retrieve(t *till, it *request) (interface{}, *failure) {
	if !isReference.MatchString(it.Reference) {
		return nil, fail("usage", it.Reference, "the reference is not 1 to 64 of A-Z a-z 0-9 . _ : / -")
	}
	t.lock.Lock()
	ids := []string{}
	if it.TerminalID != "" {
		ids = append(ids, it.TerminalID)
	} else {
		for id := range t.hosts {
			ids = append(ids, id)
		}
	}
	ready := t.ready
	t.lock.Unlock()
	if !ready {
		return nil, fail("usage", it.Reference, "configure has not come")
	}
	p, err := t.best(ids, it.Reference)
	if p != nil {
		return p, nil
	}
	if err != nil {
		return nil, fail("indeterminate", it.Reference, "a terminal that may know better is silent: %v", err)
	}
	return nil, nil
}

// best asks terminals for a sale: the completed attempt, or else one that is not final, or else the newest. The error
// says that one was silent that may know better.
func (t *till) best(ids []string, reference string) (*payment, error) {
	type told struct {
		known *list
		err   error
	}
	answers := make(chan told, len(ids))
	for _, id := range ids {
		go func(id string) {
			var a told
			for try := 0; try < 3; try++ {
				if a.known, a.err = t.lookUp(id, reference, time.Now().Add(dialTime+askTime)); a.err == nil {
					break
				}
				time.Sleep(200 * time.Millisecond)
			}
			answers <- a
		}(id)
	}
	var found *payment
	var silent error
	rank := func(p *payment) int {
		switch {
		case p.Status == "completed":
			return 2
		case !p.final():
			return 1
		}
		return 0
	}
	for range ids {
		a := <-answers
		if a.err != nil {
			silent = a.err
			continue
		}
		for _, p := range a.known.Data { // newest first
			if p.Reference == reference && (found == nil || rank(p) > rank(found) ||
				rank(p) == rank(found) && p.CreatedAt > found.CreatedAt) {
				found = p
			}
		}
	}
	if silent != nil && (found == nil || rank(found) == 0) {
		return nil, silent
	}
	return found, nil
}

func resolve(t *till, _ *request) (interface{}, *failure) {
	t.lock.Lock()
	ready := t.ready
	t.lock.Unlock()
	if !ready {
		return nil, fail("usage", "", "configure has not come")
	}
	until := time.Now().Add(t.deadline)
	settled := map[string]*payment{}
	ended := map[*attempt]outcome{}
	for _, a := range t.store.left("") {
		release := t.oneAtATime(a.Reference)
		o := t.settle(a, until)
		release()
		if o.bad != nil {
			return nil, o.bad // the others stay open, too: their outcomes were not told yet
		}
		ended[a] = o
		if before := settled[a.Reference]; before == nil || o.payment != nil && before.Status != "completed" {
			settled[a.Reference] = o.payment
		}
	}
	for a, o := range ended {
		t.finish(a, o)
	}
	return settled, nil
}
