import re

import numpy as np
import pytest

from engines.data import read_csv


def read(text: str | bytes, *, max_bytes: int = 10_000, max_rows: int = 100, **chosen):
    raw = text.encode() if isinstance(text, str) else text
    return read_csv(raw, max_bytes=max_bytes, max_rows=max_rows, **chosen)


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
        ("a,b\n1,2\n".encode("utf-16-le"), "it holds NUL bytes"),
        (b"\xff\xfea", "begins as UTF-16 and is not"),
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
        ("1,2\n3,4,5\n6,7\n", "row 2 has 3 cells, the others have 2: give every row 2"),
        ("a,b\n1,2\n3\n", "row 3 has 1 cell, the others have 2"),
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
        ("1,2\n3," + "1" * 200_000 + "\n", "row 2 has 200,003 characters, the limit is 100,000"),
        ("1," * 400_000, "row 1 has 800,000 characters, the limit is 100,000"),
        ("1,2\n" * 60 + '3,"' + "x" * 200_000 + '"\n', "row 61 has 200,005 characters, the limit is 100,000"),
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


P, Q = [[1.5, -2.25], [1234.5, 3]], [[1234, 5678], [9012, 3456]]
NAMED, BARE = ("a", "b"), ("column 1", "column 2")
EXPORTS = [  # what spreadsheets and programs of several countries write: the file, the numbers in it, their names
    ("a;b\n1,5;-2,25\n1234,5;3\n", P, NAMED),  # Excel, German
    ("a;b\r\n1,5;-2,25\r\n1.234,5;3\r\n", P, NAMED),  # with thousands
    ("a;b\n1,5;-2,25\n1 234,5;3\n", P, NAMED),  # French
    ("a;b\n1,5;-2,25\n1\u202f234,5;3\n", P, NAMED),  # French, narrow blanks that do not break
    ("a;b\n1,5;-2,25\n1\u00a0234,5;3\n", P, NAMED),
    ("a;b\n1.5;-2.25\n1'234.5;3\n", P, NAMED),  # Swiss
    ("a;b\n1.5;-2.25\n1\u2019234.5;3\n", P, NAMED),
    ('a,b\n1.5,-2.25\n"1,234.5",3\n', P, NAMED),  # US
    ('"a","b"\n"1,5","-2,25"\n"1.234,5","3"\n', P, NAMED),  # all quoted, decimal commas between commas
    ('a,b\n"1,5","-2,25"\n"1 234,5",3\n', P, NAMED),
    ("a\tb\n1,5\t-2,25\n1234,5\t3\n", P, NAMED),  # decimal commas between tabs
    ("a\tb\n1,5\t-2,25\n1.234,5\t3\n", P, NAMED),
    ("1,5 -2,25\n1234,5 3\n", P, BARE),  # decimal commas between blanks
    ("  1,5    -2,25\n1234,5     3\n", P, BARE),
    ("a\tb\r\n1,5\t-2,25\r\n1234,5\t3\r\n".encode("utf-16"), P, NAMED),  # Excel's "Unicode text"
    ("sep=;\na;b\n1,5;-2,25\n1234,5;3\n", P, NAMED),
    ('"sep=,"\r\na,b\r\n1.5,-2.25\r\n1234.5,3\r\n', P, NAMED),
    ("sep=\t\na\tb\n1.5\t-2.25\n1234.5\t3\n", P, NAMED),
    ("a|b\n1.5|-2.25\n1234.5|3\n", P, NAMED),
    ("a,b\n1.5,\u22122.25\n1234.5,3\n", P, NAMED),  # the minus sign of a typesetter
    ("a;b\n1,5;\u22122,25\n1234,5;3\n", P, NAMED),
    ("a;b\n1,5;\u20132,25\n1234,5;3\n", P, NAMED),  # a dash for a minus
    ("# measured in May\n# 1, 2, 3\na,b\n1.5,-2.25\n# a pause\n1234.5,3\n", P, NAMED),
    ("# a b\n1.500e+00 -2.250e+00\n1.2345e+03 3.0e+00\n", P, NAMED),  # numpy.savetxt with a header
    ("a,b\n(cm),(kg)\n1.5,-2.25\n1234.5,3\n", P, ("a [cm]", "b [kg]")),  # a row of units
    ("length;mass\ncm;kg\n1,5;-2,25\n1234,5;3\n", P, ("length [cm]", "mass [kg]")),
    ("Survey of 2024\n\na;b\n1,5;-2,25\n1234,5;3\n", P, NAMED),  # a title
    ("Survey of 2024;\n;\na;b\n1,5;-2,25\n1234,5;3\n", P, NAMED),  # as a spreadsheet writes it
    ("a;b;\n1,5;-2,25;\n1234,5;3;\n;;\n", P, NAMED),  # a separator at each end, a row of nothing
    ("city;a;b\nRome, Italy;1,5;-2,25\nBern, CH;1234,5;3\n", P, NAMED),
    ("when,a,b\n2024-05-01 12:00,1.5,-2.25\n2024-05-02 12:00,1234.5,3\n", P, NAMED),
    ("a b\n1 1.5 -2.25\n2 1234.5 3\n", [[1, *P[0]], [2, *P[1]]], ("column 1", "a", "b")),  # R, row names
    ("a,b\n1.5,-2.25\n1.2345E3,3.\n", P, NAMED),
    ("a;b\n1,5;-2,25\n1,2345E+3;3\n", P, NAMED),
    ("a;b\n1.5;-2.25\n12,34,567.5;3\n", [P[0], [1234567.5, 3]], NAMED),  # India
    ("a;b\n1.234;5.678,0\n9.012;3.456\n", Q, NAMED),  # one decimal comma decides what the points are
    ('a,b\n"1,234","5,678.0"\n"9,012","3,456"\n', Q, NAMED),
    ("a,b\n1.234,5.678\n9.012,3.456\n", [[1.234, 5.678], [9.012, 3.456]], NAMED),
    ("a\tb\n0.123\t5.678\n9.012\t3.456\n", [[0.123, 5.678], [9.012, 3.456]], NAMED),
    ("gr\u00f6\u00dfe;\u20ac\n1,5;-2,25\n1234,5;3\n".encode("cp1252"), P, ("gr\u00f6\u00dfe", "\u20ac")),
]  # fmt: skip
DOUBTFUL = [
    ("a;b\n1.234;5.678\n9.012;3.456\n", "row 2, column 'a' holds '1.234', whose point may mark decimals or thousands"),
    ("a\tb\n1,234\t5,678\n9,012\t3,456\n", "holds '1,234', whose comma may mark decimals or thousands"),
    ('a,b\n"1,234","5,678"\n"9,012","3,456"\n', "holds '1,234', whose comma may mark"),
    ("x\n1,5\n2,5\n3,7\n", "row 1 has 1 cell and row 2 has 2: if the comma marks decimals"),  # one column
    ("1,5\n2\n3,7\n", "row 2 has 1 cell, the others have 2"),
    ("a;b\n1,5;2,5\n3.5;4,5\n6,5;7,5\n", "row 3, column 'a' holds '3.5', not a number with a comma for decimals"),
    ("1,2,3\n4,5\n6,7\n", "row 1 has 3 cells, the others have 2"),  # the first line is the odd one
    ("2,abc\n3,4\n5,6\n", "row 1, column 'column 2' holds 'abc', not a number"),
    ("a;b\n1,5;2,5\n3,5;4,5\nmean;3,5\n", "row 4, column 'a' holds 'mean', not a number"),
    ("a;b\n1,5;2,5\n3,5;4,5\nSource: a survey\n", "row 4 has 1 cell, the others have 2"),
    ("a;b\n1,5;2 %\n3,5;4\n2;4\n", "row 2, column 'b' holds '2 %', not a number"),
    ("a,b\n1,2\n\uff13,4\n5,6\n", "row 3, column 'a' holds '\uff13', not a number"),  # full-width digits
    ("a,b\n#N/A,2\n3,4\n5,6\n", "row 2, column 'a' holds '#N/A': fill it in"),
    ("sep=:\n1:2\n3:4\n", "row 1 says that cells are parted by ':'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "numbers", "names"), EXPORTS)
def test_exports_of_many_countries_are_read_right(text, numbers, names):
    table = read(text)
    np.testing.assert_array_equal(table.x, numbers)
    assert table.column_names == names
    assert len(EXPORTS) >= 40


@pytest.mark.parametrize(("text", "said"), DOUBTFUL)
def test_what_is_in_doubt_is_refused_in_a_true_sentence(text, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_the_viewer_decides_what_is_in_doubt():
    text = "a;b\n1.234;5.678\n9.012;3.456\n"
    np.testing.assert_array_equal(read(text, decimal=".").x, [[1.234, 5.678], [9.012, 3.456]])
    np.testing.assert_array_equal(read(text, decimal=",").x, Q)
    years = "2019,2020\n1,2\n3,4\n"
    assert len(read(years).x) == 3
    table = read(years, header=True)
    assert table.column_names == ("2019", "2020")
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4]])
    assert read("a,b\n1,2\n3,4\n", header=False).column_names == BARE
    assert read("a,b,c\n1,2,3\n4,5,6\n", columns=("c", "a")).column_names == ("a", "c")
    with pytest.raises(ValueError, match="the file has no column 'd'; it has a, b"):
        read("a,b\n1,2\n3,4\n", columns=("d", "a"))
    np.testing.assert_array_equal(read("1,5 2,5\n3,7 4,1\n", separator=" ").x, [[1.5, 2.5], [3.7, 4.1]])


def test_how_a_file_was_read_is_said():
    table = read("# from May\nA survey\na;b\n(cm);(kg)\n1,5;2\n3;4\n")
    assert table.how == (
        "Cells parted by semicolons, decimals by a comma, with column names. "
        "Passed over: row 4 (units), row 2 (no numbers), 1 comment."
    )
    assert (table.separator, table.decimal, table.header) == (";", ",", True)


def test_a_long_export_is_read_as_it_was_written():
    x = np.random.default_rng(1).standard_normal((2000, 3)) * [1, 1e3, 1e6]
    for separator in ";\t":
        rows = [separator.join(f"{v:,.4f}".translate(str.maketrans(",.", ".,")) for v in row) for row in x]
        table = read("\n".join(rows), max_bytes=200_000, max_rows=2000)
        np.testing.assert_allclose(table.x, x, rtol=0, atol=5.1e-5)
