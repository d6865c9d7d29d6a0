"""Age-cGAN: a face at another age, the search for the person's code, who is still recognised, parts taken away."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

import engines
from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.people.age_cgan import N_CODES, AgeCGAN
from engines.people.age_judge import AgeJudge
from engines.people.age_measures import SEARCHES, SOURCES, WAYS
from engines.people.age_search import Query
from engines.people.ages import AGES, SIDE, Ages, pixels
from engines.run import Run
from pages.catalogue import entry
from pages.people import age_cgan_notes as notes
from pages.people.age_cgan_notes import AIMS, FOUND, HEAD, PLAIN, SHORT, WORDS, metrics, named, said_of
from pages.ui import shipped, show
from pages.ui.comparison import interval, networks, strip
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film

SLUG = "age-cgan"
N_PEOPLE = 50
OLD = len(AGES) - 1
SHOWN_PEOPLE = (0, 5, 11, 19, 26, 33, 40, 47)  # test people in a row of the comparison
OF_AGES = {str(years): f"{years} year{'s' if years > 1 else ''}" for years in AGES}

PERSON = Number(key="person", label="Person", low=1, high=N_PEOPLE, default=6, help="None of them was learned from.")
GIVEN = Choice(
    key="given", label="Given at", options=tuple(str(AGES[a]) for a in SOURCES), default="35",
    labels=OF_AGES, help="The picture that the code is found from.",
)  # fmt: skip
BY = networks(WORDS, "All but the one trained longest are smaller and were trained alike.")
AIM = Choice(
    key="aim", label="Search for", options=("both", "identity", "pixels"), default=HEAD, labels=AIMS,
    help="What has to agree: what FR sees, the pixels, or both.",
)  # fmt: skip
START = Choice(
    key="start", label="Begin at", options=("encoder", "zero"), default="encoder", field="start",
    labels={"encoder": "the encoder's guess", "zero": "the code 0"},
)  # fmt: skip
ASKED = Choice(
    key="asked", label="Asked for", options=tuple(map(str, AGES)), default="80", slider=True, labels=OF_AGES,
    help="Of the strips.",
)  # fmt: skip
VIEWS = {
    "age": ("Age a face", (PERSON, GIVEN, BY)),
    "search": ("Watch the search", (PERSON, GIVEN, AIM, START)),
    "ages": ("All ages", (PERSON, GIVEN, BY)),
    "film": ("Watch it learn", ()),
    "read": ("How old it looks", (BY,)),
    "parts": ("Take a part away", (ASKED,)),
}
LINES = (
    ("guess", SHORT["guess"]),
    ("pixels", SHORT["pixels"]),
    ("identity", SHORT["identity"]),
    ("true", "true pictures"),
)


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        by = named(chosen["by"])
        person, given = chosen["person"] - 1, AGES.index(int(chosen["given"]))
        match chosen["view"]:
            case "age":
                show.film(SLUG, ageing, by, person, given, speed=2)
                st.caption(said_of(by))
            case "search":
                aim = chosen["aim"]
                make = partial(searching, person, given, aim)
                show.learn(SLUG, make, (START,), chosen, of=(person, given, aim), speed=8)
                st.caption(said_of(""))
            case "ages":
                show.film(SLUG, every_age, by, person, given, autoplay=False)
                st.caption(said_of(by))
            case "film":
                show.film(SLUG, training)
                st.caption(said_of(""))
            case "read":
                show.film(SLUG, ages_read, by, autoplay=False, layers=LINES)
                st.caption(about_reader())
            case "parts":
                parts(AGES.index(int(chosen["asked"])))


def model(by: str) -> AgeCGAN:
    return shipped.model("age_cgan", by)


def judge(name: str) -> AgeJudge:
    return shipped.model("age_judge", name)


def old(years: float) -> str:
    return f"{years:.0f} year{'' if round(years) == 1 else 's'}"


# -- the people ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tests() -> np.ndarray:
    """The test people's faces: (50, 8, 48, 48, 3) bytes."""
    from engines.data import zoo

    pack = zoo.load("heads_age")
    return Ages.of_pack(pack, pack.rows("test"))["image"].reshape(-1, len(AGES), SIDE, SIDE, 3)


@lru_cache(maxsize=len(AGES))
def gallery(age: int) -> torch.Tensor:
    """The judge's features of everyone's true picture at an age: (50, F)."""
    return judge("judge").features(tests()[:, age]).cpu()


def codes(by: str, person: int, given: int) -> torch.Tensor:
    """The codes that were found of a picture, a row for each of `WAYS`: (5, Z)."""
    return model(by).codes[:, person, SOURCES.index(given)]


@lru_cache(maxsize=64)
def faces(by: str, person: int, given: int) -> np.ndarray:
    """The person at every age, a row for each of `WAYS`: (5, 8, 48, 48, 3) bytes."""
    engine = model(by)
    return learning.to_bytes(engine.ages_of(codes(by, person, given).to(engine.device))).cpu().numpy()


# -- age a face ------------------------------------------------------------------------------------------------

NAMES = ("the picture given", FOUND["guess"], FOUND["pixels"], "the true picture", FOUND["identity"], FOUND["both"])
AGED = {
    "curve_step": "age asked for, years",
    "curve_ticks": [str(age) for age in AGES],
    "curve_sets": [
        curves("Like the picture given", "cosine", **{way: SHORT[way] for way in ("identity", "both", "pixels")}),
        curves("Years read off", "years", read=SHORT[HEAD], asked="asked for"),
    ],
}  # fmt: skip


def ageing(by: str, person: int, given: int) -> Film:
    """One frame an age: the face by each way, the true one, whom the judge sees and the years read off."""
    made, true, frames = faces(by, person, given), tests(), []
    likeness = judge("judge").features(made.reshape(-1, SIDE, SIDE, 3)).cpu() @ gallery(given).T
    likeness = likeness.reshape(len(WAYS), len(AGES), -1).numpy()
    read = judge("age").years(made.reshape(-1, SIDE, SIDE, 3)).cpu().reshape(len(WAYS), len(AGES)).numpy()
    for k, asked in enumerate(AGES):
        scalars = {"asked": float(asked), "person": float(person), "given": float(AGES[given])}
        for w, way in enumerate(WAYS):
            who = int(likeness[w, k].argmax())
            scalars |= {way: float(likeness[w, k, person]), f"{way}_right": float(who == person)}
            scalars |= {f"{way}_who": float(who), f"{way}_read": float(read[w, k])}
        scalars["read"] = scalars[f"{HEAD}_read"]
        at = dict(zip(WAYS, made[:, k], strict=True))
        shown = [true[person, given], at["guess"], at["pixels"], true[person, k], at["identity"], at["both"]]
        frames.append(Frame(step=k, scalars=scalars, arrays={"shown": np.stack(shown)}))
    return Film(frames=frames, base=images_base(columns=3, names=NAMES) | AGED, draw=aged, numbers=likeness_of)


def aged(frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    who = "the right person" if s[f"{HEAD}_right"] else f"person {s[f'{HEAD}_who'] + 1:.0f} instead"
    words = (
        f"Person {s['person'] + 1:.0f}, given at {old(s['given'])}, asked for at {old(s['asked'])}. In the face "
        f"{FOUND[HEAD]} {old(s['read'])} are read off, and of {N_PEOPLE} true pictures at {old(s['given'])} the judge "
        f"finds {who} nearest."
    )
    return {"images": frame.arrays["shown"], "caption": words}


def likeness_of(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["code", "cosine", "nearest of all", "years read"]]
    for way in WAYS:
        who = "the right one" if s[f"{way}_right"] else f"person {s[f'{way}_who'] + 1:.0f}"
        rows.append([SHORT[way], f"{s[way]:.2f}", who, f"{s[f'{way}_read']:.0f}"])
    return [
        {"text": f"Asked for: {old(s['asked'])}. The code z stays, the age y changes:"},
        {"math": latex(r"x' = G(z^*, y')")},
        {"table": rows},
        {"text": "The cosine is between the judge's 64 numbers of the face and of the picture given, 1 where they are "
                 "the same. The years are read off by another network."},
    ]  # fmt: skip


def every_age(by: str, person: int, given: int) -> Film:
    """One frame: the true pictures of all ages, and below them what was found in four ways."""
    made, rows = faces(by, person, given), ("both", "identity", "pixels", "guess")
    shown = np.concatenate([tests()[person], *(made[WAYS.index(way)] for way in rows)])
    names = ("true", *(SHORT[way] for way in rows))
    words = (
        f"Person {person + 1}, given at {old(AGES[given])} (framed): true pictures, and what each code makes at "
        f"{', '.join(map(str, AGES))} years. At 12, 20 and 35 the true ones look much alike."
    )
    box = [{"cell": given, "box": [0, 0, SIDE, SIDE], "colour": "@first"}]
    picture = {"images": shown, "marks": box, "caption": words}
    away = [
        ((shown[8 * r : 8 * r + 8] / 255.0 - tests()[person] / 255.0) ** 2).mean(axis=(1, 2, 3)) for r in range(1, 5)
    ]
    table = [["dB from the true one", *(SHORT[way] for way in rows)]]
    table += [[old(years), *(f"{-10 * np.log10(one[k]):.1f}" for one in away)] for k, years in enumerate(AGES)]
    return Film(
        frames=[Frame(step=0)],
        base=images_base(columns=len(AGES), rows=names),
        draw=lambda _: picture,
        numbers=lambda _: [{"table": table}],
    )


# -- the search ------------------------------------------------------------------------------------------------

SEARCHED = images_base(columns=3, names=(
    "the picture given", "where the search began", "found so far",
    "found so far, at 1 year", "found so far, at 80 years", "the true picture at 80",
)) | {
    "curve_sets": [curves("The person", "distance", identity="|FR(x) − FR(G(z, y))|²"),
                   curves("The pixels", "mean square", pixels="|x − G(z, y)|²"),
                   curves("The code", "length", length="|z|")],
}  # fmt: skip


def searching(person: int, given: int, aim: str, **own: Any) -> Live:
    engine, image = model(""), tests()[person, given][None]
    query = Query(gan=engine, x=pixels(image, engine.device), age=torch.tensor([given], device=engine.device))
    run = Run(engines.create("age_search", data=query, **SEARCHES[aim], **own), slots=SLOTS)
    return search_scene(run, person, given)


def code_of_query(person: int, given: int) -> str:
    """The lines of Python that make what is searched for."""
    return f"""import torch
from engines.data import zoo
from engines.people.age_search import Query
from engines.people.ages import AGES, SIDE, Ages, pixels
gan, pack = engines.pretrained("age_cgan"), zoo.load("heads_age")
faces = Ages.of_pack(pack, pack.rows("test"))["image"].reshape(-1, len(AGES), SIDE, SIDE, 3)
image, age = faces[{person}, {given}][None], torch.tensor([{given}], device=gan.device)
data = Query(gan=gan, x=pixels(image, gan.device), age=age)"""


def search_scene(run: Run, person: int, given: int) -> Live:
    first = run.history.after(-1)[0].arrays["made"][0]
    return Live(
        run=run,
        base=SEARCHED,
        draw=lambda frame: found(frame, person, given, first),
        explain=lambda frame, _: distances(frame, run),
        again=lambda fork: search_scene(fork, person, given),
        data_code=code_of_query(person, given),
    )


def found(frame: Frame, person: int, given: int, first: np.ndarray) -> dict[str, Any]:
    engine, a = model(""), frame.arrays
    z = torch.from_numpy(np.array(a["z"])).to(engine.device)
    ends = learning.to_bytes(engine.face(z.repeat(2, 1), torch.tensor([0, OLD]))).cpu().numpy()
    shown = np.stack([a["x"][0], first, a["made"][0], *ends, tests()[person, OLD]])
    s = frame.scalars
    words = (
        f"Step {frame.step}: the distance between what FR sees in the picture of person {person + 1}, "
        f"{old(AGES[given])}, and in what was found is {number(s['identity'])}, the pixels' mean square "
        f"{number(s['pixels'])}."
    )
    return {"images": shown, "caption": words}


def distances(frame: Frame, run: Run) -> Blocks:
    s, config = frame.scalars, run.config_at(max(0, frame.step - 1))
    aim = r"|FR(x) - FR(G(z, y))|^2" if config.aim == "identity" else r"\overline{|x - G(z, y)|^2}"
    extra = (
        [] if config.aim == "pixels" or not config.pixels else [rf"{config.pixels:g}\, \overline{{|x - G(z, y)|^2}}"]
    )
    extra += [rf"{config.prior:g}\, \overline{{z^2}}"] if config.prior else []
    return [
        {"text": "What the search lowers,"},
        {"math": latex(rf"f(z) = {' + '.join([aim, *extra])} = {number(s['objective'], tex=True)}")},
        {"table": [["", "at this step"],
                   ["distance between what FR sees", f"{s['identity']:.4f}"],
                   ["mean square between pixels (levels of −1 to 1)", f"{s['pixels']:.4f}"],
                   ["length of the code", f"{s['length']:.2f}"]]},
        {"text": f"A drawn code of {model('').config.n_latent} numbers has a length of about "
                 f"{np.sqrt(model('').config.n_latent):.1f}. A step is one of L-BFGS, its length found by halving."},
    ]  # fmt: skip


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    at = [len(AGES) * i + i for i in range(len(AGES))]  # the faces that the film guesses: person i at the i-th age
    true = tests().reshape(-1, SIDE, SIDE, 3)[at]
    game = curves("The players", "nats", d_loss="D", g_loss="G, −log D of what is made")
    undo = curves("The encoder", "mean square", e_loss="|z − E(G(z, y))|²")
    near = curves("First guess", "dB", test_psnr="PSNR, eight test faces")
    rows = (*(f"code {i + 1}" for i in range(N_CODES)), "first guess", "true")
    return shipped.film(
        "age_cgan",
        base=images_base(columns=len(AGES), rows=rows) | {"curve_sets": [game, undo, near], "curve_log": True},
        draw=lambda frame: learned(frame, true),
        numbers=losses,
    )


def learned(frame: Frame, true: np.ndarray) -> dict[str, Any]:
    made, s = webp.unpack(frame.arrays["made"], height=SIDE), frame.scalars
    config = shipped.card("age_cgan")["config"]
    n_gan = config["n_steps"] - config["n_encoder"]
    now = "G and D play" if s["batches"] <= n_gan else "G stands, the encoder learns"
    words = (
        f"After {s['batches']:,.0f} batches ({now}): three codes at {', '.join(map(str, AGES))} years; below them the "
        f"first guesses of eight faces never seen, {s['test_psnr']:.1f} dB from the true ones."
    )
    return {"images": np.concatenate([made, true]), "caption": words}


def losses(frame: Frame) -> Blocks:
    s = frame.scalars
    if "d_loss" not in s:
        return [{"text": "Nothing has been learned yet."}]
    blocks: Blocks = [
        {"text": "Averages over about the last 50 batches:"},
        {"math": latex(rf"-\log D(x, y) - \log(1 - D(G(z, y'), y')) = {number(s['d_loss'], tex=True)}")},
        {"math": latex(rf"-\log D(G(z, y'), y') = {number(s['g_loss'], tex=True)}")},
        {"text": "Where D cannot tell, they are log 4 = 1.386 and log 2 = 0.693 nats."},
    ]
    if "e_loss" in s:
        blocks += [{"text": "The encoder, which sees made faces alone:"},
                   {"math": latex(rf"|z - E(G(z, y))|^2 = {number(s['e_loss'], tex=True)}")},
                   {"text": "It is a mean over the code's numbers: 1 where nothing is known of z."}]  # fmt: skip
    return blocks


# -- how old it looks ------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def read_true() -> np.ndarray:
    """The years read off the test people's true pictures: (50, 8)."""
    years = judge("age").years(tests().reshape(-1, SIDE, SIDE, 3))
    return years.cpu().numpy().reshape(-1, len(AGES))


def ages_read(by: str) -> Film:
    """One frame: the years that are read off, by the age asked for, of each way and of true pictures."""
    read, m = model(by).read.numpy(), metrics(by)
    looks = {"guess": ("@c1", "dot"), "pixels": ("@c2", "dash"), HEAD: ("@first", "solid"),
             "true": ("@text", "dashdot")}  # fmt: skip
    traces, columns = [], [["asked", *(f"{a}" for a in AGES)]]
    for i, (way, said) in enumerate(LINES):
        values = read_true() if way == "true" else read[WAYS.index(way)].reshape(-1, len(AGES))
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
        colour, dash = looks[way]
        spread = {"type": "data", "symmetric": False, "array": high - middle, "arrayminus": middle - low,
                  "color": colour, "thickness": 1.5, "width": 4}  # fmt: skip
        x = np.array(AGES) + (i - 1.5) * 0.7  # beside each other, so that none hides another
        traces.append({"type": "scatter", "mode": "lines+markers", "x": x, "y": middle, "name": said, "error_y": spread,
                       "line": {"color": colour, "dash": dash, "width": 2.5}, "marker": {"color": colour, "size": 7},
                       "meta": {"layer": way}})  # fmt: skip
        columns.append([said.removeprefix("first ").removesuffix(" pictures"), *(f"{v:.0f}" for v in middle)])
    axis = {"range": [-4, 86], "tickvals": list(AGES)}
    base = {
        "layout": {"xaxis": {**axis, "title": {"text": "age asked for, years"}},
                   "yaxis": {**axis, "title": {"text": "age read off, years"}}},
        "traces": traces,
    }  # fmt: skip
    ranks = [["correlation of ranks", "Spearman"]]
    ranks += [[said, interval(m, f"spearman_{way}", 2)] for way, said in LINES]
    words = (
        f"The age read off against the age asked for: medians over {N_PEOPLE} people never seen, each given at "
        f"{', '.join(str(AGES[a]) for a in SOURCES)} years; the bars hold the middle 80 %. Correlation of ranks, "
        f"{SHORT[HEAD]}: {interval(m, f'spearman_{HEAD}', 2)}; true pictures: {interval(m, 'spearman_true', 2)}."
    )
    rows = [list(row) for row in zip(*columns, strict=True)]
    return show.still(base, words, lambda _: [{"table": ranks}, {"table": rows}])


def about_reader() -> str:
    m = shipped.card("age_judge", "age")["metrics"]
    return (
        f"The years are read off by a network that learned from other people's pictures and took no part in anything "
        f"else. On true pictures of these people it is wrong by {interval(m, 'error')} years; always the median age "
        f"would be by {interval(m, 'error_median')}. It cannot tell 12, 20 and 35 well: these look much alike."
    )


# -- take a part away ------------------------------------------------------------------------------------------


def parts(asked: int) -> None:
    given = AGES.index(35)
    strip("Given at 35", tests()[list(SHOWN_PEOPLE), given])
    for by, way in (*(("", way) for way in ("guess", "pixels", "identity", "both")), *((v, HEAD) for v in PLAIN)):
        words = f"{WORDS[by]}: {FOUND[way]}" if not by else WORDS[by]
        strip(words[:1].upper() + words[1:], aged_people(by, way, given, asked))
    strip(f"True at {AGES[asked]}", tests()[list(SHOWN_PEOPLE), asked])
    st.caption(f"Test people at {old(AGES[asked])}; rendered faces, which belong to nobody.")
    st.table(table())
    st.caption(
        f"In brackets the 95 % interval over {N_PEOPLE} test people (bootstrap), each given at "
        f"{', '.join(str(AGES[a]) for a in SOURCES)} years and made at the seven other ages. Kept: of all people's "
        "true pictures at the age given, the judge finds the right one nearest. Recognised: it finds the face nearer "
        "to the picture given than 99 % of pairs of two people are. What is lost is paired by person, against the "
        f"search for {AIMS[HEAD]} by the same network, or by the small one with all parts. The small ones were trained "
        "alike."
    )
    st.markdown(notes.agrees())


@lru_cache(maxsize=48)
def aged_people(by: str, way: str, given: int, asked: int) -> np.ndarray:
    z = model(by).codes[WAYS.index(way), list(SHOWN_PEOPLE), SOURCES.index(given)]
    made = model(by).face(z.to(model(by).device), torch.full((len(z),), asked))
    return learning.to_bytes(made).cpu().numpy()


def table() -> dict[str, list[str]]:
    """Measures of each way by the network trained longest, and of the small ones, between floor and ceiling."""
    m = metrics("")
    rows = [("", way) for way in ("guess", "pixels", "identity", "blind", "both")] + [(v, HEAD) for v in PLAIN]

    def lost(by: str, way: str) -> str:
        base = ("" if not by else "small", HEAD)
        if (by, way) == base:
            return ""
        value, low, high = notes.lost(base, (by, way))
        return f"{value:+.1f} ({low:+.1f} to {high:+.1f})".replace("-", "−")

    def column(key: str, digits: int, factor: float, floor: str, ceiling: str) -> list[str]:
        return [floor, *(interval(metrics(by), f"{key}_{way}", digits, factor=factor) for by, way in rows), ceiling]

    names = [f"{WORDS[by]}: {FOUND[way]}" for by, way in rows]
    return {
        "": ["chance, or the mean training face", *names, "true pictures"],
        "kept at another age, %": column("kept", 1, 100, f"{100 / N_PEOPLE:.1f}", interval(m, "kept_true", factor=100)),
        "lost, points": ["", *(lost(by, way) for by, way in rows), ""],
        "recognised at another age, %": column("same", 1, 100, "1.0", interval(m, "same_true", factor=100)),
        "recognised at the same age, %": column(
            "same_again", 1, 100, "1.0", interval(m, "same_again_true", factor=100)
        ),
        "age read, Spearman": column("spearman", 2, 1, "0", interval(m, "spearman_true", 2)),
        "PSNR to the true picture, dB": column("psnr", 1, 1, interval(m, "psnr_mean_face"), ""),
    }


if __name__ == "__main__":
    main()
