"""Makes the bench page's form for every kind of fault out of the models, with the targets that this cabinet has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from device_sim.camera_faults import CameraFault
from device_sim.config import BoardSection, CabinetConfig
from device_sim.fault_base import FaultBase
from device_sim.fault_texts import FaultWords
from device_sim.faults import AdapterUnplugged, Fault
from device_sim.iron_faults import DoorFault, PowerCut, SensorFault, ZoneFault
from device_sim.profile_board import shipped

GROUPS = ("doors", "sensors", "zones", "mains", "units", "lines", "camera")


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form."""

    name: str
    label: str
    kind: str
    """`select`, `number` or `checkbox`."""
    is_number: bool = False
    options: tuple[tuple[str, str], ...] = ()
    value: str | int | float | bool | None = None
    least: float | None = None
    most: float | None = None
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class FaultForm:
    """The form of one kind."""

    kind: str
    label: str
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class FormGroup:
    """Kinds that go together."""

    label: str
    forms: tuple[FaultForm, ...]


def kinds() -> Iterator[tuple[str, type[FaultBase]]]:
    """Yield every kind of fault with its model."""
    for model in get_args(get_args(Fault)[0]):
        yield get_args(model.model_fields["kind"].annotation)[0], model


def fault_forms(config: CabinetConfig, words: FaultWords) -> tuple[FormGroup, ...]:
    """Return a form for every kind that has a target in this cabinet."""
    grouped: dict[str, list[FaultForm]] = {name: [] for name in GROUPS}
    for kind, model in kinds():
        group = _group(model)
        targets = _targets(group, config, words)
        if model is AdapterUnplugged:  # devices alone on their port have an adapter too
            targets += tuple((one.name, one.name) for one in config.serial)
        if targets:
            inputs = tuple(_inputs(model, targets, words))
            grouped[group].append(FaultForm(kind, words.kind(kind), inputs))
    return tuple(
        FormGroup(words.group(name), tuple(forms)) for name, forms in grouped.items() if forms
    )


def _group(model: type[FaultBase]) -> str:
    members = {
        "doors": DoorFault,
        "sensors": SensorFault,
        "zones": ZoneFault,
        "camera": CameraFault,
    }
    for group, kinds_of_it in members.items():
        if model in get_args(kinds_of_it):
            return group
    if model is PowerCut:
        return "mains"
    return "units" if _plain(model.model_fields["target"].annotation) is int else "lines"


def _targets(group: str, config: CabinetConfig, words: FaultWords) -> tuple[tuple[str, str], ...]:
    lists: dict[str, Sequence[str]] = {
        "doors": [door.label for door in config.door],
        "sensors": [str(board.unit) for board in config.board if _has_probes(board)],
        "zones": [zone.name for zone in config.zone if zone.set_point_c is not None],
        "mains": ["cabinet"],
        "units": [str(board.unit) for board in config.board],
        "lines": [bus.name for bus in config.bus],
        "camera": [] if config.camera is None else [config.camera.name],
    }
    return tuple((one, words.value(one)) for one in lists[group])


def _has_probes(board: BoardSection) -> bool:
    if board.profile_kind is not None:
        return bool(shipped(board.profile_kind).probes)
    return board.probe_kind is not None


def _inputs(
    model: type[FaultBase], targets: tuple[tuple[str, str], ...], words: FaultWords
) -> Iterator[Input]:
    fields = {name: one for name, one in model.model_fields.items() if name != "kind"}
    for name in sorted(fields, key=lambda one: (one != "target", one == "for_s")):
        field, label = fields[name], words.field(name)
        plain = _plain(field.annotation)
        if name in ("target", "other"):
            is_number = plain is int
            yield Input(name, label, "select", is_number, targets)
        elif plain is bool:
            yield Input(name, label, "checkbox", value=bool(field.default))
        elif isinstance(plain, type) and issubclass(plain, StrEnum):
            options = tuple((one.value, words.value(one.value)) for one in plain)
            yield Input(name, label, "select", options=options, value=field.default)
        else:
            yield _number(name, label, field)


def _number(name: str, label: str, field: FieldInfo) -> Input:
    bounds: dict[str, float] = {}
    for said in field.metadata:
        for key in ("ge", "gt", "le", "lt"):
            if (bound := getattr(said, key, None)) is not None:
                bounds[key[0]] = float(bound)
    return Input(
        name,
        label,
        "number",
        is_number=True,
        value=field.default,
        least=bounds.get("g"),
        most=bounds.get("l"),
        is_required=field.default is not None,
    )


def _plain(annotation: Any) -> Any:
    """Return the type beneath bounds and `| None`."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return type(get_args(annotation)[0])
    inner = [one for one in get_args(annotation) if one is not NoneType]
    return _plain(inner[0]) if inner else annotation
