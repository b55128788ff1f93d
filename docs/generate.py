"""Writes the reference pages from the code, so that they cannot be wrong: `make docs`.

A test compares the pages with what this would write.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from common.contract.error_keys import ERROR_KEYS
from common.contract.events import EVENT_TYPES
from common.contract.replica import REPLICA_TABLES
from common.kit.config import load_toml
from device_sim.fault_forms import kinds
from docs.model_tables import first_line, own_words, rows_of, sections, table
from edge.findings import FINDING_KEYS
from firmware_protocols import profile_codec, profiles
from firmware_protocols.lock_boards import LOCK_BOARDS, BoardFacts
from firmware_protocols.profile import ROLE_UNITS, Profile, Role

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("edge", "cloud", "device_sim", "common", "provisioning", "linli")
SETTINGS = (
    ("station.toml", "the station daemon", "edge.config", "StationConfig"),
    ("hub.toml", "the hub", "cloud.config", "HubConfig"),
    ("cabinet.toml", "the simulator", "device_sim.config", "CabinetConfig"),
    ("scenario.toml", "a scripted day", "device_sim.scenario_config", "Scenario"),
)
_MADE = "<!-- written by docs/generate.py (`make docs`); edit the code, not this page -->\n"


def pages() -> dict[Path, str]:
    """Return every generated page by its path."""
    reference = ROOT / "docs/reference"
    return {
        reference / "settings.md": settings_page(),
        reference / "commands.md": commands_page(),
        reference / "messages.md": messages_page(),
        reference / "errors.md": errors_page(),
        reference / "findings.md": findings_page(),
        reference / "lock-boards.md": lock_boards_page(),
        reference / "profiles.md": profiles_page(),
        reference / "faults.md": faults_page(),
        ROOT / "docs/operations/failpoints.md": failpoints_page(),
    }


def settings_page() -> str:
    """Every key of every settings file."""
    intro = (
        "Every key may be overridden by the environment: `hub.url` by `LINLI_HUB__URL`, the first"
        " `[[bus]]`'s `port` by `LINLI_BUS__0__PORT`. An unknown key is refused with its line and"
        " the nearest valid key.\n"
    )
    parts = [f"# Settings\n\n{_MADE}\n{intro}"]
    for file, program, module, name in SETTINGS:
        if model := _optional(module, name):
            parts.append(f"\n## `{file}` – {program}\n")
            parts += [table(head, rows, doc) for head, doc, rows in sections(model, "")]
    return "".join(parts)


def commands_page() -> str:
    """Every command of `linli` with its options."""
    from linli.cli import app

    parts = [f"# Commands\n\n{_MADE}\nExit codes: 0 ok, 1 violated, 2 usage, 3 unavailable.\n"]
    for words, command in _commands(typer.main.get_command(app), "linli"):
        parts.append(f"\n## `{words}`\n\n{first_line(command.help)}\n")
        rows = [_parameter(p) for p in command.params if p.name not in ("help", "version")]
        if rows:
            parts.append(
                "\n| option | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
            )
    return "".join(parts)


def lock_boards_page() -> str:
    """Every kind of lock board that a settings file may name."""
    intro = (
        "The `board_kind` of a compartment in `station.toml` and the `kind` of a board in a cabinet file."
        " *Pulse*: how its length is told; *inputs*: 0 means that another board senses the doors"
        " (`sensor_unit`). *Found by*: how `linli provision identify` tells which one it is ([how]"
        "(../howto/commission-a-cabinet.md)). What one line carries speaks one protocol."
        " *Experimental*: what is named is known from one weak source or not at all; try every door by hand"
        " before use.\n"
    )
    head = (
        "| kind | board | protocol | baud | addresses | channels | pulse | inputs | goods | found by | state |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    parts = [f"# Lock boards\n\n{_MADE}\n{intro}\n{head}"]
    for kind, facts in LOCK_BOARDS.items():
        step_ms, own_ms = facts.pulse.step_ms, facts.pulse.own_ms
        pulse = f"steps of {step_ms} ms" if step_ms else f"its own, about {own_ms} ms"
        parts.append(
            f"| `{kind}` | [{facts.name}](../hardware/{facts.page}) | {facts.protocol} | {facts.baud} |"
            f" {facts.units[0]}–{facts.units[-1]} | {facts.channels} | {pulse} | {facts.inputs} |"
            f" {'yes' if facts.has_goods else ''} | {_found_by(facts)} |"
            f" {facts.doubt and f'experimental: {facts.doubt}'} |\n"
        )
    return "".join(parts)


def _found_by(facts: BoardFacts) -> str:
    if facts.has_light:
        return "its light"
    return "a contact" if facts.inputs else "its plug"


def profiles_page() -> str:
    """Every register profile that ships, and the keys of one."""
    intro = (
        "The `kind` of a `[[device]]` and, where channels are named, the `probe_kind` of a zone in `station.toml`;"
        " the `kind` of a board in a cabinet file. *Probes*: channels that may measure a zone; *changes*: what an"
        " operator may set, nothing else is ever written. *Experimental*: what is named is not known for sure."
        " How to add one: [add a device driver](../howto/add-a-device-driver.md).\n"
    )
    head = (
        "| kind | device | baud | probes | points | requests for all | changes | state |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    found = {kind: load_toml(Profile, profiles.path_of(kind), {}) for kind in profiles.names()}
    parts = [f"# Register profiles\n\n{_MADE}\n{intro}\n{head}"]
    parts += [_profile_row(kind, profile) for kind, profile in found.items()]
    parts.append("\n## The keys of a profile\n")
    parts += [table(head, rows, doc) for head, doc, rows in sections(Profile, "")]
    parts.append(_roles())
    return "".join(parts)


def _profile_row(kind: str, profile: Profile) -> str:
    about, line = profile.device, profile.line
    probes = ", ".join(str(channel) for channel in sorted(profile.probes))
    changes = ", ".join(f"`{one.id}`" for one in profile.point if one.access == "operator")
    return (
        f"| `{kind}` | [{about.name_en}](../hardware/{about.page}) | {line.baud} 8{line.parity}1 | {probes} |"
        f" {len(profile.point)} | {len(profile_codec.plan(profile))} | {changes} |"
        f" {about.doubt and f'experimental: {about.doubt}'} |\n"
    )


def _roles() -> str:
    """Say which roles there are and what unit the numbers of each are in."""
    rows = "\n".join(f"| `{role}` | {ROLE_UNITS.get(role, '')} |" for role in Role)
    return (
        f"\n### Roles\n\nWhat a point means to the station.\n\n| role | unit |\n|---|---|\n{rows}\n"
    )


def faults_page() -> str:
    """Every fault that can be laid on a simulated cabinet."""
    intro = (
        "The body of `POST /faults` and the `what` of a `[[fault]]` in a scenario file; what they do to a"
        " station is told in [the simulator's page](../hardware/simulator.md). `for_s` ends a fault by"
        " itself, in seconds of the wire's clock (in a scenario: `for_min` beside `what`).\n"
    )

    parts = [f"# Faults of the simulator\n\n{_MADE}\n{intro}"]
    for kind, model in kinds():
        own = {n: f for n, f in model.model_fields.items() if n not in ("kind", "for_s")}
        parts.append(table(f"`{kind}`", rows_of(own), own_words(model)))
    return "".join(parts)


def messages_page() -> str:
    """Every event type and every replica table of the contract."""
    intro = (
        "Unknown fields are ignored, unknown event types are stored and acknowledged;"
        " changes only add.\n\n## Events: facts a station reports\n"
    )
    parts = [f"# Messages between station and hub\n\n{_MADE}\n{intro}"]
    for name, (lane, model) in EVENT_TYPES.items():
        heading = f"`{name}` (lane {lane})"
        parts.append(table(heading, rows_of(model.model_fields), own_words(model)))
    parts.append("\n## Ops: rows the hub owns and every station holds\n")
    for name, model in REPLICA_TABLES.items():
        parts.append(table(f"`{name}`", rows_of(model.model_fields), own_words(model)))
    return "".join(parts)


def errors_page() -> str:
    """Every stable error key."""
    rows = "\n".join(f"| `{key}` | {text} |" for key, text in sorted(ERROR_KEYS.items()))
    return (
        f"# Error keys\n\n{_MADE}\nProblem details (RFC 9457) carry one of these as `key`;"
        " the sentence may change, the key does not.\n\n"
        f"| key | meaning |\n|---|---|\n{rows}\n"
    )


def findings_page() -> str:
    """Every stable key of a finding."""
    rows = "\n".join(f"| `{key}` | {text} |" for key, text in sorted(FINDING_KEYS.items()))
    return (
        f"# Findings\n\n{_MADE}\n`linli edge check --json` and `linli provision doctor --json` say one of these as"
        " `key`, with `level` (`ok`, `unknown`, `wrong`, `setup`, `away`), `params` and an English sentence (`what`);"
        " the sentence may change, the key does not.\n\n"
        f"| key | meaning |\n|---|---|\n{rows}\n"
    )


def failpoints_page() -> str:
    """Every failpoint with the function it stands in."""
    found = sorted(set(_failpoints()))
    rows = "\n".join(f"| `{name}` | `{module}` | {where} |" for name, module, where in found)
    return (
        f"# Failpoints\n\n{_MADE}\nNamed places where a drill may kill the program"
        " (`common/kit/failpoints.py`); in production they do nothing.\n\n"
        f"| name | module | stands in |\n|---|---|---|\n{rows}\n"
    )


def _optional(module: str, name: str) -> type[BaseModel] | None:
    """Return a settings model, or None while its room is not built."""
    if not (ROOT / (module.replace(".", "/") + ".py")).exists():
        return None
    model: type[BaseModel] = getattr(importlib.import_module(module), name)
    return model


def _commands(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Walk typer's tree; a command whose program is not built yet is left out."""
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    for name in command.list_commands(None):
        try:
            found = command.get_command(None, name)
        except ModuleNotFoundError:
            continue
        yield from _commands(found, f"{words} {name}")


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name.upper()}`"
    default = "required" if parameter.required else _shown(parameter.default)
    return f"| {names} | {default} | {first_line(getattr(parameter, 'help', ''))} |"


def _shown(default: object) -> str:
    if default in (None, "", (), []) or callable(default):
        return "–"
    return f"`{default}`"


def _failpoints() -> Iterator[tuple[str, str, str]]:
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            said = first_line(ast.get_docstring(function)) or f"`{function.name}`"
            for name in _fp_calls(function):
                yield name, path.relative_to(ROOT).as_posix(), said


def _fp_calls(function: ast.AST) -> Iterator[str]:
    """Yield the names of `fp("…")` calls in this function, not in functions inside it."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        match node:
            case ast.Call(func=ast.Name(id="fp"), args=[ast.Constant(value=str(name))]):
                yield name
            case ast.Call(func=ast.Name(id="fp"), args=[ast.JoinedStr(values=parts)]):
                yield "".join(
                    str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else "<…>"
                    for part in parts
                )
            case _:
                pass
        yield from _fp_calls(node)


def main() -> int:
    """Write the pages; with `--check` only say which are out of date."""
    stale = [
        path for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]  # fmt: skip
    for path in stale:
        print(path.relative_to(ROOT))  # noqa: T201 - a tool's output
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages()[path], encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
