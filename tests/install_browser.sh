#!/bin/sh
# A browser for the browser tests: the one that is here, else Debian's chromium where this user may install it.
# Without one those tests skip; in CI (CI=true) that is an error.
set -u

runs() {
    for browser in chromium chromium-browser google-chrome google-chrome-stable "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        "$browser" --version >/dev/null 2>&1 && return 0 # Ubuntu's chromium package is an empty stub that does not run
    done
    return 1
}

runs && exit 0
reason="no Chromium or Chrome was found, and only root on a system with apt-get may install one here"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    { apt-get update && apt-get install --yes --no-install-recommends chromium; } >"$log" 2>&1
    runs && rm -f "$log" && exit 0
    reason="apt-get could not install a chromium that runs: $(tail -n 1 "$log") (more in $log)"
fi
if [ "${CI:-}" = true ]; then
    echo "CI needs the browser tests, but $reason." >&2
    exit 1
fi
echo "The browser tests will be skipped: $reason."
