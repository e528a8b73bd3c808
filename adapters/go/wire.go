// One connection to a terminal, and one request at a time on it.

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// line is one connection. net/http's Transport is not used: it repeats a POST that has an Idempotency-Key by itself,
// and only the till may do that.
type line struct {
	conn     *tls.Conn
	in       *bufio.Reader
	id       string // the terminal's, from its certificate
	address  string
	journal  string
	used     time.Time
	answered bool // a byte of an answer came
}

// dial connects to a terminal. An empty id takes whatever lawful terminal is there: the address is all that is known.
func (t *till) dial(id, address string, until time.Time) (*line, error) {
	settings := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{t.identity},
		NextProtos:   []string{"http/1.1"},
		ServerName:   id,
		// The library would check the name against the address, or fold its case: judge does all of it, chain included.
		// No ClientSessionCache: no session is ever resumed.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return t.judge(id, state.PeerCertificates)
		},
	}
	return connect(address, settings, until)
}

func connect(address string, settings *tls.Config, until time.Time) (*line, error) {
	within, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(within, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, settings)
	if err := conn.HandshakeContext(within); err != nil {
		raw.Close()
		return nil, wireError(err)
	}
	l := &line{conn: conn, in: bufio.NewReader(conn), address: address, used: time.Now()}
	if leaf := conn.ConnectionState().PeerCertificates[0]; len(leaf.DNSNames) == 1 {
		l.id = leaf.DNSNames[0]
	}
	return l, nil
}

type answer struct {
	status int
	body   []byte
}

// told reads the error of an answer; empty where there is none.
func (a *answer) told() (code, message, next string) {
	var it struct {
		Error struct{ Code, Message, Next string }
	}
	if json.Unmarshal(a.body, &it) != nil {
		return "", "", ""
	}
	return it.Error.Code, it.Error.Message, it.Error.Next
}

// exchange sends one request, once. head, where given, hears the status as soon as it is there.
func (l *line) exchange(method, target string, body interface{}, headers map[string]string, until time.Time, head func(int)) (*answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n", method, target, l.address)
	if body != nil {
		fmt.Fprintf(&all, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(text))
	}
	for name, value := range headers {
		fmt.Fprintf(&all, "%s: %s\r\n", name, value)
	}
	all.WriteString("\r\n")
	all.Write(text)
	l.conn.SetDeadline(until)
	if _, err := l.conn.Write(all.Bytes()); err != nil { // head and body in one write
		return nil, l.readError(err)
	}
	l.conn.SetDeadline(until)
	response, err := http.ReadResponse(l.in, &http.Request{Method: method})
	if err != nil {
		return nil, l.readError(err)
	}
	l.answered = true
	if head != nil {
		head(response.StatusCode)
	}
	const most = 8 << 20
	whole, err := io.ReadAll(io.LimitReader(response.Body, most)) // a body cut short is an error here
	if err != nil {
		return nil, err
	}
	if len(whole) == most {
		return nil, errors.New("an answer without an end")
	}
	l.used = time.Now()
	if response.Close {
		l.used = time.Time{} // not to be kept
	}
	return &answer{response.StatusCode, whole}, nil
}

// readError: in TLS 1.3 the refusal of our certificate comes with the first read. Before any byte of an answer it
// proves that nothing was processed.
func (l *line) readError(err error) error {
	var op *net.OpError
	if !l.answered && errors.As(err, &op) && op.Op == "remote error" {
		return &identityError{"the terminal does not accept this till's certificate: " + op.Err.Error()}
	}
	return err
}

func (l *line) close() { l.conn.Close() }

// asked: a question was answered with 200; else what stands in the way, the refusal of our certificate as its own kind.
func (said *answer) asked(what string) error {
	if said.status == 200 {
		return nil
	}
	code, message, _ := said.told()
	if said.status == 403 && strings.HasPrefix(code, "certificate_") {
		return &identityError{code + ": " + message}
	}
	return fmt.Errorf("%s was answered %d %s", what, said.status, code)
}

type reader struct {
	ID        string `json:"id"`
	Model     string `json:"model"`
	Status    string `json:"status"`
	Activity  string `json:"activity"`
	JournalID string `json:"journalId"`
}

// whoIsThere asks a terminal for itself. A payment does so on the connection that it then uses.
func (l *line) whoIsThere(until time.Time) (*reader, error) {
	said, err := l.exchange("GET", "/v1/reader", nil, nil, until, nil)
	if err != nil {
		return nil, err
	}
	if err := said.asked("GET /v1/reader"); err != nil {
		return nil, err
	}
	var r reader
	if err := json.Unmarshal(said.body, &r); err != nil {
		return nil, fmt.Errorf("GET /v1/reader: %w", err)
	}
	if r.ID != l.id {
		return nil, &identityError{fmt.Sprintf("the terminal calls itself %q, and its certificate %q", r.ID, l.id)}
	}
	l.journal = r.JournalID
	return &r, nil
}

// reach gives a connection on which a payment can be sent at once: the kept one, or a new one that was asked for its journal.
func (t *till) reach(id string, until time.Time) (*line, error) {
	t.lock.Lock()
	l, address := t.kept[id], t.hosts[id]
	delete(t.kept, id)
	t.lock.Unlock()
	if l != nil {
		if l.alive() && t.judge(id, l.conn.ConnectionState().PeerCertificates) == nil {
			return l, nil
		}
		l.close() // a new one says what is wrong, if anything is
	}
	if address == "" {
		return nil, errors.New("no address of " + id + " is known")
	}
	l, err := t.dial(id, address, until)
	if err != nil {
		return nil, err
	}
	if _, err := l.whoIsThere(until); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// alive finds out whether the terminal closed an idle connection, so that no payment is lost on it.
func (l *line) alive() bool {
	if time.Since(l.used) > keptIdle {
		return false
	}
	l.conn.SetReadDeadline(time.Now().Add(300 * time.Microsecond))
	_, err := l.in.Peek(1)
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

func (t *till) keepLine(l *line) {
	if l.used.IsZero() {
		l.close()
		return
	}
	t.lock.Lock()
	old := t.kept[l.id]
	t.kept[l.id] = l
	t.lock.Unlock()
	if old != nil {
		old.close()
	}
}

// ask sends a look-up or a cancel on a connection of its own.
func (t *till) ask(id, method, target string, body interface{}, until time.Time) (*answer, error) {
	t.lock.Lock()
	address := t.hosts[id]
	t.lock.Unlock()
	if address == "" {
		return nil, errors.New("no address of " + id + " is known")
	}
	l, err := t.dial(id, address, sooner(until, time.Now().Add(dialTime)))
	if err != nil {
		return nil, err
	}
	defer l.close()
	return l.exchange(method, target, body, nil, sooner(until, time.Now().Add(askTime)), nil)
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
