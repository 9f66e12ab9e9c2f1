"""Which URIs may name a storage: those without a secret, because they are kept in the run folder and printed."""

import re
from urllib.parse import parse_qsl, urlsplit

from search_spaces.errors import UsageError

# What pyarrow understands of a query and what says where, not who: whatever else may be a key.
ALLOWED = frozenset(
    {
        "allow_bucket_creation",
        "allow_bucket_deletion",
        "blob_storage_authority",
        "buffer_size",
        "check_directory_existence_before_creation",
        "credential_kind",
        "dfs_storage_authority",
        "enable_tls",
        "endpoint_override",
        "force_virtual_addressing",
        "project_id",
        "region",
        "replication",
        "retry_limit_seconds",
        "scheme",
        "tenant_id",
        "tls_verify_certificates",
        "user",
    }
)
_NAMES_ARE_KEYS = ("s3", "gs", "gcs")  # elsewhere what stands before @ is a container or a user
_PLAIN = re.compile(r"[\w.:/\[\]-]*", re.ASCII)  # no address with a password in it, no second parameter behind it
_REMEDY = "give credentials as the cloud's tools take them (environment, profile, role)"


def check_uri(uri: str) -> None:
    """UsageError where a storage URI holds a password, a key or a parameter that is not known to be harmless; the
    message repeats none of them."""
    if "://" not in uri:
        return  # a folder
    try:
        parts = urlsplit(uri)
        given = parse_qsl(parts.query, keep_blank_values=True)
        has_password = parts.password is not None or (parts.username is not None and parts.scheme in _NAMES_ARE_KEYS)
    except ValueError as error:
        raise UsageError(f"--storage-path must be a URI, but {error}; check its brackets and its port") from error
    if has_password:
        raise UsageError(
            f"--storage-path must hold no password and no key, because it is kept in the run folder and printed, but "
            f"it does; {_REMEDY}"
        )
    refused = sorted({name for name, _ in given} - ALLOWED)
    refused += sorted(name for name, value in given if name in ALLOWED and not _PLAIN.fullmatch(value))
    if parts.fragment:
        refused.append("what stands after #")
    if refused:
        raise UsageError(
            f"--storage-path is kept in the run folder and printed, so it may have no parameters but plain ones of "
            f"{', '.join(sorted(ALLOWED))}, but it has {', '.join(refused)}; {_REMEDY}"
        )
