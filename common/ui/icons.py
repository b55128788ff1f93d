# ruff: noqa: E501 - a path is one line
"""Our own line icons, 24 × 24, drawn by hand for this project; colour comes from the text around."""

from markupsafe import Markup

_PATHS: dict[str, str] = {
    "phone": '<path d="M6 3h4l1.6 4.6-2.4 1.6a12 12 0 0 0 5.6 5.6l1.6-2.4L21 14v4a3 3 0 0 1-3 3C10 21 3 14 3 6a3 3 0 0 1 3-3z"/>',
    "backspace": '<path d="M9 5h12v14H9l-6-7z"/><path d="M12 9.5l5 5m0-5l-5 5"/>',
    "text": '<path d="M3 19l5-13 5 13M4.8 14.5h6.4"/><path d="M17 8v8m-4-4h8"/>',
    "globe": '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18"/>',
    "keypad": '<rect x="4" y="3" width="16" height="18" rx="2"/><path d="M8.5 8h.01M12 8h.01M15.5 8h.01M8.5 12h.01M12 12h.01M15.5 12h.01M8.5 16h.01M12 16h.01M15.5 16h.01"/>',
    "door": '<path d="M5 21V3h14v18M3 21h18"/><path d="M9 6l7-1.5v16L9 19z"/><path d="M13.3 12v1"/>',
    "box": '<path d="M4 8l8-4 8 4v8l-8 4-8-4z"/><path d="M4 8l8 4 8-4M12 12v8"/>',
    "check": '<path d="M4 12.5l5.5 5.5L20 6.5"/>',
    "alert": '<path d="M12 4l9 16H3z"/><path d="M12 10v4.5M12 17.4v.1"/>',
    "thermometer": '<path d="M10 13.5V5a2 2 0 1 1 4 0v8.5a4 4 0 1 1-4 0z"/><path d="M12 9v7"/>',
    "cloud-off": '<path d="M4 4l16 16"/><path d="M8 7.5A6 6 0 0 1 17.6 11 4 4 0 0 1 20.5 17M16 18.5H7a4.5 4.5 0 0 1-1.2-8.8"/>',
    "cloud": '<path d="M7 18.5a4.5 4.5 0 0 1-.6-8.9A6 6 0 0 1 17.8 11a3.9 3.9 0 0 1-.8 7.5z"/>',
    "clock": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5.5l3.5 2"/>',
    "scan": '<path d="M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4"/><path d="M8 8v8M11 8v8M13.5 8v8M16 8v8"/>',
    "undo": '<path d="M4 9h10a5.5 5.5 0 0 1 0 11H8"/><path d="M8.5 4.5L4 9l4.5 4.5"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4 21c1-5 4-7 8-7s7 2 8 7"/>',
    "leave": '<path d="M14 4h6v16h-6M10 8l-4 4 4 4M6 12h9"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="M15.5 15.5L21 21"/>',
    "truck": '<path d="M3 6h11v11H3zM14 10h4l3 3v4h-7z"/><circle cx="7" cy="18" r="2"/><circle cx="17.5" cy="18" r="2"/>',
    "wrench": '<path d="M14.5 6.5a4.5 4.5 0 0 1 5.8-1.8l-3 3 1.9 1.9 3-3A4.5 4.5 0 0 1 15.8 12L8 20a2.3 2.3 0 0 1-3.5-3.3l8-7.8a4.5 4.5 0 0 1 2-2.4z"/>',
}


def icon(name: str) -> Markup:
    """Return the icon as decoration for the words beside it; KeyError for an unknown name."""
    return Markup(
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        f"{_PATHS[name]}</svg>"
    )
