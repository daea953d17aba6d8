package main

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
)

// secret is a text of the configuration that is never shown: formatted, encoded
// or logged it is redacted. Convert it to a string to use it.
type secret string

const redacted = "[redacted]"

func (s secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

func (s secret) GoString() string             { return s.String() }
func (s secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }
func (s secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes any text.
func (s *secret) UnmarshalText(b []byte) error { *s = secret(b); return nil }

// flagValue is a value of the configuration as a flag. What the command line says
// is kept until the file and the environment have been read.
type flagValue struct {
	key   *configKey
	given map[string]string
}

// Set implements pflag.Value.
func (f *flagValue) Set(text string) error {
	if err := setText(reflect.New(f.key.value.Type()).Elem(), text); err != nil {
		return err
	}
	f.given[f.key.name] = text
	return nil
}

func (f *flagValue) String() string {
	if f.key == nil { // pflag asks a zero value what the default looks like
		return ""
	}
	return textOf(f.key.value)
}

// Type is what help shows for the argument.
func (f *flagValue) Type() string {
	switch t := f.key.value.Type(); {
	case t == reflect.TypeFor[interval]():
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list"
	default:
		return t.Kind().String()
	}
}

// setText sets a value from its text in a flag or a variable. Lists are separated
// by commas. The error does not repeat the text.
func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("want a whole number")
		}
		v.SetInt(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("want a number")
		}
		v.SetFloat(x)
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), 0, 4)
		for _, part := range strings.Split(text, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			e := reflect.New(v.Type().Elem()).Elem()
			if err := setText(e, part); err != nil {
				return err
			}
			list = reflect.Append(list, e)
		}
		v.Set(list)
	default:
		panic("config: a value of a kind that flags cannot hold: " + v.Type().String())
	}
	return nil
}

// textOf is the value as setText reads it, save that secrets are redacted.
func textOf(v reflect.Value) string {
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = textOf(v.Index(i))
	}
	return strings.Join(parts, ",")
}
