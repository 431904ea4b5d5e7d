"""The simulated AWS as a process: `python -m tests.terraform.moto_server`.

Serves moto, corrected (`moto_corrections`) and completed (`moto_services`), on a free loopback port
and prints one line, `listening <port>`. It ends when its standard input closes, so that it never
outlives the test run that started it. Nothing is stored on disk.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from tests.terraform import moto_corrections, moto_services

if TYPE_CHECKING:
    from collections.abc import Iterable


class _SilentHandler(MotoRequestHandler):
    """Logs errors only: a line per request would hide them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if str(code).startswith("5"):
            super().log_request(code, size)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Moto, with the services that it lacks in front of it (a WSGI application)."""
    answer = moto_services.answer(environ)
    if answer is None:
        theirs: Iterable[bytes] = _moto(environ, start_response)
        return theirs
    status, body = answer
    start_response(status, [("Content-Type", "application/json")])
    return [body]


_moto = DomainDispatcherApplication(create_backend_app)


def main() -> None:
    """Serve until standard input closes."""
    logging.basicConfig(level=logging.WARNING)
    # Attachments of AWS-managed policies need those policies: moto has them, but off by default.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    moto_corrections.install()
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_SilentHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening {server.server_port}", flush=True)
    sys.stdin.read()
    # Handler threads may still wait on idle connections of a killed client.
    os._exit(0)


if __name__ == "__main__":
    main()
