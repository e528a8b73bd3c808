"""The till's own identity: its .p12 with the passphrase, where OpenSSL's command is there, else PEM. [TLS-11]"""

import os
import shutil
import ssl
import subprocess
import tempfile
import time

from defects import broken
from der import Certificate
from wrong import Wrong


def opened(config):
    """Paths of a certificate and a key in PEM, and what to do when they are read."""
    p12, cert, key = (config.get(name) for name in ("p12", "cert", "key"))
    if p12 and shutil.which("openssl"):
        return from_p12(p12, config.get("passphrase", ""))
    if not (cert and key):
        raise Wrong("config", "neither a .p12 that can be read nor PEM files")
    private(key)
    try:
        with open(cert, encoding="ascii") as file:
            in_time(file.read())
    except (OSError, ValueError, IndexError) as error:
        raise Wrong("config", f"{cert} cannot be read: {error}") from error
    return cert, key, lambda: None


def private(path):
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise Wrong("config", f"{path} cannot be read: {error}") from error
    if mode & 0o077:
        raise Wrong("config", f"others may read {path}")


def in_time(pem):
    leaf = pem[pem.index("-----BEGIN CERTIFICATE") : pem.index("-----END CERTIFICATE-----") + 25]
    if Certificate(ssl.PEM_cert_to_DER_cert(leaf)).ends < time.time():
        raise Wrong("config", "the certificate of this till has expired")


def from_p12(path, passphrase):
    private(path)
    for legacy in ([], ["-legacy"]):
        command = ["openssl", "pkcs12", "-in", path, "-nodes", "-passin", "env:TILL_PASSPHRASE", *legacy]
        done = subprocess.run(command, env={**os.environ, "TILL_PASSPHRASE": passphrase}, capture_output=True, check=False)
        if done.returncode == 0:
            break
    else:
        kind = "unreachable" if broken("passphrase-told-late") else "config"
        raise Wrong(kind, f"{path} does not open: is the passphrase right?")
    pem = done.stdout.decode("utf-8", "replace")
    try:
        in_time(pem)
    except (ValueError, IndexError) as error:
        raise Wrong("config", f"{path} has no certificate that can be read") from error
    if "PRIVATE KEY" not in pem:
        raise Wrong("config", f"{path} has no key")
    directory = tempfile.mkdtemp()  # 0700, and gone before the first connection
    file = os.path.join(directory, "identity.pem")
    with open(file, "w", encoding="utf-8") as out:
        out.write(pem)
    # A broken till opens the files once more, later; a whole one has no use for them.
    keep = any(broken(name) for name in ("body-before-check", "first-connection-only", "trusts-advertised"))
    return file, file, (lambda: None) if keep else lambda: shutil.rmtree(directory)
