"""The front of the busy station's cabinet as it reports it: a cold side, the screen, a dry side."""

from common.contract.base import Message
from common.contract.calibration import ProbeCalibrated, ProbeHeld, StationProbes
from common.contract.events import CompartmentPlace, ScreenPlace, StationStarted, ZoneLimits
from common.contract.words import Size, TemperatureClass


def front(doors: tuple[str, ...]) -> StationStarted:
    """Place eight chilled doors left of the screen and eight ambient ones right of it, top to bottom."""
    return StationStarted(
        app_version="0.1.0",
        boot_reason="cold",
        compartments=doors,
        open_doors=(),
        layout=tuple(
            CompartmentPlace(
                label=label,
                zone="chilled" if n < 8 else "ambient",
                size=Size.S if n % 4 < 2 else Size.M,
                column=(0, 1, 3, 4)[n // 4],
                row=n % 4,
            )
            for n, label in enumerate(doors)
        ),
        screen=ScreenPlace(column=2, row=1, height=2),
        zones=(
            _limits("chilled", "冷藏柜", "Cold side", TemperatureClass.CHILLED, 0, 8),
            _limits("ambient", "常温柜", "Dry side", TemperatureClass.AMBIENT, 5, 30),
        ),
    )


def _limits(
    zone: str, zh: str, en: str, kind: TemperatureClass, min_c: float, max_c: float
) -> ZoneLimits:
    return ZoneLimits(
        zone=zone, name_zh=zh, name_en=en, temperature_class=kind, min_c=min_c, max_c=max_c
    )


def probes(now_ms: int) -> list[Message]:
    """Return what the busy station says of its probes: one compared long ago, one never."""
    ages = [
        ProbeHeld(probe="bus1/3", zone="chilled", calibration_id=None, offset_k=0.0),
        ProbeHeld(probe="bus1/4", zone="ambient", calibration_id=None, offset_k=0.0),
    ]
    record = ProbeCalibrated(
        calibration_id="01K0CA10000000000000000009", probe="bus1/3", number=1, zone="chilled",
        kind="offset", supersedes=None, by="张敏", at_ms=now_ms - 350 * 86_400_000, offset_k=-0.62,
        reference_c=0.0, instrument="Testo 110 SN 04211", certificate_until="2026-01-31",
        readings_c=(0.6, 0.6, 0.7), after_c=0.01, due_at_ms=now_ms + 15 * 86_400_000, reason="",
    )  # fmt: skip
    return [StationProbes(probes=tuple(ages)), record]
