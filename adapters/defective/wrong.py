"""What can go wrong, by what a till may do next."""


class Wrong(Exception):
    """An answer of the adapter: its class is one of config, tls, refused, unreachable, indeterminate, webhook, usage."""

    def __init__(self, kind, message, **more):
        super().__init__(message)
        self.answer = {"class": kind, "message": str(message), **more}

    @property
    def kind(self):
        return self.answer["class"]


class Lost(Exception):
    """Something was sent, and no answer can be relied on: look up. `how` is timeout, reset, half or 5xx."""

    def __init__(self, why, how="reset"):
        super().__init__(why)
        self.how = how


def unknown(reference, why):
    return Wrong("indeterminate", f"whether {reference} was charged is not known ({why}): do not pay again", reference=reference)
