"""libmodbus by ctypes, in a process of its own: a slave on a serial port, or a master that asks what it is told.

`python libmodbus.py slave DEVICE` says "ready" and then every request it served, in hex; `… ask tcp PORT` or
`… ask rtu DEVICE` takes words (`di UNIT ADDRESS COUNT`, `ir …`, `raw HEX…`) and says the answers.
"""

import ctypes
import sys
from ctypes import POINTER, c_char_p, c_int, c_uint8, c_uint16, c_void_p
from typing import Any

_UNITS = (1, 2, 3, 4)
_MOST_BYTES = 260


class _Mapping(ctypes.Structure):
    _fields_ = [
        ("nb_bits", c_int), ("start_bits", c_int),
        ("nb_input_bits", c_int), ("start_input_bits", c_int),
        ("nb_input_registers", c_int), ("start_input_registers", c_int),
        ("nb_registers", c_int), ("start_registers", c_int),
        ("tab_bits", POINTER(c_uint8)), ("tab_input_bits", POINTER(c_uint8)),
        ("tab_input_registers", POINTER(c_uint16)), ("tab_registers", POINTER(c_uint16)),
    ]  # fmt: skip


def _library() -> Any:
    found = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    found.modbus_new_rtu.restype = found.modbus_new_tcp.restype = c_void_p
    found.modbus_new_rtu.argtypes = [c_char_p, c_int, ctypes.c_char, c_int, c_int]
    found.modbus_mapping_new.restype = POINTER(_Mapping)
    found.modbus_strerror.restype = c_char_p
    for name in ("set_slave", "connect", "receive", "reply", "read_input_bits", "close",
                 "read_input_registers", "send_raw_request", "receive_confirmation"):  # fmt: skip
        getattr(found, f"modbus_{name}").restype = c_int
    return found


def _slave(path: str) -> None:
    lib = _library()
    mapping = lib.modbus_mapping_new(512, 512, 64, 64)
    mapping.contents.tab_input_bits[2] = 1  # the third door stands open
    mapping.contents.tab_input_registers[1] = 41
    mapping.contents.tab_input_registers[2] = 582
    context = c_void_p(lib.modbus_new_rtu(path.encode(), 9600, b"N", 8, 1))
    lib.modbus_set_slave(context, 1)
    _check(lib, lib.modbus_connect(context))
    _say("ready")
    query = (c_uint8 * _MOST_BYTES)()
    while True:
        length = lib.modbus_receive(context, query)
        if length > 0:
            _say(bytes(query[:length]).hex(" "))
            lib.modbus_reply(context, query, length, mapping)


def _ask(how: str, where: str, words: list[str]) -> None:
    lib = _library()
    tcp = how == "tcp"
    address = (b"127.0.0.1", int(where)) if tcp else (where.encode(), 9600, b"N", 8, 1)
    context = c_void_p((lib.modbus_new_tcp if tcp else lib.modbus_new_rtu)(*address))
    _check(lib, lib.modbus_connect(context))
    while words:
        kind = words.pop(0)
        if kind == "raw":
            frame = bytes.fromhex(words.pop(0))
            lib.modbus_set_slave(context, frame[0])
            _check(lib, lib.modbus_send_raw_request(context, frame, len(frame)))
            answer = (c_uint8 * _MOST_BYTES)()
            length = _check(lib, lib.modbus_receive_confirmation(context, answer))
            _say(bytes(answer[:length]).hex(" "))
            continue
        unit, first, count = (int(words.pop(0)) for _ in range(3))
        lib.modbus_set_slave(context, unit)
        cells: Any = ((c_uint8 if kind == "di" else c_uint16) * count)()
        read = lib.modbus_read_input_bits if kind == "di" else lib.modbus_read_input_registers
        _check(lib, read(context, first, count, cells))
        _say(" ".join(map(str, cells[:count])))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _check(lib: Any, result: int) -> int:
    if result < 0:
        raise SystemExit(lib.modbus_strerror(ctypes.get_errno()).decode())
    return result


if __name__ == "__main__":
    if sys.argv[1] == "slave":
        _slave(sys.argv[2])
    else:
        _ask(sys.argv[2], sys.argv[3], sys.argv[4:])
