"""Rows of a business feed as they stand in the lake now, with the file and line that each was read from. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlalchemy as sa

from warehouse import control as db
from warehouse import lake
from warehouse.control import Control
from warehouse.feed_schemas import FEEDS
from warehouse.lake import Lake


@dataclass(frozen=True)
class FeedLine:
    """The current version of one row of a feed; `values` are the columns that were asked for, `source_line` as it is stored."""

    values: Mapping[str, Any]
    landing_id: str
    source_file: str
    source_line: int


def current_lines(
    store: Lake,
    control: Control,
    feed: str,
    columns: Sequence[str],
    where: str,
    order: str,
    parameters: Mapping[str, Any],
    limit: int,
) -> tuple[int, list[FeedLine]]:
    """How many rows of the feed meet `where`, and the first `limit` of them; none of an erased tenant, as in the models.

    Of a row's versions the latest counts, as `latest_of_feed` has it for the models. `where` and `order` are our own text;
    values come as `parameters`, of which those that `where` names are bound.
    """
    dataset = f"feed_{feed}"
    landing = db.landing
    with control.read() as connection:
        paths = [store.absolute(file.path) for file in lake.files(connection, dataset)]
        query = sa.select(landing.c.landing_id, landing.c.seq).where(landing.c.dataset == dataset)
        sequence = {row.landing_id: row.seq for row in connection.execute(query)}
        erased = connection.execute(sa.select(db.tombstone.c.id_md5).where(db.tombstone.c.kind == "tenant"))
        erased_md5 = [row.id_md5 for row in erased]
    named = ", ".join((*columns, "landing_id", "source_file", "source_line"))
    has_tenant = "tenant_id" in FEEDS[feed].column_names
    stays = "not coalesce(list_contains($erased, md5(tenant_id)), false)" if has_tenant else "true"
    bound = {name: value for name, value in parameters.items() if f"${name}" in where}
    bound |= {"landings": list(sequence), "numbers": list(sequence.values()), "limit": limit}
    bound |= {"erased": erased_md5} if has_tenant else {}
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        rows = database.execute(
            f"""with landings as (select unnest($landings::varchar[]) as landing_id, unnest($numbers::bigint[]) as seq),
            latest as (
                select feed.* from {lake.scan(dataset, paths)} as feed left join landings using (landing_id)
                qualify row_number() over (
                    partition by {", ".join(FEEDS[feed].key)}
                    order by observed_at desc nulls last, seq desc nulls last, source_line desc
                ) = 1
            )
            select count(*) over (), {named} from latest where {stays} and ({where}) order by {order} limit $limit""",
            bound,
        ).fetchall()
    lines = [FeedLine(dict(zip(columns, row[1:-3], strict=True)), *row[-3:]) for row in rows]
    return (int(rows[0][0]) if rows else 0), lines
