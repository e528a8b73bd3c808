// Whom it believes: the whole judgement of a terminal's certificate.

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// identityError: the other side is not who it should be, or does not accept who we are.
type identityError struct{ why string }

func (e *identityError) Error() string { return e.why }

// wireError tells a failed identity from a failed network.
func wireError(err error) error {
	var foreign *identityError
	if errors.As(err, &foreign) {
		return err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" { // an alert: our certificate was not accepted
		return &identityError{"the terminal ended the handshake: " + op.Err.Error()}
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return err
	}
	// Plain text, another version, a signature that does not hold.
	return &identityError{err.Error()}
}

var (
	oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNames    = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// judge makes the whole judgement of a terminal: path, time, purpose, profile and its one name.
func (t *till) judge(id string, chain []*x509.Certificate) error {
	no := func(format string, values ...interface{}) error {
		return &identityError{fmt.Sprintf("the terminal's certificate: "+format, values...)}
	}
	if len(chain) == 0 {
		return no("none")
	}
	leaf, now := chain[0], time.Now()
	between := x509.NewCertPool()
	for _, ca := range chain[1:] {
		if !ca.IsCA || !ca.BasicConstraintsValid || now.After(ca.NotAfter) || now.Before(ca.NotBefore) {
			return no("what is sent with it is no CA in time")
		}
		between.AddCert(ca)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: t.terminals, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return no("%v", err)
	}
	hasUsage, names := false, 0
	for _, extension := range leaf.Extensions {
		if extension.Id.Equal(oidKeyUsage) {
			hasUsage = true
		}
		if extension.Id.Equal(oidNames) {
			var all []asn1.RawValue // of every kind, also those that the library leaves out
			if rest, err := asn1.Unmarshal(extension.Value, &all); err != nil || len(rest) > 0 {
				return no("its names cannot be read")
			}
			names += len(all)
		}
	}
	switch {
	case leaf.IsCA:
		return no("it is that of a CA")
	case len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth || len(leaf.UnknownExtKeyUsage) > 0:
		return no("its purpose is not to serve, and that alone")
	case !hasUsage || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return no("its key is not one to sign handshakes with")
	case leaf.SerialNumber.Sign() <= 0 || leaf.SerialNumber.BitLen() > 159:
		return no("its serial number is not positive or too long")
	case names != 1 || len(leaf.DNSNames) != 1 || !isTerminal.MatchString(leaf.DNSNames[0]):
		return no("it does not have one name, that of a terminal")
	case id != "" && leaf.DNSNames[0] != id: // byte for byte
		return no("it names %s and not %s", leaf.DNSNames[0], id)
	}
	switch key := leaf.PublicKey.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return no("its key is not on P-256")
		}
	default:
		return no("its key is neither P-256 nor Ed25519")
	}
	return nil
}
