"""The environment variables by which Ray is told what to do, for those who start it."""

import os

ADDRESS = "RAY_ADDRESS"  # the cluster to join
TEMPORARY = "RAY_TMPDIR"
LOOPBACK_MODE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # read when Ray is imported, here and in its processes
AUTH_MODE = "RAY_AUTH_MODE"
TOKEN_PATH, TOKEN = "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_TOKEN"


def asks_for_token() -> bool:
    """Is Ray's token authentication on? It is unless the environment says otherwise."""
    return os.environ.get(AUTH_MODE, "token").lower() == "token"
