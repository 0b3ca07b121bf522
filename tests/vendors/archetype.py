"""Archetype's own Python client uploads: small and through the proxy, in parts, and resumed after a hard crash.

usage: archetype.py BASE_URL FOLDER    prints one line for each file that must now be stored
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

from archetypeai import ArchetypeAI

KEY = "archetype-vendor-key"


def client(base):
    return ArchetypeAI(KEY, api_endpoint=f"{base}/archetype")


def stats(base):
    with urllib.request.urlopen(f"{base}/_sandbox/stats") as reply:
        return json.load(reply)["services"]["archetype"]


def uploaded(answer, path):
    assert answer["is_valid"] is True, answer
    assert answer["file_id"] == os.path.basename(path), answer
    print("STORED", "archetype", answer["file_uid"], path)


def crash(base, path):
    """Uploads with one worker and dies without a word once two parts are there and one is checkpointed."""
    before = stats(base)["requests"].get("checkpoint", 0)

    def on_progress(done, _total, _bytes, _all):
        if done == 2:
            while stats(base)["requests"].get("checkpoint", 0) <= before:
                time.sleep(0.01)
            os._exit(9)

    client(base).files.local.upload(path, use_proxy=False, max_workers=1, on_progress=on_progress)


def resume(base, path):
    child = subprocess.run([sys.executable, __file__, base, path, "crash"], check=False)
    assert child.returncode == 9, child
    seen = []
    answer = client(base).files.local.upload(
        path, use_proxy=False, allow_resume=True, on_progress=lambda *progress: seen.append(progress)
    )
    uploaded(answer, path)
    assert seen[0][0] >= 1, f"nothing was resumed: {seen}"
    first = stats(base)["part_counts"][answer["file_uid"]]["0"]
    assert first["whole"] == 1, f"the checkpointed part was sent again: {first}"


def main():
    base, folder = sys.argv[1:3]
    if sys.argv[3:] == ["crash"]:
        crash(base, folder)
        sys.exit("the upload ended before the crash")
    local = client(base).files.local
    small, large, torn = (os.path.join(folder, name) for name in ("small.csv", "large.mp4", "torn.mp4"))
    uploaded(local.upload(small), small)
    uploaded(local.upload(large, use_proxy=False), large)
    resume(base, torn)
    found = client(base).files.get_metadata(file_id="large.mp4")
    assert found["num_bytes"] == os.path.getsize(large), found
    names = [entry["file_id"] for entry in client(base).files.iter_metadata(limit=2)]
    assert sorted(names)[-3:] == ["large.mp4", "small.csv", "torn.mp4"], names
    copy = os.path.join(folder, "copy")
    assert local.download("large.mp4", copy)
    with open(copy, "rb") as one, open(large, "rb") as other:
        assert one.read() == other.read(), "downloaded bytes differ"


main()
