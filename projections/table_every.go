package projections

import "github.com/cockroachdb/pebble/v2"

// every visits every version of every entity of a table, in the order of their
// keys.
func (s *store) every(t table, visit func(row) error) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{byte(t)}, UpperBound: []byte{byte(t) + 1}})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, it.Close()) }()
	for valid := it.First(); valid; valid = it.Next() {
		entity, position, err := splitVersion(it.Key())
		if err != nil {
			return err
		}
		body, live, err := splitValue(it)
		if err != nil {
			return err
		}
		if live {
			if err := visit(row{entity, position, body}); err != nil {
				return err
			}
		}
	}
	return it.Error()
}
