package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"ledgerline/api"
	"ledgerline/api/relay"
)

// config is all that serve can be told. Each of its values is a flag, a variable
// of the environment and a key of the configuration file under one name: the
// value every of the section [patrol] is --patrol-every and
// LEDGERLINE_PATROL_EVERY. A flag counts for more than the environment, the
// environment for more than the file, the file for more than the default. Secrets
// have no flag, because every user of the machine sees the arguments of a process.
// Lists of tables stand in the file only.
type config struct {
	Dir               string `toml:"dir" usage:"the ledger's directory"`
	Addr              string `toml:"addr" usage:"host and port to listen on; port 0 picks a free one"`
	Dev               bool   `toml:"dev" usage:"let everybody who can reach the server read and write: for development only"`
	BehindProxy       bool   `toml:"behind-proxy" usage:"a proxy in front of the server ends TLS; needed to listen without a certificate where other machines can reach it"`
	PublicURL         string `toml:"public-url" usage:"how browsers reach the server, such as https://ledger.example, where requests do not tell: the identity provider leads people back there"`
	PublicReads       bool   `toml:"public-reads" usage:"let everybody read without a token, save for who touched data, and its content"`
	PublicLog         bool   `toml:"public-log" usage:"let everybody mirror the log without a token"`
	UnrecordedReads   bool   `toml:"unrecorded-reads" usage:"do not record who read sensitive history and who took files out"`
	StrictOpenLineage bool   `toml:"strict-openlineage" usage:"refuse OpenLineage events that do not conform to the specification, instead of noting it"`
	HeadFile          string `toml:"head-file" usage:"the head witness; keep it where backups of the directory do not reach (default DIR/head)"`
	KeyFile           string `toml:"key-file" usage:"the signing key (default DIR/keys/ledger.key)"`
	MemoryLimit       int64  `toml:"memory-limit" usage:"bytes that the heap should stay below; 0: what GOMEMLIMIT says, or else an eighth of the memory, at least 1 GiB, at most half; negative: no bound"`

	OIDC      oidcConfig      `toml:"oidc"`
	TLS       tlsFiles        `toml:"tls"`
	Log       logConfig       `toml:"log"`
	Limit     limitConfig     `toml:"limit"`
	Timestamp timestampConfig `toml:"timestamp"`
	Witness   witnessConfig   `toml:"witness"`
	Patrol    patrolConfig    `toml:"patrol"`
	Schedule  scheduleConfig  `toml:"schedule"`
	Trace     traceConfig     `toml:"trace"`
	Withhold  withholdConfig  `toml:"withhold"`

	Publish []relay.Publish `toml:"publish"`
	Webhook []relay.Webhook `toml:"webhook"`
	Ingest  []relay.Ingest  `toml:"ingest"`
}

func (c *config) relays() relay.Config {
	return relay.Config{Publish: c.Publish, Webhook: c.Webhook, Ingest: c.Ingest}
}

type logConfig struct {
	Format string `toml:"format" usage:"form of the log on standard error: text or json"`
	Level  string `toml:"level" usage:"least level to log: debug, info, warn or error"`
}

// defaultConfig holds the defaults that are not the zero value.
func defaultConfig() *config {
	return &config{
		Addr:      defaultAddr,
		Log:       logConfig{Format: "text", Level: "info"},
		Limit:     limitsOf(api.DefaultLimits()),
		Timestamp: timestampConfig{Every: interval(10 * time.Minute)},
		Patrol:    patrolConfig{Rate: 4, Every: interval(24 * time.Hour)},
		Schedule:  scheduleConfig{Every: interval(time.Minute)},
		Trace:     traceConfig{Ratio: 1},
	}
}

// interval is a time.Duration that files write as flags do: "10m".
type interval time.Duration

func (d interval) String() string               { return time.Duration(d).String() }
func (d interval) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *interval) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90s, 10m or 24h", b)
	}
	*d = interval(v)
	return nil
}

// envPrefix begins the names of the variables that configure serve.
const envPrefix = "LEDGERLINE_"

// clientVariables configure the commands that talk to a server, not serve.
var clientVariables = []string{"LEDGERLINE_SERVER", "LEDGERLINE_TOKEN"}

// configKey is one value of a config.
type configKey struct {
	name  string // "patrol.every" in the file
	usage string
	value reflect.Value
	// from tells where the value came from: default, file, environment or flag.
	from string
}

func (k *configKey) flag() string { return strings.ReplaceAll(k.name, ".", "-") }

func (k *configKey) variable() string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(k.name))
}

// keysOf lists the values of a section and of those inside it, in order.
func keysOf(prefix string, section reflect.Value) (list []*configKey) {
	t := section.Type()
	for i := range t.NumField() {
		name := prefix + t.Field(i).Tag.Get("toml")
		switch v := section.Field(i); {
		case v.Kind() == reflect.Struct:
			list = append(list, keysOf(name+".", v)...)
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct: // tables stand in the file only
		default:
			list = append(list, &configKey{name: name, usage: t.Field(i).Tag.Get("usage"), value: v, from: "default"})
		}
	}
	return list
}

// loading is a config on its way from its sources.
type loading struct {
	*config
	keys  []*configKey
	file  string // of the flag --config
	given map[string]string
}

// configFlags defines a flag for each value, and --config. The config is not
// complete before load.
func configFlags(c *cobra.Command) *loading {
	l := &loading{config: defaultConfig(), given: map[string]string{}}
	l.keys = keysOf("", reflect.ValueOf(l.config).Elem())
	c.Flags().StringVar(&l.file, "config", os.Getenv(envPrefix+"CONFIG"), "configuration file, in TOML (or $LEDGERLINE_CONFIG)")
	for _, k := range l.keys {
		if k.value.Type() == reflect.TypeFor[secret]() {
			continue
		}
		f := c.Flags().VarPF(&flagValue{k, l.given}, k.flag(), "", k.usage)
		if k.value.Kind() == reflect.Bool {
			f.NoOptDefVal = "true"
		}
	}
	return l
}

// load completes the config: the file over the defaults, the environment over the
// file, the flags over both. environ is as os.Environ gives it.
func (l *loading) load(environ []string) error {
	if l.file != "" {
		text, err := readConfig(l.file)
		if err != nil {
			return cannot("name a file that this user can read", "reading the configuration: %w", err)
		}
		if err := l.loadFile(text); err != nil {
			return &failure{exitUsage, fmt.Errorf("%s: %w", l.file, err), "correct the file; ledgerline serve --check-config tells whether it is right"}
		}
	}
	env := map[string]string{}
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		env[name] = text
	}
	for _, k := range l.keys {
		if text, ok := env[k.variable()]; ok {
			if err := setText(k.value, text); err != nil { // the text may be a secret
				return usage("$%s: %w", k.variable(), err)
			}
			k.from = "environment"
		}
		if text, ok := l.given[k.name]; ok {
			if err := setText(k.value, text); err != nil {
				return usage("--%s: %w", k.flag(), err)
			}
			k.from = "flag"
		}
	}
	return nil
}

// configBytes bounds a configuration file: what is longer is another file.
const configBytes = 1 << 20

func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, configBytes+1))
	if err = errors.Join(err, f.Close()); err == nil && len(text) > configBytes {
		err = fmt.Errorf("%s is longer than %d bytes", path, configBytes)
	}
	return text, err
}

// meant says which setting a key of a file names as flags or variables do.
func (l *loading) meant(key []string) string {
	flat := strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(key[len(key)-1], "_", "-")), "ledgerline-")
	for _, k := range l.keys {
		if k.flag() != flat {
			continue
		}
		section, name, found := strings.Cut(k.name, ".")
		if !found {
			return fmt.Sprintf(": it is %q, outside of all sections", k.name)
		}
		return fmt.Sprintf(": it is %q in the section [%s]", name, section)
	}
	return ""
}

// loadFile reads a TOML document. A key that is not known is refused: it is a
// setting that somebody believes to be in force.
func (l *loading) loadFile(text []byte) error {
	dec := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := dec.Decode(l.config); err != nil {
		var missing *toml.StrictMissingError
		var bad *toml.DecodeError
		switch {
		case errors.As(err, &missing):
			row, _ := missing.Errors[0].Position()
			return fmt.Errorf("line %d: there is no setting %q%s", row, strings.Join(missing.Errors[0].Key(), "."), l.meant(missing.Errors[0].Key()))
		case errors.As(err, &bad):
			row, _ := bad.Position()
			return fmt.Errorf("line %d: %w", row, bad)
		}
		return err
	}
	var present map[string]any
	if err := toml.Unmarshal(text, &present); err != nil {
		return err
	}
	for _, k := range l.keys {
		if holds(present, strings.Split(k.name, ".")) {
			k.from = "file"
		}
	}
	return nil
}

// holds tells whether a document has a key, as the decoder finds it: in any case.
func holds(table map[string]any, path []string) bool {
	for name, v := range table {
		if strings.EqualFold(name, path[0]) {
			inner, ok := v.(map[string]any)
			return len(path) == 1 || ok && holds(inner, path[1:])
		}
	}
	return false
}

// unknownVariables are those that look as if they configured serve and do not.
// They are not refused: service managers set variables of their own.
func (l *loading) unknownVariables(environ []string) (list []string) {
	known := append([]string{envPrefix + "CONFIG"}, clientVariables...)
	for _, k := range l.keys {
		known = append(known, k.variable())
	}
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, envPrefix) && !slices.Contains(known, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// print shows what is in force and where it came from; secrets are not shown.
func (l *loading) print(p *program) error {
	t := newTable("SETTING", "VALUE", "FROM")
	for _, k := range l.keys {
		t.row(k.name, textOf(k.value), k.from)
	}
	for _, p := range l.Publish {
		t.row("publish", p.Name+": to "+p.Subject+".> of "+p.Stream, "file")
	}
	for _, w := range l.Webhook { // of its address no more than where it is
		t.row("webhook", w.Name+": to "+w.Host(), "file")
	}
	for _, i := range l.Ingest {
		t.row("ingest", i.Name+": from "+cmp.Or(i.Subject, ">")+" of "+i.Stream, "file")
	}
	return t.write(p.out, "")
}
