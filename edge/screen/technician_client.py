"""How `linli edge maintain` asks the running daemon on this computer; blocking, for the command line."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from common.contract.error_keys import ERROR_KEYS
from common.kit.errors import RefusedError, UnavailableError
from edge.screen.kiosk.technician import PATH

TIMEOUT_S = 15.0


def ask(port: int, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the daemon's answer; RefusedError with its reason, UnavailableError when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request(
            "POST", PATH, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = connection.getresponse()
        said: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        detail = f"the station daemon does not answer on port {port}: is it running?"
        raise UnavailableError("maintenance.unreachable", detail) from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        key = str(said.get("key", "unknown"))
        raise RefusedError(key, ERROR_KEYS.get(key, str(said.get("detail", ""))))
    return said
