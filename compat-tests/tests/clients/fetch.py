"""requests, httpx (HTTP/1.1 and HTTP/2) and Python's own ssl: fetch.py PORT."""

import asyncio
import socket
import ssl
import sys

import httpx
import requests

port = sys.argv[1]
base = f"https://localhost:{port}"
large = b"x" * 5_000_000


def is_length(answer, length):
    assert answer.status_code == 200, answer.status_code
    assert answer.text == f"length={length}\n", answer.text


# Requests: a session that keeps its connection, a certificate of its own, an upload in chunks.
with requests.Session() as session:
    # Proxies and authorities that the environment names are others'.
    session.trust_env = False
    session.verify, session.cert = "ca.pem", ("own.pem", "key.pem")
    for _ in range(20):
        assert session.get(base + "/").text == "SUCCESS\n"
    is_length(session.post(base + "/behind", data=large), len(large))
    is_length(session.post(base + "/behind", data=iter([large, b"yz"])), len(large) + 2)
    assert session.head(base + "/").headers["content-length"] == "8"
    assert session.get(base + "/missing").status_code == 404
with requests.Session() as session:
    session.trust_env = False
    try:
        session.get(base + "/")
        raise SystemExit("an authority that nobody knows was believed")
    except requests.exceptions.SSLError:
        pass

# httpx: many requests at a time, which HTTP/2 sends on one connection.
context = ssl.create_default_context(cafile="ca.pem")


async def parallel(http2):
    async with httpx.AsyncClient(verify=context, http2=http2, timeout=60, trust_env=False) as client:
        answers = await asyncio.gather(*(client.get(f"{base}/?{n}") for n in range(50)))
        assert {answer.text for answer in answers} == {"NONE\n"}
        assert {answer.http_version for answer in answers} == {"HTTP/2" if http2 else "HTTP/1.1"}
        uploads = await asyncio.gather(*(client.post(base + "/behind", content=large[: n * 70_000]) for n in range(1, 9)))
        for n, answer in enumerate(uploads, 1):
            is_length(answer, n * 70_000)
        async with client.stream("GET", base + "/large") as answer:
            assert sum([len(piece) async for piece in answer.aiter_bytes()]) == 3_000_000


asyncio.run(parallel(False))
asyncio.run(parallel(True))

# ssl: both versions, and what was agreed on.
for version, name in [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]:
    one = ssl.create_default_context(cafile="ca.pem")
    one.minimum_version = one.maximum_version = version
    one.set_alpn_protocols(["http/1.1"])
    with one.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="localhost") as stream:
        assert (stream.version(), stream.selected_alpn_protocol()) == (name, "http/1.1")
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert stream.makefile("rb").read().endswith(b"\r\n\r\nNONE\n")

print("ok")
