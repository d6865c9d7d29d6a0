"""Text from outside (an address, a file's name, a column's) inside a sentence of ours: never rendered as markup."""

from __future__ import annotations


def quoted(text: object, limit: int = 30) -> str:
    """Shown letter by letter, in a code span: there Markdown knows no link, image, formula, colour or HTML."""
    shown = "".join(letter if letter.isprintable() else " " for letter in str(text)).replace("`", "'")
    shown = shown if len(shown) <= limit else f"{shown[:limit]}…"
    return f"`{shown}`" if shown.strip() else "(empty)"
