"""Every stable error key with its English sentence; each room appends its own under its name."""

ERROR_KEYS: dict[str, str] = {
    # kit
    "secrets.missing": "The station's secrets file is missing; pair the station with its hub first.",
    "secrets.damaged": "The station's secrets file cannot be read; pair the station again.",
}
