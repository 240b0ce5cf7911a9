// Reads the sample: `node --test` in this folder.
import assert from "node:assert/strict";
import test from "node:test";
import { fetchText, records } from "./main.mjs";

test("the sample gives its records", async () => {
    const found = records(await fetchText("{{SAMPLE}}"));
    assert.equal(found.length, {{COUNT}});
});
