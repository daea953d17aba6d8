package openlineage

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The structs below are the parts of an event that facts are made of. Where a
// facet is a pointer, nil says that the event does not have it.

type wireEvent struct {
	EventType string        `json:"eventType"`
	EventTime string        `json:"eventTime"`
	Producer  string        `json:"producer"`
	SchemaURL string        `json:"schemaURL"`
	Run       wireRun       `json:"run"`
	Job       wireJob       `json:"job"`
	Dataset   wireDataset   `json:"dataset"`
	Inputs    []wireDataset `json:"inputs"`
	Outputs   []wireDataset `json:"outputs"`
}

type wireID struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// wireBase is in every facet that can be deleted.
type wireBase struct {
	Deleted bool `json:"_deleted"`
}

type wireRun struct {
	RunID  string `json:"runId"`
	Facets struct {
		Parent *wireParent `json:"parent"`
		// ParentRun is what Airflow's client called the parent facet until 2022.
		ParentRun   *wireParent `json:"parentRun"`
		NominalTime *struct {
			Start string `json:"nominalStartTime"`
			End   string `json:"nominalEndTime"`
		} `json:"nominalTime"`
		JobDependencies *struct {
			Upstream   []wireDependency `json:"upstream"`
			Downstream []wireDependency `json:"downstream"`
		} `json:"jobDependencies"`
	} `json:"facets"`
}

type wireParent struct {
	Run  wireRunID `json:"run"`
	Job  wireID    `json:"job"`
	Root struct {
		Run wireRunID `json:"run"`
		Job wireID    `json:"job"`
	} `json:"root"`
}

type wireDependency struct {
	Job      wireID    `json:"job"`
	Run      wireRunID `json:"run"`
	Type     string    `json:"dependency_type"`
	Sequence string    `json:"sequence_trigger_rule"`
	Status   string    `json:"status_trigger_rule"`
}

type wireRunID struct {
	RunID string `json:"runId"`
}

type wireJob struct {
	wireID
	Facets struct {
		JobType *struct {
			wireBase
			ProcessingType  string `json:"processingType"`
			EmissionPattern struct {
				EventContentMode string `json:"eventContentMode"`
			} `json:"emissionPattern"`
		} `json:"jobType"`
		Lineage *struct {
			wireBase
			Entries []wireEntry `json:"entries"`
		} `json:"lineage"`
	} `json:"facets"`
}

type wireDataset struct {
	wireID
	Facets       *wireDatasetFacets `json:"facets"`
	InputFacets  *wireInputFacets   `json:"inputFacets"`
	OutputFacets *wireOutputFacets  `json:"outputFacets"`
}

type wireDatasetFacets struct {
	Schema *struct {
		wireBase
		Fields []wireField `json:"fields"`
	} `json:"schema"`
	Symlinks *struct {
		wireBase
		Identifiers []wireID `json:"identifiers"`
	} `json:"symlinks"`
	ColumnLineage *wireColumnLineage `json:"columnLineage"`
	Lifecycle     *struct {
		wireBase
		Change   string `json:"lifecycleStateChange"`
		Previous wireID `json:"previousIdentifier"`
	} `json:"lifecycleStateChange"`
	Lineage *struct {
		wireBase
		wireFlows
	} `json:"lineage"`
}

type wireInputFacets struct {
	Statistics struct {
		RowCount count `json:"rowCount"`
	} `json:"inputStatistics"`
}

type wireOutputFacets struct {
	Statistics struct {
		RowCount count `json:"rowCount"`
	} `json:"outputStatistics"`
}

type wireField struct {
	Name   string      `json:"name"`
	Type   string      `json:"type"`
	Fields []wireField `json:"fields"`
}

type wireColumnLineage struct {
	wireBase
	Fields map[string]struct {
		InputFields []wireSource `json:"inputFields"`
		// TransformationType is of version 1-0-0: IDENTITY or MASKED, for all
		// input fields at once.
		TransformationType string `json:"transformationType"`
	} `json:"fields"`
	Dataset []wireSource `json:"dataset"`
}

// wireFlows is what flows into one target of explicit lineage.
type wireFlows struct {
	Inputs []wireSource `json:"inputs"`
	Fields map[string]struct {
		Inputs []wireSource `json:"inputs"`
	} `json:"fields"`
}

type wireEntry struct {
	wireID
	Type  string `json:"type"`
	RunID string `json:"runId"`
	wireFlows
}

// wireSource is a source of column lineage or of explicit lineage; only the
// latter has a type and a run.
type wireSource struct {
	wireID
	Type            string `json:"type"`
	RunID           string `json:"runId"`
	Field           string `json:"field"`
	Transformations []struct {
		Type    string `json:"type"`
		Subtype string `json:"subtype"`
		Masking bool   `json:"masking"`
	} `json:"transformations"`
}

// A count is a whole number that may be written as one with a fraction of zero,
// and may be absent.
type count struct {
	n     int64
	known bool
}

func (c *count) read(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '0' {
		return dec.SkipValue()
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	text := tok.String()
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		*c = count{n, true}
	} else if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		*c = count{int64(f), true}
	}
	return nil
}

// decode reads the parts of a text that is known to be JSON. A value of another
// kind than its field is passed over, as if it were absent: the verdict has it.
func decode(raw []byte) (*wireEvent, error) {
	var w wireEvent
	err := json.Unmarshal(raw, &w, jsontext.AllowDuplicateNames(true), json.WithUnmarshalers(passOver))
	if err != nil {
		return nil, fmt.Errorf("reading the facts of an event that was found to be well formed: %w", err)
	}
	return &w, nil
}

var passOver = json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v any) error {
	var want jsontext.Kind
	switch v := v.(type) {
	case *count:
		return v.read(dec)
	case *string:
		want = '"'
	case *bool:
		if dec.PeekKind() == 'f' {
			return errors.ErrUnsupported
		}
		want = 't'
	default:
		t := reflect.TypeOf(v).Elem()
		if t.Kind() == reflect.Pointer {
			t = t.Elem() // every pointer is to the struct of a facet
		}
		switch t.Kind() {
		case reflect.Slice:
			want = '['
		default:
			want = '{'
		}
	}
	if dec.PeekKind() != want {
		return dec.SkipValue()
	}
	return errors.ErrUnsupported // that is: decode it as usual
})
