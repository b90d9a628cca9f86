"""What is refused before its body is read, and how much is kept."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from modelscope_swinpan.studio.visitors import LARGEST, LIFETIME, UPLOAD, Quota, VisitorLimits, visitor

JOIN = "/gradio_api/queue/join"


async def taken(request):
    return PlainTextResponse(f"taken: {len(await request.body())}")


async def moved(request):
    return RedirectResponse(request.query_params["to"])


def served(quota=None):
    routes = [Route("/moved", moved), Route("/{path:path}", taken, methods=["GET", "POST", "PUT", "OPTIONS"])]
    app = Starlette(routes=routes)
    app.add_middleware(VisitorLimits, quota or Quota())
    return TestClient(app, "http://page.test:7860", follow_redirects=False)


OWN = "http://page.test:7860"
FROM_HERE = [
    {},
    {"Origin": OWN},
    {"Origin": "https://page.test:7860"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://in.front.test"},  # a proxy that tells another host
    {"X-Forwarded-Host": "in.front.test", "Origin": "https://in.front.test"},
]
FROM_ELSEWHERE = [
    {"Origin": "http://evil.test"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://page.test"},
    {"Origin": "http://page.test:7860.evil.test"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://page.test:8888"},
]


@pytest.mark.parametrize("headers", FROM_HERE)
def test_the_page_and_programs_are_served(headers):
    assert served().post(JOIN, content=b"{}", headers=headers).text == "taken: 2"
    assert served().get("/config", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT"])
def test_other_pages_are_not(headers, method):
    assert served().request(method, UPLOAD, headers=headers).status_code == 403


def test_links_from_other_pages_are_followed():
    assert served().get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert served().post(JOIN, content=b"", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("path", LARGEST)
def test_bodies_have_a_size(path):
    client, largest = served(), LARGEST[path]
    assert client.post(path, content=bytes(largest)).text == f"taken: {largest}"
    for headers in ({"Content-Length": str(largest + 1)}, {"Content-Length": "9" * 5000}):
        answer = client.post(path, headers=headers)
        assert answer.status_code == 413
        assert "maximum allowed size" in answer.text
    assert client.post(path, content=iter([b"x"])).status_code == 411  # in pieces
    assert client.post(f"{path}/", content=bytes(largest + 1)).status_code == 413


@pytest.mark.parametrize(
    "path", ["/gradio_api/run/predict", "/gradio_api/call/x", "/login", "/gradio_api/stream/1", "/"]
)
def test_nothing_else_is_posted(path):
    assert served().post(path, content=b"{}").status_code == 404
    assert served().put(JOIN, content=b"{}").status_code == 404


@pytest.mark.parametrize(
    "url", ["http://evil.test/", "https:///evil.test/", "//evil.test/", "http://page.test:7860@evil.test/", "data:x"]
)
def test_nobody_is_sent_to_other_hosts(url):
    answer = served().get("/moved", params={"to": url})
    assert answer.status_code == 403
    assert "Location" not in answer.headers


@pytest.mark.parametrize("url", ["/page", "http://page.test:7860/page", "page"])
def test_redirects_within_the_page_stay(url):
    assert served().get("/moved", params={"to": url}).headers["Location"] == url


def test_uploads_of_a_visitor_and_of_all_are_bounded_for_an_hour():
    now = [0.0]
    quota = Quota(each=10_000, total=25_000, clock=lambda: now[0])
    assert quota.take("a", 6_000) is None
    assert quota.take("a", 5_000) == "visitor_full"
    assert quota.take("b", 10_000) is None
    now[0] = LIFETIME / 2
    assert quota.take("c", 9_500) == "server_full"
    assert quota.take("c", 9_000) is None
    now[0] = LIFETIME
    assert quota.take("a", 10_000) is None
    assert quota.take("c", 1_001) == "visitor_full"


def test_the_smallest_files_count_too():
    quota = Quota(each=10 * 4096)
    assert [quota.take("a", 0) is None for _ in range(11)] == [True] * 10 + [False]


def test_an_upload_over_the_quota_is_refused():
    client = served(Quota(each=10_000))
    assert client.post(UPLOAD, content=bytes(9_000)).status_code == 200
    answer = client.post(UPLOAD, content=bytes(9_000))
    assert answer.status_code == 429
    assert "of each visitor" in answer.text
    refused = client.post(UPLOAD, content=bytes(9_000), headers={"Accept-Language": "zh-CN"})
    assert "每位访问者" in refused.text
    assert client.post(JOIN, content=bytes(9_000)).status_code == 200


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_who_a_visitor_is(host, who):
    assert visitor(host) == who
