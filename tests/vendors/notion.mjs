// Notion's own JavaScript client uploads: in one part, in several, from a URL; then attaches to a page.
// usage: notion.mjs BASE_URL FOLDER    prints one line for each file that must now be stored
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Client } from "@notionhq/client";

const [base, folder] = process.argv.slice(2);
const notion = new Client({ auth: "ntn_vendor_key", baseUrl: `${base}/notion` });
const PART = 10 * 1024 * 1024;
const PAGE = "11111111-2222-4333-8444-555555555555";

const stored = (upload, path) => console.log("STORED", "notion", upload.id, path);

const me = await notion.users.me({});
assert.equal(me.bot.workspace_limits.max_file_upload_size_in_bytes, 5 * 1024 ** 3);

// One part.
const small = `${folder}/small.pdf`;
const bytes = await readFile(small);
let one = await notion.fileUploads.create({ mode: "single_part", filename: "small.pdf", content_type: "application/pdf" });
assert.equal(one.status, "pending");
assert.ok(one.upload_url);
one = await notion.fileUploads.send({
  file_upload_id: one.id,
  file: { filename: "small.pdf", data: new Blob([bytes], { type: "application/pdf" }) },
});
assert.equal(one.status, "uploaded");
assert.equal(one.content_length, bytes.length);
stored(one, small);

// Several parts, the last one first and the others at the same time.
const large = `${folder}/large.mp4`;
const whole = await readFile(large);
const total = Math.ceil(whole.length / PART);
let many = await notion.fileUploads.create({
  mode: "multi_part", filename: "large.mp4", content_type: "video/mp4", number_of_parts: total,
});
assert.deepEqual(many.number_of_parts, { total, sent: 0 });
const send = (number) => notion.fileUploads.send({
  file_upload_id: many.id,
  part_number: String(number),
  file: { filename: "large.mp4", data: new Blob([whole.subarray((number - 1) * PART, number * PART)], { type: "video/mp4" }) },
});
const first = await send(total);
assert.equal(first.number_of_parts.sent, 1);
assert.ok(first.complete_url);
await Promise.all(Array.from({ length: total - 1 }, (_, index) => send(index + 1)));
many = await notion.fileUploads.complete({ file_upload_id: many.id });
assert.equal(many.status, "uploaded");
assert.equal(many.content_length, whole.length);
stored(many, large);

// From a URL.
let imported = await notion.fileUploads.create({
  mode: "external_url", external_url: `${base}/_sandbox/files/1000/import.pdf`, filename: "import.pdf",
});
while (imported.status === "pending") {
  await new Promise((resolve) => setTimeout(resolve, 500));
  imported = await notion.fileUploads.retrieve({ file_upload_id: imported.id });
}
assert.equal(imported.status, "uploaded");
assert.equal(imported.file_import_result.type, "success");
assert.equal(imported.content_length, 1000);

// Attached, it does not expire any more.
await notion.blocks.children.append({
  block_id: PAGE,
  children: [{ type: "pdf", pdf: { type: "file_upload", file_upload: { id: one.id } } }],
});
assert.equal((await notion.fileUploads.retrieve({ file_upload_id: one.id })).expiry_time, null);
assert.equal((await notion.blocks.children.list({ block_id: PAGE })).results[0].type, "pdf");
const list = await notion.fileUploads.list({ status: "uploaded" });
assert.ok(list.results.some((upload) => upload.id === many.id));

// Refusals are understood.
await assert.rejects(notion.fileUploads.create({ filename: "notes.md" }), { code: "validation_error", status: 400 });
const stranger = new Client({ auth: "wrong", baseUrl: `${base}/notion` });
await assert.rejects(stranger.users.me({}), { code: "unauthorized" });
