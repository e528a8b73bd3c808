#!/usr/bin/env bash
# What the test of the screen in a browser needs: Chromium, and the driver that belongs to it. Nothing is installed
# where both are there.

set -euo pipefail

if ! command -v chromedriver >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo 'missing: chromedriver, which comes with Chromium' >&2
        echo 'to mend it, as root: apt-get install chromium chromium-driver (Debian), or install Chrome and its chromedriver' >&2
        exit 1
    fi
    apt-get update -qq
    # The driver depends on the browser of its own version. The fonts have the signs of the page's screenshots.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium chromium-driver fonts-liberation fonts-dejavu-core
fi
chromedriver --version
