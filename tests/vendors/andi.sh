#!/usr/bin/env bash
# The customer's own command for Andi, only the host changed and a key added, then the PUT; and the assumed multipart.
# usage: andi.sh BASE_URL FOLDER    prints one line for each file that must now be stored
set -euo pipefail
base=$1/andi folder=$2
export key="Authorization: Bearer andi-vendor-key"

get() { python3 -c 'import json, sys; print(eval("reply" + sys.argv[1], {"reply": json.load(sys.stdin)}))' "$1"; }
call() { curl --fail-with-body -sS -H "$key" "$@"; }

reply=$(curl --fail-with-body -sS -X POST "$base/api/v1/experimental/files" \
  -H "$key" \
  -H "Content-Type: application/json" \
  -d '{
  "mode": "direct",
  "name": "Invoice March.pdf",
  "contentType": "application/pdf",
  "sizeBytes": 245760,
  "metadata": { "label": "invoice", "origin": "customer-portal" }
}')
id=$(get '["file"]["id"]' <<<"$reply")
[ "$(get '["file"]["originalName"]' <<<"$reply")" = "Invoice March.pdf" ]
[ "$(get '["upload"]["completionMode"]' <<<"$reply")" = automatic ]
curl --fail-with-body -sS -X PUT "$(get '["upload"]["presignedUrl"]' <<<"$reply")" \
  -H "content-type: $(get '["upload"]["headers"]["content-type"]' <<<"$reply")" \
  --data-binary @"$folder/small.pdf"
until [ "$(call "$base/api/v1/experimental/files/$id" | get '["file"]["completedAt"]')" != None ]; do sleep 0.2; done
echo "STORED andi $id $folder/small.pdf"

size=$(wc -c <"$folder/large.mp4" | tr -d " ")
reply=$(call "$base/api/v1/experimental/files" -H "Content-Type: application/json" \
  -d "{\"mode\":\"multipart\",\"name\":\"large.mp4\",\"contentType\":\"video/mp4\",\"sizeBytes\":$size}")
id=$(get '["file"]["id"]' <<<"$reply")
part_size=$(get '["upload"]["partSizeBytes"]' <<<"$reply")
count=$(get '["upload"]["parts"].__len__()' <<<"$reply")
parts=()
for ((n = 1; n <= count; n++)); do
  tail -c +$(((n - 1) * part_size + 1)) "$folder/large.mp4" | head -c "$part_size" >"$folder/part" || true
  etag=$(curl --fail-with-body -sS -T "$folder/part" -o /dev/null -w '%header{etag}' \
    "$(get "[\"upload\"][\"parts\"][$((n - 1))][\"presignedUrl\"]" <<<"$reply")")
  parts+=("{\"partNumber\":$n,\"etag\":\"${etag//\"/\\\"}\"}")
done
list=$(IFS=,; echo "${parts[*]}")
call "$base/api/v1/experimental/files/$id/complete" -H "Content-Type: application/json" -d "{\"parts\":[$list]}" \
  | get '["file"]["completedAt"]' >/dev/null
echo "STORED andi $id $folder/large.mp4"
