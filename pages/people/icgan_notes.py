"""IcGAN's words: why, what the networks trained alike show, questions, and the scene of a part that is missing."""

from __future__ import annotations

from functools import partial
from typing import Any

from engines import checkpoints
from engines.people.attributes import PACKS
from pages.ui import comparison, shipped, show
from pages.ui.comparison import column, interval, order, sure
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "icgan"
_WORDS = {  # checkpoints/icgan and its variants, in words
    "": "trained longest",
    "small": "whole",
    "plain": "the paper's game",
    "y-input": "y at D's input",
    "y-last": "y at D's last layer",
    "no-wrong": "without wrong attributes",
    "joint": "encoders joined",
}


def _ships(variant: str) -> bool:
    return (checkpoints.folder(SLUG, variant) / "card.json").exists()


WORDS = {variant: words for variant, words in _WORDS.items() if _ships(variant)}
HEADS = _ships("heads")
ALIKE = tuple(v for v in WORDS if v) if {"small", "plain"} <= set(WORDS) else ()
# The edits of the comparison, one a face.
CHANGES = (("hair_colour", "blond"), ("glasses", "worn"), ("hair", "short"), ("hat", "none"))
NAMES = {"hair": "hair", "hair_colour": "hair colour", "skin": "skin", "facial_hair": "facial hair",
         "glasses": "glasses", "hat": "hat", "mouth": "mouth", "shape": "head"}  # fmt: skip


def card_of(variant: str) -> dict[str, Any]:
    return shipped.card(SLUG, variant)


def metrics(variant: str) -> dict[str, float]:
    return card_of(variant)["metrics"]


def model(variant: str) -> Any:
    return shipped.model(SLUG, variant)


def percent(m: dict[str, float], key: str) -> str:
    return interval(m, key, factor=100)


def said_of(variant: str) -> str:
    """How a network was trained and what it does to test faces, with its scale."""
    card, m = card_of(variant), metrics(variant)
    data = card["data"]
    return (
        f"Drawn faces, which belong to nobody. Learned from {data['n_train']:,} of them in {card['steps']:,} batches "
        f"of {card['config']['batch_size']}. Of {data['n_test']} test faces, whose eyes and nose were never seen "
        f"together: an edit is read by the judge in {percent(m, 'changed')} %, before it in {percent(m, 'already')} %; "
        f"{percent(m, 'others')} % of the other attributes are read otherwise. A face made again is "
        f"{interval(m, 'error')} of 255 levels away, one of the same attributes and a drawn z "
        f"{interval(m, 'drawn_error')}, the mean face {interval(m, 'mean_error')}."
    )


def worst(variant: str) -> str:
    """The attributes that are obeyed least, and that carry most else with them."""
    m, keys = metrics(variant), list(PACKS["facesjs"])
    least = min(keys, key=lambda key: m[f"test_changed_{key}"])
    most = max(keys, key=lambda key: m[f"test_others_{key}"])
    return (
        f"All attributes together: an edit is read in {percent(m, 'changed')} %, of the others "
        f"{percent(m, 'others')} % are read otherwise. Least obeyed: {NAMES[least]}, "
        f"{percent(m, f'changed_{least}')} %. Most else changes with: "
        f"{NAMES[most]}, {percent(m, f'others_{most}')} %. Intervals: 95 %, over the test faces."
    )


def judged() -> str:
    m = shipped.card("attribute_judge")["metrics"]
    low = min(PACKS["facesjs"], key=lambda key: m[f"test_{key}"])
    return (
        f"The judge is a network of its own, trained on true training faces alone. Of true test faces it reads "
        f"{percent(m, 'accuracy')} % of the attributes rightly, least {NAMES[low]}, {percent(m, low)} %. It is sure, "
        f"at 0.9 or more, in {percent(m, 'sure')} % of its answers, and in {percent(m, 'sure_noise')} % of those about "
        "pictures of noise: that it is sure does not say that there is a face."
    )


def part_at(batches: float) -> str:
    config = card_of("")["config"]
    if batches < config["read_steps"]:
        return "E_y learns from true faces."
    if batches < config["read_steps"] + config["gan_steps"]:
        return "D and G play."
    return "E_z learns from faces made."


# -- side by side ----------------------------------------------------------------------------------------------


def table() -> dict[str, list[str]]:
    """Measures of the networks trained alike, between floors and ceiling."""
    m = {WORDS[variant]: metrics(variant) for variant in (*ALIKE, "")}
    percent = partial(column, m, factor=100)
    return {
        "": ["floor", *m, "best"],
        "asked for, read in made, %": percent("obeyed", floors=["obeyed_other"], best="obeyed_real"),
        "edit read, %": percent("changed", floors=["already"]),
        "others changed, %": percent("others", floors=["others_z"], best="0"),
        "z found again, correlation": column(m, "z", 2, floors=["z_other"], best="1"),
        "y found, %": percent("y", floors=["y_chance"], best="100"),
        "made again, levels away": column(m, "error", floors=["mean_error"], best="0"),
        "Fréchet distance": ["", *(f"{one['test_frechet']:.1f}" for one in m.values()),
                             f"{metrics('small')['test_frechet_real']:.1f}"],
    }  # fmt: skip


def measures() -> str:
    few, many = (card_of(v)["config"]["gan_steps"] for v in ("small", ""))
    return (
        "In brackets the 95 % interval over the test faces (bootstrap). Floors: attributes asked for of another face; "
        "the value of an edit read before it; others changed when z is drawn anew; z of another face; the most "
        "frequent value; the mean training face. But for the one trained longest, these were trained alike: the same "
        f"batches, width and seed; they played {few:,} batches of the game, it {many:,}, and their faces are "
        "rough. The Fréchet distance compares the judge's features of faces made with those of true ones; it "
        "has no interval, for redrawn faces are always further apart."
    )


def agrees() -> str:
    """Which parts are seen to matter, in words that the figures choose."""
    of, said = {v: metrics(v) for v in ALIKE}, []
    where = {"plain": "after its first layer", "y-input": "at its input", "y-last": "at its last layer"}
    if all(v in of for v in where):
        names = order({v: of[v] for v in where}, "obeyed")
        said.append(
            f"y in D: most is obeyed with y {where[names[0]]} ({100 * of[names[0]]['test_obeyed']:.0f} %), then "
            f"{where[names[1]]} ({100 * of[names[1]]['test_obeyed']:.0f} %) and {where[names[2]]} "
            f"({100 * of[names[2]]['test_obeyed']:.0f} %). " + sure(of, names, "obeyed")
        )
    for v, words in (("joint", "Encoders trained apart"), ("no-wrong", "With wrong attributes in D")):
        if v in of and "plain" in of:
            said.append(f"{words}: {pair(of['plain'], of[v])}.{uneven() if v == 'joint' else ''}")
    if "small" in of and "plain" in of:
        said.append(
            f"The term that is not the paper's, true faces made again: with it "
            f"{100 * of['small']['test_obeyed']:.0f} % are obeyed, without it "
            f"{100 * of['plain']['test_obeyed']:.0f} %, and a face made again is "
            f"{of['small']['test_error']:.1f} against {of['plain']['test_error']:.1f} levels away."
        )
    return (
        "**Here:** " + " ".join(said) + " Each network was trained once; another seed would move every row.\n\n"
        "**In the paper** places of y and ways to train the encoders are compared too, on photos of faces and with "
        "larger networks: y enters early, at G's input and after D's first layer; its figures are not set beside these."
    )


def uneven() -> str:
    """How many batches the encoders had, apart and joined."""
    config = card_of("plain")["config"]
    ey, ez = config["read_steps"], config["n_steps"] - config["read_steps"] - config["gan_steps"]
    return (
        f" Apart E_y learned from {ey} batches and E_z from {ez}, joined both from {ey + ez}, after a game of other "
        "batches: this alone may find more of z."
    )


def pair(a: dict[str, float], b: dict[str, float]) -> str:
    """Two networks' obedience, z and reconstruction, and which of these are told apart by their intervals."""
    measures = (("obeyed", "obeyed", "{:.0f} %", 100), ("z", "z found again with a correlation of", "{:.2f}", 1),
                ("error", "levels away when made again", "{:.1f}", 1))  # fmt: skip
    said, apart = [], []
    for key, words, form, factor in measures:
        one, two = (form.format(factor * m[f"test_{key}"]) for m in (a, b))
        said.append(f"{words} {one} against {two}")
        if comparison.apart(a, b, key):
            apart.append(words)
    return ", ".join(said) + (
        f" (the intervals part in {len(apart)} of {len(measures)})" if apart else " (all intervals meet)"
    )


# -- against the truth -----------------------------------------------------------------------------------------


def said_of_truth() -> str:
    m, card = metrics("heads"), card_of("heads")
    nearer = f"{'nearer to' if m['test_edit'] < m['test_edit_copy'] else 'further from'} the true edit than"
    return (
        f"Rendered heads, which belong to nobody: a second network, learned from {card['data']['n_train']:,} pictures. "
        f"For each of {m['test_edits']:.0f} edits of people never seen there is the true picture. The edit is "
        f"{interval(m, 'edit')} of 255 levels away from it, {nearer} the picture before it, "
        f"{interval(m, 'edit_copy')}. What can be reached, the true picture made again: {interval(m, 'edit_truth')}. "
        f"The judge of these heads reads the new value in {percent(m, 'edit_read')} % of edits, in "
        f"{percent(m, 'edit_read_truth')} % of true ones."
    )


def truths() -> list[list[str]]:
    m = metrics("heads")
    rows = [["levels from the truth", "the edit", "before it", "made again"]]
    for key in ("", *PACKS["heads_attr"]):
        end = f"_{key}" if key else ""
        if f"test_edit{end}" in m:
            cells = [f"{m[f'test_{name}{end}']:.1f}" for name in ("edit", "edit_copy", "edit_again")]
            rows.append([{"male": "sex", "": "all"}.get(key, key.replace("_", " ")), *cells])
    return rows


# -- a scene ---------------------------------------------------------------------------------------------------


def ignored(_: Any) -> str:
    without, whole = metrics("no-wrong"), metrics("plain")
    return (
        f"*Symptom:* an attribute is changed, and the face stays as it was or another thing changes: the judge reads "
        f"the value asked for after {percent(without, 'changed')} % of edits, with wrong attributes in D after "
        f"{percent(whole, 'changed')} %. *Cause:* D was never shown a true face with wrong attributes. A face made is "
        "caught by its strokes, and D need not look whether it has what y says. *Cure:* show D true faces beside a "
        "wrong y: only y gives these away."
    )


SCENES = (
    {
        "ignored": Scene(
            title="Asked for, not obeyed",
            text=ignored,
            link={"view": "each", "by": "no-wrong", "face": 12},
            cure={"view": "each", "by": "plain", "face": 12},
            cure_title="Show D wrong attributes",
        )
    }
    if "no-wrong" in WORDS and "plain" in WORDS
    else {}
)

# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
A conditional GAN makes a face of attributes $y$ and noise $z$. To edit a face that is already there, one must know
which $z$ and which $y$ it would be made of. Nobody knows the $z$ of a true face. But of a face that $G$ made, it is
known: so **an encoder $E_z$ learns from faces made**, and is then asked about true ones.

$$
L_{E_z} = \|z - E_z(G(z, y))\|^2, \quad L_{E_y} = \|y - E_y(x)\|^2
$$

$y$ is known of true faces, and $E_y$ learns from these. To edit: find $(z, y)$, change one attribute, ask $G$.
""",
    r"""
**Three kinds of pairs.** $D$ sees true faces $x$ with their own $y$, faces made with the $y$ they were asked for, and
true faces with a wrong $y'$. Without the last, $D$ could do without $y$, and $G$ too. $y$ enters $G$ beside $z$, and
$D$ after its first layer.

**What is lost.** $E_z$ has seen only what $G$ makes. A face that $G$ would never make has no right $z$: what comes back
is a near relative. Faces here differ in eyes, brows and nose too, a few pixels each; $z$ has to carry all of them.

**One term is not the paper's.** After a few thousand batches the game alone leaves stains. So $G$ is also drawn to make
a true face again of what $E_z$ finds in it, $\lambda |x - G(E_z(x), y)|$; $E_z$ itself still learns from faces made
alone. The paper's own game stands beside it under “Take a part away”.

**Who judges?** A network of its own that reads attributes, trained on true faces. An edit counts as done when the judge
reads the value asked for; everything else should be read as in the reconstruction.
""",
)


def check_worst(answer: str) -> tuple[bool, str]:
    m = metrics("")
    found = {NAMES[key]: 100 * m[f"test_changed_{key}"] for key in PACKS["facesjs"]}
    said = ", ".join(f"{name} {value:.0f} %" for name, value in sorted(found.items(), key=lambda item: item[1]))
    return found[answer] == min(found.values()), f"Edits that the judge reads: {said}."


def check_trained(answer: str) -> tuple[bool, str]:
    return answer == "faces that G made", (
        "Only of these the z is known. That is also the weak point: a true face is something else than a face made."
    )


def check_each(answer: float) -> tuple[bool, str]:
    s = show.standing(SLUG, "hits", "Change a face", "the face that stands")
    hits, n = s["hits"], s["changes"]
    return answer == hits, f"The judge reads what was asked for in {hits:.0f} of {n:.0f}."


QUESTIONS = (
    Question(
        text="Which pictures does E_z learn from?",
        kind="choice",
        options=("true faces", "faces that G made", "both"),
        check=check_trained,
        hint="To learn z, it must be told the right z.",
    ),
    Question(
        text="Which attribute does the network trained longest obey least when a face is edited?",
        kind="choice",
        options=tuple(NAMES.values()),
        check=check_worst,
        hint="How many pixels does it have? See “By attribute”.",
    ),
    Question(
        text="Of the face on the stage under “Change a face”: in how many of the pictures does the judge read "
        "what was asked for?",
        kind="number",
        check=check_each,
        hint="The caption counts them.",
    ),
)
