"""Compares what the clients say they stored with what the sandbox holds.

usage: verify.py BASE_URL < lines of "STORED service id path"
"""

import json
import sys
import urllib.request


def get(address):
    with urllib.request.urlopen(address) as reply:
        return json.load(reply)


def main():
    base = sys.argv[1]
    held = {(one["service"], one["id"]): one for one in get(f"{base}/_sandbox/objects")}
    services = set()
    for line in sys.stdin:
        _, service, identity, path = line.rstrip("\n").split(" ", 3)
        with open(path, "rb") as file:
            content = file.read()
        one = held.get((service, identity))
        assert one is not None, f"{service} does not hold {identity}"
        assert one["complete"], f"not complete: {one}"
        assert one["size"] == len(content), f"{path} has {len(content)} bytes: {one}"
        with urllib.request.urlopen(f"{base}/_sandbox/objects/{service}/{identity}") as held_bytes:
            assert held_bytes.read() == content, f"{path} has other bytes: {one}"
        services.add(service)
        print(f"ok {service} {identity} {len(content)} bytes")
    assert services == {"andi", "archetype", "empirical", "notion", "rebilly"}, f"only {sorted(services)}"
    leaked = get(f"{base}/_sandbox/stats")["leaked_keys"]
    assert leaked == 0, f"{leaked} keys leaked"


main()
