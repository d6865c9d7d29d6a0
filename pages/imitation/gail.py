"""Learning to act from examples: the game of policy and discriminator, the viewer as the expert, how much is needed."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

import engines
from engines.engine import Frame
from engines.imitation import demonstrations, experts
from engines.imitation.demonstrations import Demonstrations
from engines.imitation.environments import ENVIRONMENTS, environment
from engines.imitation.gail import REWARDS, GAILConfig, pairs_asked
from engines.run import Run
from pages.catalogue import entry
from pages.imitation import gail_notes, gail_pictures
from pages.ui import drive, live, shipped, show, stage
from pages.ui.live import Live
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Real, Switch
from pages.ui.show import Film

SLUG = "gail"
BODY = "halfcheetah"
FRAME_INTERVAL = 0.2  # seconds at full speed
N_STEPS = 300  # visible ones of a run on the page

METHOD = Choice(
    key="method",
    label="How it learns",
    options=("gail", "behavioural_cloning"),
    default="gail",
    labels={"gail": "GAIL", "behavioural_cloning": "Behavioural cloning"},
    help="Against a discriminator while acting, or from the pairs alone.",
)
ENVIRONMENT = Choice(
    key="env",
    label="Environment",
    options=tuple(ENVIRONMENTS),
    default="pendulum",
    labels={name: env.title for name, env in ENVIRONMENTS.items()},
    help="What is acted in. Restarts the run.",
)
EXPERT = Choice(
    key="expert",
    label="Expert",
    options=("good", "useless"),
    default="good",
    labels={"good": "A good one", "useless": "Useless: always left"},
    help="Who is imitated. Restarts the run.",
)
TRAJECTORIES = Choice(
    key="n", label="Demonstrations", options=("1", "4", "7", "10"), default="4", slider=True, field="n_trajectories",
    kind=int, help="Whole episodes of the expert. Restarts the run.",
)  # fmt: skip
THIN = Choice(
    key="thin", label="Keep every so many-th pair", options=("1", "5", "20"), default="1", slider=True, field="thin",
    kind=int, help="Neighbours in time say nearly the same. Restarts the run.",
)  # fmt: skip
REWARD = Choice(
    key="reward", label="Reward from D", options=REWARDS, default="logit", field="reward", live=True,
    labels={"positive": "−log(1 − D) > 0", "negative": "log D < 0", "logit": "log D − log(1 − D)"},
    when=lambda chosen: chosen["method"] == "gail", help="Of both signs, or only of one. Applies live.",
)  # fmt: skip
ABSORBING = Switch(
    key="absorbing", label="The end is judged too", default=True, field="absorbing", live=True,
    when=lambda chosen: chosen["method"] == "gail",
    help="An ended episode goes on in a state that D judges. Off: nothing follows. Applies live.",
)  # fmt: skip
LIMIT = Choice(
    key="kl", label="KL limit of a step", options=("0.001", "0.005", "0.01", "0.02", "0.05"), default="0.02",
    slider=True, field="kl_limit", kind=float, live=True, when=lambda chosen: chosen["method"] == "gail",
    help="In nats. Applies live.",
)  # fmt: skip
D_STEPS = Choice(
    key="dsteps", label="Steps of D a step", options=("0", "1", "5", "20"), default="5", slider=True, field="d_steps",
    kind=int, live=True, when=lambda chosen: chosen["method"] == "gail", help="0 holds D still. Applies live.",
)  # fmt: skip
ENTROPY = Choice(
    key="entropy", label="Weight of the entropy", options=("0", "0.01", "0.1"), default="0.01", slider=True,
    field="entropy_weight", kind=float, live=True, when=lambda chosen: chosen["method"] == "gail",
    help="A bonus for acting at random. Applies live.",
)  # fmt: skip
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, field="seed")
GAME = (METHOD, ENVIRONMENT, EXPERT, TRAJECTORIES, THIN, REWARD, ABSORBING, LIMIT, D_STEPS, ENTROPY, SEED)

DRIVEN = Choice(
    key="car", label="What you drive", options=tuple(drive.REST), default="cartpole",
    labels={name: ENVIRONMENTS[name].title for name in drive.REST},
)  # fmt: skip
SPEED = Real(key="speed", label="Speed", low=0.1, high=1.0, default=0.4, step=0.1, help="1 is the environment's own.")
LEARNER = Choice(
    key="learner", label="Who imitates you", options=("none", "gail", "behavioural_cloning"), default="none",
    labels={"none": "Nobody yet", "gail": "GAIL", "behavioural_cloning": "Behavioural cloning"},
    help="It learns from all your demonstrations.",
)  # fmt: skip
COUNTED = Choice(
    key="task", label="Environment", options=("pendulum", "cartpole"), default="pendulum",
    labels={name: ENVIRONMENTS[name].title for name in ("pendulum", "cartpole")},
)  # fmt: skip
VIEWS = {
    "game": ("The game", GAME),
    "drive": ("You are the expert", (DRIVEN, SPEED, LEARNER)),
    "count": ("How many demonstrations?", (COUNTED,)),
    "body": ("A body of six joints", ()),
}


def main() -> None:
    with page(entry(SLUG), VIEWS, why=gail_notes.WHY, questions=questions, scenes=gail_notes.SCENES) as chosen:
        match chosen["view"]:
            case "game":
                game(chosen)
            case "drive":
                driving(chosen)
            case "count":
                show.film(SLUG, counted, chosen["task"], autoplay=False)
                gail_notes.measured(chosen["task"])
            case "body":
                shown = gail_pictures.layers_of(BODY, cloned=False, expert="The expert")
                show.film(SLUG, body, speed=0.5, layers=shown)
                gail_notes.trained_body(BODY)


def questions(chosen: dict[str, Any]) -> Any:
    return gail_notes.questions(chosen, lambda: stage.current(show.slot(SLUG)))


# -- the game ------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def shown_by(name: str, expert: str) -> Demonstrations:
    """What ships of an environment's expert, or ten episodes of a useless one."""
    if expert == "good":
        return demonstrations.load(name)
    return experts.demonstrate(name, experts.stubborn(environment(name)), n=10, seed=7)


def game(chosen: dict[str, Any]) -> None:
    name, method, expert = chosen["env"], chosen["method"], chosen["expert"]
    own = [s for s in GAME if method == "gail" or s in (TRAJECTORIES, THIN, SEED)]
    said = ("The expert" if expert == "good" else "The useless expert", "The learner")
    make = partial(training, shown_by(name, expert), method, said, code_of(name, expert))
    shown = gail_pictures.layers_of(name, cloned=method != "gail", expert="The expert")
    record = show.learn(SLUG, make, own, chosen, of=(name, expert, method), view=f"{name}:{method}", layers=shown)
    if record is not None:
        gail_notes.figures(name, expert, shown_by(name, expert).first(int(chosen["n"])))


def code_of(name: str, expert: str) -> str:
    """The lines of Python that make the demonstrations of `shown_by`."""
    if expert == "good":
        return f"from engines.imitation import demonstrations\ndata = demonstrations.load({name!r})"
    return (
        "from engines.imitation import experts\nfrom engines.imitation.environments import environment\n"
        f"env = environment({name!r})\ndata = experts.demonstrate({name!r}, experts.stubborn(env), n=10, seed=7)"
    )


def training(shown: Demonstrations, method: str, names: tuple[str, str], code: str = "", **own: Any) -> Live:
    """A run that learns from these demonstrations, which ``code`` makes."""
    more = {"n_steps": N_STEPS} if method == "gail" else {}
    engine: Any = engines.create(method, data=shown, **more, **own)
    made = live_of(Run(engine, slots=live.SLOTS, frame_interval=FRAME_INTERVAL), names)
    made.data_code = code
    return made


def live_of(run: Run, names: tuple[str, str]) -> Live:
    """How it is drawn and explained."""
    engine: Any = run.engine
    cloned = engine.name == "behavioural_cloning"
    env, used = engine.env, engine.data.first(engine.config.n_trajectories)
    watched = None if cloned else engine.watched

    def explain(frame: Frame, pick: dict[str, Any]) -> live.Blocks:
        config: Any = run.config_at(frame.step - 1)
        kind, limit = ("", 0.0) if cloned else (config.reward, config.kl_limit)
        return gail_pictures.explain(frame, pick, env=env, shown=watched, kind=kind, kl_limit=limit)

    return Live(
        run=run,
        base=gail_pictures.base(
            used, names=names, expert=float(used.returns.mean()), kl_limit=0 if cloned else engine.config.kl_limit,
            cloned=cloned,
        ),
        draw=lambda frame: gail_pictures.picture(frame, env, cloned=cloned),
        explain=explain,
        again=lambda other: live_of(other, names),
    )  # fmt: skip


# -- a body in MuJoCo, recorded ------------------------------------------------------------------------


def body() -> Film:
    """The training that ships of HalfCheetah, as what the body did at each step of it: MuJoCo is not needed."""
    config = GAILConfig(**shipped.card("gail", BODY)["config"])
    env, shown = environment(BODY), demonstrations.load(BODY)
    used = shown.first(config.n_trajectories)
    return shipped.film(
        "gail", BODY,
        base=gail_pictures.base(
            used, names=("The expert", "The learner"), expert=float(used.returns.mean()), kl_limit=config.kl_limit,
            cloned=False,
        ),
        draw=lambda frame: gail_pictures.picture(frame, env, cloned=False),
        explain=partial(
            gail_pictures.explain, env=env, shown=pairs_asked(shown, config), kind=config.reward,
            kl_limit=config.kl_limit,
        ),
    )  # fmt: skip


# -- you are the expert --------------------------------------------------------------------------------


def driving(chosen: dict[str, Any]) -> None:
    name = chosen["car"]
    env, mine = environment(name), drive.mine(name)
    drive.show(name, key=f"{SLUG}:drive:{name}", speed=chosen["speed"])
    if refused := st.session_state.pop("gail:refused", ""):
        st.warning(f"This one was not kept: {refused}.")
    st.markdown(gail_notes.TASKS[name])
    if mine:
        rows = [
            {"episode": i, "steps": len(one), "return": round(one.value, 1), "ended of itself": one.terminated}
            for i, one in enumerate(mine, start=1)
        ]
        st.dataframe(rows, hide_index=True, height=min(250, 38 + 35 * len(rows)))
    files(name)
    if chosen["learner"] == "none":
        st.caption("Choose who imitates you in the controls once you have driven a few episodes.")
        return
    try:
        shown = Demonstrations(environment=name, trajectories=tuple(mine))
    except ValueError as error:
        st.warning(f"Nothing can be learned yet: {error}.")
        return
    gail_notes.judge(env, shown)
    method = chosen["learner"]
    make = partial(training, shown, method, ("You", "The learner"))
    key = tuple(one.actions.tobytes() for one in mine)
    shown_layers = gail_pictures.layers_of(name, cloned=method != "gail", expert="You")
    show.run(
        SLUG, lambda: make(n_trajectories=len(mine)), fixed={"of": (name, method, hash(key))},
        view=f"mine:{name}:{method}", autoplay=True, speed="max", wide=True, layers=shown_layers,
    )  # fmt: skip


def files(name: str) -> None:
    """Take demonstrations away, save them, load them."""
    mine = drive.mine(name)
    with st.container(horizontal=True):
        st.button("Take the last away", on_click=lambda: mine.pop(), disabled=not mine)
        st.button("Take all away", on_click=mine.clear, disabled=not mine)
        try:
            shown = Demonstrations(environment=name, trajectories=tuple(mine))
        except ValueError:
            shown = None
        for kind, mime in (("json", "application/json"), ("csv", "text/csv")):
            text = "" if shown is None else (shown.to_json() if kind == "json" else shown.to_csv())
            st.download_button(
                f"Save as {kind.upper()}", text, f"{name}.{kind}", mime, disabled=shown is None, on_click="ignore"
            )
    given = st.file_uploader(
        "Load demonstrations (JSON or CSV)",
        type=["json", "csv"],
        key=f"{SLUG}:file:{name}",
        max_upload_size=demonstrations.MAX_BYTES >> 20,
    )
    if given is not None and st.session_state.get("gail:read") != given.file_id:
        st.session_state["gail:read"] = given.file_id
        try:
            if given.size > demonstrations.MAX_BYTES:
                raise ValueError(f"the file has {given.size / 2**20:.1f} MB, at most 5 MB are read: split it")
            read = demonstrations.read(given.getvalue(), of=name)
        except ValueError as error:
            st.session_state["gail:file-problem"] = str(error)
        else:
            st.session_state.pop("gail:file-problem", None)
            mine.extend(read.trajectories[: demonstrations.MAX_TRAJECTORIES - len(mine)])
            st.rerun()
    if given is not None and (problem := st.session_state.get("gail:file-problem")):
        st.warning(f"The file was not taken: {problem}.")


# -- how many demonstrations ---------------------------------------------------------------------------


def counted(name: str) -> Film:
    """The recorded comparison as one picture."""
    rows = gail_notes.compared()["rows"]
    rng = np.random.default_rng(0)
    traces: list[dict[str, Any]] = []
    for method, colour, symbol, shift in (
        ("behavioural_cloning", "@first", "circle", -0.18),
        ("gail", "@second", "diamond", 0.18),
    ):
        own = [row for row in rows if row["environment"] == name and row["method"] == method]
        counts = sorted({row["n"] for row in own})
        at = [row["n"] + shift + rng.uniform(-0.08, 0.08) for row in own]
        said = gail_notes.METHODS[method]
        medians = [float(np.median([row["score"] for row in own if row["n"] == n])) for n in counts]
        traces += [
            {"type": "scatter", "mode": "markers", "x": at, "y": [row["score"] for row in own], "showlegend": False,
             "marker": {"color": colour, "symbol": symbol, "size": 8, "opacity": 0.55}, "hoverinfo": "y"},
            {"type": "scatter", "mode": "lines+markers+text", "x": [n + shift for n in counts], "y": medians,
             "text": ["", "", said, ""], "textfont": {"color": colour, "size": 15},
             "textposition": "top center" if method == "gail" else "bottom center",
             "line": {"color": colour, "width": 3},
             "marker": {"color": colour, "symbol": symbol, "size": 11}, "hoverinfo": "y"},
        ]  # fmt: skip
    for level, said, dash in ((1.0, "the expert", "dash"), (0.0, "at random", "dot")):
        traces.append(
            {"type": "scatter", "mode": "lines+text", "x": [0.3, 2.5, 10.7], "y": [level] * 3, "text": ["", said, ""],
             "textposition": "top center" if level else "bottom center",
             "line": {"color": "@muted", "width": 2, "dash": dash},
             "textfont": {"color": "@text"}, "hoverinfo": "skip"}
        )  # fmt: skip
    low = min(0.0, *(row["score"] for row in rows if row["environment"] == name))
    base = {
        "layout": {
            "xaxis": {"title": "demonstrations", "tickvals": [1, 4, 7, 10], "range": [0.3, 10.7], "zeroline": False},
            "yaxis": {"title": "from acting at random (0) to the expert (1)", "range": [low - 0.08, 1.22],
                      "zeroline": False},
        },
        "traces": traces,
    }  # fmt: skip
    words = gail_notes.compared_words(name)
    frame = Frame(step=0, scalars={}, arrays={})
    return Film(frames=[frame], base=base, draw=lambda _: {"caption": words})


if __name__ == "__main__":
    main()
