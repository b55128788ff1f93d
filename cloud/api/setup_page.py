"""`/setup?token=…`: the page behind the link of the first start, where the first admin chooses a password."""

from html import escape

from aiohttp import web

from cloud.access.service import Access
from common.kit.errors import LinliError
from common.kit.web import read_body

_PAGE = """<!doctype html>
<html lang="zh-Hans-CN"><head><meta charset="utf-8"><title>邻里 Linli</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>第一位管理员 · The first admin</h1>{said}{form}</main></body></html>"""
_FORM = """<form method="post" action="/setup">
<input type="hidden" name="token" value="{token}">
<p><label for="login">登录名 · Login</label><br>
<input id="login" name="login" required autocomplete="username" pattern="[a-z0-9][a-z0-9._\\-]{{1,39}}"
 aria-describedby="login-hint" value="{login}"><br>
<small id="login-hint">小写字母、数字 · lower-case letters and digits</small></p>
<p><label for="password">密码 · Password</label><br>
<input id="password" name="password" type="password" required minlength="12" maxlength="128"
 autocomplete="new-password" aria-describedby="password-hint"><br>
<small id="password-hint">至少 12 个字符 · 12 characters or more</small></p>
<p><button>保存 · Save</button></p></form>"""
_DONE = "<p role='status'>已保存,现在可以登录。 · Saved; you may sign in now.</p>"


def add_setup_page(app: web.Application, access: Access) -> None:
    """Serve the page; it lives as long as the link does."""

    async def show(request: web.Request) -> web.Response:
        return _answer(_form(request.query.get("token", "")))

    async def save(request: web.Request) -> web.Response:
        await read_body(request)
        sent = await request.post()
        token, login, password = (
            str(sent.get(name, "")) for name in ("token", "login", "password")
        )
        try:
            await access.set_up(token, login, password, request.remote or "")
        except LinliError as error:
            said = f"<p role='alert'>{escape(error.detail)}</p>"
            return _answer(_form(token, login), said, error.status)
        return _answer("", _DONE)

    app.router.add_get("/setup", show)
    app.router.add_post("/setup", save)


def _form(token: str, login: str = "") -> str:
    return _FORM.format(token=escape(token), login=escape(login))


def _answer(form: str, said: str = "", status: int = 200) -> web.Response:
    text = _PAGE.format(said=said, form=form)
    return web.Response(text=text, status=status, content_type="text/html")
