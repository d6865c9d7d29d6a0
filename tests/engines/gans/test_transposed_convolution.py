"""Convolution and its transpose against PyTorch for every setting the page offers, and against the explicit matrix."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import engines
from engines.maths import convolution as conv

RNG = np.random.default_rng(0)


def torch_of(function, x, w, **settings):
    pair = (torch.tensor(part)[None, None] for part in (x, w))
    return function(*pair, **settings)[0, 0].numpy()


OFFERED = [  # every size, kernel, stride, padding and output padding that the page lets a viewer set
    (n, k, s, p, a)
    for n in range(1, 8)
    for k in range(1, 6)
    for s in (1, 2, 3)
    for p in range(k)
    for a in range(s)
    if (n - 1) * s - 2 * p + k + a >= 1
]


def test_the_transposed_convolution_equals_torch_the_matrix_and_the_zero_inserted_convolution():
    assert len(OFFERED) > 580
    for n, k, s, p, a in OFFERED:
        x, w = RNG.normal(size=(n, n)), RNG.normal(size=(k, k))
        settings = {"stride": s, "padding": p, "output_padding": a}
        ours = conv.convolve_transposed(x, w, **settings)
        theirs = torch_of(F.conv_transpose2d, x, w, **settings)
        np.testing.assert_allclose(ours, theirs, atol=1e-12, err_msg=str((n, k, s, p, a)))
        by_matrix = conv.matrix(n, w, **settings) @ x.ravel()
        np.testing.assert_allclose(by_matrix, theirs.ravel(), atol=1e-12)
        inserted = conv.zero_inserted(x, kernel=k, **settings)
        np.testing.assert_allclose(conv.convolve(inserted, w[::-1, ::-1]), theirs, atol=1e-12)
        for mode in ("transposed", "inserted"):
            engine = engines.create("transposed_convolution", data=(x, w), mode=mode, size=n, kernel=k, **settings)
            engine.at = engine.n_steps
            np.testing.assert_allclose(engine.frame().arrays["output"], theirs, atol=1e-12)


def test_the_convolution_equals_torch_and_the_matrix_transposed():
    for n, k, s, p, a in OFFERED:
        side = (n - 1) * s - 2 * p + k + a
        w, x = RNG.normal(size=(k, k)), RNG.normal(size=(side, side))
        theirs = torch_of(F.conv2d, x, w, stride=s, padding=p)
        np.testing.assert_allclose(conv.convolve(x, w, stride=s, padding=p), theirs, atol=1e-12)
        if len(theirs) == n:  # the output padding chose the size that goes back
            back = conv.matrix(n, w, stride=s, padding=p, output_padding=a).T @ x.ravel()
            np.testing.assert_allclose(back, theirs.ravel(), atol=1e-12)


def test_a_convolution_of_every_size_offered_equals_torch():
    for n, k, s, p in sorted({(n, k, s, p) for n, k, s, p, _ in OFFERED if n + 2 * p >= k}):
        x, w = RNG.normal(size=(n, n)), RNG.normal(size=(k, k))
        sizes = {"size": n, "kernel": k, "stride": s, "padding": p}
        engine = engines.create("transposed_convolution", data=(x, w), mode="convolution", **sizes)
        theirs = torch_of(F.conv2d, x, w, stride=s, padding=p)
        np.testing.assert_allclose(engine.result, theirs, atol=1e-12, err_msg=str(sizes))


def test_resize_then_convolve_of_every_size_offered_equals_torch():
    for n, k, s in sorted({(n, k, s) for n, k, s, _, _ in OFFERED}):
        x, w = RNG.normal(size=(n, n)), RNG.normal(size=(k, k))
        sizes = {"size": n, "kernel": k, "stride": s}
        engine = engines.create("transposed_convolution", data=(x, w), mode="resize", **sizes)
        big = F.interpolate(torch.tensor(x)[None, None], scale_factor=s)[0, 0].numpy()
        theirs = torch_of(F.conv2d, big, w, padding=k // 2)
        np.testing.assert_allclose(engine.result, theirs, atol=1e-12, err_msg=str(sizes))


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_resize_then_convolve_equals_torch_and_is_even(kernel):
    engine = engines.create("transposed_convolution", mode="resize", size=4, kernel=kernel, stride=2, values="ones")
    while not engine.done:
        engine.step()
    output = engine.frame().arrays["output"]
    big = F.interpolate(torch.ones(1, 1, 4, 4), scale_factor=2)
    theirs = F.conv2d(big, torch.ones(1, 1, kernel, kernel), padding=kernel // 2)[0, 0].numpy()
    np.testing.assert_allclose(output, theirs)
    inner = output[kernel:-kernel, kernel:-kernel] if kernel < 4 else output[3:-3, 3:-3]
    assert np.ptp(inner) == 0


def test_overlap_is_even_exactly_where_the_kernel_is_a_multiple_of_the_stride():
    for k in range(1, 7):
        for s in (2, 3):
            counts = conv.overlap(8, kernel=k, stride=s, padding=0, output_padding=0)[k:-k, k:-k]
            assert (np.ptp(counts) == 0) == (k % s == 0), (k, s)


def test_the_terms_of_a_cell_make_up_its_sum():
    engine = engines.create("transposed_convolution", size=3, kernel=4, stride=2, padding=1, seed=3)
    while not engine.done:
        engine.step()
    output = engine.frame().arrays["output"]
    for cell in np.ndindex(output.shape):
        assert output[cell] == sum(engine.input[a] * engine.kernel[b] for a, b in engine.terms(cell))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"output_padding": 2}, "output padding 2 must be below the stride, 2"),
        ({"padding": 3}, "padding 3 must be below the kernel's side, 3"),
        ({"size": 1, "kernel": 2, "padding": 1, "stride": 1}, "cuts everything away"),
        ({"mode": "convolution", "size": 2, "kernel": 5}, "a kernel of 5 does not fit into 2"),
        ({"kernel": 99}, "kernel must be from 1 to 7, got 99"),
        ({"mode": "sideways"}, "mode 'sideways' is not known"),
    ],
)
def test_what_cannot_be_is_one_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        engines.create("transposed_convolution", **settings)
