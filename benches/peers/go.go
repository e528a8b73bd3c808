// As node.mjs, with Go's net/http; the bench builds it.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	port, terminal := os.Args[1], os.Args[2]
	ca, err := os.ReadFile(os.Args[3])
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	identity, err := tls.LoadX509KeyPair(os.Args[4], os.Args[5])
	must(err)
	client := func() *http.Client {
		return &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
			},
			TLSClientConfig: &tls.Config{
				RootCAs: roots, Certificates: []tls.Certificate{identity}, ServerName: terminal, MinVersion: tls.VersionTLS13,
			},
		}}
	}
	kept := client()
	lines := bufio.NewScanner(os.Stdin)
	for count := 1; lines.Scan(); count++ {
		on := kept
		if lines.Text() != "warm" {
			on = client()
		}
		reference := fmt.Sprintf("go_%d", count)
		begun := time.Now()
		body, err := json.Marshal(map[string]any{
			"terminalId": terminal, "amount": 2500, "currency": "USD", "reference": reference,
		})
		must(err)
		request, err := http.NewRequest("POST", "https://"+terminal+":"+port+"/v1/pay", bytes.NewReader(body))
		must(err)
		request.Header.Set("content-type", "application/json")
		request.Header.Set("idempotency-key", reference)
		answer, err := on.Do(request)
		must(err)
		head := time.Since(begun)
		text, err := io.ReadAll(answer.Body)
		must(err)
		answer.Body.Close()
		var payment struct{ Status string }
		must(json.Unmarshal(text, &payment))
		whole := time.Since(begun)
		if payment.Status != "completed" {
			must(fmt.Errorf("%s", text))
		}
		fmt.Println(head.Nanoseconds(), whole.Nanoseconds())
		if on != kept {
			on.CloseIdleConnections()
		}
	}
}
