"""Both ends of gRPC by grpcio: grpc_peer.py serve PORT | call PORT CA."""

import sys
import threading
import time
from concurrent import futures

import grpc

ECHO, COUNT, SUM, CHAT, SLOW, FAIL = (f"/test.Peer/{name}" for name in ("Echo", "Count", "Sum", "Chat", "Slow", "Fail"))


def serve(port):
    cancelled = threading.Event()

    def slow(_, context):
        context.add_callback(lambda: context.code() is None and cancelled.set())
        for _ in range(100):
            if not context.is_active():
                break
            time.sleep(0.05)
        return b"slow"

    def fail(request, context):
        context.set_trailing_metadata((("why", "asked for"), ("bytes-bin", b"\0\1\xff")))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no: " + request.decode())

    def count(request, _):
        return (str(n).encode() for n in range(int(request)))

    def handle(call):
        return {
            ECHO: grpc.unary_unary_rpc_method_handler(lambda request, _: request),
            COUNT: grpc.unary_stream_rpc_method_handler(count),
            SUM: grpc.stream_unary_rpc_method_handler(lambda requests, _: str(sum(map(int, requests))).encode()),
            CHAT: grpc.stream_stream_rpc_method_handler(lambda requests, _: (b"re: " + one for one in requests)),
            SLOW: grpc.unary_unary_rpc_method_handler(slow),
            FAIL: grpc.unary_unary_rpc_method_handler(fail),
            "/test.Peer/Cancelled": grpc.unary_unary_rpc_method_handler(lambda _, __: b"%d" % cancelled.wait(3)),
        }.get(call.method)

    class Handler(grpc.GenericRpcHandler):
        def service(self, call):
            return handle(call)

    server = grpc.server(futures.ThreadPoolExecutor(32), handlers=[Handler()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def code_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def call(port, ca):
    credentials = grpc.ssl_channel_credentials(open(ca, "rb").read())
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        echo = channel.unary_unary(ECHO)
        for size in (0, 1, 16_384, 1_000_000):
            assert echo(b"x" * size, timeout=20) == b"x" * size
        many = [echo.future(b"%d" % n, timeout=20) for n in range(200)]
        assert [one.result() for one in many] == [b"%d" % n for n in range(200)]

        assert list(channel.unary_stream(COUNT)(b"1000", timeout=20)) == [b"%d" % n for n in range(1000)]
        assert channel.stream_unary(SUM)((b"%d" % n for n in range(1000)), timeout=20) == b"499500"

        # One after the other: each answer comes before the next question is asked.
        asked = threading.Semaphore(1)

        def questions():
            for n in range(20):
                asked.acquire()
                yield b"%d" % n

        for n, answer in enumerate(channel.stream_stream(CHAT)(questions(), timeout=20)):
            assert answer == b"re: %d" % n, answer
            asked.release()

        slow = channel.unary_unary(SLOW)
        began = time.monotonic()
        assert code_of(lambda: slow(b"", timeout=0.5)) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 2
        leaving = slow.future(b"", timeout=20)
        time.sleep(0.3)
        assert leaving.cancel()
        assert channel.unary_unary("/test.Peer/Cancelled")(b"", timeout=20) == b"1", "the server has not heard of it"

        try:
            channel.unary_unary(FAIL)(b"please", timeout=20)
            raise SystemExit("it did not fail")
        except grpc.RpcError as error:
            assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no: please")
            trailers = dict(error.trailing_metadata())
            assert (trailers["why"], trailers["bytes-bin"]) == ("asked for", b"\0\1\xff"), trailers
        assert code_of(lambda: channel.unary_unary("/test.Peer/None")(b"", timeout=20)) == grpc.StatusCode.UNIMPLEMENTED
        assert code_of(lambda: channel.unary_unary("/down/Any")(b"", timeout=20)) == grpc.StatusCode.UNAVAILABLE
    print("ok")


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    call(sys.argv[2], sys.argv[3])
