"""The `[camera]` section: what it takes, and that a password in it is nowhere said."""

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.kit.config import load_toml
from common.kit.errors import ConfigError
from edge.config import StationConfig
from edge.peripherals import CameraSection, without_secrets
from tests.edge.hardware.device_bench import station_with

PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/dev/v4l/by-id/usb-cam-index0", "/dev/v4l/by-id/usb-cam-index0"),
        ("rtsp://192.168.1.9:554/1", "rtsp://192.168.1.9:554/…"),
        ("rtsp://keeper:hunter2@cam.lan/stream1", "rtsp://cam.lan/…"),
        ("RTSP://keeper:hunt%40er2@[fe80::1]:554", "RTSP://[fe80::1]:554"),
        ("http://cam/snapshot.cgi?user=a&pwd=hunter2", "http://cam/…"),
        ("rtsp://cam/user=admin_password=hunter2_channel=1.sdp", "rtsp://cam/…"),
        ("https://cam", "https://cam"),
    ],
)
def test_sources(source: str, shown: str) -> None:
    section = CameraSection(source=source)
    assert section.shown == shown
    assert section.is_device is source.startswith("/")
    assert (section.width_px, section.height_px, section.timeout_s) == (1280, 720, 5.0)
    assert "hunter2" not in f"{section!r} {station_with(camera={'source': source})!r}"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("video0", "neither a device"),
        ("/etc/passwd", "neither a device"),
        ("file:///dev/video0", "neither a device"),
        ("http://", "neither a device"),
        ("ftp://u:hunter2@cam/x", "neither a device"),
        ("rtsp://u:hunter2/x@cam/1", "%2F"),
        ("rtsp://u:hunter2#@cam", "%23"),
        ("rtsp://u:hunter2 @cam", "%20"),
        ("rtsp://u:hunter2'@cam", "%27"),
        ("rtsp://u:hunter2\n@cam", "%20"),
    ],
)
def test_what_is_no_source_is_refused_without_saying_it(
    tmp_path: Path, source: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValidationError, match=why):
        CameraSection(source=source)
    base = station_with().model_dump(mode="json", exclude_none=True)
    file = tmp_path / "station.toml"
    from common.kit.toml_text import toml_text

    for text, env in (
        (toml_text({**base, "camera": {"source": source}}), {}),
        (toml_text({"camera": source, **base}), {}),
        (toml_text({**base, "camera": {"source": "/dev/video0"}}), {"LINLI_CAMERA__SOURCE": source}),
    ):  # fmt: skip
        file.write_text(text, "utf-8")
        with pytest.raises(ConfigError) as raised:
            load_toml(StationConfig, file, env)
        assert "camera" in raised.value.detail.lower()
        assert PASSWORD not in raised.value.detail
        logging.getLogger("test").error("x", exc_info=raised.value)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "size", [{"width_px": 0}, {"height_px": 100_000}, {"timeout_s": 0.1}, {"fps": 1}]
)
def test_sizes_out_of_range_are_refused(size: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        CameraSection.model_validate({"source": "/dev/video0", **size})


def test_addresses_in_any_text_lose_their_secrets() -> None:
    text = 'url = "http://127.0.0.1:8800"\n# source = "rtsp://k:hunter2@cam/1"\nx=\'http://c?p=hunter2\''
    assert without_secrets(text) == (
        'url = "http://127.0.0.1:8800"\n# source = "rtsp://cam/…"\nx=\'http://c/…\''
    )
    assert "hunter2" not in without_secrets("rtsp://k:hunter2/@cam/1 and http://a:b@hunter@c")
