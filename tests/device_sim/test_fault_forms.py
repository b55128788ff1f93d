"""The forms of the bench page: one for every kind, in both languages, and what they offer can be laid on."""

import pytest
from pydantic import TypeAdapter

from device_sim.camera_config import CameraSection
from device_sim.fault_forms import FaultForm, fault_forms, kinds
from device_sim.fault_texts import FaultWords
from device_sim.faults import Fault
from device_sim.texts import LANGUAGES, words
from tests.device_sim.cabinets import Rig, config

WITH_CAMERA = config().model_copy(update={"camera": CameraSection()})

FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)


def forms(language: str = "en") -> dict[str, FaultForm]:
    groups = fault_forms(WITH_CAMERA, FaultWords(language))
    return {form.kind: form for group in groups for form in group.forms}


def filled(form: FaultForm) -> dict[str, object]:
    """Return what a browser would send when nothing is changed."""
    body: dict[str, object] = {"kind": form.kind}
    for one in form.inputs:
        if one.kind == "select":
            # the second board of two that share an address must be another one
            value = one.options[-1][0] if one.name == "other" else one.value or one.options[0][0]
            body[one.name] = int(value) if one.is_number else value
        elif one.value is not None:
            body[one.name] = one.value
    return body


def test_every_kind_has_a_form() -> None:
    assert forms().keys() == {kind for kind, _ in kinds()}


@pytest.mark.parametrize("kind", [kind for kind, _ in kinds()])
def test_a_form_left_as_it_is_can_be_laid_on_and_lifted(kind: str) -> None:
    rig = Rig(WITH_CAMERA)
    body = filled(forms()[kind])
    if kind == "sensor_shows":
        body["shows"] = "85.0"
    fault = FAULT.validate_python(body)
    rig.cabinet.lay(fault)
    assert rig.cabinet.state().faults == (fault,)
    rig.cabinet.lift(fault)
    assert rig.cabinet.state().faults == ()


def test_every_kind_and_field_has_words_in_both_languages() -> None:
    """A word that is missing would show as its key; the two languages never have the same text."""
    chinese, english = forms("zh-CN"), forms("en")
    for kind, form in english.items():
        assert form.label != chinese[kind].label, kind
        for ours, theirs in zip(form.inputs, chinese[kind].inputs, strict=True):
            assert ours.label != theirs.label, f"{kind}: {ours.name}"
        for language in LANGUAGES:
            assert f"fault_{kind}" in words(language)


def test_targets_are_those_of_the_cabinet() -> None:
    targets = {kind: [v for v, _ in form.inputs[0].options] for kind, form in forms().items()}
    assert targets["jam"][:2] == ["A01", "A02"]
    assert targets["sensor_stuck"] == ["3", "4"]
    assert targets["compressor_off"] == ["chilled"]
    assert targets["no_answer"] == ["1", "2", "3", "4"]
    assert targets["adapter_unplugged"] == ["bus0"]
    assert targets["power_cut"] == ["cabinet"]


def test_what_has_no_target_has_no_form() -> None:
    made = config()
    warm = made.model_copy(
        update={"zone": tuple(one.model_copy(update={"set_point_c": None}) for one in made.zone)}
    )
    known = {one.kind for group in fault_forms(warm, FaultWords("en")) for one in group.forms}
    assert "compressor_off" not in known
    assert "camera_gone" not in known
    assert "jam" in known
