"""What everything is measured against: the smallest FastAPI app there is, on the service's own server settings."""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/")
async def constant() -> dict[str, str]:
    """The same answer each time: no database, no sign-in, no log."""
    return {"status": "ok"}


if __name__ == "__main__":
    # httptools and uvloop are uvicorn's choice where they are installed, as they are for the service; named here so
    # that a missing one is an error and not a slow yardstick.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
    )
