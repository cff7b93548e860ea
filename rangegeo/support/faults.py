"""What goes wrong with buckets and web servers, as one line that says what to do. No secrets are in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rangegeo.errors import RemoteError, UsageError, argument

ENVIRONMENT = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
NO_BUCKET = "NoSuchBucket|ContainerNotFound|bucket does not exist"
EXAMPLES = {"duration": "300s", "boolean": "true"}  # values of options, by what obstore calls their kinds
LIST_OF_NOTHING = re.compile("list request.*status code: 404", re.DOTALL)  # only a bucket that is not there has no list
CHECK = "check the address, the options and the credentials, and try again"
LONGEST = 160  # letters of an unknown fault that are shown


@contextmanager
def clear_faults(root: str, scheme: str, options: Mapping[str, str] | None = None) -> Iterator[None]:
    """A context in which errors of obstore become a `RemoteError` or a `UsageError`.

    A missing object stays a FileNotFoundError, but for one whose whole bucket is missing.

    Args:
        root: such as "s3://bucket", for messages.
        scheme: such as "s3".
        options: what obstore was given, of which a message names the one that is wrong. No value is shown.
    """
    try:
        yield
    except Exception as error:
        fault = told(error, root, scheme, options or {})
        if fault is None:
            raise
        raise fault from error


def told(error: Exception, root: str, scheme: str, options: Mapping[str, str]) -> RemoteError | UsageError | None:
    """What an error of obstore means; None for an error of anything else."""
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return _no_bucket(root) if re.search(NO_BUCKET, text) else None
    obstore = sys.modules.get("obstore")
    kind = type(error).__name__
    if kind == "UnknownConfigurationKeyError" or (isinstance(error, ValueError) and "Invalid key" in text):
        name = re.search("'([^']*)'", text)
        unknown_name = f" {name[1]}" if name else ""
        return UsageError(
            f"{argument('storage_options')} has an unknown name{unknown_name} for {scheme}://; {_names(scheme)}"
        )
    if obstore is None or not isinstance(error, obstore.exceptions.BaseError | PermissionError):
        return None
    if "Generic Config error" in text:
        return UsageError(_impossible(text, options))
    unknown = "refused" if kind in ("PermissionDeniedError", "UnauthenticatedError") else ""
    return read_fault(text, root, scheme, unknown)


def read_fault(text: str, root: str, scheme: str, unknown: str = "") -> RemoteError:
    """What the text of an error means.

    Args:
        root, scheme: as in `clear_faults`.
        unknown: the reason to name if the text tells none; empty to show the text.
    """
    if re.search(NO_BUCKET, text) or (scheme in ENVIRONMENT and LIST_OF_NOTHING.search(text)):
        return _no_bucket(root)
    found = (reason for pattern, reason in _REASONS if re.search(pattern, text, re.IGNORECASE))
    reason = next(found, unknown)
    return RemoteError(f"{root} {_SENTENCES[reason](scheme) if reason else f'failed: {_short(text)}; {CHECK}'}")


# What a fault of obstore contains, and what it means.
_REASONS = (
    (
        "169\\.254\\.169\\.254|metadata\\.google|missing.?credential|Account must be|tokenrefresh|Error getting.*token"
        "|no providers in chain",
        "no",
    ),
    ("ExpiredToken|InvalidToken|TokenRefreshRequired", "expired"),
    ("redirect without LOCATION|AuthorizationHeaderMalformed|PermanentRedirect|status code: 301", "region"),
    ("status code: 40[13]|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId|Unauthorized|Forbidden", "refused"),
    ("status code: 400", "bad"),
    ("error following redirect|too many redirects", "circle"),
    ("Requested .* got ", "other"),
    ("timed.?out|(?<!retry_)timeout", "slow"),
    (
        "error sending request|connect error|connection (refused|reset|closed)|dns error|error decoding|body error",
        "away",
    ),
    ("status code: (429|503)|SlowDown", "busy"),
    ("status code: 5", "broken"),
)
_SENTENCES = {
    "no": lambda scheme: f"needs credentials and none were found; {_credentials(scheme)}",
    "region": lambda scheme: (
        f"lies in another region; give it, for example {argument('storage_options', {'region': 'eu-central-1'})}"
    ),
    "expired": lambda scheme: (
        f"refused the session token, which has expired or is wrong; get new credentials{_token(scheme)}"
    ),
    "bad": lambda scheme: (
        f"refused the request; get new credentials if they have expired{_token(scheme)}, and if it lies in another "
        f"region give that, for example {argument('storage_options', {'region': 'eu-central-1'})}"
    ),
    "refused": lambda scheme: f"refused the access; check the credentials and what they allow: {_credentials(scheme)}",
    "circle": lambda scheme: "sends from one address to the next without an end; check the address, and its server",
    "other": lambda scheme: "gave another part of a file than was asked for; copy the store to another server",
    "slow": lambda scheme: (
        f"did not answer in time; try again, or wait longer: {argument('storage_options', {'timeout': '300s'})}"
    ),
    "away": lambda scheme: "cannot be reached; check the address, its endpoint and the network, and try again",
    "busy": lambda scheme: "gets more requests than it takes; try again later",
    "broken": lambda scheme: "answered with an error of its own; try again later",
}


def _no_bucket(root: str) -> RemoteError:
    return RemoteError(f"there is no bucket {root}, or not for these credentials; make it first, or check its name")


def _credentials(scheme: str) -> str:
    """How credentials are given."""
    if scheme not in ENVIRONMENT:
        return "a web server that asks for a password cannot be read"
    public = argument("storage_options", {"skip_signature": "true"})
    return f"set {ENVIRONMENT[scheme]}, or for a public bucket {public}"


def _token(scheme: str) -> str:
    """Where a token that lasts for some hours is given."""
    return " and set AWS_SESSION_TOKEN to theirs" if scheme == "s3" else ""


def _impossible(text: str, options: Mapping[str, str]) -> str:
    """What to say of an option whose value obstore cannot read. The value may be a secret."""
    name = next((name for name, value in options.items() if f'"{value}"' in text), None)
    kind = re.search(r"as (\w+)", text)
    example = EXAMPLES.get(kind[1].lower() if kind else "", "")
    remedy = f"for example {argument('storage_options', {name: example})}" if name and example else "leave it out"
    return f"the value of {argument('storage_options')} {name or ''} is impossible; {remedy}".replace("  ", " ")


def _names(scheme: str) -> str:
    """Where the names of options are listed."""
    example = {"s3": "region, endpoint", "gs": "service_account", "az": "account_name"}.get(scheme, "timeout")
    return f"names are those of obstore, for example {example}"


def _short(text: str) -> str:
    """The first line of a fault, without what follows a ? in an address."""
    first = re.sub(r"\?\S+", "", text.strip().splitlines()[0] if text.strip() else "no further message")
    return first[:LONGEST]


def without_values(url: str) -> str:
    """An address as it was typed, for a message; the values after a ? may be secrets, and are left out."""
    place, mark, rest = re.match(r"([^?#]*)([?#]?)(.*)", url, re.DOTALL).groups()  # type: ignore[union-attr]
    return place + mark + re.sub(r"=[^&#]*", "=…", rest)
