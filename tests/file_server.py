"""A server of one file on this machine, for the tests of downloads: it may break off, or know nothing of ranges."""

import http.server
import threading
from contextlib import contextmanager


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``content`` at ``place``; may stop after ``limit`` bytes, or know nothing of ranges."""

    place = "/net.pth"
    content = b""
    limit: int | None = None
    ranges = True
    asked: list[str | None]

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path != self.place:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.limit])

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving(content, place):
    """Serve on a free port of this machine, in a thread; yield the address and the handler."""
    handler = type("Fresh", (Handler,), {"asked": [], "content": content, "place": place})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}", handler
    finally:
        httpd.shutdown()
        httpd.server_close()
