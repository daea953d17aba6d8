package relay

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"ledgerline/events"
)

// Config names the relays of a ledger. Each list is one of tables in the
// configuration file.
type Config struct {
	Publish []Publish
	Webhook []Webhook
	Ingest  []Ingest
}

// NATS says where a NATS server is and how to log in.
type NATS struct {
	// URL is of one server, or of several with commas between them: nats://, tls://.
	URL string `toml:"url"`
	// Credentials is a file made by nsc: JWT and seed.
	Credentials string `toml:"credentials"`
	// Stream is the JetStream stream. It has to be there: how long it keeps what, and
	// how it syncs, is its owner's decision.
	Stream string `toml:"stream"`
}

// Outgoing says which events go out.
type Outgoing struct {
	// Types are the types of events, or what they begin with; none means all.
	Types []string `toml:"types"`
	// From is where a relay begins that has not relayed anything: "beginning" (the
	// default) or "now".
	From string `toml:"from"`
	// Erasable sends the erasable content of events along. What was sent is beyond the
	// reach of an erasure.
	Erasable bool `toml:"erasable"`
	// Withhold are the fields of events that do not go out: see events.WithholdableFields.
	Withhold []string `toml:"withhold"`
}

// Publish sends committed events to JetStream.
type Publish struct {
	Name string `toml:"name"`
	NATS
	// Subject is what the subjects of the messages begin with: the type of the event
	// follows after a dot.
	Subject string `toml:"subject"`
	Outgoing
}

// Webhook posts committed events to a URL, signed as Standard Webhooks says.
type Webhook struct {
	Name string `toml:"name"`
	URL  string `toml:"url"`
	// SecretFile holds secrets in the form whsec_ and base64, one a line. Each message
	// is signed with every one, so that they can be changed: add the new one, tell the
	// receiver, remove the old one. It is read anew for every message.
	SecretFile string `toml:"secret-file"`
	Outgoing
}

// Host is where the webhook is. The rest of its address may be a secret.
func (w Webhook) Host() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Ingest records events from JetStream.
type Ingest struct {
	Name string `toml:"name"`
	NATS
	// Subject filters the stream's messages; empty means all.
	Subject string `toml:"subject"`
	// TokenFile holds a bearer token, made by ledgerline token: the events are recorded
	// as if its holder had sent them over HTTP. It is read anew for every message.
	TokenFile string `toml:"token-file"`
	// DeadLetter is the subject, of a stream, to which messages go that the ledger
	// refuses, with the reason. Empty: such a message stops the relay.
	DeadLetter string `toml:"dead-letter"`
}

var relayName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Check refuses a configuration that could not be run.
func (c Config) Check() error {
	seen := map[string]bool{}
	name := func(n string) error {
		switch {
		case !relayName.MatchString(n):
			return fmt.Errorf("relay name %q: want 1 to 32 of a-z, 0-9 and -: it names the file of the position and the consumer at the broker", n)
		case seen[n]:
			return fmt.Errorf("relay name %q is given twice", n)
		}
		seen[n] = true
		return nil
	}
	for _, p := range c.Publish {
		err := errors.Join(p.NATS.check(), p.Outgoing.check())
		if err == nil && (p.Subject == "" || strings.ContainsAny(p.Subject, "*> \t")) {
			err = errors.New("subject: want one to publish to, without wildcards, such as ledger.events")
		}
		if err := errors.Join(name(p.Name), err); err != nil {
			return errOf(p.Name, err)
		}
	}
	for _, w := range c.Webhook {
		err := errors.Join(name(w.Name), w.Outgoing.check())
		if u, uerr := url.Parse(w.URL); uerr != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			err = errors.Join(err, errors.New("url: want one such as https://receiver.example/hook"))
		}
		if err == nil {
			_, err = readSecrets(w.SecretFile)
		}
		if err != nil {
			return errOf(w.Name, err)
		}
	}
	for _, i := range c.Ingest {
		err := errors.Join(name(i.Name), i.NATS.check())
		if err == nil {
			_, err = readToken(i.TokenFile)
		}
		if i.DeadLetter != "" && covers(i.Subject, i.DeadLetter) {
			err = errors.Join(err, fmt.Errorf("dead-letter: %s is one of the subjects that the relay reads (%s); what is refused would come back for ever", i.DeadLetter, i.Subject))
		}
		if err != nil {
			return errOf(i.Name, err)
		}
	}
	return nil
}

// readToken reads a bearer token. The error does not show it.
func readToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && strings.TrimSpace(string(text)) == "" {
		err = fmt.Errorf("%s is empty", file)
	}
	if err != nil {
		return "", fmt.Errorf("token-file: %w; make one with: ledgerline token create", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (n NATS) check() error {
	if n.URL == "" || n.Stream == "" {
		return errors.New("want the url of a NATS server and the name of a stream")
	}
	if n.Credentials != "" {
		if _, err := os.Stat(n.Credentials); err != nil {
			return fmt.Errorf("credentials: %w", err)
		}
	}
	return nil
}

func (o Outgoing) check() error {
	if o.From != "" && o.From != "beginning" && o.From != "now" {
		return fmt.Errorf("from: want beginning or now, not %q", o.From)
	}
	if err := events.CheckWithheld(o.Withhold); err != nil {
		return fmt.Errorf("withhold: %w", err)
	}
	return nil
}

// wants tells whether events of a type go out.
func (o Outgoing) wants(typ string) bool {
	for _, t := range o.Types {
		if strings.HasPrefix(typ, t) {
			return true
		}
	}
	return len(o.Types) == 0
}

// covers tells whether a filter of subjects, with wildcards, takes a subject; an
// empty filter takes all.
func covers(filter, subject string) bool {
	if filter == "" {
		return true
	}
	want, have := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, w := range want {
		if w == ">" {
			return len(have) > i
		}
		if i >= len(have) || w != "*" && w != have[i] {
			return false
		}
	}
	return len(want) == len(have)
}
