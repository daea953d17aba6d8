package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// importMade records what file the events of the time before the ledger are from, once,
// and returns the id of that event. The file's digest makes it, so that an import that is
// run again finds it.
func (im *importer) importMade(ctx context.Context, path string) (id string, err error) {
	digest, size, err := fileDigest(path)
	if err != nil {
		return "", err
	}
	source := "urn:ledgerline:import:" + hex.EncodeToString(digest)
	id = "made-by-" + im.importedBy
	known, err := im.client.ask(ctx, "/v1/events", "after", url.Values{"source": {source}, "id": {id}})
	if err != nil {
		return "", err
	}
	var found struct {
		Rows []jsontext.Value `json:"rows"`
	}
	if err := json.Unmarshal(known, &found); err != nil {
		return "", fmt.Errorf("reading what is known of %s: %w", path, err)
	}
	if len(found.Rows) > 0 {
		return source + " " + id, nil
	}
	event, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": source, "type": "ledger.import.made", "time": time.Now().UTC().Format(time.RFC3339), "party": im.importedBy,
		"data": map[string]any{"by": im.importedBy, "title": filepath.Base(path), "digest": base64.StdEncoding.EncodeToString(digest), "bytes": size},
	}, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	_, _, err = im.client.post(ctx, "/v1/events", http.Header{"Content-Type": {"application/cloudevents+json"}}, event)
	return source + " " + id, err
}

func fileDigest(path string) (digest []byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	sum := sha256.New()
	size, err = io.Copy(sum, f)
	return sum.Sum(nil), size, errors.Join(err, f.Close())
}

// marked are the CloudEvents of a chunk with what marks them as imported. What a line says
// of its own cause stays. Others cannot be marked, since the bytes of an OpenLineage event
// are its identity, and are refused.
func (im *importer) marked(path string, chunk []item) (out []item, err error) {
	for _, it := range chunk {
		var event map[string]jsontext.Value
		switch err := json.Unmarshal(it.raw, &event); {
		case !it.cloud:
			if err := im.refuse(path, it, "import.kind", "an OpenLineage event cannot be marked as imported; import it without --imported-by: it says itself when it happened"); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			if err := im.refuse(path, it, "json.syntax", err.Error()); err != nil {
				return nil, err
			}
			continue
		}
		event["imported"] = jsontext.Value("true")
		if _, ok := event["causationid"]; !ok {
			if event["causationid"], err = json.Marshal(im.cause); err != nil {
				return nil, err
			}
		}
		if it.raw, err = json.Marshal(event, json.Deterministic(true)); err != nil {
			return nil, err
		}
		out = append(out, it)
	}
	return out, nil
}
