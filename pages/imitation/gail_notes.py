"""The words around the stage of imitation: why, scenes, questions, what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from engines.imitation import demonstrations, experts
from engines.imitation.demonstrations import Demonstrations
from pages.imitation.gail_pictures import whole
from pages.ui import live, shipped
from pages.ui.strip import Scene
from pages.ui.tryit import Question

METHODS = {"behavioural_cloning": "Behavioural cloning", "gail": "GAIL"}
CONTRADICTORY = 0.6  # of `Demonstrations.contradiction`: 0 the state decides, 1 it says nothing

WHY = (
    r"""
**What is to be learned.** An expert is seen in states $s$ and acts $a$. From these pairs alone, without a reward, a
policy $\pi(a \mid s)$ is to act as the expert does.

**Behavioural cloning** fits $\pi$ to the pairs by maximum likelihood. It is right where the expert was. After an
error it is somewhere else, where no pair says what to do, and the next error is larger.

**GAIL** lets the learner act and trains a discriminator $D(s, a)$, the probability that a pair is the expert's, to
tell the learner's pairs from the expert's:

$$\max_D\; \mathbb{E}_{\pi_E}[\log D(s,a)] + \mathbb{E}_{\pi}[\log(1 - D(s,a))]$$

$\pi_E$ is the expert's policy. The policy's reward grows with $D$: it is paid for going where the expert goes, so
errors are corrected *along the way*. (Ho and Ermon write $D$ for the probability of the *learner's*; theirs is
one minus this one.)
""",
    r"""
**The policy's step** is that of trust region policy optimisation (TRPO). With $\theta$ the policy's parameters, $g$ the
gradient of the expected advantage and $F$ the Fisher matrix of the policy, it goes along $F^{-1} g$, found by
conjugate gradients, and is shortened until

$$\mathrm{KL}(\pi_{\text{old}} \,\|\, \pi_\theta) \le \delta$$

**The sign of the reward.** $-\log(1-D)$ is above zero whatever the pair: one step more always pays. Where an episode
can end of itself and nothing follows, the learner is paid for *surviving*, whoever the expert is. $\log D$ is below
zero: it is paid for ending. The cure (Kostrikov et al. 2019): an ended episode goes on in a state of its own, which
$D$ judges like any other.

**Here.** Networks have two layers of 32 units; a step takes 2,000 steps in the environment. Pendulum's expert pumps
energy into the swing and then holds the top with a linear-quadratic regulator; MountainCar's pushes the way that it
rolls; those of CartPole and Acrobot learned from the environment's own reward.
""",
)

TASKS = {
    "cartpole": "**Keep the pole upright.** An episode ends when it leans 12° or the cart leaves the track, at the "
    "latest after 500 steps. With no key held, left and right take turns.",
    "mountain-car": "**Reach the flag.** The engine is too weak to drive straight up: swing back and forth. An episode "
    "has at most 999 steps.",
    "pendulum": "**Bring the rod upright and hold it.** The motor is too weak to lift it at once. An episode has 200 "
    "steps.",
}


def lasted(record: live.Live | None, *, of: str) -> str:
    """How long the episodes of the learner's newest batch lasted, beside its expert's; CartPole pays 1 a step."""
    if record is None:
        return ""
    engine: Any = record.run.engine
    frames = [one for one in record.run.history.after(-1) if "return" in one.scalars]
    shown = [one for one in frames if record.shown is None or one.step <= record.shown]
    if engine is None or not shown:
        return ""
    own = np.mean([len(one) for one in engine.data.first(engine.config.n_trajectories).trajectories])
    return (
        f" At step {shown[-1].step} the learner's episodes last {shown[-1].scalars['return']:.0f} steps on average; "
        f"{of} lasted {own:.0f}."
    )


def survives(record: live.Live | None) -> str:
    return (
        "The expert only ever pushes left, and its pole falls at once. The reward −log(1 − D) is above zero for every "
        "pair, so whoever stays longer earns more: watch the return rise beyond what was shown, for no other reason. "
        "Users of other packages have reported the same." + lasted(record, of="its useless expert's")
    )


def falls(record: live.Live | None) -> str:
    return (
        "The same expert and the same reward, but an ended episode goes on in a state of its own, which D judges. The "
        "expert is there most of the time, so being there pays." + lasted(record, of="its useless expert's")
    )


def drops(record: live.Live | None) -> str:
    return (
        "With the other sign, log D is below zero for every pair: each step costs, and what follows an end costs "
        "nothing. It pays to let the pole fall early, although the expert never does."
        + lasted(record, of="its expert's")
    )


def holds(record: live.Live | None) -> str:
    return (
        "The same reward, but the end is a state that D judges. The expert is never there, so being there costs more "
        "than going on." + lasted(record, of="its expert's")
    )


USELESS = {"env": "cartpole", "expert": "useless", "reward": "positive", "n": "10"}
SCENES = {
    "drift": Scene(
        title="Cloning drifts off the expert's path",
        text="One demonstration of Pendulum. Compare the dotted path with the solid one: once the clone is off the "
        "expert's path, nothing that it has learned leads back.",
        link={"method": "behavioural_cloning", "n": "1"},
        cure={"n": "1"},
        cure_title="GAIL, from the same demonstration",
        cured="GAIL acts while it learns, and its discriminator says at every step where the expert would be: errors "
        "are corrected along the way.",
    ),
    "survival": Scene(
        title="A useless expert, a balanced pole",
        text=survives,
        link={**USELESS, "absorbing": False},
        cure=USELESS,
        cure_title="Let the end be judged too",
        cured=falls,
        beside=True,
    ),
    "ending": Scene(
        title="A good expert, a pole dropped",
        text=drops,
        link={"env": "cartpole", "reward": "negative", "absorbing": False},
        cure={"env": "cartpole", "reward": "negative"},
        cure_title="Let the end be judged too",
        cured=holds,
        beside=True,
    ),
}


def figures(name: str, expert: str, used: Demonstrations) -> None:
    """Floor and ceiling of the returns."""
    floor, ceiling = experts.scale(name)
    who = "the good expert" if expert == "useless" else "the expert"
    st.caption(
        f"The learner sees {len(used.trajectories)} demonstrations with {len(used):,} pairs and a mean return of "
        f"{whole(used.returns.mean())}. Over 200 starts, {who} reaches {whole(ceiling)} on average, acting at random "
        f"{whole(floor)}. The learner is never told a return."
    )


def trained_body(name: str) -> None:
    """How far the recorded learner came, and what made it."""
    card, floor, ceiling = shipped.card("gail", name), *experts.scale(name)
    value, config = card["metrics"]["test_return"], card["config"]
    way = (value - floor) / (ceiling - floor)
    st.caption(
        f"HalfCheetah in MuJoCo: six joints under torque, 1,000 steps an episode, of which the first 200 are drawn. "
        f"The learner's return over 50 starts is {whole(value)}, {way:.0%} of the way from acting at random "
        f"({whole(floor)}) to its expert ({whole(ceiling)}). It learned from {config['n_trajectories']} "
        f"demonstrations in {card['wall_time_s'] / 60:.0f} minutes by `{card['command']}`; the expert "
        f"from the environment's own reward by `{shipped.card('trpo', name)['command']}`."
    )


def judge(env: Any, shown: Demonstrations) -> None:
    """Too little or contradictory: a sentence beside the run, which is made all the same."""
    value = shown.contradiction()
    if value > CONTRADICTORY:
        st.info(
            f"Your demonstrations contradict each other: where states are alike, your actions differ {value:.0%} as "
            "much as between any two moments (0 %: the state decides). Expect an undecided learner; more and steadier "
            "episodes help."
        )
    elif len(shown) < 200:
        st.info(
            f"There are {len(shown)} pairs of you. The shipped experts show some {200 * 4} of them and more: expect "
            "little from so few."
        )
    floor, ceiling = experts.scale(env.name)
    st.caption(
        f"Your mean return is {whole(shown.returns.mean())}; acting at random reaches {whole(floor)}, the shipped "
        f"expert {whole(ceiling)}."
    )


# -- the comparison ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def compared() -> dict[str, Any]:
    """What `python -m engines.imitation.compare` has written."""
    held: dict[str, Any] = json.loads((demonstrations.FOLDER / "compare.json").read_text(encoding="utf-8"))
    return held


def scores(name: str, method: str, n: int) -> list[float]:
    rows = compared()["rows"]
    return [r["score"] for r in rows if (r["environment"], r["method"], r["n"]) == (name, method, n)]


def compared_words(name: str) -> str:
    """What the picture shows, counted."""
    said = []
    for method, title in METHODS.items():
        reached = [f"{sum(s >= 0.9 for s in scores(name, method, n))} of 5 with {n}" for n in (1, 4, 7, 10)]
        said.append(f"{title} comes 90 % of the way from random to expert for {', '.join(reached)} demonstrations")
    return "Points: seeds; lines: their medians. " + ". ".join(said) + "."


def measured(name: str) -> None:
    """How it was made, and what is unequal."""
    task = compared()["tasks"][name]
    rows = [r for r in compared()["rows"] if r["environment"] == name]
    own = {m: [r for r in rows if r["method"] == m] for m in METHODS}
    seconds = {m: float(np.median([r["seconds"] for r in own[m]])) for m in METHODS}
    steps = own["gail"][0]["env_steps"]
    thin = "every pair" if task["thin"] == 1 else f"every {task['thin']}th pair"
    st.caption(
        f"Five seeds each; {thin} of a demonstration is used; both learn from the same pairs and are measured over the "
        f"same 50 starts by their likeliest actions. Returns: at random {whole(task['at_random'])}, the expert "
        f"{whole(task['expert'])}. Unequal: GAIL also takes {steps:,} steps in the environment, cloning none; "
        f"median time of a run {seconds['gail']:.0f} s against {seconds['behavioural_cloning']:.0f} s. Made by "
        f"`{compared()['command']}`."
    )


# -- questions -----------------------------------------------------------------------------------------


def questions(chosen: dict[str, Any], current: Callable[[], live.Live | None]) -> list[Question]:
    """What can be checked on the stage."""
    asked = [
        Question(
            text="The reward is log D − log(1 − D). What is it for a pair that D takes for the expert's with "
            "probability 0.9? Two decimals.",
            kind="number",
            check=lambda answer: (
                abs(answer - np.log(9)) < 0.006,
                f"log 0.9 − log 0.1 = log 9 = {np.log(9):.2f}.",
            ),
        ),
        Question(
            text="CartPole, a reward that is above zero for every pair, and nothing follows an end. Who balances the "
            "pole?",
            kind="choice",
            options=("Only who imitates a good expert", "Whoever earns, whatever the expert did", "Nobody"),
            check=lambda answer: (
                answer.startswith("Whoever"),
                "Every further step pays, so staying upright does, whoever is imitated: see the scene of the useless "
                "expert.",
            ),
        ),
    ]
    if chosen["view"] == "game" and chosen["method"] == "gail":
        asked.append(
            Question(
                text="At the step shown: did the policy's step keep its KL limit? What was its KL, in nats, to four "
                "decimals?",
                kind="number",
                check=lambda answer: _kl(answer, current()),
                hint="It is in In numbers, and among the curves.",
            )
        )
    if chosen["view"] == "count":
        asked.append(
            Question(
                text="With one demonstration, for how many of five seeds does GAIL come 90 % of the way?",
                kind="number",
                check=lambda answer: (
                    answer == sum(s >= 0.9 for s in scores(chosen["task"], "gail", 1)),
                    f"For {sum(s >= 0.9 for s in scores(chosen['task'], 'gail', 1))} of 5.",
                ),
            )
        )
    return asked


def _kl(answer: float, record: live.Live | None) -> tuple[bool, str]:
    if record is None:
        raise ValueError("There is no run on the stage: press Restart.")
    frames = record.run.history.after(-1)
    at = record.shown if record.shown is not None else frames[-1].step
    frame = min(frames, key=lambda one: abs(one.step - at))
    if "kl" not in frame.scalars:
        raise ValueError("Before the first step there is no KL: go one step further.")
    kl, limit = frame.scalars["kl"], record.run.config_at(frame.step - 1).kl_limit
    right = abs(answer - kl) < 0.6e-4
    return right, f"At step {frame.step} it was {kl:.4f} nats, and the limit {limit:g}: it is kept."
