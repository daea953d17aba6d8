package api

import (
	"net/http"

	"ledgerline/api/relay"
	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/notary"
	"ledgerline/ledger/proof"
	"ledgerline/projections"
)

type healthAnswer struct {
	Status string `json:"status"`
}

func getHealth(*Server, *http.Request, none) (healthAnswer, error) { return healthAnswer{"ok"}, nil }

type readyAnswer struct {
	Ready bool                     `json:"ready"`
	Views []projections.ViewStatus `json:"views"`
	// Damage is what the patrol found to be not as it was acknowledged.
	Damage []damageAnswer `json:"damage,omitempty"`
}

// readiness says whether answers are fresh and rest on a sound book: 503 while a
// view is being rebuilt or its graph loaded, has stopped, or is further behind than
// Limits.ReadyLag, and while the patrol's findings stand.
func readiness() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		a := readyAnswer{Ready: true, Views: s.o.Views.Status()}
		for _, v := range a.Views {
			if v.Rebuilding || v.Loading || v.Err != "" || v.LagSeconds > s.o.Limits.ReadyLag.Seconds() {
				a.Ready = false
			}
		}
		if a.Damage = damage(s.o.Ledger.PatrolStatus().Findings); len(a.Damage) > 0 {
			a.Ready = false
		}
		status := http.StatusOK
		if !a.Ready {
			status = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "1")
		}
		return writeJSON(w, r, status, a)
	})
	e.answers = []content{ok[readyAnswer](http.StatusOK, "ready"), ok[readyAnswer](http.StatusServiceUnavailable, "not yet")}
	return e
}

// statusAnswer is where the ledger stands.
type statusAnswer struct {
	Ledger Standing `json:"ledger"`
	Origin string   `json:"origin"`
	// VerifierKey is the note verifier key of the checkpoints. Take it from a
	// place you trust, not from here, to check anything.
	VerifierKey string `json:"verifier_key"`
	// KeyChanges are the changes of that key, from the first key on: notes that the old
	// and the new key signed.
	KeyChanges []string                 `json:"key_changes,omitzero"`
	Version    string                   `json:"version,omitzero"`
	Head       headAnswer               `json:"head"`
	Views      []projections.ViewStatus `json:"views"`
	// Index is how far the completeness index is committed to; none before the first
	// commitment, or while it is taken up.
	Index *indexAnswer `json:"index,omitzero"`
	// Outsiders says how those who attest the log are doing.
	Outsiders notary.Status `json:"outsiders"`
	// Patrol is how far the ledger has verified itself in the background, and what it
	// found.
	Patrol patrolAnswer `json:"patrol"`
	// Relays says how the ways to brokers and webhooks are doing.
	Relays []relay.Progress `json:"relays"`
	// Started is when this server began. History is what it saw since, oldest first, in
	// at most 120 spans of growing length.
	Started events.Time `json:"started"`
	History []span      `json:"history"`
	// Counts are what the ledger holds as of Counted; absent for callers who may not see
	// everything.
	Counts  *projections.Counts `json:"counts,omitzero"`
	Counted int64               `json:"counted"`
}

// damageAnswer is a ledger.Finding.
type damageAnswer struct {
	Kind string `json:"kind"`
	// From and To are the first and the last position that it may be at.
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Detail string `json:"detail"`
}

func damage(findings []ledger.Finding) []damageAnswer {
	out := make([]damageAnswer, len(findings))
	for i, f := range findings {
		out[i] = damageAnswer(f)
	}
	return out
}

// patrolAnswer is a ledger.PatrolStatus.
type patrolAnswer struct {
	On bool `json:"on"`
	// Position is the next record to be verified, of the first Size, in the pass that
	// began at Began.
	Position int64       `json:"position"`
	Size     int64       `json:"size"`
	Began    events.Time `json:"began,omitzero"`
	// LastSize and LastEnded are of the last complete pass.
	LastSize  int64       `json:"last_size"`
	LastEnded events.Time `json:"last_ended,omitzero"`
	// Findings are at most 100 of what is not as it was acknowledged; Found counts all
	// of this pass.
	Findings []damageAnswer `json:"findings"`
	Found    int64          `json:"found"`
	// Error says why the patrol does not go on.
	Error string `json:"error,omitzero"`
}

func patrolOf(s ledger.PatrolStatus) patrolAnswer {
	return patrolAnswer{s.On, s.Position, s.Size, s.Began, s.LastSize, s.LastEnded, damage(s.Findings), s.Found, s.Err}
}

type headAnswer struct {
	Size       int64       `json:"size"`
	Root       proof.Hash  `json:"root"`
	Time       events.Time `json:"time,omitzero"`
	Checkpoint string      `json:"checkpoint"`
}

type indexAnswer struct {
	// Commit is the position of the newest commitment, Size the number of records
	// it covers, Lag how many there are beyond.
	Commit int64      `json:"commit"`
	Size   int64      `json:"size"`
	Lag    int64      `json:"lag"`
	Root   proof.Hash `json:"root"`
}

func (s *Server) indexAnswer() *indexAnswer {
	state, err := s.o.Ledger.IndexState()
	if err != nil {
		return nil
	}
	return &indexAnswer{state.Commit, state.Size, s.o.Ledger.Head().Size - state.Size, state.Root}
}

// outsiders is empty if nobody attests.
func (s *Server) outsiders() notary.Status {
	if s.o.Notary == nil {
		return notary.Status{}
	}
	return s.o.Notary.Status()
}

func getStatus(s *Server, r *http.Request, _ none) (statusAnswer, error) {
	head := s.o.Ledger.Head()
	view, err := s.o.Views.At(s.o.Views.Applied())
	if err != nil {
		return statusAnswer{}, err
	}
	var counts *projections.Counts
	if callOf(r).caller.scope().EveryRecord() {
		var all projections.Counts
		all, err = view.Counts(r.Context())
		counts = &all
	}
	return statusAnswer{
		Ledger: s.headStanding(), Origin: s.o.Ledger.Origin(), VerifierKey: s.o.Ledger.VerifierKey(), KeyChanges: s.o.Ledger.KeyChanges(), Version: s.o.Version,
		Head:  headAnswer{head.Size, head.Root, head.Time, string(head.Checkpoint)},
		Index: s.indexAnswer(),
		Views: s.o.Views.Status(), Patrol: patrolOf(s.o.Ledger.PatrolStatus()), Outsiders: s.outsiders(),
		Relays: append([]relay.Progress{}, s.o.Relays()...), Started: s.started, History: s.history.list(), Counts: counts, Counted: view.Position(),
	}, joinClose(err, view)
}
