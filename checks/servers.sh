#!/usr/bin/env bash
# Makes sure that the programs which the tests talk to are installed. As root on Debian it
# installs what is missing, without letting the packages start anything; otherwise it says what is
# missing, and fails.
set -euo pipefail

# program:package
NEEDED=(mosquitto:mosquitto tshark:tshark systemd-analyze:systemd influxd:influxdb
        victoria-metrics:victoria-metrics)

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

missing_packages() {
    local pair
    for pair in "${NEEDED[@]}"; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
    done
}

install_without_starting() {
    # A package's start script asks policy-rc.d; 101 is its word for "not now".
    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@"
}

mapfile -t missing < <(missing_packages)
((${#missing[@]})) || exit 0

if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "Installing for the tests: ${missing[*]}"
    install_without_starting "${missing[@]}"
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || exit 0
fi
echo "The tests need programs that are not installed: ${missing[*]}" >&2
echo "On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
exit 1
