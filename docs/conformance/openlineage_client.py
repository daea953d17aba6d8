"""Sends lineage with OpenLineage's own Python client, unmodified, and reads it back.

    python3 docs/conformance/openlineage_client.py http://127.0.0.1:8420 [TOKEN [SUFFIX]]

Every transport of the client that speaks HTTP is tried: the plain one, with gzip,
and the asynchronous one. It ends with status 0 if the ledger took every event and
answers with the lineage that was sent. SUFFIX tells the names of one pass from those of
another.
"""
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState, StaticDataset
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset, sql_job
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid

PRODUCER = "https://example.org/conformance"


def events(name):
    """A run from START to COMPLETE, a job and a dataset without a run."""
    job = Job("conformance", name, {"sql": sql_job.SQLJobFacet("insert into b select upper(x) from a")})
    run = Run(str(generate_new_uuid()))
    fields = [schema_dataset.SchemaDatasetFacetFields("x", "text")]
    a = InputDataset("pg://client:5432", name + ".a", facets={"schema": schema_dataset.SchemaDatasetFacet(fields)})
    lineage = column_lineage_dataset.ColumnLineageDatasetFacet(fields={
        "x": column_lineage_dataset.Fields(
            [column_lineage_dataset.InputField("pg://client:5432", name + ".a", "x")]),
    })
    b = OutputDataset("pg://client:5432", name + ".b", facets={"columnLineage": lineage})
    now = datetime.now(timezone.utc).isoformat()
    for state in (RunState.START, RunState.RUNNING, RunState.COMPLETE):
        yield RunEvent(eventTime=now, run=run, job=job, eventType=state, producer=PRODUCER, inputs=[a], outputs=[b])
    yield JobEvent(eventTime=now, job=job, producer=PRODUCER, inputs=[a], outputs=[b])
    yield DatasetEvent(eventTime=now, dataset=StaticDataset("pg://client:5432", name + ".a", facets=a.facets), producer=PRODUCER)


def transports(url, token):
    common = {"url": url}
    if token:
        common["auth"] = ApiKeyTokenProvider({"apiKey": token})
    yield "plain", HttpTransport(HttpConfig(**common))
    yield "gzip", HttpTransport(HttpConfig(compression=HttpCompression.GZIP, **common))
    yield "async", AsyncHttpTransport(AsyncHttpConfig(**common))


def answer(request):
    """Asks until there is room: what asks is held to the same rate as what sends."""
    while True:
        try:
            with urllib.request.urlopen(request) as got:
                return json.load(got)
        except urllib.error.HTTPError as refused:
            if refused.code != 429:
                raise
            time.sleep(int(refused.headers["Retry-After"]))


def upstream(url, token, name):
    node = "column:pg://client:5432/%s.b#x" % name
    query = urllib.parse.urlencode({"node": node, "direction": "up", "columns": "true"})
    request = urllib.request.Request(url + "/v1/lineage?" + query)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    graph = answer(request)
    return [(e["from"], e["to"], e.get("runs")) for e in graph["edges"]]


def await_applied(url, token):
    """Waits until the views show all that was recorded."""
    request = urllib.request.Request(url + "/v1/status")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    last = answer(request)["head"]["size"] - 1
    request.full_url = url + "/v1/events?limit=1&after=%d" % last
    answer(request)


def main(url, token=None, suffix=""):
    url = url.rstrip("/")
    for name, transport in transports(url, token):
        name += suffix
        client = OpenLineageClient(transport=transport)
        for event in events(name):
            client.emit(event)
        client.close()
        await_applied(url, token)
        got = upstream(url, token, name)
        want = [("column:pg://client:5432/%s.a#x" % name, "column:pg://client:5432/%s.b#x" % name, 1)]
        if got != want:
            sys.exit("%s: the lineage is %r, not %r" % (name, got, want))
        print("ok: openlineage-python, transport %s" % name)


if __name__ == "__main__":
    main(*sys.argv[1:])
