"""Stands between the program and an S3 server, hands everything through as it is, and tells of each put."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

# What is said for one connection only, and so not handed on.
HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection"}


class Puts:
    """Listens at `endpoint` of the loopback; what was put, with when it was sent and answered, goes to `told`."""

    def __init__(self, server):
        self.server = server.removeprefix("http://")
        self.listener = ThreadingHTTPServer(("127.0.0.1", 0), Between)
        self.listener.daemon_threads, self.listener.puts = True, self
        self.endpoint = f"http://127.0.0.1:{self.listener.server_address[1]}"

    def start(self, told):
        self.told = told
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()


class Between(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handed_through(self):
        """The whole request first: what a program that is killed sends by half never comes to the server."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        sent = time.time_ns()
        server = http.client.HTTPConnection(self.server.puts.server, timeout=60)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                server.putheader(name, value)
        server.endheaders(body or None)
        answer = server.getresponse()
        content = answer.read()
        if self.command == "PUT" and answer.status == 200:
            self.server.puts.told(unquote(self.path.split("?")[0].lstrip("/")), body, sent, time.time_ns())
        self.answer(answer, content)
        server.close()

    def answer(self, answer, content):
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP | {"content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handed_through
