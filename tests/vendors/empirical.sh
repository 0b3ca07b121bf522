#!/usr/bin/env bash
# The customer's own three commands for Empirical, only the host and the file's id changed.
# usage: empirical.sh BASE_URL FOLDER    prints one line for each file that must now be stored
set -euo pipefail
base=$1/empirical folder=$2
EMPIRICALRUN_KEY=empirical-vendor-key

get() { python3 -c 'import json, sys; print(eval("reply" + sys.argv[1], {"reply": json.load(sys.stdin)}))' "$1"; }
cd "$folder"

# Step 1: Create file and get upload URL
reply=$(curl --fail-with-body -s -X POST \
  "$base/api/files" \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $EMPIRICALRUN_KEY" \
  -d '{
    "project_id": 4,
    "name": "checkout-flow.docx",
    "mime_type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "size_bytes": 245000
  }')
UPLOAD_URL=$(get '["data"]["file"]["upload_url"]' <<<"$reply")
id=$(get '["data"]["file"]["id"]' <<<"$reply")
[ "$(get '["data"]["file"]["status"]' <<<"$reply")" = pending ]

# Step 2: Upload file to the presigned URL (from response.data.file.upload_url)
curl --fail-with-body -sS -X PUT "$UPLOAD_URL" \
  -H "Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document" \
  --data-binary @checkout-flow.docx

listed() {
  curl --fail-with-body -sS "$base/api/files?per_page=100" -H "Authorization: Bearer $EMPIRICALRUN_KEY" \
    | get "[\"data\"][\"files\"].__repr__().count(\"'id': $id,\")"
}
[ "$(listed)" = 0 ] # A pending file is in no list.

# Step 3: Confirm upload
curl --fail-with-body -sS -X PATCH \
  "$base/api/files/$id" \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $EMPIRICALRUN_KEY" \
  -d '{"status": "uploaded"}' >/dev/null
[ "$(listed)" = 1 ]
echo "STORED empirical $id $folder/checkout-flow.docx"
