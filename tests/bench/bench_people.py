"""People: batches, a person turned all the way and brought to the front, and characters drawn, as the pages do."""

from __future__ import annotations

from typing import Any

from tests.bench.bench_making import median


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    from engines import create
    from engines.people.age_search import AgeSearch
    from engines.people.ages import AGES
    from engines.people.anime import Avatars
    from engines.people.attributes import Portraits
    from engines.people.heads import Heads
    from pages.people import age_cgan, anime, icgan, tpgan

    engine = create("tpgan", data=Heads.load("heads_yaw"), device="cpu")
    drawer = create("anime", data=Avatars.load("avatars"), device="cpu")
    editor = create("icgan", data=Portraits.load("facesjs"), device="cpu", read_steps=0)
    values = [len(anime.VALUES[field]) for field in anime.FIELDS]
    search = AgeSearch.of(age_cgan.model(""), age_cgan.tests()[0, :1], [0], aim="identity")
    return [
        {"name": "TP-GAN: a batch of 8 heads", "value": median(lambda _: engine.step()), "unit": "ms", "note": "CPU"},
        {
            "name": "TP-GAN: a person's 13 turns brought to the front",
            "value": median(lambda i: tpgan.turning("", i, "near")),
            "unit": "ms",
            "note": "at the server: made, judged and framed",
        },
        {
            "name": "Anime: a batch of 16 characters",
            "value": median(lambda _: drawer.step()),
            "unit": "ms",
            "note": "CPU",
        },
        {
            "name": "Anime: 32 characters drawn from chosen attributes",
            "value": median(lambda i: anime.drawings("", tuple(i % n for n in values), i)),
            "unit": "ms",
            "note": "at the server: made and framed",
        },
        {"name": "IcGAN: a batch of 16 faces", "value": median(lambda _: editor.step()), "unit": "ms", "note": "CPU"},
        {
            "name": "IcGAN: a face taken apart and every change of one attribute",
            "value": median(lambda i: icgan.each("", 100 + i, ("found",) * 8)),
            "unit": "ms",
            "note": "at the server: encoded, made, judged and framed",
        },
        {
            "name": "Age-cGAN: a face at all ages in five ways",
            "value": median(lambda i: age_cgan.ageing("", i, AGES.index(35))),
            "unit": "ms",
            "note": "at the server: made, judged and framed",
        },
        {
            "name": "Age-cGAN: a step of the search",
            "value": median(lambda _: search.step()),
            "unit": "ms",
            "note": "CPU",
        },
    ]
