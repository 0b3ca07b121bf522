// Rebilly's own JavaScript client uploads a raw body, then names, finds, attaches, downloads and deletes.
// usage: rebilly.mjs BASE_URL FOLDER    prints one line for each file that must now be stored
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { RebillyAPI, RebillyErrors } from "rebilly-js-sdk";

const [base, folder] = process.argv.slice(2);
const urls = { live: `${base}/rebilly`, sandbox: `${base}/rebilly` };
const rebilly = RebillyAPI({ apiKey: "sk_sandbox_vendor_key", organizationId: "acme", urls, timeout: 60_000 });

const path = `${folder}/small.pdf`;
const bytes = await readFile(path);
const sha1 = createHash("sha1").update(bytes).digest("hex");
const fileObject = new Blob([bytes], { type: "application/pdf" });

const file = await rebilly.files.upload({ fileObject });
assert.equal(file.response.status, 201);
assert.equal(file.fields.size, bytes.length);
assert.equal(file.fields.sha1, sha1);
assert.equal(file.fields.mime, "application/pdf");
const { id } = file.fields;
console.log("STORED", "rebilly", id, path);

const named = await rebilly.files.update({ id, data: { name: "Invoice March.pdf", description: "for March", tags: ["a", "b"] } });
assert.deepEqual(named.fields.tags, ["a", "b"]);
const found = await rebilly.files.getAll({ filter: "name:Invoice March.pdf", sort: "-createdTime", limit: 10 });
assert.equal(found.items[0].fields.id, id);
assert.equal(found.items[0].fields.sha1, sha1);
const copy = await rebilly.files.download({ id });
assert.ok(Buffer.from(copy.data).equals(bytes), "downloaded bytes differ");

// A file that is attached must be detached before it can be deleted.
const second = (await rebilly.files.upload({ fileObject })).fields.id;
await rebilly.files.attach({ data: { fileId: second, relatedType: "customer", relatedId: "cus_1" } });
await assert.rejects(rebilly.files.delete({ id: second }), RebillyErrors.RebillyConflictError);
await rebilly.files.detachAndDelete({ id: second });
await assert.rejects(rebilly.files.get({ id: second }), RebillyErrors.RebillyNotFoundError);

// Refusals are understood.
const text = new Blob(["x"], { type: "text/plain" });
await assert.rejects(rebilly.files.upload({ fileObject: text }), RebillyErrors.RebillyValidationError);
