package demo

import "strings"

// Tour says what to look at in a ledger that holds the story and is served at
// baseURL: questions, and the requests that answer them.
func Tour(baseURL string) string {
	return strings.ReplaceAll(tour, "URL", strings.TrimSuffix(baseURL, "/"))
}

// The calls that break a rule are listed in the tests, which find them in the
// data; the tour tells the reader how many to expect.
const tour = `The province of Yunze (云泽省), August 2025 to March 2026: 13 bodies, 26 catalog
entries in 40 versions, 18 agreements, 310 single calls and 4308 batches that stand
for 6.8 million, 60 findings, 1910 runs of 14 jobs.

It is fiction. So that the past has depth, the ledger was told each event at the
time of the story, under a replayed clock. A replayed clock is for fiction only:
what a real ledger proves begins with a clock that nobody set.

1 What did the catalog say on 31 December 2025, and what has changed since?
    curl -s 'URL/v1/catalog/entries/DS03?as_of=2025-12-31T00:00:00%2B08:00'
    curl -s 'URL/v1/catalog/diff?from=2025-12-31T00:00:00%2B08:00'
  On the 31st version 1 of the residence permits (DS03) was in force. A week later
  version 2 was known, but submitted only; it came into force on 8 January.
    curl -s 'URL/v1/catalog/entries/DS03?as_of=2026-01-07T20:00:00%2B08:00'

2 A pension was paid to a dead person. Where does the date of death come from?
    curl -s 'URL/v1/lineage?node=entry:DS25&direction=up'
    curl -s 'URL/v1/lineage?node=column:postgres://jck.sjj.yunze.example:5432/jck.rkk.rkjbxx%23swrq&direction=up&columns=true&as_of=2025-12-04T00:00:00%2B08:00'
  Then its value came from the police (DS02) and the crematoria (DS08); the other
  columns of the answer only decided which rows there are. The hospitals' own
  certificates (DS06) joined on 30 March 2026: ask again without as_of.

3 Who had the telephone numbers that turned up at a bank?
    curl -s 'URL/v1/shares?entry=DS23&column=lxdh'
    curl -s 'URL/v1/accesses?entry=DS23&column=lxdh'
  One agreement granted them, A11. On 14 January 2026 at 21:40 a contractor took
  182,406 rows under it. Suspended two days later, resumed without the numbers:
    curl -s 'URL/v1/events?agreement=A11&type=share.'

4 Which calls broke a rule?
    curl -s 'URL/v1/accesses?flagged=true'
  Nine were answered that should not have been. Six are the city's household check
  asking the tax office (DS20), which nobody granted; one followed a suspension by
  seven minutes; one returned a column, one served a purpose, not agreed. The leak
  is not among them: by the letter of A11 it was a lawful call.

5 Which deadlines of the law were missed, by whom?
    curl -s 'URL/v1/duties?state=late'
    curl -s 'URL/v1/violations?party=D01'
  Each names the rule, the pack and the working calendar it was counted by. Ten
  working days from 12 February 2026 end on 4 March, not on 26 February: the
  Spring Festival lies between, and two Saturdays are worked.

6 What is wrong with the data, and since when?
    curl -s 'URL/v1/findings?open=true'

7 Prove it to somebody who trusts neither you nor this server.
    curl -s 'URL/v1/events?source=https://gateway.sjj.yunze.example&id=GW20260114214000.000-D03-DS23'
    ledgerline prove --server URL --source https://gateway.sjj.yunze.example --id GW20260114214000.000-D03-DS23 --out leak
    curl -s URL/log/checkpoint > kept
  The proof ties the record to the signed checkpoint. Who keeps a checkpoint today
  will notice tomorrow if history is rewritten.

8 Record something yourself (the demo lets everybody write), and find it again.
    curl -s URL/v1/events -H 'Content-Type: application/cloudevents+json' -d '` + example + `'
    curl -s 'URL/v1/findings/Q99'

9 Stop the server, change any byte below its directory, and ask what became of it.
    ledgerline verify --dir DIR
`

// example is an event for the reader to post.
const example = `{"specversion":"1.0","id":"mine-1","source":"https://visitor.example","type":"quality.issue.reported","time":"2026-03-31T09:00:00+08:00",` +
	`"data":{"issue":"Q99","by":"C01","entry":"DS24","items":["cbrs"],"dimension":"GB36344:0301","symptom":"wrong","severity":"minor","description":"参保人数偏低 Too few persons insured"}}`
