"""What can be broken in the till on purpose: the suite is only as good as the defects that it finds.

Each has the scenarios in which it must be found, and as what: a requirement and a reason code, all of those that are named.
`broken("name")` stands at the one place where the rule is kept.
"""

from typing import NamedTuple


class Defect(NamedTuple):
    scenes: str  # by their ids
    found_as: str  # requirement.reason, one or more
    does: str

    @property
    def requirement(self):
        return self.found_as.split(".")[0]


TABLE = """
cloud-beacon | pay.request | NET-2.cloud_asked | asks the cloud before a local payment
wrong-service | disc.mdns | DISC-2.wrong_service | browses for another service type
names-only | disc.mdns | DISC-3.field_missing | lists readers without their model and status
mdns-with-static-hosts | disc.static | DISC-4.asks_by_mdns | sends an mDNS query although the hosts were given
port-443 | disc.static | DISC-4.not_asked | dials static hosts without a port at 443
keeps-goodbyes | disc.dirt | DISC-5.ghost | remembers a terminal that has said goodbye
lists-duplicates | disc.dirt | DISC-5.twice | lists a terminal twice that is advertised twice
lists-the-dead | disc.dirt | DISC-5.ghost | lists what is advertised without a connection to it
trusts-advertised | disc.hint | DISC-8.stranger_believed | does not check the certificate of a terminal that mDNS has named
plaintext-fallback | tls.plaintext | TLS-1.plaintext | sends the payment in clear text where the handshake fails
any-ca | tls.stranger.a-certificate-of-another-ca | TLS-3.stranger_believed | takes a certificate of any CA
system-roots | tls.stranger.a-certificate-of-another-ca | TLS-3.stranger_believed | trusts the system's roots beside the terminal CA
no-certificate-on-look-up | tls.look_up | TLS-4.no_certificate | shows its certificate to pay, and not to look up
key-in-header | pay.request | TLS-7.key_leaked | sends the API secret key to the terminal as a header
key-in-metadata | pay.request | TLS-7.key_leaked | sends the API secret key to the terminal within the metadata
first-connection-only | tls.reconnect.the-certificate-of-another-terminal | TLS-8.stranger_believed | checks the first connection to a terminal, and none after it
body-before-check | tls.dated.a-certificate-that-has-expired | TLS-9.stranger_believed | checks the certificate after the payment was sent
any-device | tls.other_device | TLS-10.stranger_believed | takes any certificate of the right CA, whatever its name
passphrase-told-late | tls.passphrase | TLS-11.wrong_class | takes a wrong passphrase for a terminal that cannot be reached
tls-1.2 | tls.again | TLS-13.old_tls | speaks TLS 1.2 as well
resumes | tls.again | TLS-13.resumes | offers to resume the session of its last connection
name-in-any-case | tls.profile.a-certificate-with-its-name-in-other-letters | TLS-14.stranger_believed | compares the terminal's name without regard to case
loose-profile | tls.profile.a-certificate-without-a-purpose | TLS-14.stranger_believed | accepts a certificate whose path is valid, whatever it is for
logs-passphrase | pay.request | SEC-1.secret_told | writes its passphrase to its log
logs-key | hyb.key | SEC-1.secret_told | writes the API secret key to its log when it asks the cloud
no-capture-method | pay.request | PAY-1.field_missing | leaves captureMethod out
amount-as-text | pay.request | PAY-1.amount_type | sends the amount as a string
form-body | pay.request | PAY-1.content_type | sends the payment as a form
gives-up-at-30-s | pay.held.silent | PAY-5.gave_up | hangs up on the terminal after 30 s
gives-up-at-119-s | pay.held.silent | PAY-5.gave_up | hangs up on the terminal after 119 s
polls | pay.no_polling | PAY-7.polls | looks up every second while it holds the connection
blind-retry | rec.time_out | REC-1.blind_retry | pays again after a time-out, under a new key, without looking up
looks-up-late | rec.lost.reset-at-the-outcome | REC-2.looks_up_late | looks a lost payment up after 7 s
new-reference | rec.lost.reset-at-the-outcome | REC-2.no_look_up | looks up by another reference than it paid by
retries-after-decline | pay.declined | REC-3.sent_again | tries a declined payment once more
repeats-completed | rec.lost.reset-at-the-outcome | REC-3.sent_again | sends the payment again that it has found completed
no-cancel | rec.pending | REC-4.not_cancelled | starts a new attempt while the old one waits for a card
cancel-not-awaited | rec.cancel_awaited | REC-4.cancel_not_awaited | starts a new attempt without waiting for the cancel's answer
any-cancel-answer | rec.late_tap | REC-4.cancel_misread | reads every answer to a cancel as cancelled
too-late-is-cancelled | rec.late_tap | REC-4.cancel_misread | drops the payment that a cancel came too late for
retries-on-reset | rec.lost.reset-at-the-outcome | REC-5.blind_retry | pays again when the connection is reset
retries-on-5xx | rec.lost_early.status-503 | REC-5.blind_retry | pays again when the terminal answers 5xx
retries-on-half-answer | rec.lost.half-a-body | REC-5.blind_retry | pays again when it reads half an answer
pays-at-restart | rec.restart | REC-5.blind_retry | pays an open sale again after a restart without looking it up
next-after-loss | grp.lost | REC-9.charged_twice | pays at the next terminal of a group when the answer of one is lost
guesses-failed | rec.unknown | REC-10.guessed | calls a payment failed whose outcome it cannot learn
guesses-completed | rec.unknown | REC-10.guessed | calls a payment completed whose outcome it cannot learn
unreachable-is-unpaid | rec.unknown | REC-10.guessed | says that nothing was sent where the terminal does not answer a look-up
forgets | rec.restart rec.restart.again | REC-12.forgotten REC-5.blind_retry | keeps its attempts in memory
stores-too-late | rec.restart | REC-12.forgotten | stores the attempt after the answer
newest-is-own | rec.older_attempt | REC-16.another_attempt | takes the newest entry of the sale for its own
same-key-again | rec.pending | REC-17.old_key | makes the new attempt under the old key
retrieves-nothing | ret.paid | REC-3.not_found | says of every sale that no terminal knows it
retrieves-from-the-silent | ret.silent | REC-10.guessed | says that a sale was not paid where its terminal is silent
same-key-at-the-next | grp.busy | REC-17.old_key | goes to the next member of a group under the key of the busy one
unknown-status-is-final | rec.unknown_status | REC-18.not_final | takes a status that it does not know as final
any-amount | rec.foreign_answer.amount | REC-19.fooled | accepts an answer about another amount
any-reference | rec.foreign_answer.sale | REC-19.fooled | accepts an answer about another sale
no-tombstone | rec.never_arrived.reset | REC-20.not_buried | pays again what the terminal does not know, without cancelling its key
any-journal | rec.swapped | REC-23.guessed | takes an empty answer from another journal as unpaid
4xx-for-all-copies | hyb.refused_by_the_cloud | REC-24.not_buried | takes a 4xx on one path for the end of both
offline-is-completed | pay.offline | OFF-10.offline_called_approved | reports a payment that was accepted offline as completed
waits-for-the-queue | pay.offline | OFF-10.an_error | waits for the approval of a payment that was accepted offline
cloud-first | hyb.silent | HYB-1.cloud_first | tries the cloud first
never-falls-back | hyb.away | HYB-2.no_fallback | leaves the cloud alone although nobody accepts on the LAN
falls-back-late | hyb.silent | HYB-2.too_late | gives the terminal five times localTimeoutMs to accept
always-local | hyb.away | HYB-3.wrong_mode | says local of a payment that went through the cloud
cloud-while-accepted | hyb.local | HYB-4.fell_back | goes to the cloud at localTimeoutMs although the terminal has accepted
cloud-with-new-key | hyb.both | HYB-5.another_attempt | sends the payment to the cloud under another key
falls-back-on-identity | hyb.stranger.the-certificate-of-another-terminal | HYB-6.fell_back | goes to the cloud where the terminal's certificate is not right
falls-back-on-4xx | hyb.refused.invalid-currency | HYB-7.fell_back | goes to the cloud where the terminal refuses
last-member-first | grp.order | GRP-1.another_terminal | asks the members of a group from the last to the first
does-not-wait | grp.all_busy | GRP-2.an_error | gives up at once where every member is busy
waits-for-the-first | grp.all_busy | GRP-2.another_terminal | waits for the first member alone where all are busy
first-member-named | grp.busy | GRP-3.wrong_terminal_named | names the first member as the one that took the payment
two-members | grp.order | GRP-4.two_live | sends the payment to two members at a time
leaves-the-dead | grp.dies | GRP-4.two_live | goes on to the next member when one dies with the payment
slow | pay.latency | LAT-2.slow_to_send | thinks for 40 ms before it sends
any-signature | evt.false.signed-with-a-secret-of-nobody | EVT-3.forgery_believed | accepts a webhook that nobody signed
any-age | evt.false.signed-302-s-ago | EVT-3.forgery_believed | accepts a webhook of any age
two-times | evt.false.with-two-dates | EVT-3.forgery_believed | takes the last of two times in a signature
parsed-body | evt.genuine.whose-body-is-laid-out-as-nobody-would | EVT-4.an_error | verifies the body as it would write it, not as it came
first-secret | evt.genuine.signed-with-the-other-of-its-two-secrets | EVT-4.an_error | tries the first of its secrets alone
first-signature | evt.genuine.signed-with-the-next-secret-too | EVT-4.an_error | tries the first signature of a webhook alone
"""

DEFECTS = {}
for _row in TABLE.strip().splitlines():
    _name, _scenes, _found_as, _does = _row.split(" | ")
    DEFECTS[_name] = Defect(_scenes, _found_as, _does)

# The mistakes that a suite for tills must know, and the switches that make them. `matrix.py --few` makes these.
CLASSIC = {
    "cloud first": "cloud-beacon cloud-first",
    "wrong service": "wrong-service",
    "mDNS with static hosts": "mdns-with-static-hosts",
    "any CA": "any-ca",
    "system roots": "system-roots",
    "any device": "any-device",
    "body before verification": "body-before-check",
    "first connection only": "first-connection-only",
    "no client certificate on look-up": "no-certificate-on-look-up",
    "secret key in a header": "key-in-header",
    "gives up at 30 s": "gives-up-at-30-s",
    "gives up at 119 s": "gives-up-at-119-s",
    "blind retry": "blind-retry",
    "retries on reset": "retries-on-reset",
    "new reference": "new-reference",
    "retries after failed": "retries-after-decline",
    "no cancel": "no-cancel",
    "cancel not awaited": "cancel-not-awaited",
    "forgets over a restart": "forgets",
    "guesses": "guesses-failed guesses-completed",
    "cloud while the local attempt lives": "cloud-while-accepted cloud-with-new-key",
    "always \"local\"": "always-local",
    "falls back on a TLS mismatch": "falls-back-on-identity",
    "two terminals of a group": "two-members",
    "wrong terminalId": "first-member-named",
    "accepts a forged webhook": "any-signature",
    "accepts an old webhook": "any-age",
}

planted = set()


def broken(name):
    """Is this rule switched off?"""
    assert name in DEFECTS, name
    return name in planted
