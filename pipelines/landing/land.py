"""Landing one log file: identify, claim, read in bulk, stage, move into place, commit."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.landing import ledger, quarantine
from pipelines.landing.detect import MAX_DOCUMENT_BYTES, Detected, UnknownFormat, detect
from pipelines.landing.identity import Identity, grows, head_hash, identify
from pipelines.landing.ledger import Claim, Counts, Landed, LostClaim, Refused
from pipelines.landing.lines import BATCH, BadLine, LineReader, batches_of, open_stream
from pipelines.landing.shape import Origin, shape_json, shape_table
from pipelines.settings import Settings
from pipelines.sources import Source
from warehouse import lake
from warehouse.control import Control
from warehouse.lake import Lake
from warehouse.schemas import COLUMNS, SCHEMA_VERSION

Progress = Callable[[int], None]
"""Told the number of rows read so far."""


class LandingError(Exception):
    """A file could not be landed; nothing of it counts and a later run begins it again."""


@dataclass(frozen=True)
class FileResult:
    """What became of one file. `state`: landed, already, busy, empty, unknown or failed."""

    path: str
    source: str
    state: str
    counts: Counts = Counts()
    message: str = ""


@dataclass(frozen=True)
class Context:
    """What landing needs besides the file."""

    settings: Settings
    control: Control
    lake: Lake


def land_file(
    context: Context, path: Path, source_name: str | None = None, progress: Progress = lambda _: None
) -> FileResult:
    """Land what is new in one log file. Raises LandingError, UnknownFormat, UnknownSource."""
    with explained(path):
        found = detect(path, source_name)
        if found is None:
            return FileResult(str(path), "", "empty", message="empty file")
        wanted, replaces, identity, first_line = _plan(context, path, found)
        if wanted is None:
            return FileResult(str(path), found.source.name, "already", message="nothing new")
        held = ledger.claim(context.control, wanted, context.settings.landing.lease_s)
        if isinstance(held, Refused):
            return FileResult(str(path), found.source.name, held.state, held.counts, f"{held.state}: {held.by}")
        try:
            counts = _land_claimed(context, path, found, held, identity, first_line, replaces, progress)
        except LostClaim as lost:
            context.lake.discard(held.landing_id, held.token)
            return FileResult(str(path), found.source.name, "busy", message=str(lost))
        except BaseException:
            # Also on Ctrl-C: leave nothing behind that a later run would have to wait for.
            context.lake.discard(held.landing_id, held.token)
            ledger.release(context.control, held)
            raise
        return FileResult(str(path), found.source.name, "landed", counts)


def mapping_of(settings: Settings, source: Source) -> dict[str, tuple[str, ...]]:
    """The source's own mapping with what the settings say instead."""
    configured = getattr(settings.sources, source.name, None)
    chosen = configured.model_dump() if configured is not None else {}
    return {column: tuple(chosen.get(column) or paths) for column, paths in source.mapping.items()}


def mapping_version(settings: Settings, source: Source) -> str:
    """Changes when the same bytes would be read differently."""
    parts = [
        source.name,
        source.version,
        settings.instance,
        sorted(mapping_of(settings, source).items()),
        SCHEMA_VERSION,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the machine says into what a person can act on."""
    try:
        yield
    except FileNotFoundError:
        raise LandingError(f"{path}: no such file.") from None
    except PermissionError as error:
        raise LandingError(f"{error.filename or path}: no permission. Nothing was landed from {path}.") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise LandingError(
                f"{path}: the disk is full. Nothing was landed from it; free space and run again."
            ) from None
        raise LandingError(f"{path}: {error}. Nothing was landed from it.") from None
    except duckdb.IOException as error:
        text = str(error).splitlines()[0]
        full = any(sign in text for sign in ("No space left", "File too large", "quota"))
        why = "the disk is full" if full else text
        raise LandingError(f"{path}: {why}. Nothing was landed from it; run again when that is mended.") from None
    except duckdb.OutOfMemoryException as error:
        raise LandingError(f"{path}: not enough memory or temporary space: {str(error).splitlines()[0]}") from None


def _plan(context: Context, path: Path, found: Detected) -> tuple[Claim | None, tuple[str, ...], Identity, int]:
    """What to claim: the whole file, or what a growing one has gained; and the landings that this one replaces."""
    version = mapping_version(context.settings, found.source)
    known = ledger.earlier(context.control, head_hash(path), lake.REQUESTS)
    identity = identify(path, [row.byte_end for row in known])
    same = [row for row in known if identity.prefixes.get(row.byte_end) == row.sha256]
    ours = [row for row in same if row.mapping_version == version]
    appendable = found.container == "lines" and grows(path)
    start = max((row.byte_end for row in ours), default=0) if appendable else 0
    first_line = 1 + sum(_lines_of(path, start))
    if start and start == identity.stop:
        return None, (), identity, first_line
    replaces = tuple(
        row.landing_id for row in same if row.mapping_version != version and row.source == found.source.name
    )
    identifier = ledger.landing_id(identity.sha256, version, start, lake.REQUESTS)
    wanted = Claim(
        identifier, "", lake.REQUESTS, found.source.name, str(path), identity.sha256, identity.head_sha256, version, start,
        identity.stop,
    )  # fmt: skip
    return wanted, replaces, identity, first_line


def _lines_of(path: Path, stop: int) -> Iterator[int]:
    with path.open("rb") as file:
        while stop > 0 and (block := file.read(min(1 << 20, stop))):
            stop -= len(block)
            yield block.count(b"\n")


def _land_claimed(
    context: Context,
    path: Path,
    found: Detected,
    held: Claim,
    identity: Identity,
    first_line: int,
    replaces: tuple[str, ...],
    progress: Progress,
) -> Counts:
    settings = context.settings
    staging = context.lake.begin(held.landing_id, held.token)
    origin = Origin(str(path), held.landing_id, settings.instance)
    keep = settings.landing.keep_quarantined_bytes
    with working_database(context.lake.root.parent) as db:
        bad = _parse(db, path, found, held, settings, origin, first_line)
        if identity.tail:
            reason = "last line has no end yet; it is read again when the file grows"
            bad.append(BadLine(first_line + _new_lines(path, held), reason, identity.tail[: quarantine.MAX_BODY]))
        rejected = db.execute(
            "select source_line, problem, raw from parsed where problem is not null order by source_line"
        ).fetchall()
        total = db.execute("select count(*) from parsed").fetchall()[0][0]
        progress(total)
        db.execute("delete from parsed where problem is not null")
        duplicates = _drop_duplicates(db)
        kept = total - len(rejected) - duplicates
        days = {str(day) for (day,) in db.execute("select distinct day from parsed").fetchall()}
        models = _models(db)
        _write_staged(db, staging, held)
    rows = [_quarantined(path, found, bad_line, keep) for bad_line in bad]
    rows += [
        quarantine.Quarantined(str(path), line, found.source.name, problem, quarantine.body(raw, keep))
        for line, problem, raw in rejected
    ]
    quarantine.write(settings.data_dir, held.landing_id, sorted(rows, key=lambda row: row.line))
    files = context.lake.admit(held.landing_id, held.token, lake.REQUESTS)
    if sum(file.rows for file in files) != kept:
        raise AssertionError(f"{path}: {kept} rows were read and {sum(file.rows for file in files)} written")
    counts = Counts(total + len(bad), kept, duplicates, len(rows))
    landed = Landed(files, counts, frozenset(models), frozenset(days), replaces=replaces)
    ledger.commit(context.control, held, landed)
    return counts


@contextmanager
def working_database(data_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database that spills under the data folder."""
    db = duckdb.connect(config={"temp_directory": str(data_dir / "tmp")})
    try:
        db.execute("set timezone = 'UTC'")
        yield db
    finally:
        db.close()


def _parse(
    db: duckdb.DuckDBPyConnection,
    path: Path,
    found: Detected,
    held: Claim,
    settings: Settings,
    origin: Origin,
    first_line: int,
) -> list[BadLine]:
    """Fill table `parsed` with every record of the file; return the lines that never became records."""
    mapping, now = mapping_of(settings, found.source), datetime.now(UTC)
    if found.container in ("csv", "parquet"):
        relation, present, bad = _table(db, path, found.container)
        db.execute(f"create temp table parsed as {shape_table(found.source, mapping, relation, present, origin, now)}")
        return bad
    if found.container == "lines":
        stop = held.byte_end if grows(path) else None
        reader = LineReader(path, settings.landing.max_line_bytes, held.byte_start, stop, first_line)
        batches = pa.RecordBatchReader.from_batches(BATCH, iter(reader))
        db.register("lines", batches)
        db.execute(f"create temp table parsed as {shape_json(found.source, mapping, 'lines', origin, now)}")
        if grows(path) and reader.sha256 != held.sha256:
            raise OSError("changed while it was read (not only appended to)")
        return reader.bad
    elements, bad = _elements(path)
    db.register("lines", batches_of(elements))
    db.execute(f"create temp table parsed as {shape_json(found.source, mapping, 'lines', origin, now)}")
    return bad


def _table(db: duckdb.DuckDBPyConnection, path: Path, container: str) -> tuple[str, list[str], list[BadLine]]:
    """A relation with `source_line` and the file's columns; CSV records that cannot be split are bad lines."""
    if container == "parquet":
        relation = f"(select *, file_row_number + 1 as source_line from read_parquet({_literal(path)}, file_row_number = true))"
        columns = [name for name, *_ in db.execute(f"describe select * from read_parquet({_literal(path)})").fetchall()]
        return relation, columns, []
    options = "all_varchar = true, header = true, store_rejects = true, null_padding = false, strict_mode = true"
    try:
        db.execute(f"create temp table csv_rows as select * from read_csv({_literal(path)}, {options})")
    except duckdb.InvalidInputException as error:
        raise UnknownFormat(f"{path}: not a CSV that can be read: {str(error).splitlines()[0]}") from None
    columns = [name for name, *_ in db.execute("describe csv_rows").fetchall()]
    rejected = db.execute("select line, error_type, csv_line from reject_errors order by line").fetchall()
    by_line = {line: BadLine(line, f"CSV: {str(kind).lower()}", (text or "").encode()) for line, kind, text in rejected}
    return "(select *, row_number() over () as source_line from csv_rows)", columns, list(by_line.values())


def _elements(path: Path) -> tuple[list[bytes], list[BadLine]]:
    """Elements of a JSON array or of concatenated documents, each as one line; where it breaks off is a bad line."""
    with open_stream(path) as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise UnknownFormat(
            f"{path}: a JSON array of more than {MAX_DOCUMENT_BYTES >> 20} MiB. Write one record per line instead: jq -c '.[]'."
        )
    text = data.decode("utf-8-sig", errors="replace")
    decoder, found, position = json.JSONDecoder(), [], 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,[]":
            position += 1
        if position >= len(text):
            return found, []
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            rest = text[position:].encode()
            return found, [
                BadLine(len(found) + 1, "the array breaks off here; nothing behind it was read", rest[:4096])
            ]
        # The element's own text, so that its numbers keep their spelling; line breaks inside it are only layout.
        found.append(text[position:end].replace("\n", " ").replace("\r", " ").encode())
        position = end


def _drop_duplicates(db: duckdb.DuckDBPyConnection) -> int:
    """Remove repeated copies of a record within the file; the first line stays."""
    repeated = "select record_key from parsed group by record_key, version_at, row_hash having count(*) > 1"
    deleted = db.execute(
        f"""delete from parsed where record_key in ({repeated}) and (record_key, version_at, row_hash, source_line) not in (
            select (record_key, version_at, row_hash, min(source_line)) from parsed where record_key in ({repeated})
            group by record_key, version_at, row_hash)"""
    ).fetchall()
    return int(deleted[0][0])


def _models(db: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    query = "select distinct coalesce(provider_name, ''), coalesce(base_model, response_model, '') from parsed"
    return {(provider, model) for provider, model in db.execute(query).fetchall() if model}


def _write_staged(db: duckdb.DuckDBPyConnection, staging: Path, held: Claim) -> None:
    columns = ", ".join(column.name for column in COLUMNS)
    db.execute(
        f"""copy (select {columns} from parsed order by source_line) to {_literal(staging)} (
            format parquet, compression zstd, partition_by (day), write_partition_columns true, overwrite_or_ignore true,
            filename_pattern '{held.landing_id}-{held.token}-{{i}}',
            kv_metadata {{'margincall.schema_version': '{SCHEMA_VERSION}'}})"""
    )


def _new_lines(path: Path, held: Claim) -> int:
    return sum(_lines_of(path, held.byte_end)) - sum(_lines_of(path, held.byte_start))


def _quarantined(path: Path, found: Detected, bad: BadLine, keep: bool) -> quarantine.Quarantined:
    return quarantine.Quarantined(
        str(path), bad.source_line, found.source.name, bad.reason, quarantine.body(bad.body, keep)
    )


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
