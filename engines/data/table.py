"""A viewer's own table of numbers (CSV) from a spreadsheet of any country, checked cell by cell; nothing goes to disk.

What parts the cells and what marks the decimals are found together: of all separators, the one under which the most
columns are numbers. (A sniffer that looks at separators alone, as clevercsv's, takes "1,5 2,5" for "1" and "5 2,5".)
Where both readings of a mark are left ("1,234"), nothing is guessed: the file is refused until the viewer says which.
Comments, a ``sep=`` line, titles above the header and a row of units are passed over and reported. Every other
departure is a ValueError of one sentence: what is wrong, where, and what to do. Rows are numbered as the file's lines.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from engines.data.dataset import read_only

MAX_COLUMNS = 200
MAX_SIZE = 1e100  # of one number: its square must still be a float
MAX_LINE = 100_000  # characters
SAMPLE_ROWS = 60
ENOUGH = 1000  # rows: the decimal mark that they decide is that of the file
SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "blanks"}  # on a tie the first wins
DECIMALS = {".": "a point", ",": "a comma"}
_MISSING = frozenset(("", "na", "n/a", "#n/a", "null", "none", "-", "?"))
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(#(?!N/A|VALUE|REF|DIV|NUM|NAME|NULL)|%|//)")
_SEP_LINE = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-"})  # a minus sign, and the dash that is typed for one


def _number_pattern(decimal: str) -> re.Pattern[str]:
    """Digits with the other mark, a blank or an apostrophe before every three, or before every two as in India."""
    other = "," if decimal == "." else r"\."
    groups = rf"[1-9]\d{{0,2}}([{other}'’ \u00a0\u202f\u2009])\d{{3}}(?:\1\d{{3}})*"
    lakh = r"|[1-9]\d?(?:,\d{2})+,\d{3}" if decimal == "." else ""
    d = re.escape(decimal)
    return re.compile(rf"[+-]?(?:(?:\d+|{groups}{lakh})(?:{d}\d*)?|{d}\d+)(?:[eE][+-]?\d+)?", re.ASCII)


_NUMBERS = {decimal: _number_pattern(decimal) for decimal in DECIMALS}
Row = tuple[int, list[str]]  # line number, cells


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns of finite numbers, and how they were read."""

    x: np.ndarray  # (N, D) float64, read-only
    column_names: tuple[str, ...]  # (D,), unique
    skipped: tuple[str, ...] = ()  # columns left out because they hold text
    separator: str
    decimal: str
    header: bool
    passed_over: tuple[str, ...] = ()  # lines that are no data: "rows 1 to 3 (comments)"

    @property
    def how(self) -> str:
        """How it was read, in one or two sentences."""
        names = "with column names" if self.header else "without column names"
        said = f"Cells parted by {SEPARATORS[self.separator]}, decimals by {DECIMALS[self.decimal]}, {names}."
        return said + (f" Passed over: {', '.join(self.passed_over)}." if self.passed_over else "")


def read_csv(
    raw: bytes, *, max_bytes: int, max_rows: int, separator: str = "", decimal: str = "",
    header: bool | None = None, columns: Collection[str] = (),
) -> Table:  # fmt: skip
    """The numbers in a CSV file: N from 2 to ``max_rows``, D from 2 to 200; ValueError as said above.

    ``separator``, ``decimal``, ``header`` and ``columns`` (names to keep) overrule what would be found.
    """
    lines, notes, said = _lines(_decode(raw, max_bytes))
    separator = separator or said or _find_separator(lines)
    rows, comments = _rows(lines, separator, max_rows)
    width = _width(rows, separator)
    head, body, names = _head(rows, comments, width, separator, header, notes)
    if len(body) < 2:
        raise ValueError(f"the file has {len(body)} row of numbers, and at least 2 are needed: add more rows")
    if len(body) > max_rows:
        raise ValueError(f"the file has more than {max_rows:,} rows, the limit here: keep fewer rows")
    names = _unique(names, width)
    if missing := [name for name in columns if name not in names]:
        raise ValueError(f"the file has no column {missing[0]!r}; it has {', '.join(names[:8])}")
    decimal = decimal or _find_decimal(body, names, separator)
    kept: dict[str, list[float]] = {}
    skipped = []
    for i, name in enumerate(names):
        cells = [row[i] for _, row in body]
        numbers = [_number(cell, decimal) for cell in cells]
        if columns and name not in columns:
            continue
        if 2 * sum(number is not None for number in numbers) <= len(numbers):
            skipped.append(name)
            continue
        for (line, _), cell, number in zip(body, cells, numbers, strict=True):
            _check_cell(line, name, cell, number, decimal)
        kept[name] = numbers  # type: ignore[assignment]
    if len(kept) < 2:
        found = f"only {next(iter(kept))!r}" if kept else "none"
        text = f" ({skipped[0]!r} holds {body[0][1][names.index(skipped[0])][:20]!r})" if skipped else ""
        raise ValueError(f"at least 2 columns of numbers are needed, found {found}{text}: give points x, y, ...")
    x = np.array(list(kept.values()), dtype=np.float64).T.copy()
    return Table(
        x=read_only(x), column_names=tuple(kept), skipped=tuple(skipped), separator=separator, decimal=decimal,
        header=head, passed_over=tuple(notes),
    )  # fmt: skip


# -- lines and cells ----------------------------------------------------------------------------------------------


def _decode(raw: bytes, max_bytes: int) -> str:
    if len(raw) > max_bytes:
        raise ValueError(f"the file has {len(raw):,} bytes, the limit here is {max_bytes:,}: keep fewer rows")
    if not raw.strip():
        raise ValueError("the file is empty: give at least 2 rows of at least 2 numbers")
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252", "latin-1"]
    if b"\0" in raw and encodings[0] != "utf-16":
        raise ValueError("the file is not text (it holds NUL bytes): save it as CSV in UTF-8")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            break
    else:
        raise ValueError("the file begins as UTF-16 and is not: save it as CSV in UTF-8")
    strange = next((c for c in text if ord(c) < 32 and c not in "\t\n\r\f"), None)
    if strange is not None:
        raise ValueError(f"the file is not text (it holds the control character {strange!r}): save it as CSV in UTF-8")
    return text


def _lines(text: str) -> tuple[list[str], list[str], str]:
    """Lines, comments still among them; what was passed over; the separator that a ``sep=`` line names."""
    lines = list(io.StringIO(text, newline=None))
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE:
            raise ValueError(f"row {number} has {len(line):,} characters, the limit is {MAX_LINE:,}: break the line up")
    if not lines or not (said := _SEP_LINE.fullmatch(lines[0])):
        return lines, [], ""
    if said[1] not in SEPARATORS:
        raise ValueError(
            f"row 1 says that cells are parted by {said[1]!r}: use one of {', '.join(SEPARATORS.values())}"
        )
    return ["\n", *lines[1:]], ["row 1 (it names the separator)"], said[1]


def _split(lines: list[str], separator: str) -> Iterator[Row]:
    """(line number, cells) of each line that is neither blank nor a comment."""
    bare = ("\n" if _COMMENT.match(line) else line for line in lines)
    if separator == " ":
        for number, line in enumerate(bare, start=1):
            if cells := [cell.strip('"') for cell in re.findall(r'"[^"]*"|[^ \t\f\r\n]+', line)]:
                yield number, cells
        return
    reader = csv.reader(bare, delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"row {reader.line_num} cannot be read ({error}): check its quotation marks") from None


def _rows(lines: list[str], separator: str, max_rows: int) -> tuple[list[Row], list[Row]]:
    """The rows, soon after ``max_rows`` no more, and the comments' cells, a name each perhaps."""
    rows: list[Row] = []
    for row in _split(lines, separator):
        if len(row[1]) > MAX_COLUMNS:
            raise ValueError(f"the file has {len(row[1])} columns, the limit is {MAX_COLUMNS}: keep fewer columns")
        rows.append(row)
        if len(rows) > max_rows + SAMPLE_ROWS:  # some may be above the data
            break
    comments = [(i, line) for i, line in enumerate(lines, start=1) if _COMMENT.match(line)]
    cut = [(i, next(_split([_COMMENT.sub("", line, count=1)], separator), (0, []))[1]) for i, line in comments]
    return rows, cut


# -- separator, decimal mark, header ------------------------------------------------------------------------------


def _is_number(cell: str) -> bool:
    return any(_number(cell, decimal) is not None for decimal in DECIMALS)


def _number(cell: str, decimal: str) -> float | None:
    """The number in a cell, None where it is none; NaN and infinity are numbers here."""
    cell = cell.translate(_SIGNS)
    if _NUMBERS[decimal].fullmatch(cell):
        whole = re.sub(rf"[^\d{decimal}eE+-]", "", cell)
        return float(whole.replace(",", "."))
    return float(cell) if _NOT_FINITE.fullmatch(cell) else None


def _find_separator(lines: list[str]) -> str:
    """The separator under which the most columns are numbers, then the most cells."""
    best, best_score = "", (0, 0.0, 0.0)
    for separator in SEPARATORS:
        rows = [cells for (_, cells), _ in zip(_split(lines, separator), range(SAMPLE_ROWS), strict=False)]
        # "0,5 120,3" is not 0 | 5120 | 3: blanks between digits only where the cell was quoted for its comma.
        hits = [[_is_number(c) and not (separator == "," and " " in c and "," not in c) for c in r] for r in rows]
        data = [row for row in hits if any(row)] or hits
        width = Counter(map(len, data)).most_common(1)[0][0] if data else 0
        if width < 2:
            continue
        even = [row for row in data if len(row) == width]
        n_columns = sum(2 * sum(column) > len(even) for column in zip(*even, strict=True))
        score = (n_columns, sum(map(sum, even)) / sum(map(len, data)), len(even) / len(data))
        if score > best_score:
            best, best_score = separator, score
    if not best:
        raise ValueError("the file has 1 column, at least 2 are needed: part the cells by commas, as in 1.5,2.5")
    return best


def _find_decimal(body: list[Row], names: list[str], separator: str) -> str:
    """The mark under which more cells are numbers; ValueError where both readings are left and differ."""
    lost = dict.fromkeys(DECIMALS, 0)  # cells that are numbers only under the other mark
    either: tuple[int, str, str] | None = None  # line, column, a cell with two readings
    for i, (line, row) in enumerate(body):
        if i == ENOUGH and lost["."] != lost[","]:
            break
        for name, cell in zip(names, row, strict=True):
            if "." not in cell and "," not in cell:
                continue
            point, comma = (_number(cell, decimal) for decimal in DECIMALS)
            if point is None and comma is not None:
                lost["."] += 1
            elif comma is None and point is not None:
                lost[","] += 1
            elif point != comma and either is None:
                either = line, name, cell
    if lost["."] != lost[","] or either is None:
        return "," if lost["."] > lost[","] else "."
    if separator == "," and "," not in either[2]:
        return "."  # where commas part the cells, a point is the decimal mark
    line, name, cell = either
    mark = "comma" if "," in cell else "point"
    raise ValueError(
        f"row {line}, column {name!r} holds {cell!r}, whose {mark} may mark decimals or thousands, and no other number "
        "decides it: choose the decimal mark under *How the file is read*, or write the numbers without thousands"
    )


def _width(rows: list[Row], separator: str) -> int:
    """How many cells a row has, without columns that are empty throughout at the end; ValueError where rows differ."""
    if not rows:
        raise ValueError("the file has no rows: give at least 2 rows of at least 2 numbers")
    first = next((i for i, (_, cells) in enumerate(rows) if any(map(_is_number, cells))), 0)
    data = rows[first:]
    width = Counter(len(cells) for _, cells in data[:SAMPLE_ROWS]).most_common(1)[0][0]
    for line, cells in data:
        if len(cells) != width:
            raise ValueError(f"row {line} has {_cells(len(cells))}, the others have {width}: give every row {width}")
    if separator == "," and first == 1 and len(rows[0][1]) < width:
        raise ValueError(
            f"row {rows[0][0]} has {_cells(len(rows[0][1]))} and row {rows[1][0]} has {width}: if the comma marks "
            "decimals, part the cells by semicolons; otherwise give every row as many cells, or remove the first"
        )
    while width > 1 and all(not cells[width - 1] for _, cells in data):  # a separator at the end of every row
        width -= 1
    return width


def _cells(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"


def _head(
    rows: list[Row], comments: list[Row], width: int, separator: str, header: bool | None, notes: list[str]
) -> tuple[bool, list[Row], list[str]]:
    """Whether there are names, the rows of data, the names; what is above them is noted."""
    cut = [(line, cells[:width]) for line, cells in rows]
    even = [row for row in cut if len(row[1]) == width]
    sample = [row for row in even if any(map(_is_number, row[1]))][:SAMPLE_ROWS]
    numeric = [i for i in range(width) if 2 * sum(_is_number(cells[i]) for _, cells in sample) > len(sample)]
    first = next((j for j, row in enumerate(cut) if row in even and any(_is_number(row[1][i]) for i in numeric)), 0)
    if not numeric:  # columns of text only: the first row is the header
        first = min(1, len(cut) - 1)
    above, body = cut[:first], cut[first:]
    names: list[str] = []
    if header and not above and body:
        above, body = body[:1], body[1:]
    # R leaves the column of row names without a name.
    full = [
        (line, [""] * (width - len(c)) + c if separator in " \t" and width - len(c) == 1 else c) for line, c in above
    ]
    full = [row for row in full if len(row[1]) == width]
    if header is False:
        full = []
    if full:
        named, units = full[-1], None
        short = all(re.fullmatch(r"[\[(].*[\])]|.{0,6}", cell) for cell in named[1])
        if len(full) > 1 and short and all(full[-2][1]):
            named, units = full[-2], named
        names = list(named[1])
        if units is not None:
            pairs = zip(names, units[1], strict=True)
            names = [f"{name} [{unit.strip('[]()')}]" if unit else name for name, unit in pairs]
            notes.append(f"row {units[0]} (units)")
        above = [row for row in above if row[0] not in (named[0], units[0] if units else 0)]
    elif comments and header is not False and body and comments[-1][0] < body[0][0]:
        last = comments[-1][1]
        if len(last) == width and not any(map(_is_number, last)):
            names, comments = list(last), comments[:-1]
    if above:
        notes.append(f"row{'s'[: len(above) != 1]} {', '.join(str(line) for line, _ in above[:5])} (no numbers)")
    if comments:
        notes.append(f"{len(comments)} comment{'s'[: len(comments) != 1]}")
    return bool(names), body, names or [""] * width


def _unique(header: list[str], width: int) -> list[str]:
    names: list[str] = []
    for i, cell in enumerate(header[:width], start=1):
        name = " ".join(cell[:60].split()) or f"column {i}"
        names.append(f"{name} ({i})" if name in names else name)
    return names


def _check_cell(line: int, name: str, cell: str, number: float | None, decimal: str) -> None:
    where = f"row {line}, column {name!r}"
    if number is None and cell.lower() in _MISSING:
        said = "is empty" if not cell else f"holds {cell!r}"
        raise ValueError(f"{where} {said}: fill it in or remove the row")
    if number is None:
        kind = f"not a number with {DECIMALS[decimal]} for decimals" if _is_number(cell) else "not a number"
        raise ValueError(f"{where} holds {cell[:40]!r}, {kind}: correct it or remove the row")
    if not math.isfinite(number):
        raise ValueError(f"{where} holds {cell!r}, not a finite number: correct it or remove the row")
    if abs(number) > MAX_SIZE:
        raise ValueError(f"{where} holds {cell[:40]!r}, beyond the limit of {MAX_SIZE:g}: change its unit")
