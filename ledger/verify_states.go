package ledger

import (
	"crypto/sha256"

	"ledgerline/ledger/proof"
)

// statesHeld bounds the states that a verification holds at once.
const statesHeld = 1 << 18

// A stateFold folds the states of some of the subjects. It holds those that events
// came to last; of the others it keeps what their rows hash to, some hundred bytes
// for each, and reads their records again should another event come. So the memory
// it needs grows with the number of subjects that have a state, that is with the
// catalog, agreements and issues, and not with what is accessed or run.
type stateFold struct {
	inOrder[fact]
	v            *verification
	limit        int // of a generation
	newer, older map[proof.Hash]cell
	rows         map[proof.Hash][sha256.Size]byte // of those no longer held
}

func (s *stateFold) init(v *verification, limit int) {
	s.v, s.limit = v, max(1, limit/2)
	s.newer, s.rows = make(map[proof.Hash]cell), make(map[proof.Hash][sha256.Size]byte)
	s.apply = s.fact
}

func (s *stateFold) fact(f *fact) error {
	c, ok := s.newer[f.subject]
	if !ok {
		if len(s.newer) >= s.limit {
			if err := s.letGo(); err != nil {
				return err
			}
		}
		c = s.recall(f)
	}
	c.version++
	if f.data != nil {
		c.state = f.typ.Apply(f.data, c.state)
	}
	s.newer[f.subject] = c
	return nil
}

// recall finds the state of a subject that is not among the newer.
func (s *stateFold) recall(f *fact) cell {
	if c, ok := s.older[f.subject]; ok {
		delete(s.older, f.subject)
		return c
	}
	if _, ok := s.rows[f.subject]; !ok {
		return newCell(f.kind)
	}
	delete(s.rows, f.subject)
	c, err := s.v.l.foldUpTo(f.subject, f.kind, f.position)
	if err != nil { // the records are sound, so it is the rows that lead to them
		s.v.find(DerivedRow, f.position, f.position, "the versions of its subject do not lead to the records before: %s", reason(err))
		return newCell(f.kind)
	}
	return c
}

// letGo keeps of the older states no more than what their rows hash to.
func (s *stateFold) letGo() error {
	for subject, c := range s.older {
		row, err := c.encode()
		if err != nil {
			return err
		}
		s.rows[subject] = sha256.Sum256(row)
	}
	s.older, s.newer = s.newer, make(map[proof.Hash]cell, s.limit)
	return nil
}

// is reports whether a row is that of the state of a subject with n versions.
func (s *stateFold) is(subject proof.Hash, n uint64, row []byte) (bool, error) {
	if sum, ok := s.rows[subject]; ok {
		return sha256.Sum256(row) == sum, nil
	}
	c, ok := s.newer[subject]
	if !ok {
		c = s.older[subject] // or none: then its kind has no state
	}
	want, err := cell{version: n, state: c.state}.encode()
	return string(want) == string(row), err
}

// foldUpTo folds the state of a subject from its records before a position.
func (l *Ledger) foldUpTo(subject proof.Hash, kind string, position int64) (cell, error) {
	cells := map[proof.Hash]cell{subject: newCell(kind)}
	for version := uint64(1); ; version++ {
		v, err := l.getRow(versionKey(subject, version))
		if err != nil {
			return cell{}, err
		}
		if v == nil {
			return cells[subject], nil
		}
		at, err := positionOf(v)
		if err != nil {
			return cell{}, err
		}
		if at >= position {
			return cells[subject], nil
		}
		_, body, err := l.readBody(at)
		if err != nil {
			return cell{}, err
		}
		if err := l.fold(cells, body); err != nil {
			return cell{}, err
		}
	}
}
