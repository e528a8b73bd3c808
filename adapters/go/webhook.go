// A webhook is believed where one of the secrets signed it, now.

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

func verifyWebhook(_ *till, it *request) (interface{}, *failure) {
	no := func(why string) (interface{}, *failure) { return nil, fail("webhook", "", "%s", why) }
	date := ""
	var signatures [][]byte
	for _, part := range strings.Split(it.Signature, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			if date != "" {
				return no("two dates")
			}
			date = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, mac)
			}
		}
	}
	at, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return no("no date")
	}
	if at < it.Now-300 || at > it.Now+300 {
		return no("its date is more than 300 s away")
	}
	genuine := false
	for _, secret := range it.Secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(date + "." + it.Body)) // the date as it was written
		want := mac.Sum(nil)
		for _, given := range signatures {
			genuine = hmac.Equal(want, given) || genuine // in constant time
		}
	}
	if !genuine {
		return no("no signature under a known secret")
	}
	var event struct{ ID, Type string }
	if json.Unmarshal([]byte(it.Body), &event) != nil || event.ID == "" || event.Type == "" {
		return no("the body is no event")
	}
	return json.RawMessage(it.Body), nil
}
