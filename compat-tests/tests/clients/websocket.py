"""A backend of WebSocket that says hello and then repeats what it hears: websocket.py PORT."""

import asyncio
import base64
import hashlib
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(payload):
    assert len(payload) < 126
    return bytes([0x81, len(payload)]) + payload


async def message(reader):
    """The next text; nothing at the end."""
    kind, length = await reader.readexactly(2)
    mask = await reader.readexactly(4)
    masked = await reader.readexactly(length & 0x7F)
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) if kind == 0x81 else b""


async def answer(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        key = {name.lower(): value for name, value in fields.items()}[b"sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(b"hello"))
        while text := await message(reader):
            writer.write(frame(b"re: " + text))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main():
    await (await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))).serve_forever()


asyncio.run(main())
