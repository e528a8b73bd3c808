"""python-zeroconf as a device and as a till, told what to do line by line."""

import ipaddress
import socket
import sys

from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

TYPE = "_vinr-terminal._tcp.local."


def say(*words):
    print(*words, flush=True)


def publish(zeroconf, terminal, addresses):
    def info(activity):
        return ServiceInfo(
            TYPE,
            f"{terminal}.{TYPE}",
            port=8443,
            addresses=[ipaddress.ip_address(address).packed for address in addresses],
            server="device.local.",
            properties={
                "txtvers": "1",
                "id": terminal,
                "model": "nexgo_ct20",
                "status": "online",
                "activity": activity,
            },
        )

    zeroconf.register_service(info("idle"))
    say("published")
    for line in sys.stdin:
        if line.strip() == "busy":
            zeroconf.update_service(info("busy"))
        elif line.strip() == "goodbye":
            zeroconf.unregister_service(info("busy"))
            say("unpublished")


def browse(zeroconf):
    def on_change(zeroconf, service_type, name, state_change):
        if state_change is ServiceStateChange.Removed:
            return say("removed", name)
        info = zeroconf.get_service_info(service_type, name, timeout=3000)
        if info is None:
            return say("unresolved", name)
        txt = ",".join(sorted(f"{k.decode()}={v.decode()}" for k, v in info.properties.items() if v))
        addresses = ",".join(sorted(info.parsed_scoped_addresses(IPVersion.All)))
        say(state_change.name.lower(), name, info.server, info.port, addresses, txt)

    browser = ServiceBrowser(zeroconf, TYPE, handlers=[on_change])
    say("browsing")
    sys.stdin.read()
    browser.cancel()


zeroconf = Zeroconf(ip_version=IPVersion.All)
if sys.argv[1] == "publish":
    publish(zeroconf, sys.argv[2], sys.argv[3:])
else:
    browse(zeroconf)
zeroconf.close()
