"""A viewer's own table of numbers (CSV), checked cell by cell; nothing is written to disk.

Understood: a comma, semicolon, tab or blanks between cells; a decimal comma where cells are parted by
semicolons; a header or none; quoted cells. Columns of text are left out, and named in ``skipped``, when
at least two columns of numbers remain. Anything else is a ValueError of one sentence: what is wrong,
where, and what to do. Rows are numbered as a spreadsheet shows the file, the header included.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.data.dataset import read_only

MAX_COLUMNS = 200
MAX_SIZE = 1e100  # of one number: its square must still be a float
MAX_LINE = 100_000  # characters
SAMPLE_LINES = 50
_DELIMITERS = ("\t", ";", ",", " ")  # on a tie the first wins: "1,5;2,5" is two numbers
_MISSING = frozenset(("", "na", "n/a", "#n/a", "null", "none", "-", "?"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns of finite numbers."""

    x: np.ndarray  # (N, D) float64, read-only
    column_names: tuple[str, ...]  # (D,), unique
    skipped: tuple[str, ...] = ()  # columns left out because they hold text


def read_csv(raw: bytes, *, max_bytes: int, max_rows: int) -> Table:
    """The numbers in a CSV file: N from 2 to ``max_rows``, D from 2 to 200; ValueError as said above."""
    text = _decode(raw, max_bytes)
    delimiter = _sniff(text)
    numbered = _rows(text, delimiter, max_rows)
    decimal_comma = delimiter == ";"
    header = len(numbered) > 1 and _is_header(numbered[0][1], numbered[1][1], decimal_comma)
    names = _names(numbered[0][1] if header else [""] * len(numbered[0][1]))
    if header:
        numbered = numbered[1:]
    if len(numbered) < 2:
        raise ValueError(f"the file has {len(numbered)} row of numbers, and at least 2 are needed: add more rows")
    if len(numbered) > max_rows:
        raise ValueError(f"the file has more than {max_rows:,} rows, the limit here: keep fewer rows")

    columns, kept, skipped = [], [], []
    for i, name in enumerate(names):
        cells = [row[i] for _, row in numbered]
        numbers = [_number(cell, decimal_comma) for cell in cells]
        if 2 * sum(number is not None for number in numbers) <= len(numbers):
            skipped.append(name)
            continue
        for (line, _), cell, number in zip(numbered, cells, numbers, strict=True):
            _check_cell(line, name, cell, number)
        columns.append(numbers)
        kept.append(name)
    if len(kept) < 2:
        found = f"only {kept[0]!r}" if kept else "none"
        raise ValueError(f"at least 2 columns of numbers are needed, found {found}: give points x, y, ...")
    x = np.array(columns, dtype=np.float64).T.copy()
    return Table(x=read_only(x), column_names=tuple(kept), skipped=tuple(skipped))


def _decode(raw: bytes, max_bytes: int) -> str:
    if len(raw) > max_bytes:
        raise ValueError(f"the file has {len(raw):,} bytes, the limit here is {max_bytes:,}: keep fewer rows")
    if not raw.strip():
        raise ValueError("the file is empty: give at least 2 rows of at least 2 numbers")
    if b"\0" in raw:
        raise ValueError("the file is not text (it holds NUL bytes): save it as CSV in UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    strange = next((c for c in text if ord(c) < 32 and c not in "\t\n\r\f"), None)
    if strange is not None:
        raise ValueError(f"the file is not text (it holds the control character {strange!r}): save it as CSV in UTF-8")
    return text


def _split(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of each line that is not blank."""
    if delimiter == " ":
        lines = enumerate(text.splitlines(), start=1)
        yield from ((number, [cell.strip('"') for cell in line.split()]) for number, line in lines if line.strip())
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"row {reader.line_num} cannot be read ({error}): check its quotation marks") from None


def _sniff(text: str) -> str:
    """The delimiter that makes the most numbers out of the first lines."""
    lines = text.splitlines()[:SAMPLE_LINES]
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE:
            raise ValueError(f"row {number} has {len(line):,} characters, the limit is {MAX_LINE:,}: break the line up")
    sample = "\n".join(lines)
    scores = {}
    for delimiter in _DELIMITERS:
        rows = [cells for _, cells in _split(sample, delimiter) if len(cells) > 1]
        numbers = sum(_number(cell, delimiter == ";") is not None for cells in rows for cell in cells)
        scores[delimiter] = (numbers, len(rows))
    best = max(_DELIMITERS, key=lambda delimiter: scores[delimiter])
    if scores[best] == (0, 0):
        raise ValueError("the file has 1 column, at least 2 are needed: part the cells by commas, as in 1.5,2.5")
    return best


def _rows(text: str, delimiter: str, max_rows: int) -> list[tuple[int, list[str]]]:
    """All rows with their line numbers, each as wide as the first; stops soon after ``max_rows``."""
    rows: list[tuple[int, list[str]]] = []
    for line, cells in _split(text, delimiter):
        if rows and len(cells) != len(rows[0][1]):
            width = len(rows[0][1])
            raise ValueError(
                f"row {line} has {len(cells)} cell{'s'[: len(cells) != 1]}, row {rows[0][0]} has {width}: "
                f"give every row {width}"
            )
        if len(cells) > MAX_COLUMNS:
            raise ValueError(f"the file has {len(cells)} columns, the limit is {MAX_COLUMNS}: keep fewer columns")
        rows.append((line, cells))
        if len(rows) > max_rows + 1:  # one may be the header
            break
    return rows


def _number(cell: str, decimal_comma: bool) -> float | None:
    """The number in a cell, None where it is none; NaN and infinity are numbers here."""
    if decimal_comma and cell.count(",") == 1 and "." not in cell:
        cell = cell.replace(",", ".")
    if "_" in cell:  # float() would take 1_000
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _is_header(first: list[str], second: list[str], decimal_comma: bool) -> bool:
    """True where some word stands above a number; a missing value is no word."""
    return any(
        _number(word, decimal_comma) is None
        and word.lower() not in _MISSING
        and _number(below, decimal_comma) is not None
        for word, below in zip(first, second, strict=True)
    )


def _names(header: list[str]) -> list[str]:
    names: list[str] = []
    for i, cell in enumerate(header, start=1):
        name = cell[:60] or f"column {i}"
        names.append(f"{name} ({i})" if name in names else name)
    return names


def _check_cell(line: int, name: str, cell: str, number: float | None) -> None:
    where = f"row {line}, column {name!r}"
    if number is None and cell.lower() in _MISSING:
        said = "is empty" if not cell else f"holds {cell!r}"
        raise ValueError(f"{where} {said}: fill it in or remove the row")
    if number is None:
        raise ValueError(f"{where} holds {cell[:40]!r}, not a number: correct it or remove the row")
    if not math.isfinite(number):
        raise ValueError(f"{where} holds {cell!r}, not a finite number: correct it or remove the row")
    if abs(number) > MAX_SIZE:
        raise ValueError(f"{where} holds {cell[:40]!r}, beyond the limit of {MAX_SIZE:g}: change its unit")
