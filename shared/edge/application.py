"""What is set up once in each process, when the framework makes its application.

Importing a module of functions sets up nothing: that happens only inside the framework.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

import flask
from werkzeug.exceptions import HTTPException

from shared import log
from shared.config import Config, ConfigError
from shared.documents.port import WrongPlace
from shared.runtime import Runtime, check_store, log_keys, webhook_keys

ErrorPage = Callable[[HTTPException], flask.Response]


def set_up(app: flask.Flask, error_page: ErrorPage) -> None:
    """Gives the application its runtime, our form of errors and our form of logs.

    `error_page` answers what the framework refuses by itself, and crashes. Where the configuration
    is wrong the process ends, with one line in the log that names the variable.
    """
    if Runtime.is_installed(app):
        return
    _runtime().install(app)
    app.register_error_handler(HTTPException, error_page)
    app.register_error_handler(500, error_page)
    app.log_exception = _leave_to_the_error_page  # type: ignore[method-assign]
    logging.getLogger("gunicorn.error").addFilter(rewritten)
    take_over_threads()
    _prepare_server()
    # What is loaded by now stays: looking for garbage in it would only take time, again and again.
    gc.freeze()


def take_over_threads() -> None:
    """Has the errors that end threads logged in our form, unless somebody else sees to them."""
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _thread_failed


def rewritten(record: logging.LogRecord) -> bool:
    """Writes a record of the server's as a line of our log, and keeps it out of the server's own.

    Its values are left out, because they quote requests: a message that has them filled in already
    is replaced by the place that it comes from.
    """
    place = f"{record.module}:{record.lineno} {record.funcName}"
    template = record.msg if isinstance(record.msg, str) and record.args else None
    error = record.exc_info[1] if record.exc_info else None
    log.write(
        _level(record.levelno),
        f"gunicorn: {template or place}",
        **(log.failure(error) if error else {}),
    )
    return False


def _leave_to_the_error_page(exc_info: object) -> None:
    """Instead of Flask's own, which prints the exception with its message."""


def _runtime() -> Runtime:
    try:
        config = Config.from_environment(os.environ)
        check_store(config)
        log_keys(config)
        webhook_keys(config)
    except ConfigError as error:
        wrong = str(error)
    except WrongPlace as error:
        wrong = f"CASELEDGER_STORE: {error}"
    else:
        return Runtime(config)
    log.write("ERROR", f"the configuration is wrong: {wrong}")
    raise SystemExit(1)


def _level(number: int) -> log.Level:
    if number >= logging.ERROR:
        return "ERROR"
    return "WARNING" if number >= logging.WARNING else "INFO"


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    fields = log.failure(failure.exc_value) if failure.exc_value else {}
    log.write("ERROR", "a thread ended by an error", **fields)


def _prepare_server() -> None:
    # The framework starts gunicorn after the application is made, with settings of its own. It
    # leaves the class of its workers, and how long they may take to stop, to the default; Cloud Run
    # kills after 10 s (cloud.google.com/run/docs/container-contract#instance-shutdown). gunicorn,
    # which names itself in every answer, has no setting for that, only a constant that its modules
    # copy when they are loaded.
    with suppress(ImportError):
        import gunicorn.config  # type: ignore[import-untyped]  # noqa: PLC0415 - not everywhere

        gunicorn.SERVER = "caseledger"
        gunicorn.config.WorkerClass.default = "shared.edge.worker.Worker"
        gunicorn.config.GracefulTimeout.default = 8
