package main

import (
	"time"

	"ledgerline/api"
)

// limitConfig bounds what clients can ask; see api.Limits. The tag told says what one
// who exceeds it is told.
type limitConfig struct {
	Connections      int      `toml:"connections" usage:"most connections at once, and no more than half of the files that the process may open" told:"nothing, until others are closed"`
	HeaderBytes      int      `toml:"header-bytes" usage:"most bytes of the headers of a request" told:"431, and the connection is closed"`
	BodyBytes        int64    `toml:"body-bytes" usage:"most bytes of a request body, packed and unpacked, and of a line of a stream" told:"413 body.too-large, line.too-large"`
	HeldBytes        int64    `toml:"held-bytes" usage:"most bytes of all bodies that are held at once" told:"503 server.bodies"`
	BatchEvents      int      `toml:"batch-events" usage:"most events of a batch" told:"413 limit.batch-events"`
	ResultRows       int      `toml:"result-rows" usage:"most rows of an answer; a list goes on with its cursor" told:"the answer says so: limits_hit, next"`
	QueryCost        int64    `toml:"query-cost" usage:"most rows, blocks of posting lists and nodes of the lineage graph that the questions of one request look at" told:"422 query.cost"`
	StreamClients    int      `toml:"stream-clients" usage:"how many may follow the events at once, and how many send streams of lines; a caller may open one more while more are free than it has" told:"503 stream.clients"`
	ConcurrentWrites int      `toml:"concurrent-writes" usage:"how many may append at once, a stream of lines only while it does" told:"503 ledger.overloaded"`
	ConcurrentReads  int      `toml:"concurrent-reads" usage:"how many other answers are worked out at once" told:"503 server.busy"`
	ProcessorWait    interval `toml:"processor-wait" usage:"how long requests may wait for a processor, while more than 16 for each are under way; negative: no bound" told:"503 server.busy"`
	Rate             float64  `toml:"rate" usage:"requests a second of one principal, or of one address without a token; negative: no bound" told:"429 limit.rate; 503 to clients of OpenLineage, which do not repeat on 429"`
	Burst            int      `toml:"burst" usage:"how many of these may come at once" told:"429 limit.rate"`
	Sessions         int      `toml:"sessions" usage:"how many people may be signed in at browsers" told:"the session that would end first does"`
	SessionLength    interval `toml:"session-length" usage:"how long somebody stays signed in, unless the token ends before" told:"the page to sign in"`
	ViewLag          int      `toml:"view-lag" usage:"records that the views may be behind before who writes has to wait for them; negative: no bound" told:"503 views.far-behind"`
	Wait             interval `toml:"wait" usage:"how long a question, or an append, waits for the views" told:"503 views.behind, 504 after.not-reached"`
	SenderWait       interval `toml:"sender-wait" usage:"how long a client of OpenLineage waits until its event is durable: these give up after 5 s" told:"503 openlineage.slow"`
	Timeout          interval `toml:"timeout" usage:"how long an answer may take, or a step of a stream; as long again a client to send and to take it" told:"504 request.timeout, 408 body.slow, stream.idle; then the connection is closed"`
	Heartbeat        interval `toml:"heartbeat" usage:"how often an idle stream of events says that it lives" told:"-"`
	ReadyLag         interval `toml:"ready-lag" usage:"recorded time that the views may be behind and still be called ready" told:"503 of /readyz"`
}

func limitsOf(l api.Limits) limitConfig {
	return limitConfig{
		l.Connections, l.HeaderBytes, l.BodyBytes, l.HeldBytes, l.BatchEvents, l.ResultLimit, l.QueryCost, l.StreamClients, l.ConcurrentWrites, l.ConcurrentReads, interval(l.ProcessorWait),
		l.Rate, l.Burst, l.Sessions, interval(l.SessionLength), l.ViewLag, interval(l.Wait), interval(l.SenderWait), interval(l.Timeout), interval(l.Heartbeat), interval(l.ReadyLag),
	}
}

func (c limitConfig) limits() api.Limits {
	return api.Limits{
		Connections: c.Connections, HeaderBytes: c.HeaderBytes, BodyBytes: c.BodyBytes, HeldBytes: c.HeldBytes, BatchEvents: c.BatchEvents, ResultLimit: c.ResultRows, QueryCost: c.QueryCost,
		StreamClients: c.StreamClients, ConcurrentWrites: c.ConcurrentWrites, ConcurrentReads: c.ConcurrentReads, ProcessorWait: time.Duration(c.ProcessorWait), Rate: c.Rate, Burst: c.Burst,
		Sessions: c.Sessions, SessionLength: time.Duration(c.SessionLength),
		ViewLag: c.ViewLag, Wait: time.Duration(c.Wait), SenderWait: time.Duration(c.SenderWait), Timeout: time.Duration(c.Timeout), Heartbeat: time.Duration(c.Heartbeat), ReadyLag: time.Duration(c.ReadyLag),
	}
}

// check refuses limits that nobody could live with.
func (c limitConfig) check() error {
	for _, n := range []int64{int64(c.Connections), int64(c.HeaderBytes), c.BodyBytes, c.HeldBytes, int64(c.BatchEvents), int64(c.ResultRows), c.QueryCost, int64(c.StreamClients),
		int64(c.ConcurrentWrites), int64(c.ConcurrentReads), int64(c.Burst), int64(c.Sessions), int64(c.SessionLength), int64(c.Wait), int64(c.SenderWait), int64(c.Timeout), int64(c.Heartbeat), int64(c.ReadyLag)} {
		if n <= 0 {
			return usage("a limit must be above 0: see [limit] in the configuration, and --limit-…")
		}
	}
	if c.HeldBytes < c.BodyBytes {
		return usage("--limit-held-bytes %d: must be at least --limit-body-bytes, %d", c.HeldBytes, c.BodyBytes)
	}
	return nil
}
