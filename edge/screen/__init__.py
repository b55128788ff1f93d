"""The station's pages: the resident's kiosk (loopback) and the keeper's tablet (LAN)."""

from edge.screen.keeper.app import make_keeper_app
from edge.screen.kiosk.app import make_kiosk_app
from edge.screen.services import ScreenServices

__all__ = ["ScreenServices", "make_keeper_app", "make_kiosk_app"]
