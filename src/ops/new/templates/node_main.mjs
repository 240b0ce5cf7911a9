#!/usr/bin/env node
// Collects the table `{{TABLE}}`. `node --test` tests it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export const SOURCE = {{SOURCE_TEXT}};

/** The text of a URL, or of a file of this folder. */
export async function fetchText(source) {
    if (!/^https?:/.test(source)) return readFile(new URL(source, import.meta.url), "utf8");
    const answer = await fetch(source);
    if (!answer.ok) throw new Error(`${source} answered with ${answer.status}`);
    return answer.text();
}

/** The records in a text. Numbers with more than 15 digits lose some of them in JavaScript. */
export function records(text) {
    {{RECORDS}}
}

async function main() {
    const found = records(await fetchText(SOURCE));
    const words = ["merge", "{{TABLE}}", "-", "--format", "ndjson", "--create", "--expect-end"{{FLAG_WORDS}}];
    const merge = spawn(process.env.DC_BIN, words, { stdio: ["pipe", "inherit", "inherit"] });
    const ended = once(merge, "close");
    merge.stdin.on("error", () => {}); // it has ended, and its status tells why
    for (const record of found) {
        if (!merge.stdin.write(JSON.stringify(record) + "\n")) await Promise.race([once(merge.stdin, "drain"), ended]);
    }
    // without this line, as when this program dies, nothing is merged
    merge.stdin.end(JSON.stringify({ dc: "end", records: found.length }) + "\n");
    const [status] = await ended;
    process.exitCode = status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
