"""Every work that the course rests on, from one file: the references page lists it, the pages cite from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "assets" / "references.json"
KINDS = {"paper": "Papers", "book": "Books", "course": "Courses", "reading": "Further reading"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    key: str
    kind: str  # one of KINDS
    authors: tuple[str, ...]  # surnames; a last one of "et al." where not all are named
    title: str
    year: int | None
    where: str  # arXiv number, journal, chapters
    link: str
    pages: tuple[str, ...]  # slugs that it belongs to
    later: bool  # its page is still to come

    @property
    def short(self) -> str:
        """ "Kingma & Welling 2013"; more than three authors become "Burda et al. 2015"."""
        names = [name for name in self.authors if name != "et al."]
        if len(names) > 3 or "et al." in self.authors:
            who = f"{names[0]} et al."
        else:
            who = " & ".join([", ".join(names[:-1]), names[-1]] if names[:-1] else names)
        return f"{who} {self.year}" if self.year else who

    @property
    def text(self) -> str:
        """All that the search looks through."""
        return " ".join([*self.authors, self.title, str(self.year or ""), self.where, *self.pages]).lower()


@lru_cache(maxsize=1)
def works() -> dict[str, Work]:
    """By key, in the file's order."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return {row["key"]: Work(**{**row, "authors": tuple(row["authors"]), "pages": tuple(row["pages"])}) for row in rows}


def cite(*keys: str) -> str:
    """ "Kingma & Welling 2013 (arXiv:1312.6114); ..."; KeyError names an unknown key."""
    parts = []
    for key in keys:
        if key not in works():
            raise KeyError(f"no work is called {key!r} in {FILE.name}")
        work = works()[key]
        parts.append(f"{work.short} ({work.where})" if work.where else work.short)
    return "; ".join(parts)


def search(words: str, kind: str = "", page: str = "") -> list[Work]:
    """The works that hold every word, of one kind and for one page where those are given."""
    wanted = words.lower().split()
    return [
        work
        for work in works().values()
        if all(word in work.text for word in wanted)
        and (not kind or work.kind == kind)
        and (not page or page in work.pages)
    ]
