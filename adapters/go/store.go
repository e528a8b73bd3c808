// Attempts whose outcome is not known, on the disk before their first byte is on the wire.

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"syscall"
	"time"
)

// attempt is one try to get a sale paid. It is on the disk before its first byte is on the wire.
type attempt struct {
	Sale     sale      `json:"sale"`
	Key      string    `json:"key"`
	Terminal string    `json:"terminal"`
	Journal  string    `json:"journal"` // of the terminal when the attempt began; empty: it was never reached
	Cloud    bool      `json:"cloud"`   // a command may have gone through the cloud, too
	At       time.Time `json:"at"`
	Seen     bool      `json:"seen"` // the terminal showed that it knows the attempt

	Reference  string `json:"-"`
	busy       bool   // a call of this process is at it
	cloudNever bool   // the cloud refused its copy, so nothing of it is on its way
}

// record is a line of the log: the attempt as it is now, or the key of one that is settled.
type record struct {
	Open *attempt `json:"open,omitempty"`
	Done string   `json:"done,omitempty"`
}

// store is a log: one write and one sync for each attempt, since the sync is what a payment waits for.
type store struct {
	lock sync.Mutex
	log  *os.File
	open map[string]*attempt
}

func openStore(dir string) (*store, error) {
	if dir == "" {
		return nil, errors.New("no directory is named")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// Two tills with one store would rewrite each other's log. The lock goes with the process, however it ends.
	guard, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(guard.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another process has it: %w", err)
	}
	path := filepath.Join(dir, "attempts.jsonl")
	s := &store{open: map[string]*attempt{}}
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			break // what is left was cut off while it was written: nothing was sent for it
		}
		var r record
		if err := json.Unmarshal(text[:end], &r); err != nil {
			return nil, fmt.Errorf("a damaged line in %s", path)
		}
		if r.Open != nil {
			r.Open.Reference = r.Open.Sale.Reference
			s.open[r.Open.Key] = r.Open
		}
		delete(s.open, r.Done)
		text = text[end+1:]
	}
	// Written anew with what is still open, so that it does not grow for ever.
	fresh, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s.log = fresh
	for _, a := range s.open {
		if err := s.write(record{Open: a}, false); err != nil {
			return nil, err
		}
	}
	if err := fresh.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	parent, err := os.Open(dir) // the rename itself must outlive a power cut
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	openGuards = append(openGuards, guard)
	return s, parent.Sync()
}

// openGuards keeps the lock files from the garbage collector, which would close them.
var openGuards []*os.File

func (s *store) write(r record, durably bool) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := s.log.Write(append(text, '\n')); err != nil {
		return err
	}
	if durably {
		return s.log.Sync()
	}
	return nil
}

// keep stores a new attempt, before anything is sent for it.
func (s *store) keep(a *attempt) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.open[a.Key] = a
	return s.write(record{Open: a}, true)
}

// done forgets a settled attempt. Not synced: what a power cut takes back is only looked up once more.
func (s *store) done(a *attempt) {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.open, a.Key)
	if err := s.write(record{Done: a.Key}, false); err != nil {
		fmt.Fprintln(os.Stderr, "the store:", err)
	}
}

// saw notes that the terminal knows the attempt: from now on its denial proves nothing.
func (s *store) saw(a *attempt) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if !a.Seen {
		a.Seen = true
		if s.open[a.Key] != nil {
			if err := s.write(record{Open: a}, false); err != nil {
				fmt.Fprintln(os.Stderr, "the store:", err)
			}
		}
	}
}

func (s *store) wasSeen(a *attempt) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return a.Seen
}

// alsoThroughCloud notes durably that a second copy is about to be sent.
func (s *store) alsoThroughCloud(a *attempt) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	a.Cloud = true
	return s.write(record{Open: a}, true)
}

func (s *store) rest(a *attempt) {
	s.lock.Lock()
	a.busy = false
	s.lock.Unlock()
}

// left lists what is open and not in work, of one sale or of all.
func (s *store) left(reference string) []*attempt {
	s.lock.Lock()
	defer s.lock.Unlock()
	found := []*attempt{}
	for _, a := range s.open {
		if !a.busy && (reference == "" || a.Reference == reference) {
			found = append(found, a)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].At.Before(found[j].At) })
	return found
}

// begin draws a key that was never used and stores the attempt.
func (t *till) begin(s sale, terminal, journal string, throughCloud bool) (*attempt, *failure) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, fail("config", s.Reference, "no random numbers: %v", err)
	}
	a := &attempt{Sale: s, Key: hex.EncodeToString(random), Terminal: terminal, Journal: journal, Cloud: throughCloud,
		At: time.Now(), Reference: s.Reference, busy: true}
	if err := t.store.keep(a); err != nil {
		return nil, fail("config", s.Reference, "the store: %v", err)
	}
	return a, nil
}
