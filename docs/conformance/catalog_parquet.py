"""Reads an export of the catalog with DuckDB, which knows nothing of this ledger.

    ledgerline export --format parquet --out catalog.parquet --server http://127.0.0.1:8420
    python3 docs/conformance/catalog_parquet.py catalog.parquet
"""
import os
import sys

try:
    import duckdb
except ImportError:
    print("skipped: DuckDB is not here (pip install duckdb)")
    sys.exit(1 if os.environ.get("CI") else 0)

file = sys.argv[1]
says = {
    key.decode(): value.decode()
    for key, value in duckdb.sql("select key, value from parquet_kv_metadata(?)", params=[file]).fetchall()
}
for name in ("origin", "position", "head", "as_of", "valid_at", "complete", "view", "view_version"):
    if "ledgerline." + name not in says:
        sys.exit(f"the metadata does not say ledgerline.{name}: {says}")

rows = duckdb.sql("select entry, items, recorded, valid_from from read_parquet(?)", params=[file])
types = dict(zip(rows.columns, (str(t) for t in rows.types)))
if types["recorded"] != "TIMESTAMP WITH TIME ZONE" or not types["items"].endswith("[]"):
    sys.exit(f"the columns have other types: {types}")

entries, items, disputed = duckdb.sql(
    """select count(distinct entry), count(*), count(*) filter (len(item.disputed) > 0)
       from (select entry, unnest(items) as item from read_parquet(?))""",
    params=[file],
).fetchone()
sensitive = duckdb.sql(
    """select entry, list_filter(items, lambda x: x.personal = 'sensitive') as found
       from read_parquet(?) where len(found) > 0""",
    params=[file],
).fetchall()
if not entries or not items or not sensitive:
    sys.exit(f"{entries} entries, {items} items, {len(sensitive)} with sensitive items")
print(
    f"ok: DuckDB {duckdb.__version__} reads {entries} entries with {items} items, {disputed} of them disputed, "
    f"as of position {says['ledgerline.position']}"
)
