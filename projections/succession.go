package projections

import "ledgerline/events"

// What a merged party had to do, its successor has to do: from the merger on, and
// only what was not done by then. Rows keep the party that a duty began with; who
// has it at a time is worked out when it is asked.

// successors bounds how many mergers are followed, as the rules do: see package
// events.
const successors = 16

// succession is that a party was merged into another; no Into if it was not.
type succession struct {
	into string
	at   events.Time
}

// successions remembers what became of parties by a time, during one question.
type successions struct {
	r     *reader
	known map[string][]succession
}

func (r *reader) successions() *successions {
	return &successions{r, make(map[string][]succession)}
}

// of lists the mergers of a party and of its successors, known at the reader's
// position whatever their time.
func (s *successions) of(party string) ([]succession, error) {
	if list, ok := s.known[party]; ok {
		return list, nil
	}
	var list []succession
	for now := party; len(list) < successors; {
		var next succession
		err := s.r.history(entityKey(tParty, now), s.r.at, func(row row) (bool, error) {
			var p Party
			if err := row.decode(&p); err != nil {
				return false, err
			}
			if p.Successor != "" { // the oldest such state is that of the merger
				next = succession{p.Successor, p.Since}
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		if next.into == "" {
			break
		}
		list, now = append(list, next), next.into
	}
	s.known[party] = list
	return list, nil
}

// holder is who has at a time what was a party's and not done before done (0: not at
// all).
func (s *successions) holder(party string, done, at events.Time) (string, error) {
	mergers, err := s.of(party)
	for _, m := range mergers {
		if m.at > at || done != 0 && done < m.at {
			break
		}
		party = m.into
	}
	return party, err
}
