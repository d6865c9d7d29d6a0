"""A table of one's own for the mixtures: the file, how it is read, what the viewer corrects, and the points of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engines import data, devices
from engines.data.table import DECIMALS, SEPARATORS, Table
from pages.mixtures import gmm_runs
from pages.mixtures.gmm_runs import Cloud, near_zero
from pages.ui import show
from pages.ui.plain import quoted

UNLIKE = 10.0  # spreads that differ by more than this factor are units of different things
SCALING = {"auto": "Scale columns where they differ", "on": "Scale every column", "off": "Columns as they are"}


def ask(slug: str) -> None:
    """The file and, once there is one, how it is read: drawn among the controls."""
    limit = devices.limits().max_upload_bytes // 1_000_000
    st.file_uploader(
        "CSV file",
        type=["csv", "tsv", "txt"],
        key=f"{slug}:file",
        max_upload_size=limit,
        help=f"Two or more columns of numbers, up to {limit} MB. It stays in this session's memory: after a reload "
        "of the page, choose it again.",
    )
    if st.session_state.get(f"{slug}:file") is None:
        return
    with st.expander("How the file is read", icon=":material/table_view:"):
        found = {"": "as found"}
        for part, label, words in (
            ("separator", "Between cells", found | SEPARATORS),
            ("decimal", "Decimal mark", found | DECIMALS),
            ("header", "First row", found | {"yes": "holds names", "no": "holds numbers"}),
            ("scaling", "Units", SCALING),
        ):
            st.selectbox(label, list(words), format_func=words.get, key=f"{slug}:csv:{part}")
        names = st.session_state.get(f"{slug}:csv:names", ())
        st.multiselect("Columns (none: all)", names, key=f"{slug}:csv:columns")


def chosen_cloud(slug: str, name: str, n: int) -> Cloud | None:
    """The points to fit; None where there are none yet, with a sentence, and nothing left on the stage."""
    if name == "draw":
        return gmm_runs.drawn(st.session_state.get(f"{slug}:drawn", gmm_runs.STARTER))
    if name != "csv":
        return gmm_runs.bundled(name, n)
    try:
        found = cloud(slug)
    except ValueError as error:
        st.error(str(error), icon=":material/upload_file:")
        found = None
    with st.sidebar:
        ask(slug)
    if found is None:
        show.restart(slug)
        st.info("Choose a file in the controls, or another data set. A CSV needs two or more columns of numbers.")
    return found


def cloud(slug: str) -> Cloud | None:
    """The points of the file as the viewer says it is read, None without a file; ValueError says what is wrong."""
    state = st.session_state
    file = state.get(f"{slug}:file")
    if file is None:
        return None
    chosen = {part: state.get(f"{slug}:csv:{part}") or "" for part in ("separator", "decimal", "header", "scaling")}
    raw = file.getvalue()
    header = {"yes": True, "no": False}.get(chosen["header"])
    limits = devices.limits()
    sized = {"max_bytes": limits.max_upload_bytes, "max_rows": limits.max_points}
    table = data.read_csv(raw, **sized, separator=chosen["separator"], decimal=chosen["decimal"], header=header)
    state[f"{slug}:csv:names"] = table.column_names
    columns = [name for name in state.get(f"{slug}:csv:columns") or () if name in table.column_names]
    if len(columns) == 1:
        raise ValueError(f"one column is chosen, {quoted(columns[0])}: choose at least 2, or none for all")
    return points(table, file.name, columns, chosen["scaling"] or "auto", key=("csv", hash(raw), *chosen.values()))


def points(table: Table, name: str, columns: list[str] | None = None, scaling: str = "auto", key: Any = ()) -> Cloud:
    """Two columns, or the first two principal components of more; scaled to variance one where that is wanted, or
    ("auto") where there are three or more, or two whose spreads differ by more than UNLIKE.
    """
    names = [n for n in table.column_names if not columns or n in columns]
    x = table.x[:, [table.column_names.index(n) for n in names]]
    spread = x.std(axis=0)
    unlike = spread.min() > 0 and spread.max() > UNLIKE * spread.min()
    about = f"{quoted(name)}: {len(x):,} rows, columns {', '.join(map(quoted, names[:6]))}. {table.how}"
    if table.skipped:
        about += f" Left out because they hold text: {', '.join(map(quoted, table.skipped[:6]))}."
    scaled = scaling == "on" or (scaling == "auto" and (len(names) > 2 or unlike))
    if scaled:
        x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
        about += " Each column is scaled to variance one"
        about += ", because their spreads differ more than tenfold." if unlike and len(names) == 2 else "."
    elif unlike:
        about += " The spreads of the columns differ more than tenfold: distances are those of the widest."
    key = (*key, tuple(names), scaled)
    if len(names) == 2:
        axes = (f"{names[0]}, scaled", f"{names[1]}, scaled") if scaled else None
        x, axes = (x, axes) if axes else near_zero(x, names)
        return Cloud(x=x, axes=axes, about=about, key=key, first=first_rows(table))
    from engines.maths.pca import fit_pca, project

    pca = fit_pca(x, 2)
    axes = (f"PC 1 ({100 * pca.explained_ratio[0]:.0f} %)", f"PC 2 ({100 * pca.explained_ratio[1]:.0f} %)")
    about += " Shown are the first two principal components."
    return Cloud(x=project(pca, x), axes=axes, about=about, key=key, first=first_rows(table))


def first_rows(table: Table) -> list[dict[str, float]]:
    """What was read, for the viewer to compare with the file."""
    return [dict(zip(table.column_names, row, strict=True)) for row in table.x[:4].tolist()]


def show_first(cloud_: Cloud) -> None:
    if cloud_.first:
        st.caption("The first rows as they were read:")
        st.dataframe(cloud_.first, hide_index=True, height="content")


def as_csv(x: np.ndarray) -> str:
    """All points that are fitted, exactly."""
    return "x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in x.tolist())
