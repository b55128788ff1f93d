"""Everything that `linli edge check` and `linli provision doctor` say of their own is said in Chinese too."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from common.kit.said import Said
from common.ui.i18n import LOCALE_FOLDER, Catalogue, Lang
from common.ui.po import parse_po
from edge.findings import FINDING_KEYS, Level
from edge.hardware.lending import LENT
from edge.hardware.twins import TWIN_REMEDY
from edge.instruments import shipped
from firmware_protocols import profiles
from firmware_protocols.gm65 import SCANNERS
from firmware_protocols.lock_boards import LOCK_BOARDS
from firmware_protocols.weights import SCALES
from provisioning.address import BY_HAND
from provisioning.refusals import REMEDIES
from tests.parts import ROOT

ZH, EN = Catalogue().texts(Lang.ZH), Catalogue().texts(Lang.EN)
ROOMS = (
    "edge/check.py", "edge/camera_check.py", "edge/device_check.py", "edge/hub_check.py", "edge/sync/certificate.py",
    "edge/hardware", "provisioning/doctor.py", "common/kit/folder.py", "common/kit/identity.py",
    "common/kit/config.py", "common/kit/said.py", "provisioning",
    "edge/access/enrolment.py", "edge/access/pairing.py",
    "edge/lease.py", "edge/climate/calibrating.py", "edge/doors/service.py",
)  # fmt: skip
ERRORS = {
    "ConfigError", "ConflictError", "InvalidError", "NotFoundError", "RefusedError", "StopError", "UnavailableError",
}  # fmt: skip
REFUSING = {
    "provisioning/*.py", "edge/access/enrolment.py", "edge/access/pairing.py",
    "edge/lease.py", "edge/climate/calibrating.py",
}  # fmt: skip
"""All that these say with an error is in both languages."""
SAYERS = {
    "Said": 0,
    "no": 0,
    "refused": 1,
    "refusing": 1,
    "_unreadable": 1,
    "found": 2,
    "_on_bus": 3,
    "gettext": 0,
}
HELD = {"text", "said", "detail"}
_PLACE = re.compile(r"%\(\w+\)s")
WORDS = {
    "stable", "moving", "open", "shut", "full", "not full", "flap", "fill level", "stale", "bad",
    "scale", "scanner", "printer", "card_reader", "kiosk", "keeper", "station daemon",
    "Permission denied", "No such file or directory", "Read-only file system", "Is a directory",
    "Address already in use", "Cannot assign requested address", "Connection refused",
    "No space left on device", "the station is ready: linli edge run", "not opened yet",
    "stopped; what is known is kept",
}  # fmt: skip
"""Words that stand in a sentence, and what the system says most."""


def _said(file: Path) -> Iterator[str]:
    """Yield every constant that is said, or held by a name that is said later."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                if name in SAYERS and len(args) > SAYERS[name]:
                    yield from _texts(args[SAYERS[name]])
                if name in ERRORS and any(map(file.match, REFUSING)):
                    yield from _texts(args[1])
                for word in node.keywords:
                    if word.arg == "detail":
                        yield from _texts(word.value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in HELD:
                yield from _texts(value)
            case ast.Assign(
                targets=[ast.Tuple(elts=[ast.Name(id=name), *_])],
                value=ast.Tuple(elts=[value, *_]),
            ) if name in HELD:
                yield from _texts(value)
            case ast.Return(value=value) if "words" in file.name or file.name == "printer.py":
                yield from _texts(value or node)
            case _:
                pass


def _texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if not _PLACE.fullmatch(text):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body)
            yield from _texts(other)
        case _:
            pass


def used() -> set[str]:
    files = [
        file
        for room in ROOMS
        for file in ([ROOT / room] if room.endswith(".py") else (ROOT / room).glob("*.py"))
    ]
    doubts = {facts.doubt for table in (LOCK_BOARDS, SCANNERS, SCALES) for facts in table.values()}
    doubts |= {shipped(kind).device.doubt for kind in profiles.names()}
    levels = {level.value for level in Level}
    said = {text for file in files for text in _said(file)}
    tables = {*BY_HAND.values(), *REMEDIES.values()}
    return (said | doubts | levels | tables | WORDS | {TWIN_REMEDY, LENT}) - {""}


def test_everything_said_has_chinese() -> None:
    assert len(used()) > 120
    assert sorted(text for text in used() if not ZH.knows(text)) == []


def _glued(file: Path) -> Iterator[int]:
    """Yield the line of every error whose sentence is an f-string, or a name that holds one: it has no Chinese."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    holders = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.JoinedStr)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[_, ast.JoinedStr(), *_]) if name in ERRORS:
                yield node.lineno
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Name(id=held), *_]) if (
                name in ERRORS and held in holders
            ):
                yield node.lineno
            case _:
                pass


def test_no_refusal_is_glued_together() -> None:
    found = {file for pattern in REFUSING for file in ROOT.glob(pattern)}
    assert [f"{file.name}:{line}" for file in sorted(found) for line in _glued(file)] == []


def test_a_glued_refusal_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    lines = ('said = f"no {x}"', 'InvalidError("a.b", f"no {x}")', 'InvalidError("a.b", said)')
    file.write_text("\n".join(lines), "utf-8")
    assert list(_glued(file)) == [2, 3]


def test_no_translation_stands_unused() -> None:
    file = LOCALE_FOLDER / "zh_Hans_CN/LC_MESSAGES/check.po"
    assert sorted(set(parse_po(file.read_text("utf-8"))) - used() - {""}) == []


def test_every_key_is_listed_and_used() -> None:
    rooms = [ROOT / "edge", ROOT / "provisioning"]
    source = "".join(
        file.read_text("utf-8")
        for room in rooms
        for file in room.glob("*.py")
        if file.name != "findings.py"
    )
    assert [key for key in FINDING_KEYS if f'"{key}"' not in source] == []
    keys = set(re.findall(r'found\(\s*Level\.\w+,\s*"([a-z_.]+)"', source))
    keys |= set(re.findall(r'_on_bus\(Level\.\w+, "([a-z_.]+)"', source))
    assert keys == set(FINDING_KEYS)


def test_a_sentence_is_said_by_its_parts() -> None:
    inner = Said("unit %(unit)s: %(said)s", unit=7, said="open")
    whole = Said("bus %(bus)s: %(said)s", bus="bus0", said=inner)
    assert whole == "bus bus0: unit 7: open"
    assert ZH.say(whole) == "总线 bus0：7 号：开着"
    assert EN.say(whole) == whole
    assert ZH.say("out of paper; put a new roll in") == "缺纸；请换新纸卷"
    assert ZH.say("what nobody translated, 100 %") == "what nobody translated, 100 %"
    assert ZH.say("") == ""
