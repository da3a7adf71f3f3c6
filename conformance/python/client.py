"""The official Python SDK, unmodified, with a transport that counts requests and reaches any host on loopback."""

import os

import httpx
from m3ter import M3ter


class Loopback(httpx.HTTPTransport):
    """Sends every host name to the server under test and remembers what was asked."""

    def __init__(self, server: httpx.URL) -> None:
        super().__init__()
        self.server = server
        self.seen: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # `str(url)` keeps a doubled slash, which is the point of one of the checks.
        asked = httpx.Request(request.method, request.url, headers=request.headers)
        self.seen.append(asked)
        request.url = request.url.copy_with(
            scheme=self.server.scheme, host=self.server.host, port=self.server.port
        )
        return super().handle_request(request)

    def count(self, path: str) -> int:
        return sum(1 for request in self.seen if request.url.path.endswith(path))


def connect(base_url: str | None = None, **options: str) -> tuple[M3ter, Loopback]:
    """A client of the server that the environment names (M3TER_BASE_URL, M3TER_API_KEY, …)."""
    transport = Loopback(httpx.URL(os.environ["M3TER_BASE_URL"]))
    client = M3ter(base_url=base_url, http_client=httpx.Client(transport=transport), **options)
    return client, transport
