package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// readObject reads a JSON object with exactly the given members, each decoded
// into its pointer. encoding/json alone would let names repeat, differ in case
// or be missing, so that two readers could see two things.
func readObject(b []byte, members map[string]any) error {
	if !utf8.Valid(b) {
		return errors.New("JSON is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return errors.New("JSON is not an object")
	}
	seen := make(map[string]bool, len(members))
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		into, ok := members[name]
		if !ok || seen[name] {
			return fmt.Errorf("JSON member %q is unknown or repeated", name)
		}
		seen[name] = true
		if err := readMember(dec, into); err != nil {
			return fmt.Errorf("JSON member %q: %w", name, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if len(seen) != len(members) {
		return fmt.Errorf("JSON has %d of the %d members", len(seen), len(members))
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

func readMember(dec *json.Decoder, into any) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	if string(raw) == "null" { // would be taken as the zero value
		return errors.New("null is not a value")
	}
	return json.Unmarshal(raw, into)
}

// ViewJSON returns deterministic CBOR with text keys, such as the data of a
// body, as JSON for reading: byte strings become base64, the rest what it
// looks like. It is a view; what is hashed is the CBOR.
func ViewJSON(data []byte) ([]byte, error) {
	if err := checkDeterministic(data); err != nil {
		return nil, fmt.Errorf("viewing CBOR: %w", err)
	}
	v := viewer{r: reader{b: data}}
	v.enc = json.NewEncoder(&v.out)
	v.enc.SetEscapeHTML(false)
	if err := v.item(); err != nil {
		return nil, fmt.Errorf("viewing CBOR: %w", err)
	}
	return v.out.Bytes(), nil
}

// A viewer writes checked CBOR as JSON.
type viewer struct {
	r   reader
	out bytes.Buffer
	enc *json.Encoder
}

func (v *viewer) item() error {
	switch v.r.b[0] {
	case cborFalse:
		return v.literal("false")
	case cborTrue:
		return v.literal("true")
	case cborNull:
		return v.literal("null")
	}
	major, n := v.r.head()
	switch major {
	case cborUint:
		return v.value(n)
	case cborNegint:
		return v.value(-1 - int64(n))
	case cborBytes:
		return v.value(v.r.take(n)) // encoding/json writes bytes in base64
	case cborText:
		return v.value(string(v.r.take(n)))
	case cborArray:
		return v.list('[', ']', n, v.item)
	default: // a map, since the input was checked
		return v.list('{', '}', n, func() error {
			if err := v.item(); err != nil {
				return err
			}
			v.out.WriteByte(':')
			return v.item()
		})
	}
}

func (v *viewer) literal(s string) error {
	v.r.take(1)
	v.out.WriteString(s)
	return nil
}

func (v *viewer) list(open, end byte, n uint64, element func() error) error {
	v.out.WriteByte(open)
	for i := range n {
		if i > 0 {
			v.out.WriteByte(',')
		}
		if err := element(); err != nil {
			return err
		}
	}
	v.out.WriteByte(end)
	return nil
}

// value writes x without the newline that an Encoder ends with.
func (v *viewer) value(x any) error {
	if err := v.enc.Encode(x); err != nil {
		return err
	}
	v.out.Truncate(v.out.Len() - 1)
	return nil
}
