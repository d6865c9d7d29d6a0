"""`python -m tests.bench [NAME ...]`: run every bench_*.py beside this file, print a table, write bench.json.

A bench module has `bench()`, which gives rows, all at once or one by one: dicts with the keys name, value, unit, note.
Each is printed as it is known. A bench that fails becomes a row of the table; the exit status stays 0.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
COLUMNS = ("bench", "name", "value", "unit", "note")


def machine() -> dict[str, Any]:
    """The facts that figures depend on."""
    import torch

    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def one(name: str) -> list[dict[str, Any]]:
    """The rows of tests/bench/bench_NAME.py; a failure is a row as well, beside those that were known before it."""
    began, rows = time.perf_counter(), []

    def known(row: dict[str, Any]) -> None:
        rows.append({"bench": name} | {key: row[key] for key in COLUMNS[1:4]} | {"note": row.get("note", "")})
        print("  ".join(_cell(rows[-1][column]) for column in COLUMNS).rstrip(), file=sys.stderr, flush=True)

    try:
        for row in importlib.import_module(f"tests.bench.bench_{name}").bench():
            known(row)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        known({"name": "failed", "value": None, "unit": "", "note": f"failed: {reason}"})
    print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Aligned columns; figures to four digits."""
    cells = [[_cell(row[column]) for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
    lines = [list(COLUMNS), ["-" * width for width in widths], *cells]
    return "\n".join(_line(line, widths) for line in lines)


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        text.rjust(width) if column == "value" else text.ljust(width)
        for text, width, column in zip(line, widths, COLUMNS, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return " ".join(str(value).split())


def main(wanted: Sequence[str], *, folder: Path = FOLDER, out: Path = Path("bench.json")) -> int:
    known = sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no bench is called {', '.join(unknown)}; known: {', '.join(known) or 'none'}", file=sys.stderr)
    rows = [row for name in known if not wanted or name in wanted for row in one(name)]
    facts = machine()
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    print(table(rows) if rows else "nothing was measured")
    out.write_text(json.dumps({"machine": facts, "rows": rows}, indent=2, default=float) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
