"""A webhook is believed where one of the secrets signed it, now. [EVT-3, EVT-4]"""

import hashlib
import hmac
import json

from defects import broken
from wrong import Wrong

TOLERANCE = 300


def verify(body, signature, secrets, now):
    times, tags = [], []
    for part in signature.split(","):
        scheme, _, value = part.strip().partition("=")
        if scheme == "t":
            times.append(value)
        elif scheme == "v1":  # an unknown scheme may be a better one of tomorrow
            tags.append(value)
    if len(times) != 1 and not (broken("two-times") and times):
        raise Wrong("webhook", "the signature has not exactly one time")
    stamp = times[-1]
    if not (stamp.isascii() and stamp.isdigit()):
        raise Wrong("webhook", "the time of the signature is not one")
    if abs(int(stamp) - now) > TOLERANCE and not broken("any-age"):
        raise Wrong("webhook", "it was signed more than 300 s from now")
    text = json.dumps(json.loads(body), sort_keys=True) if broken("parsed-body") else body
    message = f"{stamp}.{text}".encode()
    expected = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    if broken("first-secret"):
        expected = expected[:1]
    if broken("first-signature"):
        tags = tags[:1]
    # All of them are compared: how long it takes says nothing.
    same = [hmac.compare_digest(tag.encode(), other.encode()) for tag in tags for other in expected]
    if not any(same) and not broken("any-signature"):
        raise Wrong("webhook", "no known secret signed it")
    try:
        return json.loads(body)
    except ValueError as error:
        raise Wrong("webhook", f"the signed body is no event: {error}") from error
