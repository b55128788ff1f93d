"""Modbus requests and answers in the bytes of a serial line and of a gateway, for the guard."""

from firmware_protocols import modbus_rtu, modbus_tcp
from firmware_protocols.errors import WireError
from firmware_protocols.modbus_pdu import Reply, Request, answers, parse_reply, parse_request


class RtuFraming:
    """Serial line: unit, message, CRC."""

    def parse_request(self, frame: bytes) -> tuple[int, Request]:
        """Return unit and request."""
        decoded = modbus_rtu.decode(frame)
        return decoded.unit, parse_request(decoded.pdu)

    def pick_answer(self, sent: bytes, received: bytes) -> tuple[bytes, Reply | None]:
        """Pass over noise and late answers."""
        frame = modbus_rtu.pick_reply(sent, received)
        return frame, parse_reply(modbus_rtu.decode(frame).pdu) if frame else None


class TcpFraming:
    """Gateway: MBAP header with a transaction id."""

    def parse_request(self, frame: bytes) -> tuple[int, Request]:
        """Return unit and request."""
        frames, _ = modbus_tcp.split(frame)
        return frames[0].unit, parse_request(frames[0].pdu)

    def pick_answer(self, sent: bytes, received: bytes) -> tuple[bytes, Reply | None]:
        """Pass over every frame of another transaction, unit or shape."""
        asked = modbus_tcp.split(sent)[0][0]
        request = parse_request(asked.pdu)
        try:
            frames, _ = modbus_tcp.split(received)
        except WireError:
            return b"", None
        for frame in frames:
            if (frame.transaction, frame.unit) != (asked.transaction, asked.unit):
                continue
            try:
                reply = parse_reply(frame.pdu)
            except WireError:
                continue
            if answers(request, reply):
                return frame.encode(), reply
        return b"", None
