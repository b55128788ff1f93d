"""What `linli edge check` says about the hub: by whom it is believed, and until when the station is."""

from pathlib import Path

from common.kit.clock import Clock
from common.kit.errors import LinliError
from common.kit.identity import StationSecrets
from common.kit.said import Said
from edge.access.pairing import SECRETS_FILE
from edge.config import StationConfig
from edge.data_folder import CA_FILE
from edge.findings import Finding, Level, found


def hub_finding(config: StationConfig, data: Path, clock: Clock) -> Finding:
    """Say how the hub is reached; it is not asked: a station must open without it."""
    url = config.hub.url
    if not url.startswith("https:"):
        return found(Level.OK, "hub.plain", "hub: %(url)s, without TLS", url=url)
    if not (data / CA_FILE).exists():
        said = "hub: %(url)s, believed by the authorities of this machine (linli edge trust pins its own)"
        return found(Level.OK, "hub.unpinned", said, url=url)
    from common.kit.certificates import fingerprint
    from edge.sync.certificate import Papers, days_left

    try:
        papers = Papers.load(data, StationSecrets.load(data / SECRETS_FILE))
    except LinliError as error:
        return found(Level.USAGE, "hub.pin_damaged", "hub: %(detail)s", detail=error.detail)
    said = "hub: %(url)s, pinned authority %(fingerprint)s"
    pinned = Said(said, url=url, fingerprint=fingerprint(papers.authority))
    if (held := papers.held()) is None:
        said = "%(pinned)s; no certificate yet: it comes with the first contact"
        return found(Level.OK, "hub.no_certificate", said, pinned=pinned)
    left = days_left(held, clock.wall())
    if left < 0:
        said = "%(pinned)s; the certificate ended %(days)s day(s) ago and is renewed at the next contact"
        return found(Level.OK, "hub.certificate_ended", said, pinned=pinned, days=-left)
    until = f"{held.until:%Y-%m-%d}"
    said = "%(pinned)s; certificate until %(until)s, %(days)s days left"
    return found(Level.OK, "hub.certificate", said, pinned=pinned, until=until, days=left)
