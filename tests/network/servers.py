"""Servers on localhost for the tests: HTTP (two origins), WebSocket, and TCP behind websockify.

They run on the host, in threads and one process of their own; tests inside Pyodide are told the addresses.
Whatever arrives is written down, and ``/log`` tells it, so that a test can see what never came.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import socket
import socketserver
import subprocess
import sys
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

PIECES = 5
PAUSE = 0.03


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTPServer

    def log_message(self, *args: object) -> None:
        pass

    def _query(self, name: str, otherwise: str = "") -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [otherwise])[0]

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self._allow()
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _allow(self) -> None:
        if not self.path.startswith("/closed"):
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Methods", "*")
            self.send_header("Access-Control-Allow-Headers", "*")
            self.send_header("Access-Control-Expose-Headers", "*")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_OPTIONS(self) -> None:
        # a question of the browser's, not of the guest's: it goes before a request that was granted
        self._answer(204)

    def _any(self) -> None:
        path = urlsplit(self.path).path
        if path == "/log":
            self._answer(200, json.dumps(self.server.log).encode(), Content_Type="application/json")
            return
        body = self._body()
        self.server.log.append(
            {
                "server": self.server.name,
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": len(body),
            }
        )
        if path in ("/hello", "/closed"):
            self._answer(200, b"hello", Content_Type="text/plain", X_Two="a b")
        elif path == "/echo":
            self._answer(200, body, X_Method=self.command)
        elif path == "/redirect":
            self._answer(int(self._query("status", "302")), b"moved", Location=self._query("to"))
        elif path == "/loop":
            self._answer(302, Location=self.path)
        elif path == "/big":
            self._answer(200, b"x" * int(self._query("n")))
        elif path == "/slow":
            self._stream(b"piece%d\n" % number for number in range(PIECES))
        elif path == "/endless":
            with contextlib.suppress(OSError):
                self._stream(b"y" * 65_536 for _ in iter(int, 1))
            self.server.log.append({"server": self.server.name, "method": "ended", "path": self.path})
        elif path == "/never":
            time.sleep(30)
        elif path == "/cut":
            self.send_response(200)
            self._allow()
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
            self.close_connection = True
        else:
            self._answer(404, b"no such path")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _any  # noqa: N815

    def _stream(self, pieces: Any) -> None:
        self.send_response(200)
        self._allow()
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            if len(piece) < 100:
                time.sleep(PAUSE)
        self.wfile.write(b"0\r\n\r\n")


class _HTTPServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: str, log: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.log = log

    def handle_error(self, request: Any, client_address: Any) -> None:
        # a client may hang up
        pass


class _EchoTCP(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65_536):
                self.request.sendall(data.upper())


class _TCPServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Servers:
    """Starts everything on construction. ``addresses`` is what tests need."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self._closers = contextlib.ExitStack()
        self.addresses: dict[str, str] = {}
        for name in ("granted", "other"):
            server = _HTTPServer(name, self.log)
            self._serve(server)
            self.addresses[name] = f"http://127.0.0.1:{server.server_address[1]}"
        self.addresses["ws"] = f"ws://127.0.0.1:{self._start_websocket()}"
        tcp = _TCPServer(("127.0.0.1", 0), _EchoTCP)
        self._serve(tcp)
        self.addresses["gateway"] = f"ws://127.0.0.1:{self._start_gateway(tcp.server_address[1])}/"

    def _serve(self, server: socketserver.BaseServer) -> None:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._closers.callback(thread.join)
        self._closers.callback(server.server_close)
        self._closers.callback(server.shutdown)

    def _start_websocket(self) -> int:
        ready: list[int] = []
        started = threading.Event()
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve() -> None:
            from websockets.asyncio.server import serve as listen

            async with listen(self._websocket, "127.0.0.1", 0, process_request=self._handshake) as server:
                ready.append(next(iter(server.sockets)).getsockname()[1])
                started.set()
                await stop.wait()

        def run() -> None:
            loop.run_until_complete(serve())
            loop.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._closers.callback(thread.join)
        self._closers.callback(lambda: loop.call_soon_threadsafe(stop.set))
        started.wait()
        return ready[0]

    def _handshake(self, connection: Any, request: Any) -> Any:
        self.log.append(
            {"server": "ws", "method": "handshake", "path": request.path, "headers": dict(request.headers.raw_items())}
        )
        if request.path.startswith("/redirect"):
            from websockets.datastructures import Headers
            from websockets.http11 import Response

            where = parse_qs(urlsplit(request.path).query)["to"][0]
            return Response(302, "Found", Headers({"Location": where, "Content-Length": "0"}), b"")
        return None

    async def _websocket(self, connection: Any) -> None:
        url = urlsplit(connection.request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/close":
            await connection.close(int(query["code"]), query.get("reason", ""))
        elif url.path == "/count":
            for number in range(int(query["n"])):
                await connection.send(f"{number}" if number % 2 else f"{number}".encode())
        elif url.path == "/flood":
            sent = 0
            with contextlib.suppress(Exception):
                while True:
                    await connection.send(b"z" * 65_536)
                    sent += 65_536
                    # sending alone gives nobody else a turn, not even the client's wish to close
                    await asyncio.sleep(0)
            self.log.append({"server": "ws", "method": "flooded", "path": connection.request.path, "sent": sent})
        elif url.path == "/cut":
            connection.transport.abort()
        else:
            with contextlib.suppress(Exception):
                async for message in connection:
                    await connection.send(message)
            self.log.append({"server": "ws", "method": f"closed {connection.close_code}", "path": url.path})

    def _start_gateway(self, target: int) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "websockify",
                "--idle-timeout=900",
                f"127.0.0.1:{port}",
                f"127.0.0.1:{target}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._closers.callback(process.wait)
        self._closers.callback(process.terminate)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return port
            if process.poll() is not None:
                raise RuntimeError(f"websockify ended with status {process.returncode}")
            time.sleep(0.05)
        raise RuntimeError("websockify does not listen")

    def close(self) -> None:
        """End everything."""
        self._closers.close()
