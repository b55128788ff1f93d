"""A browser without a window: loads a page, finds its forms and posts one of them."""

from dataclasses import dataclass
from html.parser import HTMLParser

import aiohttp

from common.kit.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a page with its hidden fields."""

    action: str
    fields: dict[str, str]


class Page(HTMLParser):
    """The forms, the data attributes and the words of one page."""

    def __init__(self, text: str) -> None:
        """Read `text`."""
        super().__init__()
        self.forms: list[Form] = []
        self.data: dict[str, str] = {}
        self.words = ""
        self.by_class: dict[str, str] = {}
        self.classes: set[str] = set()
        self._class: str | None = None
        self.feed(text)

    def __str__(self) -> str:
        """Return the words, for a message."""
        return " ".join(self.words.split())

    def form(self, action: str) -> Form:
        """Return the form that posts to `action`."""
        for form in self.forms:
            if form.action == action:
                return form
        known = ", ".join(form.action for form in self.forms)
        raise UnavailableError(
            "journey.no_form", f"the page has no form for {action}; it has {known}"
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect forms, hidden fields and data attributes."""
        values = {name: value or "" for name, value in attrs}
        self.data.update({k: v for k, v in values.items() if k.startswith("data-")})
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), {}))
        elif tag == "input" and self.forms and values.get("name"):
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        self._class = values.get("class")
        self.classes.add(self._class or "")

    def handle_data(self, data: str) -> None:
        """Collect words, also by the class of their element."""
        self.words += data
        if self._class and data.strip():
            self.by_class.setdefault(self._class, data.strip())
            self._class = None


class Browser:
    """One person's browser at one face, with cookies."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        """Talk to `origin`, e.g. http://127.0.0.1:8810."""
        self._session = session
        self._origin = origin

    async def load(self, path: str = "/") -> Page:
        """Return the page at `path`."""
        async with self._session.get(self._origin + path) as answer:
            return Page(await _text(answer))

    async def post(self, path: str, fields: dict[str, str]) -> Page:
        """Post a form as this origin's own page would, follow the redirect, return the page."""
        headers = {"Origin": self._origin}
        async with self._session.post(self._origin + path, data=fields, headers=headers) as answer:
            return Page(await _text(answer))

    async def send(self, page: Page, action: str, **fields: str) -> Page:
        """Fill and post the form of `page` that goes to `action`."""
        form = page.form(action)
        return await self.post(action, form.fields | fields)


async def _text(answer: aiohttp.ClientResponse) -> str:
    text = await answer.text()
    if answer.status >= 400:
        raise UnavailableError(
            "journey.refused", f"{answer.url} answers {answer.status}: {text[:300]}"
        )
    return text
