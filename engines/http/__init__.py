"""The remote engines' one way to other servers: limits, time-outs, Retry-After, faults in the contract's words, pictures.

An engine with a protocol of its own asks a `Server`:

    server = Server("ComfyUI at box", "http://box:8188", secrets=[key], headers={"Authorization": f"Bearer {key}"})
    stats = await server.json("GET", "/system_stats")
    answer = await server.ask("POST", "/prompt", json=graph, work=True)   # any status; `checked` raises for the bad ones
    data = (await server.checked("GET", "/view", params=named)).body
    await server.aclose()

One with an SDK gives that `open_client(...)`, and turns what it raises into the contract's errors by `from_exception` and
`from_status`; `Account` has what such engines share. `Pace` keeps all jobs of an account to its rate limits, `unless_canceled`
drops what nobody waits for any more, `Closing` closes when the last one has gone. What a picture's bytes are is seen by
`media_type`; `ready` makes an ImageReady.
"""

from engines.http.account import Account
from engines.http.client import Answer, Limits, Server, open_client
from engines.http.closing import Closing
from engines.http.faults import Lost, clean, from_exception, from_status, request_id, retry_after, said, was_sent
from engines.http.pace import Pace
from engines.http.pictures import decode, media_type, png, preview, ready, size_of
from engines.http.waiting import Left, unless_canceled

__all__ = [
    "Account",
    "Answer",
    "Closing",
    "Left",
    "Limits",
    "Lost",
    "Pace",
    "Server",
    "clean",
    "decode",
    "from_exception",
    "from_status",
    "media_type",
    "open_client",
    "png",
    "preview",
    "ready",
    "request_id",
    "retry_after",
    "said",
    "size_of",
    "unless_canceled",
    "was_sent",
]
