"""Load rows, Arrow tables and data frames into PostgreSQL through a Syncline server, exactly once.

    import syncline

    rows = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]
    with syncline.connect("127.0.0.1:50051") as client:
        client.load("nightly-1", "users", rows)

`syncline.aio` has the same for asyncio. `syncline.v1` has the messages of the API.
"""

from .arrow_types import UnsupportedType
from .batches import RecordTooLarge
from .client import Client, connect
from .config import Distribution, Guard, Stream
from .connection import Connection
from .errors import (
    AccessDenied,
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    ResourceExhausted,
    SynclineError,
    Unavailable,
    Violation,
)
from .results import Progress, RejectedRecord, StreamLeftIncomplete, StreamResult
from .sync import Sync, SyncStream
from .window import DurableOffsetMovedBack
from .writer import Writer
from .writer_state import WriteUnfinished

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "Client",
    "Conflict",
    "Connection",
    "DeadlineExceeded",
    "Distribution",
    "DurableOffsetMovedBack",
    "Guard",
    "InvalidRequest",
    "NotFound",
    "PreconditionFailed",
    "Progress",
    "RecordTooLarge",
    "RejectedRecord",
    "ResourceExhausted",
    "Stream",
    "StreamLeftIncomplete",
    "StreamResult",
    "Sync",
    "SyncStream",
    "SynclineError",
    "Unavailable",
    "UnsupportedType",
    "Violation",
    "WriteUnfinished",
    "Writer",
    "connect",
]
