"""tunes.npz: bars of old fiddle tunes for MidiNet (Yang, Chou, Yang 2017).

Source (PyPI):  pip download --no-deps -d SRC music21==10.5.1
Run:            python tools/data/tunes.py --source SRC --out tunes.npz
Needs:          numpy only (the ABC text is parsed here, music21 itself is not imported).

--source is the folder with the wheel, or one in which music21/corpus/ is already unpacked.
Only airdsAirs, oneills1850 and ryansMammoth are read.
"""

import argparse
import collections
import fractions
import glob
import hashlib
import json
import os
import pathlib
import re
import zipfile

import numpy as np

Fr = fractions.Fraction
BOOKS = ["airdsAirs", "oneills1850", "ryansMammoth"]
LOW, PITCHES = 55, 32  # G3 .. D6
MODES = dict(maj=0, ion=0, min=-3, aeo=-3, m=-3, mix=-1, dor=-2, phr=-4, lyd=1, loc=-5)
MODE_NAME = {0: "major", -3: "minor", -1: "mixolydian", -2: "dorian", -4: "phrygian", 1: "lydian", -5: "locrian"}
FIFTHS = dict(F=-1, C=0, G=1, D=2, A=3, E=4, B=5)
STEP = dict(C=0, D=2, E=4, F=5, G=7, A=9, B=11)
NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]


def files(source):
    """(book, name, text) of every ABC file, in a fixed order."""
    wheel = sorted(glob.glob(os.path.join(source, "music21-*.whl")))
    out = []
    if wheel:
        z = zipfile.ZipFile(wheel[-1])
        names = [n for n in z.namelist() if n.endswith(".abc") and n.split("/")[-2] in BOOKS]
        out = [(n.split("/")[-2], n.split("/")[-1], z.read(n)) for n in names]
    else:
        for b in BOOKS:
            for p in glob.glob(os.path.join(source, "music21", "corpus", b, "*.abc")):
                out.append((b, os.path.basename(p), pathlib.Path(p).read_bytes()))
    if not out:
        raise SystemExit("no ABC files under --source")

    def text(b):
        try:
            return b.decode("utf8")
        except UnicodeDecodeError:
            return b.decode("latin1")

    return [(b, n, text(t)) for b, n, t in sorted(out)]


def key(s):
    """'E Minor' -> (fifths of the signature, mode name) or None."""
    s = s.split("%")[0].strip().replace('"', "")
    m = re.match(r"^([A-G])([#b]?)\s*([A-Za-z]*)$", s)
    if not m:
        return None
    t = m.group(3)
    q = MODES.get(t if t == "m" else (t[:3].lower() or "maj"))
    if t == "M":
        q = 0
    if q is None:
        return None
    f = FIFTHS[m.group(1)] + {"#": 7, "b": -7, "": 0}[m.group(2)] + q
    return (f, MODE_NAME[q]) if -7 <= f <= 7 else None


def signature(f):
    a = {}
    for n in "FCGDAEB"[: max(f, 0)]:
        a[n] = 1
    for n in "BEADGCF"[: max(-f, 0)]:
        a[n] = -1
    return a


def metre(s):
    s = s.split("%")[0].strip()
    return {"C": "4/4", "C|": "2/2"}.get(s, s)


TOKEN = re.compile(
    r"""
 (?P<ending>\[[1-9][0-9,.\-]*|(?<=[|:\]])\s*[1-9](?=[^0-9/]))
|(?P<bar>:*\|+[:\]|]*|::+|\[\||:\])
|(?P<inline>\[[A-Za-z]:[^\]]*\])
|(?P<tup>\((?P<p>[2-9])(?::(?P<q>[0-9]*))?(?::(?P<r>[0-9]*))?)
|(?P<chord>\[(?P<cn>[^\]]*)\](?P<cl>[0-9]*/*[0-9]*))
|(?P<note>(?P<acc>\^\^|\^|__|_|=)?(?P<let>[A-Ga-g])(?P<oct>[,']*)(?P<len>[0-9]*/*[0-9]*))
|(?P<rest>[zx](?P<rlen>[0-9]*/*[0-9]*))
|(?P<whole>Z[0-9]*)
|(?P<broken>>+|<+)
|(?P<tie>-)
""",
    re.X,
)


def length(s):
    m = re.match(r"^([0-9]*)(/*)([0-9]*)$", s)
    n = int(m.group(1) or 1)
    if not m.group(2):
        return Fr(n)
    return Fr(n, int(m.group(3)) if m.group(3) else 2 ** len(m.group(2)))


def parse(text):
    """One tune's ABC -> dict with its bars [(events, barline, ending)] or a reason string.
    An event is [midi or None, length in 16ths, tied to the note before]."""
    head, lines, kf = collections.defaultdict(list), [], None
    for ln in text.splitlines():
        m = re.match(r"^([A-Za-z]):(.*)$", ln)
        if kf is None:
            if m:
                head[m.group(1)].append(m.group(2).strip())
                if m.group(1) == "K":
                    kf = key(m.group(2))
                    if kf is None:
                        return "key not understood"
            continue
        if m and m.group(1) not in "wW":
            lines.append("[{}:{}]".format(m.group(1), m.group(2).split("%")[0].strip().replace("]", "")))
        elif not m and not ln.startswith("%"):
            lines.append(re.sub(r"%.*$", "", re.sub(r'"[^"]*"', "", ln)).rstrip().rstrip("\\"))
    if kf is None:
        return "no key"
    ms = metre(head["M"][-1]) if head["M"] else ""
    if ms not in ("4/4", "2/2"):
        return "other metre"
    unit = Fr(head["L"][-1].split("%")[0].strip()) * 16 if head["L"] else Fr(2)
    sig = signature(kf[0])
    shift = -(7 * kf[0]) % 12
    body = " ".join(lines)
    body = re.sub(r"\{[^}]*\}|![A-Za-z0-9()<>.+]+!|[`~.!&]|\+[a-z]+\+", "", body)
    bars, cur, acc = [], [], {}
    tup, tn, pend, tied, end, last = Fr(1), 0, None, False, 0, None

    def emit(midi, n):
        nonlocal tn, pend, tied, last
        if tn:
            n, tn = n * tup, tn - 1
        if pend:
            n *= pend
            pend = None
        cur.append([midi, n, tied and midi is not None and midi == last])  # '-' between two pitches is a slur
        tied, last = False, midi

    for t in TOKEN.finditer(body):
        if t.group("inline"):
            f, v = t.group("inline")[1], t.group("inline")[3:-1].strip()
            if f == "M" and metre(v) != ms:
                return "metre changes"
            if f == "K":
                k2 = key(v)
                if k2 is None or k2[0] != kf[0]:
                    return "key changes"
            if f == "L":
                unit = Fr(v) * 16
            if f == "V":
                return "several voices"
        elif t.group("bar"):
            bars.append((cur, t.group("bar"), end))
            cur, acc, end = [], {}, 0
        elif t.group("ending"):
            end = int(re.search("[1-9]", t.group("ending")).group())
            if cur:  # '[2' with no bar line before it
                bars.append((cur, "|", 0))
                cur, acc = [], {}
        elif t.group("tup"):
            p = int(t.group("p"))
            q = int(t.group("q")) if t.group("q") else {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, 2)
            tup, tn = Fr(q, p), int(t.group("r")) if t.group("r") else p
        elif t.group("chord") or t.group("note"):
            s = t.group("cn") if t.group("chord") else t.group("note")
            best, n = None, None
            for x in re.finditer(r"(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)([0-9]*/*[0-9]*)", s):
                L = x.group(2).upper()
                if x.group(1):
                    acc[L] = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}[x.group(1)]
                a = acc.get(L, sig.get(L, 0))
                midi = (
                    60
                    + STEP[L]
                    + a
                    + 12 * (x.group(2).islower())
                    + 12 * (x.group(3).count("'") - x.group(3).count(","))
                )
                n = length(x.group(4)) if n is None else n
                best = midi if best is None else max(best, midi)
            if best is None:
                continue
            if t.group("chord") and t.group("cl"):
                n *= length(t.group("cl"))
            emit(best, n * unit)
        elif t.group("rest"):
            emit(None, length(t.group("rlen")) * unit)
        elif t.group("whole"):
            emit(None, Fr(16))
        elif t.group("broken") and cur:
            b = t.group("broken")
            d = 2 ** len(b)
            a, c = 2 - Fr(1, d), Fr(1, d)
            if b[0] == "<":
                a, c = c, a
            cur[-1][1] *= a
            pend = c
        elif t.group("tie"):
            tied = True
    if cur:
        bars.append((cur, "|]", end))
    return dict(head=head, fifths=kf[0], mode=kf[1], shift=shift, bars=bars)


def complete(bars):
    """Join a section's short last bar with the next pick-up, as it is played; hold its last note at the end."""
    out, i = [], 0

    def total(b):
        return sum(e[1] for e in b)

    bars = list(bars)
    fresh = True  # at a section's start a short bar is a pick-up
    while i < len(bars):
        ev, line, end = bars[i]
        n = total(ev)
        close = len(line) > 1 or i == len(bars) - 1
        if not ev:
            fresh = fresh or close
            if end and i + 1 < len(bars):
                bars[i + 1] = (bars[i + 1][0], bars[i + 1][1], end)
            i += 1
            continue
        if fresh and n < 16:
            fresh = False
            if close:
                fresh = True
            i += 1
            continue
        fresh = False
        if close and 8 <= n < 16:
            j = i + 1
            while j < len(bars) and not bars[j][0]:
                j += 1
            if j < len(bars) and total(bars[j][0]) + n == 16:
                ev = ev + bars[j][0]
            else:
                ev = [*ev[:-1], [ev[-1][0], ev[-1][1] + 16 - n, ev[-1][2]]]
            fresh = True
        elif close:
            j = i + 1
            while j < len(bars) and not bars[j][0]:
                j += 1
            fresh = j < len(bars) and total(bars[j][0]) < 16
        out.append((ev, end))
        i += 1
    return out


def grid(ev):
    """Events of a bar -> (16 midi, 16 onset, rounded) or None. A rest prolongs the note before it;
    a rest at the start is given to the first note (both as in the MidiNet paper)."""
    if sum(e[1] for e in ev) != 16:
        return None
    midi, on, t, rounded, used = [None] * 16, [0] * 16, Fr(0), 0, {}
    for m, n, tied in ev:
        if m is not None and n > 0:
            s = int(t + Fr(1, 2))
            if s != t:
                rounded = 1
            if s > 15 or s in used:
                return None
            used[s] = 1
            midi[s] = m
            on[s] = 0 if tied else 1
        t += n
    if not used:
        return None
    first = min(used)
    if first:
        midi[0], on[0] = midi[first], 1
        midi[first], on[first] = None, 0
    for s in range(1, 16):
        if midi[s] is None:
            midi[s] = midi[s - 1]
        elif midi[s] != midi[s - 1]:
            on[s] = 1
    return midi, on, rounded


CHORDS = [(r, q) for r in range(12) for q in (0, 1)]  # q: 0 major, 1 minor
DIATONIC = {(0, 0), (2, 1), (4, 1), (5, 0), (7, 0), (9, 1)}
ACCENT = np.array([2.0, 1, 1, 1, 1.25, 1, 1, 1, 1.5, 1, 1, 1, 1.25, 1, 1, 1])


def templates():
    T = np.zeros((24, 12))
    for c, (r, q) in enumerate(CHORDS):
        T[c, [r, (r + (3 if q else 4)) % 12, (r + 7) % 12]] = [1.15, 1.0, 1.0]
    return T


T24 = templates()


def chord(midi):
    """The triad that fits the bar: metrically weighted time on its tones, less half of the rest;
    small prizes for the root on the first beat and for the six triads of C major / A minor."""
    h = np.zeros(12)
    for s in range(16):
        h[midi[s] % 12] += ACCENT[s]
    sc = T24 @ h - 0.5 * ((T24 == 0) @ h)
    for c, (r, q) in enumerate(CHORDS):
        sc[c] += (1.0 if r == midi[0] % 12 else 0) + (2.0 if (r, q) in DIATONIC else 0)
    o = np.argsort(-sc, kind="stable")
    return int(o[0]), float(sc[o[0]] - sc[o[1]]) / h.sum()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--limit", type=int, default=0, help="only the first N tunes (for a test)")
    a = ap.parse_args()
    why, tunes = collections.Counter(), []
    for book, name, text in files(a.source):
        text = text.replace("\r", "")
        for part in re.split(r"(?m)^(?=X:)", text):
            if not part.startswith("X:"):
                continue
            p = parse(part)
            if isinstance(p, str):
                why[p] += 1
                continue
            p.update(book=book, file=name)
            tunes.append(p)
            if a.limit and len(tunes) >= a.limit:
                break
    kept, owner, folded, notes = [], collections.defaultdict(set), 0, 0
    seen_bars = collections.Counter()
    for p in tunes:
        rows, prev, before1 = [], -1, -1
        for ev, end in complete(p["bars"]):
            seen_bars["all"] += 1
            g = grid(ev)
            if end == 1:
                before1 = prev
            if end >= 2:
                prev = before1
            if g is None:
                seen_bars["not 16 steps"] += 1
                prev = -1
                continue
            rows.append([g[0], g[1], g[2], prev])
            prev = len(rows) - 1
        if len(rows) < 6:
            why["under 6 good bars"] += 1
            continue
        allm = np.array([m for r in rows for m in r[0]])
        best = min(
            (p["shift"] + 12 * k for k in range(-3, 3)),
            key=lambda s: (int(((allm + s < LOW) | (allm + s >= LOW + PITCHES)).sum()), abs((allm + s).mean() - 71)),
        )
        for r in rows:
            m = np.array(r[0]) + best
            folded += int(((m < LOW) | (m >= LOW + PITCHES)).sum())
            notes += 16
            while (m < LOW).any():
                m = np.where(m < LOW, m + 12, m)
            while (m >= LOW + PITCHES).any():
                m = np.where(m >= LOW + PITCHES, m - 12, m)
            r[0] = m
            r.append(hashlib.md5(bytes(m.astype(np.uint8)) + bytes(r[1])).digest())
        hs = {r[4] for r in rows}
        hit = collections.Counter(j for h in hs for j in owner[h])
        if hit and hit.most_common(1)[0][1] >= 0.7 * len(hs):
            why["copy of a kept tune"] += 1
            continue
        for h in hs:
            owner[h].add(len(kept))
        p.update(rows=rows, hashes=hs)
        kept.append(p)
    # families: same title or three bars in common -> same side of the split
    par = list(range(len(kept)))

    def find(i):
        while par[i] != i:
            par[i] = par[par[i]]
            i = par[i]
        return i

    def norm(t):
        t = re.sub(r"--?\s*(reel|hornpipe|strathspey|clog|jig|fling|march).*$", "", t.split("%")[0].lower().strip())
        t = re.sub(r"^(.*),\s*(the|a)$", r"\1", t.strip(' ."'))
        return re.sub(r"[^a-z0-9]", "", re.sub(r"^(the|a) ", "", t))

    bytitle, common = {}, collections.Counter()
    for i, p in enumerate(kept):
        for t in p["head"]["T"]:
            n = norm(t)
            if len(n) >= 5:
                par[find(i)] = find(bytitle.setdefault(n, i))
    for s in owner.values():
        s = sorted(s)
        if len(s) <= 12:  # a cadence that all tunes share tells nothing
            for x in range(len(s)):
                for y in range(x):
                    common[s[y], s[x]] += 1
    for (x, y), c in sorted(common.items()):
        if c >= 3:
            par[find(y)] = find(x)
    fam = np.array([find(i) for i in range(len(kept))])
    rng = np.random.default_rng(a.seed)
    ids = np.unique(fam)
    size = np.array([(fam == f).sum() for f in ids])
    order = rng.permutation(len(ids))
    test, want = set(), 0.1 * len(kept)
    for o in order:
        if want > 0 and size[o] <= 4:
            test.add(ids[o])
            want -= size[o]
    P, onsets, R, prev, C, M, tid, tsplit = [], [], [], [], [], [], [], []
    for i, p in enumerate(kept):
        b = len(P)
        for m, on, rd, pv, _ in p["rows"]:
            P.append(m - LOW)
            onsets.append(on)
            R.append(rd)
            prev.append(b + pv if pv >= 0 else -1)
            tid.append(i)
            c, d = chord(m)
            C.append(c)
            M.append(min(255, int(d * 255)))
        tsplit.append(int(fam[i] in test))
    P, onsets, C = np.array(P, np.uint8), np.array(onsets, np.uint8), np.array(C, np.uint8)
    cond = np.zeros((len(P), 13), np.uint8)
    cond[np.arange(len(P)), C // 2] = 1
    cond[:, 12] = C % 2
    tid = np.array(tid, np.int16)

    def clean(s):
        return re.sub(r"\s+", " ", s.split("%")[0].strip().strip('"').strip())

    info = dict(
        low_midi=LOW,
        pitches=PITCHES,
        steps=16,
        chord_names=[NAMES[r] + ("m" if q else "") for r, q in CHORDS],
        books=BOOKS,
    )

    def by(zs):  # the transcriber's credit, without his mail address
        s = " / ".join(clean(z) for z in zs if clean(z) and clean(z) != "abc 1.6")
        s = s.replace('"', "").replace("henrik.norbeck@mailbox.swipnet.se", "Henrik Norbeck")
        s = re.sub(r"[,(<]*\s*[\w.\-]+[@:]+[\w.:\-]+\.[a-z]{2,3}\b\s*[>)]*", "", s)
        return clean(s)

    tune = [
        dict(
            title=clean(p["head"]["T"][0]) if p["head"]["T"] else "",
            book=p["book"],
            number=clean(p["head"]["X"][0]),
            rhythm=clean((p["head"]["R"] or [""])[0]),
            metre=metre(p["head"]["M"][-1]),
            mode=p["mode"],
            by=by(p["head"]["Z"]),
        )
        for p in kept
    ]
    np.savez_compressed(
        a.out,
        pitch=P,
        onset=onsets,
        prev=np.array(prev, np.int32),
        chord=C,
        cond=cond,
        margin=np.array(M, np.uint8),
        rounded=np.array(R, np.uint8),
        tune=tid,
        split=np.array(tsplit, np.uint8)[tid],
        tune_split=np.array(tsplit, np.uint8),
        family=fam.astype(np.int16),
        tunes=np.array(json.dumps(tune, ensure_ascii=False)),
        info=np.array(json.dumps(info)),
    )
    print("tunes kept", len(kept), "left out", dict(why), "bars", len(P), dict(seen_bars))
    print(
        "folded steps %.3f%%" % (100 * folded / notes),
        "rounded bars",
        int(np.sum(R)),
        "test tunes",
        sum(tsplit),
        "test bars",
        int(np.array(tsplit)[tid].sum()),
        "families",
        len(ids),
        "largest",
        int(size.max()),
    )
    print(len({t["by"] for t in tune}), "credits", sum(not t["by"] for t in tune), "tunes without one")
    print(
        hashlib.sha256(
            P.tobytes() + onsets.tobytes() + C.tobytes() + np.array(prev, np.int32).tobytes() + bytes(tsplit)
        ).hexdigest()[:16]
    )


if __name__ == "__main__":
    main()
