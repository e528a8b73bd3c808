// What a terminal says of a payment, read and passed on as it came.

package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"
)

// payment is what the till reads of a Payment; raw is the whole, to be passed on.
type payment struct {
	ID           string          `json:"id"`
	TerminalID   string          `json:"terminalId"`
	AttemptKey   *string         `json:"attemptKey"`
	Amount       int64           `json:"amount"`
	Currency     string          `json:"currency"`
	Reference    string          `json:"reference"`
	Status       string          `json:"status"`
	CancelReason string          `json:"cancelReason"`
	Offline      json.RawMessage `json:"offline"`
	CreatedAt    string          `json:"createdAt"`
	raw          json.RawMessage
}

func (p *payment) UnmarshalJSON(text []byte) error {
	type plain payment
	if err := json.Unmarshal(text, (*plain)(p)); err != nil {
		return err
	}
	p.raw = append(json.RawMessage(nil), text...)
	return nil
}

func (p *payment) MarshalJSON() ([]byte, error) { return p.raw, nil }

func (p *payment) final() bool {
	return p.Status == "completed" || p.Status == "failed" || p.Status == "cancelled"
}

// isResult: it is final, or the terminal took it into its queue. An unknown status is neither.
func (p *payment) isResult() bool {
	queued := len(p.Offline) > 0 && string(p.Offline) != "null"
	return p.final() || p.Status == "processing" && queued
}

// isOf: it is about this attempt and nothing else.
func (p *payment) isOf(a *attempt) bool {
	return p.Reference == a.Reference && p.Amount == a.Sale.Amount && p.Currency == a.Sale.Currency &&
		p.TerminalID == a.Terminal && (p.AttemptKey == nil || *p.AttemptKey == a.Key)
}

func (p *payment) hasKey(a *attempt) bool { return p.AttemptKey != nil && *p.AttemptKey == a.Key }

type list struct {
	Data        []*payment `json:"data"`
	JournalID   string     `json:"journalId"`
	Undelivered *bool      `json:"undelivered"` // only the cloud says so
}

func readList(said *answer, err error) (*list, error) {
	if err != nil {
		return nil, err
	}
	if err := said.asked("the look-up"); err != nil {
		return nil, err
	}
	l := &list{}
	if err := json.Unmarshal(said.body, l); err != nil {
		return nil, err
	}
	if l.Data == nil {
		return nil, errors.New("a look-up without data")
	}
	return l, nil
}

func (t *till) lookUp(terminal, reference string, until time.Time) (*list, error) {
	return readList(t.ask(terminal, "GET", "/v1/payments?reference="+url.QueryEscape(reference), nil, until))
}
