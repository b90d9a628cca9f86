from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from modelscope_swinpan.studio.content_security import POLICY, ContentSecurityPolicy

PAGE = """<head><link rel="preconnect" href="https://fonts.example.com" />
<link
    rel="preconnect"
    href="https://fonts.example.com"
    crossorigin="anonymous"
/><link rel="stylesheet" href="./own.css"><script
    src="https://cdn.example.com/frames.js"
    async
></script><script src="./own.js"></script><script>inline()</script></head>"""


def served():
    routes = [Route("/", lambda _: HTMLResponse(PAGE)), Route("/text", lambda _: PlainTextResponse(PAGE))]
    app = Starlette(routes=routes)
    app.add_middleware(ContentSecurityPolicy, script="own(1 < 2);")
    return TestClient(app)


def test_foreign_scripts_and_connections_are_gone():
    answer = served().get("/")
    assert "example.com" not in answer.text
    assert answer.text.count("<script") == 3
    assert answer.text.startswith("<head><script>own(1 < 2);</script>")
    assert '<link rel="stylesheet" href="./own.css">' in answer.text


def test_the_policy_names_no_other_host():
    for path in ("/", "/text"):
        assert served().get(path).headers["Content-Security-Policy"] == POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_what_is_no_page_stays_as_it_is():
    answer = served().get("/text")
    assert answer.text == PAGE
    assert answer.headers["Content-Length"] == str(len(PAGE))
