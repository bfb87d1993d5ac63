"""What people see: columns, figures and a live bar where there is a terminal."""

import io
import json

import pytest

from simulator.terminal import columns, figure, print_json, progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_columns_are_aligned_and_never_cut():
    assert columns([("a", "b"), ("long", "x" * 500)]) == ["a     b", "long  " + "x" * 500]
    assert columns([]) == []


def test_cells_are_one_line_each():
    assert columns([("two\nlines", None, [1, 2], 0.5, True)]) == ["two lines  -  [1, 2]  0.5  true"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.1 + 0.2, "0.3"),
        (12345.678, "12,345.7"),
        (1e9, "1,000,000,000"),
        (None, "-"),
        ("x", "x"),
    ],
)
def test_figures_are_for_people(value, text):
    assert figure(value) == text


def test_json_never_holds_what_is_no_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"value": float("nan")})


def test_json_is_one_line(capsys):
    print_json({"text": "a\nb"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"text": "a\nb"}


def test_no_bar_without_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress_bar("storm") as progress:
        assert progress is None


def test_the_bar_is_on_standard_error(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("storm") as progress:
        progress(3, 4)
        progress(4, 4)
    assert "storm" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert capsys.readouterr().out == ""
