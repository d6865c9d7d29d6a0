import numpy as np
import pytest

from engines.data import read_csv


def read(text: str | bytes, *, max_bytes: int = 10_000, max_rows: int = 100):
    raw = text.encode() if isinstance(text, str) else text
    return read_csv(raw, max_bytes=max_bytes, max_rows=max_rows)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,-2\n3,4e2\n",
        "a, b\r\n1.5, -2\r\n3, 4e2",
        "a;b\n1.5;-2\n3;400\n",
        "a;b\n1,5;-2\n3,0;400,0\n",
        "a\tb\n1.5\t-2\n3\t400\n\n\n",
        "a b\n  1.5   -2\n3 400\n",
        '"a","b"\n"1.5","-2"\n"3","400"\n',
        "\ufeffa,b\n1.5,-2\n3,400\n",
        "\n\na,b\n1.5,-2\n\n3,400",
        "a,b\r1.5,-2\r3,400\r",
    ],
)
def test_the_same_table_in_many_spellings(text):
    table = read(text)
    np.testing.assert_array_equal(table.x, [[1.5, -2], [3, 400]])
    assert table.column_names == ("a", "b")
    assert table.skipped == ()
    assert table.x.dtype == np.float64
    assert not table.x.flags.writeable


def test_without_a_header_columns_are_numbered():
    table = read("1,2,3\n4,5,6\n")
    np.testing.assert_array_equal(table.x, [[1, 2, 3], [4, 5, 6]])
    assert table.column_names == ("column 1", "column 2", "column 3")


def test_decimal_commas_between_semicolons():
    np.testing.assert_array_equal(read("1,5;2,5;3,5\n-4,25;5;6\n").x, [[1.5, 2.5, 3.5], [-4.25, 5, 6]])


def test_columns_of_text_are_left_out_and_named():
    table = read("x,species,y,place\n1,setosa,2,a\n3,virginica,4,b\n")
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4]])
    assert table.column_names == ("x", "y")
    assert table.skipped == ("species", "place")
    assert read("setosa,1,2\nother,3,4\n").skipped == ("column 1",)


def test_an_index_column_without_a_name_and_names_given_twice():
    assert read(",a,a\n0,1,2\n1,3,4\n").column_names == ("column 1", "a", "a (3)")


def test_latin_1_names_are_read():
    assert read("größe,b\n1,2\n3,4\n".encode("latin-1")).column_names == ("größe", "b")


def test_what_numpy_wrote_comes_back_exactly(tmp_path):
    x = np.random.default_rng(0).standard_normal((50, 4)) * 10.0 ** np.arange(-8, 8, 4)
    np.savetxt(tmp_path / "x.csv", x, fmt="%.17g", delimiter=",")
    np.testing.assert_array_equal(read((tmp_path / "x.csv").read_bytes()).x, x)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty: give at least 2 rows"),
        (" \n\n ", "the file is empty"),
        ("\ufeff", "at least 2 are needed"),
        (b"PK\x03\x04\x00\x00\x00", "it holds NUL bytes"),
        ("a,b\n1,2\n".encode("utf-16"), "it holds NUL bytes"),
        (b"\x89PNG\r\n\x1a\n123,4", r"it holds the control character '\\x1a'"),
        ("1\n2\n3\n", "the file has 1 column, at least 2 are needed"),
        ("a,b\nx,y\nz,w\n", "at least 2 columns of numbers are needed, found none"),
        ("a,b\n1,y\n2,w\n", "at least 2 columns of numbers are needed, found only 'a'"),
        ("a,b\n1,2\n3,nan\n4,5\n", "row 3, column 'b' holds 'nan', not a finite number"),
        ("a,b\n1,2\n-inf,3\n4,5\n", "row 3, column 'a' holds '-inf', not a finite number"),
        ("1,2\n3,4\n5,1e999\n", "row 3, column 'column 2' holds '1e999', not a finite number"),
        ("1,2\n3,4\n5,1e200\n", "row 3, column 'column 2' holds '1e200', beyond the limit of 1e.100"),
        ("a,b\n1,2\n\n3,\n4,5\n", "row 4, column 'b' is empty: fill it in or remove the row"),
        ("1,2\nNA,4\n5,6\n", "row 2, column 'column 1' holds 'NA': fill it in"),
        ("NA,2\n3,4\n5,6\n", "row 1, column 'column 1' holds 'NA': fill it in"),
        ("a,b\n1,2\n3,abc\n4,5\n", "row 3, column 'b' holds 'abc', not a number"),
        ("a,b\n1,2\n3,1_0\n4,5\n", "row 3, column 'b' holds '1_0', not a number"),
        ("1,2\n3,4,5\n6,7\n", "row 2 has 3 cells, row 1 has 2: give every row 2"),
        ("a,b\n1,2\n3\n", "row 3 has 1 cell, row 1 has 2"),
        ("a,b\n1,2\n", "the file has 1 row of numbers, and at least 2 are needed"),
        ("1,2\n", "the file has 1 row of numbers"),
        ("1,2\n" * 101, "the file has more than 100 rows, the limit here"),
        ("a,b\n" + "1,2\n" * 101, "the file has more than 100 rows, the limit here"),
        (("1," * 200 + "1\n") * 2, "the file has 201 columns, the limit is 200"),
        ("1,2\n" * 2501, "the file has 10,004 bytes, the limit here is 10,000"),
        ('1,2\n"3,4\n5,6\n' + "x" * 5, "row 4 has 1 cell"),
    ],
)
def test_each_error_is_one_sentence(text, said):
    with pytest.raises(ValueError, match=said) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_exactly_the_limits_are_allowed():
    assert len(read("1,2\n" * 100).x) == 100
    assert len(read("a,b\n" + "1,2\n" * 100).x) == 100
    assert read(("1," * 199 + "1\n") * 2).x.shape == (2, 200)
    assert len(read("1,2\n" * 100, max_bytes=400).x) == 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3," + "1" * 200_000 + "\n", "row 2 has 200,002 characters, the limit is 100,000"),
        ("1," * 400_000, "row 1 has 800,000 characters, the limit is 100,000"),
        ("1,2\n" * 60 + '3,"' + "x" * 200_000 + '"\n', r"row 61 cannot be read \(field larger than"),
    ],
)
def test_a_line_or_cell_without_end_is_a_sentence_too(text, said):
    with pytest.raises(ValueError, match=said) as caught:
        read(text, max_bytes=1_000_000)
    assert "\n" not in str(caught.value)


def test_random_bytes_never_raise_anything_else():
    generator = np.random.default_rng(0)
    letters = list(b'0123456789.,;\t \n\r"-eE\xe9ax')
    for _ in range(300):
        raw = generator.choice(letters, size=generator.integers(1, 200)).astype(np.uint8)
        try:
            table = read(raw.tobytes())
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert np.isfinite(table.x).all()
