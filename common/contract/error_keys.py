"""Every stable error key with its English sentence; each room appends its own under its name."""

ERROR_KEYS: dict[str, str] = {
    # kit
    "secrets.missing": "The station's secrets file is missing; pair the station with its hub first.",
    "secrets.damaged": "The station's secrets file cannot be read; pair the station again.",
    # money
    "money.unbalanced": "A journal needs two or more legs that sum to zero.",
    "money.key_taken": "This key already stands for another journal.",
    "money.overdrawn": "More would be paid out than is owed.",
    # stations
    "station.not_found": "There is no such station.",
    "station.key_invalid": "The station's public key must be 32 bytes in hexadecimal.",
    "station.not_paired": "The station is not paired with the hub yet.",
    "compartment.not_found": "The station has no compartment of that label.",
    "keeper.not_found": "There is no such keeper at this station.",
    "keeper.pin_weak": "Choose six or more digits that are neither a run nor a repetition.",
    "keeper.pin_taken": "Another keeper of this station uses this PIN; choose another one.",
    "grant.not_found": "There is no such pickup code.",
    "grant.over": "This pickup code has already ended.",
    "grant.prepare_again": "Another code was issued at the same moment; try again.",
    # orders
    "order.not_found": "There is no such order.",
    "order.state": "The order is not in a state that allows this.",
    "order.round_closed": "No round is open; ordering is closed.",
    "order.pay_too_late": "The time to pay is over; the goods went back on sale.",
    "order.cancel_too_late": "The goods are on their way; the order cannot be cancelled any more.",
    "order.sku_unknown": "The catalogue has no such article.",
    "order.person_unknown": "There is no such person.",
    "round.not_found": "There is no such round.",
    "parcel.not_found": "There is no such parcel.",
    "parcel.state": "The parcel is not in a state that allows this step.",
    # edge.hardware
    "bus.port_missing": "The serial port is not there; plug the adapter in or correct `port` of this bus.",
    "bus.port_forbidden": "The serial port may not be opened; add the user to the group that owns it.",
    "bus.port_busy": "The serial port is in use by another program; stop that program.",
    "bus.port_failed": "The port cannot be opened.",
    "bus.gateway_unreachable": "No Modbus TCP gateway answers at this address.",
    "bus.down": "The bus is down; nothing was sent.",
    "bus.unit_away": "This unit has not answered lately and is left alone for a moment.",
    "bus.no_reply": "The unit did not answer; it may have obeyed.",
    "bus.device_refused": "The unit answered that it does not obey.",
    "bus.frame_refused": "The outbound allow-list stopped this frame.",
    # edge.doors
    "doors.unknown": "There is no compartment with this label.",
    "doors.busy": "This door has a request that is not finished yet.",
    "doors.not_found": "There is no such open request.",
    "doors.superseded": "A newer request for this door exists.",
    "doors.no_pulses_left": "This request has used all its pulses.",
    "doors.cool_down": "The lock's coil must cool down first.",
}
