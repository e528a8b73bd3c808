// An adapter for vinr-conformance in Go, with the standard library only: a till that pays on the LAN, through the
// cloud where the LAN is silent, and at the first free terminal of a group, and that settles whatever was lost.
//
//	(cd adapters/go && go build -o ../../target/go-adapter .)
//	vinr-conformance client --profile adapters/go/profile.toml -- target/go-adapter
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

type request struct {
	ID             int64           `json:"id"`
	Op             string          `json:"op"`
	Store          string          `json:"store"`
	CA             string          `json:"ca"`
	Cert           string          `json:"cert"`
	Key            string          `json:"key"`
	Hosts          json.RawMessage `json:"hosts"` // an object for configure, a list for discover
	CloudURL       string          `json:"cloudUrl"`
	CloudCA        string          `json:"cloudCa"`
	SecretKey      string          `json:"secretKey"`
	DeadlineMs     int64           `json:"deadlineMs"`
	TimeoutMs      int64           `json:"timeoutMs"`
	TerminalID     string          `json:"terminalId"`
	TerminalGroup  []string        `json:"terminalGroup"`
	MaxWaitMs      int64           `json:"maxWaitMs"`
	LocalTimeoutMs int64           `json:"localTimeoutMs"`
	Amount         int64           `json:"amount"`
	Currency       string          `json:"currency"`
	Reference      string          `json:"reference"`
	CaptureMethod  string          `json:"captureMethod"`
	Body           string          `json:"body"`
	Signature      string          `json:"signature"`
	Secrets        []string        `json:"secrets"`
	Now            int64           `json:"now"`
}

// failure is the `error` of an answer.
type failure struct {
	Class     string `json:"class"`
	Message   string `json:"message"`
	Code      string `json:"code,omitempty"`
	Reference string `json:"reference,omitempty"`
}

func (f *failure) Error() string { return f.Class + ": " + f.Message }

func fail(class, reference, format string, values ...interface{}) *failure {
	return &failure{Class: class, Message: fmt.Sprintf(format, values...), Reference: reference}
}

func refused(reference, code, message string) *failure {
	return &failure{Class: "refused", Code: code, Message: message, Reference: reference}
}

type operation func(*till, *request) (interface{}, *failure)

// opNames has an order, so that hello answers the same each time.
var opNames = []string{"hello", "configure", "discover", "pay", "pay_hybrid", "pay_group", "retrieve", "resolve", "verify_webhook"}

var ops map[string]operation

func init() {
	ops = map[string]operation{
		"hello": hello, "configure": configure, "discover": discover, "pay": pay, "pay_hybrid": payHybrid,
		"pay_group": payGroup, "retrieve": retrieve, "resolve": resolve, "verify_webhook": verifyWebhook,
	}
}

func main() {
	t := &till{hosts: map[string]string{}, kept: map[string]*line{}, sales: map[string]*sync.Mutex{}}
	var writing sync.Mutex
	var underWay sync.WaitGroup
	say := func(answer map[string]interface{}) {
		writing.Lock()
		defer writing.Unlock()
		out := json.NewEncoder(os.Stdout) // ends each value with a newline, and compacts what is passed on
		out.SetEscapeHTML(false)
		if err := out.Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, "cannot answer:", err)
		}
	}
	lines := bufio.NewReader(os.Stdin) // no Scanner: it gives up at 64 KiB
	for {
		text, end := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			underWay.Add(1)
			go func() { // one task for each request: a payment waits for its card for minutes
				defer underWay.Done()
				serve(t, text, say)
			}()
		}
		if end != nil {
			break
		}
	}
	underWay.Wait()
}

func serve(t *till, text []byte, say func(map[string]interface{})) {
	var head struct {
		ID int64  `json:"id"`
		Op string `json:"op"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		fmt.Fprintln(os.Stderr, "no request:", err)
		return
	}
	do, known := ops[head.Op]
	if !known {
		say(map[string]interface{}{"id": head.ID, "unsupported": true})
		return
	}
	var it request
	var ok interface{}
	var bad *failure
	if err := json.Unmarshal(text, &it); err != nil {
		bad = fail("usage", it.Reference, "a field cannot be read: %v", err)
	} else {
		ok, bad = do(t, &it)
	}
	switch {
	case bad == nil:
		say(map[string]interface{}{"id": head.ID, "ok": ok})
	case bad.Class == "unsupported":
		say(map[string]interface{}{"id": head.ID, "unsupported": true})
	default:
		say(map[string]interface{}{"id": head.ID, "error": bad})
	}
}
