"""How many frames a second each codec carries: a question encoded, its answer found among a little noise and read."""

import time
from collections.abc import Callable, Mapping

from firmware_protocols import (
    kerong_cu16,
    kerong_cu48,
    modbus_pdu,
    modbus_rtu,
    qianming,
    waveshare_relay,
    wkly,
    xor_8a80,
)

_FOR_S = 0.3
_NOISE = b"\x00\xff"


def throughput() -> Mapping[str, float]:
    """Return frames (question and answer count as two) a second of CPU time, by protocol."""
    return {name: _rate(once) for name, once in _CODECS.items()}


def _rate(once: Callable[[], object]) -> float:
    count, began_s = 0, time.process_time()
    while (took_s := time.process_time() - began_s) < _FOR_S:
        for _ in range(20):
            once()
        count += 40
    return count / took_s


def _modbus() -> object:
    sent = modbus_rtu.encode(1, waveshare_relay.read_inputs().pdu())
    frame = modbus_rtu.pick_reply(sent, _NOISE + _MODBUS_SAYS)
    return waveshare_relay.inputs(modbus_pdu.parse_reply(modbus_rtu.decode(frame).pdu))


def _wkly() -> object:
    sent = wkly.encode(1, wkly.read_all())
    _, answer = wkly.pick_answer(sent, _NOISE + _WKLY_SAYS)
    return answer and wkly.contacts(answer)


def _xor_8a80() -> object:
    sent = xor_8a80.encode(1, xor_8a80.read_all())
    _, answer = xor_8a80.pick_answer(sent, _NOISE + _XOR_SAYS)
    return answer and xor_8a80.contacts(answer)


def _kerong_cu16() -> object:
    sent = kerong_cu16.encode(0, kerong_cu16.read_all())
    _, answer = kerong_cu16.pick_answer(sent, _NOISE + _CU16_SAYS)
    return answer and kerong_cu16.doors(answer)


def _kerong_cu48() -> object:
    sent = kerong_cu48.encode(1, kerong_cu48.read_all())
    _, answer = kerong_cu48.pick_answer(sent, _NOISE + _CU48_SAYS)
    return answer and kerong_cu48.doors(answer)


def _qianming() -> object:
    sent = qianming.encode(1, qianming.read_doors())
    _, answer = qianming.pick_answer(sent, _NOISE + _QIANMING_SAYS)
    return answer and qianming.of_boxes(answer, 1)


_MODBUS_SAYS = modbus_rtu.encode(1, b"\x02\x01\x05")
_WKLY_SAYS = wkly.encode(1, wkly.Answer(wkly.Command.READ_ALL, b"\x00\x18" + b"\x01" * 24))
_XOR_SAYS = bytes.fromhex("80 01 00 00 00 05 33 B7")
_CU16_SAYS = bytes.fromhex("02 00 35 FF FE 00 00 03 37")
_CU48_SAYS = kerong_cu48.encode_answer(
    1, kerong_cu48.Answer(kerong_cu48.Command.STATUS, 0, b"\xff" * 6)
)
_QIANMING_SAYS = bytes.fromhex("5A A2 00 01 00 10 01 00 E8")
_CODECS: Mapping[str, Callable[[], object]] = {
    "modbus": _modbus,
    "wkly": _wkly,
    "xor_8a80": _xor_8a80,
    "kerong_cu16": _kerong_cu16,
    "kerong_cu48": _kerong_cu48,
    "qianming": _qianming,
}
