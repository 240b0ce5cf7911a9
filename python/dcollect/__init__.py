"""Write collectors for Data Collector (`dc`): say what your source needs, and nothing else.

>>> from dcollect import app
>>> @app(table="rates", key="day")
... def collect(ctx):
...     yield {"day": "2026-11-20", "rate": "1.08"}
"""

from ._adapters import httpx_client, requests_session
from ._app import App, app
from ._context import Context
from ._csv import csv_rows
from ._errors import DcError, MergeError, ReplayError, TooManyFailures
from ._http import HttpError, Response
from ._merge import MergeReport
from ._pages import Form, Page
from ._records import Number, loads
from ._watch import fun_watch

__version__ = "0.1.0"
__all__ = [
    "App",
    "Context",
    "DcError",
    "Form",
    "HttpError",
    "MergeError",
    "MergeReport",
    "Number",
    "Page",
    "ReplayError",
    "Response",
    "TooManyFailures",
    "app",
    "csv_rows",
    "fun_watch",
    "httpx_client",
    "loads",
    "requests_session",
]
