"""ESC/POS: what is asked, what the answers mean, and that text is never a command."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import escpos
from firmware_protocols.errors import WireError
from firmware_protocols.escpos import Paper, Question, Status

FINE = Status(is_off_line=False, is_cover_open=False, has_error=False, paper=Paper.OK)


def test_requests_on_the_wire() -> None:
    wires = [escpos.ask(question).hex(" ") for question in escpos.QUESTIONS]
    assert wires == ["10 04 01", "10 04 02", "10 04 03", "10 04 04"]
    assert bytes.fromhex("1B 40") == escpos.BEGIN
    assert [*escpos.QUESTIONS] == [
        Question.PRINTER,
        Question.OFF_LINE,
        Question.ERROR,
        Question.PAPER,
    ]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("12 12 12 12", FINE),
        ("1A 12 12 12", Status(True, False, False, Paper.OK)),
        ("12 16 12 12", Status(False, True, False, Paper.OK)),
        ("12 52 12 12", Status(False, False, True, Paper.OK)),
        ("12 12 32 12", Status(False, False, True, Paper.OK)),
        ("12 12 1A 12", Status(False, False, True, Paper.OK)),
        ("12 12 52 12", Status(False, False, True, Paper.OK)),
        ("12 12 12 1E", Status(False, False, False, Paper.LOW)),
        ("12 12 12 72", Status(False, False, False, Paper.OUT)),
        ("12 32 12 12", Status(False, False, False, Paper.OUT)),
    ],
)
def test_what_the_bits_mean(answers: str, expected: Status) -> None:
    assert escpos.status(bytes.fromhex(answers)) == expected
    assert expected.can_print is (answers in ("12 12 12 12", "12 12 12 1E"))


def test_a_simulated_printer_says_every_status() -> None:
    for cover, error, paper in product((False, True), (False, True), Paper):
        said = Status(False, cover, error, paper)
        heard = escpos.status(escpos.answers(said))
        assert (heard.is_cover_open, heard.has_error, heard.paper) == (cover, error, paper)
        assert heard.can_print is said.can_print is not heard.is_off_line


@pytest.mark.parametrize(
    "answers", ["", "12 12 12", "12 12 12 12 12", "12 12 12 00", "FF 12 12 12", "12 13 12 12"]
)
def test_what_is_no_status(answers: str) -> None:
    with pytest.raises(WireError):
        escpos.status(bytes.fromhex(answers))


@given(st.binary(max_size=6))
def test_any_bytes_are_a_status_or_a_wire_error(answers: bytes) -> None:
    try:
        assert escpos.answers(escpos.status(answers)) != b""
    except WireError:
        assert len(answers) != 4 or not all(map(escpos.is_answer, answers))


def test_a_receipt() -> None:
    made = escpos.receipt(["感谢回收 1.23 kg", "+12"], encoding="gb18030", cut=True)
    assert made == b"\x1b@" + "感谢回收 1.23 kg\n+12".encode("gb18030") + b"\n" * 5 + b"\x1dV\x01"
    assert escpos.receipt(["回"], encoding="cp437", cut=False) == b"\x1b@?" + b"\n" * 5


@given(st.lists(st.text(max_size=30), max_size=5), st.sampled_from(["gb18030", "cp437"]))
def test_text_is_never_a_command(lines: list[str], encoding: escpos.Encoding) -> None:
    made = escpos.receipt(lines, encoding=encoding, cut=False)
    body = made[len(escpos.BEGIN) :]
    assert made.startswith(escpos.BEGIN)
    assert not [byte for byte in body if byte < 0x20 and byte != 0x0A]
    assert 0x7F not in body
