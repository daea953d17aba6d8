package relay

import (
	"strings"
	"testing"
)

// TestCheck: a configuration that cannot be run is refused with what is wrong.
func TestCheck(t *testing.T) {
	n := NATS{URL: "nats://127.0.0.1:4222", Stream: "S"}
	file := secretFile(t, secret)
	for want, c := range map[string]Config{
		"name":          {Publish: []Publish{{Name: "../x", NATS: n, Subject: "a"}}},
		"twice":         {Publish: []Publish{{Name: "x", NATS: n, Subject: "a"}}, Webhook: []Webhook{{Name: "x", URL: "http://h/", SecretFile: file}}},
		"subject":       {Publish: []Publish{{Name: "x", NATS: n, Subject: "a.*"}}},
		"url of a NATS": {Publish: []Publish{{Name: "x", Subject: "a"}}},
		"credentials":   {Publish: []Publish{{Name: "x", NATS: NATS{URL: "nats://h", Stream: "S", Credentials: "/nowhere"}, Subject: "a"}}},
		"from":          {Publish: []Publish{{Name: "x", NATS: n, Subject: "a", Outgoing: Outgoing{From: "later"}}}},
		"url: want":     {Webhook: []Webhook{{Name: "x", URL: "ftp://h/", SecretFile: file}}},
		"secret-file":   {Webhook: []Webhook{{Name: "x", URL: "http://h/", SecretFile: "/nowhere"}}},
		"line 1":        {Webhook: []Webhook{{Name: "x", URL: "http://h/", SecretFile: secretFile(t, "whsec_c2hvcnQ=")}}},
		"no secret":     {Webhook: []Webhook{{Name: "x", URL: "http://h/", SecretFile: secretFile(t)}}},
		"token-file":    {Ingest: []Ingest{{Name: "x", NATS: n}}},
		"for ever":      {Ingest: []Ingest{{Name: "x", NATS: n, TokenFile: file, Subject: "a.>", DeadLetter: "a.dead"}}},
		"":              {Ingest: []Ingest{{Name: "x", NATS: n, TokenFile: file, Subject: "a.*", DeadLetter: "a.dead.b"}}},
	} {
		err := c.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
		if err != nil && strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}
