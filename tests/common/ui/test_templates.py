"""Rendering: escaping, undefined names, languages, icons and assets."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from jinja2 import UndefinedError

from common.ui.assets import Assets
from common.ui.i18n import Catalogue, Lang
from common.ui.icons import icon
from common.ui.templates import Renderer, environment


@pytest.fixture
def subject(tmp_path: Path) -> Renderer:
    (tmp_path / "hello.html").write_text("{{ _('Help') }} {{ name }} {{ icon('phone') }}")
    (tmp_path / "part.html").write_text(
        "{% from 'ui/parts.html' import post with context %}"
        "{{ post('/go', _('Done'), 'k1', swap='stage', csrf='c', fields={'a': '<b>'}) }}"
    )
    return Renderer(environment(tmp_path), Catalogue())


def test_escapes_and_speaks_both_languages(subject: Renderer) -> None:
    assert "帮助电话 &lt;b&gt; <svg" in subject.render("hello.html", Lang.ZH, name="<b>")
    assert subject.render("hello.html", "en", name="x").startswith("Help x")


def test_a_forgotten_name_is_an_error(subject: Renderer) -> None:
    with pytest.raises(UndefinedError):
        subject.render("hello.html", Lang.ZH)


def test_a_form_carries_its_key(subject: Renderer) -> None:
    text = subject.render("part.html", Lang.EN)
    assert '<form method="post" action="/go" data-swap="stage">' in text
    assert 'name="key" value="k1"' in text
    assert 'name="csrf" value="c"' in text
    assert 'name="a" value="&lt;b&gt;"' in text


def test_icons_are_decoration() -> None:
    assert 'aria-hidden="true"' in icon("phone")
    with pytest.raises(KeyError):
        icon("nothing")


def test_assets_refuse_what_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.js"):
        Assets.read(["vendor/none.js"], {})
    with pytest.raises(KeyError):
        Assets.read([], {}).url("live.js")


@pytest.fixture
def app() -> web.Application:
    app = web.Application()
    Assets.read(["live.js"], {"a.css": ("tokens.css", "base.css")}).add_to(app)
    return app


async def test_assets_are_asked_for_once(app: web.Application) -> None:
    async with TestClient(TestServer(app)) as client:
        first = await client.get("/static/a.css")
        assert first.status == 200
        assert first.content_type == "text/css"
        assert "@layer base" in await first.text()
        again = await client.get("/static/a.css", headers={"If-None-Match": first.headers["ETag"]})
        assert again.status == 304
        assert (await client.get("/static/../po.py")).status == 404
        script = await client.get("/static/live.js")
        assert script.content_type == "text/javascript"
