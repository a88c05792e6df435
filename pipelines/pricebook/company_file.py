"""Reads the company's own price file (TOML): every table by itself, then against the others; all problems come at once.

Each problem names the line of its table. Whether a name is that of a priced model is found out where the book is built.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from pipelines.pricebook.clashes import gaps, overlaps, repeated_ids
from pipelines.pricebook.company import AZURE, SECTIONS, CompanyPrices, Table
from pipelines.pricebook.errors import PriceBookError

Row = TypeVar("Row", bound=Table)


def read_company_prices(path: Path) -> CompanyPrices:
    """Read the company's prices. Raises PriceBookError listing every problem with its place."""
    try:
        content = path.read_bytes()
        raw = tomllib.loads(content.decode(), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PriceBookError([f"{path}: cannot be read as TOML: {error}"]) from None
    places = _Places(path, content.decode())
    problems = [
        f"{path}: unknown section {name!r}. Known: {', '.join(SECTIONS)}, {AZURE}"
        for name in raw.keys() - {*SECTIONS, AZURE}
    ]
    rows: dict[str, list[tuple[str, Any]]] = {}
    for section, kind in SECTIONS.items():
        rows[section] = _rows(section, kind, raw.get(section, []), places, problems)
    deployments = _deployments(raw.get(AZURE, {}), path, problems)
    problems += [*overlaps(rows), *repeated_ids(rows)]
    if problems:
        raise PriceBookError(sorted(set(problems), key=problems.index))

    def only(section: str) -> tuple[Any, ...]:
        return tuple(row for _, row in rows[section])

    return CompanyPrices(
        only("override"), only("discount"), only("drawdown"), only("gpu_pool"), only("alias"),
        deployments, hashlib.sha256(content).hexdigest(), tuple(gaps(rows)),
    )  # fmt: skip


@dataclass(frozen=True)
class _Places:
    path: Path
    text: str

    def of(self, section: str, n: int) -> str:
        headers = [m.start() for m in re.finditer(rf"(?m)^[ \t]*\[\[\s*{section}\s*\]\]", self.text)]
        line = f":{self.text.count(chr(10), 0, headers[n]) + 1}" if n < len(headers) else ""
        return f"{self.path}{line}: {section} {n + 1}"


def _rows(section: str, kind: type[Row], raw: Any, places: _Places, problems: list[str]) -> list[tuple[str, Row]]:
    if not isinstance(raw, list):
        problems.append(f"{places.path}: {section} is a list of tables: write [[{section}]]")
        return []
    rows: list[tuple[str, Row]] = []
    for n, values in enumerate(cast(list[Any], raw)):
        place = places.of(section, n)
        try:
            rows.append((place, kind.model_validate(values)))
        except ValidationError as error:
            problems += [f"{place}: {_problem(cast(Mapping[str, Any], item), kind)}" for item in error.errors()]
    return rows


def _problem(item: Mapping[str, Any], kind: type[Table]) -> str:
    name = ".".join(map(str, item["loc"]))
    if item["type"] == "extra_forbidden":
        known = ", ".join(field.alias or key for key, field in kind.model_fields.items())
        return f"{name} is unknown. Known: {known}"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{name} = {str(item['input'])[:60]}: {message}" if name else message


def _deployments(raw: Any, path: Path, problems: list[str]) -> dict[str, str]:
    if not isinstance(raw, Mapping) or not all(isinstance(v, str) for v in cast(Mapping[str, Any], raw).values()):
        problems.append(f"{path}: {AZURE} maps the name of a deployment to the name of a model")
        return {}
    stated = {name.strip().lower(): model.strip().lower() for name, model in cast(Mapping[str, str], raw).items()}
    if len(stated) < len(cast(Mapping[str, str], raw)):
        problems.append(f"{path}: {AZURE} names a deployment twice; upper and lower case are the same")
    return stated
