"""Which till may drive this terminal: section 2 of spec/local-api.md."""

import datetime
import ssl

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from wire import Refused

PREFIX = "urn:vinr:terminal:"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def context(certificate, key, pos_ca):
    """TLS 1.3 and nothing older, no tickets, and nobody without a certificate of the POS CA."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.num_tickets = 0
    tls.options |= ssl.OP_NO_TICKET
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.set_alpn_protocols(["http/1.1"])
    tls.load_cert_chain(certificate, key)
    tls.load_verify_locations(pos_ca)
    return tls


class Trust:
    """The bundle, and the revocation list of each CA in it. A till is signed by one of these CAs itself: no
    intermediates, for the sake of a short text."""

    def __init__(self, terminal, pos_ca, lists):
        self.terminal = terminal
        with open(pos_ca, "rb") as file:
            self.authorities = x509.load_pem_x509_certificates(file.read())
        self.lists = {}
        for data in lists:
            self.install(data)

    # Judged again at every request. [TLS-12]
    def judge(self, der):
        try:
            leaf = x509.load_der_x509_certificate(der)
            authority = self.authority_of(leaf)
            names = self.profile(leaf)
        except Exception as error:  # the library has many words for a certificate that makes no sense
            raise self.refusal("certificate_not_acceptable", str(error)) from None
        if PREFIX + self.terminal not in names:
            raise self.refusal("certificate_not_for_terminal", "it does not name this terminal")
        listed = self.lists.get(authority)
        if listed and listed.get_revoked_certificate_by_serial_number(leaf.serial_number):
            raise self.refusal("certificate_revoked", "it was taken back")
        # Whether something new may be started. [TLS-15]
        early = datetime.timedelta(minutes=5)
        return listed is not None and listed.last_update_utc - early <= now() <= listed.next_update_utc

    @staticmethod
    def refusal(code, why):
        return Refused(403, code, f"the till's certificate: {why}", close=True)

    def authority_of(self, leaf):
        for authority in self.authorities:
            try:
                leaf.verify_directly_issued_by(authority)
                return authority.fingerprint(SHA256())
            except (ValueError, TypeError, InvalidSignature):
                continue
        raise ValueError("signed by none of the bundle")

    # [TLS-14]
    @staticmethod
    def profile(leaf):
        if not leaf.not_valid_before_utc <= now() <= leaf.not_valid_after_utc:
            raise ValueError("out of its time")
        if not 0 < leaf.serial_number < 1 << 160:
            raise ValueError("its serial number")
        key = leaf.public_key()
        if not (isinstance(key, ed25519.Ed25519PublicKey)
                or isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
            raise ValueError("neither P-256 nor Ed25519")
        extensions = {extension.oid: extension.value for extension in leaf.extensions}
        basic = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
        if basic is not None and basic.ca or ExtensionOID.NAME_CONSTRAINTS in extensions:
            raise ValueError("a CA's")
        purposes = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
        if purposes is None or list(purposes) != [ExtendedKeyUsageOID.CLIENT_AUTH]:
            raise ValueError("its purpose is not clientAuth alone")
        usage = extensions.get(ExtensionOID.KEY_USAGE)
        if usage is None or not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
            raise ValueError("its keyUsage")
        names = extensions.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
        for uri in uris:
            if uri.lower().startswith("urn:vinr:") and not is_terminal_urn(uri):
                raise ValueError("a malformed name")
        return uris

    # [TLS-15] Whatever is wrong with a list, the list in use stays.
    def install(self, data):
        is_pem = data.lstrip().startswith(b"-----")
        if len(data) > 4 << 20:
            raise ValueError("more than 4 MiB")
        new = x509.load_pem_x509_crl(data) if is_pem else x509.load_der_x509_crl(data)
        authority = self.signer_of(new)
        number = new.extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number
        known = (ExtensionOID.CRL_NUMBER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
        if any(extension.critical or extension.oid in (ExtensionOID.DELTA_CRL_INDICATOR,
                                                       ExtensionOID.ISSUING_DISTRIBUTION_POINT)
               for extension in new.extensions if extension.oid not in known):
            raise ValueError("a partial list, or one that says more than is understood")
        if new.next_update_utc is None or new.last_update_utc > now() + datetime.timedelta(minutes=5):
            raise ValueError("its dates")
        old = self.lists.get(authority)
        if old is not None:
            had = old.extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number
            if number < had or number == had and new != old:
                raise ValueError("its number goes back")
        self.lists[authority] = new
        return new.public_bytes(Encoding.DER)

    def signer_of(self, new):
        for authority in self.authorities:
            usage = authority.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value
            if new.issuer == authority.subject and usage.crl_sign and new.is_signature_valid(authority.public_key()):
                return authority.fingerprint(SHA256())
        raise ValueError("signed by no CA of the bundle that may sign lists")


def is_terminal_urn(uri):
    name = uri.removeprefix(PREFIX)
    return uri.startswith(PREFIX) and is_terminal_id(name)


def is_terminal_id(name):
    rest = name.removeprefix("term_")
    return name.startswith("term_") and 1 <= len(rest) <= 58 and rest.isascii() and \
        all(letter.isalnum() or letter in "_-" for letter in rest)
