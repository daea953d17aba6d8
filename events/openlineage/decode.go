package openlineage

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads the parts of a text that is known to be JSON in which no name
// stands twice. A value of another kind than its field is passed over, as if it
// were absent: the verdict has it.
func decode(raw []byte) *wireEvent {
	d := &decoder{cursor: cursor{text: raw}}
	w := new(wireEvent)
	d.object(func(name string) {
		switch name {
		case "eventType":
			d.text(&w.EventType)
		case "eventTime":
			d.text(&w.EventTime)
		case "producer":
			d.text(&w.Producer)
		case "schemaURL":
			d.text(&w.SchemaURL)
		case "run":
			d.run(&w.Run)
		case "job":
			d.job(&w.Job)
		case "dataset":
			d.dataset(&w.Dataset)
		case "inputs":
			listOf(d, &w.Inputs, d.dataset)
		case "outputs":
			listOf(d, &w.Outputs, d.dataset)
		}
	})
	return w
}

// A decoder reads values into fields.
type decoder struct {
	cursor
	// unread is set while the value of the member at hand has not been read.
	unread bool
	// words are short texts met before, which mostly come again: each where its end
	// says. They are copies, so that no fact holds the whole text in memory.
	words [256]string
}

// maxWord bounds, in bytes, what counts as short.
const maxWord = 64

// enters reads the beginning of an object or array. It passes over a value of any
// other kind, and then reports false.
func (d *decoder) enters(kind jsontext.Kind) bool {
	d.unread = false
	if d.kind() != kind {
		d.skip()
		return false
	}
	d.pass()
	return true
}

// object reads an object. For each member visit is told its name, and may read its
// value.
func (d *decoder) object(visit func(name string)) (is bool) {
	if !d.enters('{') {
		return false
	}
	for d.kind() != '}' {
		name := d.word()
		d.unread = true
		if visit(name); d.unread {
			d.skip()
		}
		d.unread = false
	}
	d.pass()
	return true
}

// word reads a string or the name of a member.
func (d *decoder) word() string {
	v := unquoted(d.quoted())
	if len(v) > maxWord || len(v) == 0 {
		return string(v)
	}
	slot := len(v)
	for _, b := range v[max(0, len(v)-4):] {
		slot = slot*31 + int(b)
	}
	word := &d.words[slot%len(d.words)]
	if *word != string(v) {
		*word = string(v)
	}
	return *word
}

// listOf reads an array. An element of another kind than read expects stays empty.
func listOf[T any](d *decoder, to *[]T, read func(*T)) {
	if !d.enters('[') {
		return
	}
	list := []T{} // an empty list is not an absent one
	for d.kind() != ']' {
		list = append(list, *new(T))
		read(&list[len(list)-1])
	}
	d.pass()
	*to = list
}

// optional reads an object of which nil says that it is absent.
func optional[T any](d *decoder, to **T, member func(v *T, name string)) {
	v := new(T)
	if d.object(func(name string) { member(v, name) }) {
		*to = v
	}
}

func (d *decoder) text(to *string) {
	if d.unread = false; d.kind() == '"' {
		*to = d.word()
	} else {
		d.skip()
	}
}

func (d *decoder) flag(to *bool) {
	d.unread = false
	*to = d.kind() == 't'
	d.skip()
}

func (d *decoder) count(to *count) {
	if d.unread = false; d.kind() != '0' {
		d.skip()
		return
	}
	text := string(d.scalar())
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		*to = count{n, true}
	} else if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		*to = count{int64(f), true}
	}
}

// id reads a member of an identity, if that is what it is.
func (d *decoder) id(to *wireID, name string) {
	switch name {
	case "namespace":
		d.text(&to.Namespace)
	case "name":
		d.text(&to.Name)
	}
}

func (d *decoder) identity(to *wireID) { d.object(func(name string) { d.id(to, name) }) }

func (d *decoder) runID(to *wireRunID) {
	d.object(func(name string) {
		if name == "runId" {
			d.text(&to.RunID)
		}
	})
}

// deleted reads the member that marks a facet as deleted.
func (d *decoder) deleted(to *wireBase, name string) {
	if name == "_deleted" {
		d.flag(&to.Deleted)
	}
}

func (d *decoder) run(w *wireRun) {
	d.object(func(name string) {
		switch name {
		case "runId":
			d.text(&w.RunID)
		case "facets":
			d.object(func(name string) {
				switch name {
				case "parent":
					optional(d, &w.Facets.Parent, d.parent)
				case "parentRun":
					optional(d, &w.Facets.ParentRun, d.parent)
				case "nominalTime":
					optional(d, &w.Facets.NominalTime, func(n *wireNominal, name string) {
						switch name {
						case "nominalStartTime":
							d.text(&n.Start)
						case "nominalEndTime":
							d.text(&n.End)
						}
					})
				case "jobDependencies":
					optional(d, &w.Facets.JobDependencies, func(j *wireDependencies, name string) {
						switch name {
						case "upstream":
							listOf(d, &j.Upstream, d.dependency)
						case "downstream":
							listOf(d, &j.Downstream, d.dependency)
						}
					})
				case "test":
					d.checks(&w.Facets.Tests, "tests")
				}
			})
		}
	})
}

func (d *decoder) parent(p *wireParent, name string) {
	switch name {
	case "run":
		d.runID(&p.Run)
	case "job":
		d.identity(&p.Job)
	case "root":
		d.object(func(name string) {
			switch name {
			case "run":
				d.runID(&p.Root.Run)
			case "job":
				d.identity(&p.Root.Job)
			}
		})
	}
}

func (d *decoder) dependency(w *wireDependency) {
	d.object(func(name string) {
		switch name {
		case "job":
			d.identity(&w.Job)
		case "run":
			d.runID(&w.Run)
		case "dependency_type":
			d.text(&w.Type)
		case "sequence_trigger_rule":
			d.text(&w.Sequence)
		case "status_trigger_rule":
			d.text(&w.Status)
		}
	})
}

func (d *decoder) job(w *wireJob) {
	d.object(func(name string) {
		d.id(&w.wireID, name)
		if name != "facets" {
			return
		}
		d.object(func(name string) {
			switch name {
			case "jobType":
				optional(d, &w.Facets.JobType, func(t *wireJobType, name string) {
					d.deleted(&t.wireBase, name)
					switch name {
					case "processingType":
						d.text(&t.ProcessingType)
					case "emissionPattern":
						d.object(func(name string) {
							if name == "eventContentMode" {
								d.text(&t.ContentMode)
							}
						})
					}
				})
			case "lineage":
				optional(d, &w.Facets.Lineage, func(l *wireLineage, name string) {
					d.deleted(&l.wireBase, name)
					if name == "entries" {
						listOf(d, &l.Entries, d.entry)
					}
				})
			}
		})
	})
}

func (d *decoder) dataset(w *wireDataset) {
	d.object(func(name string) {
		d.id(&w.wireID, name)
		switch name {
		case "facets":
			optional(d, &w.Facets, d.datasetFacet)
		case "inputFacets":
			d.object(func(name string) {
				switch name {
				case "inputStatistics":
					d.statistics(&w.Read)
				case "dataQualityAssertions":
					d.checks(&w.Asserted, "assertions")
				}
			})
		case "outputFacets":
			d.object(func(name string) {
				if name == "outputStatistics" {
					d.statistics(&w.Written)
				}
			})
		}
	})
}

// statistics reads the number of rows out of a facet.
func (d *decoder) statistics(to *count) {
	d.object(func(name string) {
		if name == "rowCount" {
			d.count(to)
		}
	})
}

// checks reads the assertions or tests of a facet, from the member that lists
// them.
func (d *decoder) checks(to *[]wireCheck, list string) {
	d.object(func(name string) {
		if name == list {
			listOf(d, to, d.check)
		}
	})
}

func (d *decoder) check(w *wireCheck) {
	d.object(func(name string) {
		switch name {
		case "assertion", "type":
			d.text(&w.Type)
		case "name":
			d.text(&w.Name)
		case "column":
			d.text(&w.Column)
		case "severity":
			d.text(&w.Severity)
		case "status":
			d.text(&w.Status)
		case "success":
			if kind := d.kind(); kind == 't' || kind == 'f' {
				w.Success = new(bool)
				d.flag(w.Success)
			}
		case "params":
			d.object(func(name string) {
				if w.Column == "" && (name == "column" || name == "column_name") {
					d.text(&w.Column)
				}
			})
		}
	})
}

func (d *decoder) datasetFacet(f *wireDatasetFacets, name string) {
	switch name {
	case "schema":
		optional(d, &f.Schema, func(s *wireSchema, name string) {
			d.deleted(&s.wireBase, name)
			if name == "fields" {
				listOf(d, &s.Fields, d.field)
			}
		})
	case "symlinks":
		optional(d, &f.Symlinks, func(s *wireSymlinks, name string) {
			d.deleted(&s.wireBase, name)
			if name == "identifiers" {
				listOf(d, &s.Identifiers, d.identity)
			}
		})
	case "columnLineage":
		optional(d, &f.ColumnLineage, func(c *wireColumnLineage, name string) {
			d.deleted(&c.wireBase, name)
			switch name {
			case "fields":
				d.columns(&c.Fields, "inputFields")
			case "dataset":
				listOf(d, &c.Dataset, d.source)
			}
		})
	case "lifecycleStateChange":
		optional(d, &f.Lifecycle, func(l *wireLifecycle, name string) {
			d.deleted(&l.wireBase, name)
			switch name {
			case "lifecycleStateChange":
				d.text(&l.Change)
			case "previousIdentifier":
				d.identity(&l.Previous)
			}
		})
	case "dataQualityAssertions":
		d.checks(&f.Asserted, "assertions")
	case "lineage":
		optional(d, &f.Lineage, func(l *wireDatasetLineage, name string) {
			d.deleted(&l.wireBase, name)
			d.flows(&l.wireFlows, name)
		})
	}
}

func (d *decoder) field(w *wireField) {
	d.object(func(name string) {
		switch name {
		case "name":
			d.text(&w.Name)
		case "type":
			d.text(&w.Type)
		case "fields":
			listOf(d, &w.Fields, d.field)
		}
	})
}

// columns reads a dictionary of columns, whose inputs stand in a member of this
// name.
func (d *decoder) columns(to *[]wireColumn, inputs string) {
	d.object(func(name string) {
		c := wireColumn{Name: name}
		d.object(func(name string) {
			switch name {
			case inputs:
				listOf(d, &c.Inputs, d.source)
			case "transformationType":
				d.text(&c.TransformationType)
			}
		})
		*to = append(*to, c)
	})
	slices.SortFunc(*to, func(a, b wireColumn) int { return cmp.Compare(a.Name, b.Name) })
}

func (d *decoder) flows(w *wireFlows, name string) {
	switch name {
	case "inputs":
		listOf(d, &w.Inputs, d.source)
	case "fields":
		d.columns(&w.Fields, "inputs")
	}
}

func (d *decoder) entry(w *wireEntry) {
	d.object(func(name string) {
		d.id(&w.wireID, name)
		d.flows(&w.wireFlows, name)
		switch name {
		case "type":
			d.text(&w.Type)
		case "runId":
			d.text(&w.RunID)
		}
	})
}

func (d *decoder) source(w *wireSource) {
	d.object(func(name string) {
		d.id(&w.wireID, name)
		switch name {
		case "type":
			d.text(&w.Type)
		case "runId":
			d.text(&w.RunID)
		case "field":
			d.text(&w.Field)
		case "transformations":
			listOf(d, &w.Transformations, func(t *wireTransformation) {
				d.object(func(name string) {
					switch name {
					case "type":
						d.text(&t.Type)
					case "subtype":
						d.text(&t.Subtype)
					case "masking":
						d.flag(&t.Masking)
					}
				})
			})
		}
	})
}
