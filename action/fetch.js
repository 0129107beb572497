// Fetches a released binary. Only bytes whose SHA-256 stands in binaries.json are ever started, so that
// pinning the action by commit pins the binary, wherever it is fetched from.
'use strict';

const { createHash } = require('node:crypto');
const { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const path = require('node:path');

// Far above the size of any release, far below what would fill a runner's disk.
const LARGEST = 60 * 1024 * 1024;
const TRIES = 3;
const TIME_LIMIT = 120_000;

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Returns the path of the released binary for this machine, out of the runner's cache or fetched. */
async function fetched(table = require('./binaries.json')) {
  const place = `${process.platform}-${process.arch}`;
  const entry = table.binaries[place];
  if (!entry) {
    throw new Error(
      table.version
        ? `there is no released binary for ${place}; set the input build to true, or binary to a path`
        : 'this version of the action names no released binary; set the input build to true to build ' +
          'it with cargo, or binary (or the variable SHIPGATE_BINARY) to a path',
    );
  }
  const cache = process.env.RUNNER_TOOL_CACHE || process.env.RUNNER_TEMP || path.join(__dirname, '..');
  const folder = path.join(cache, 'shipgate', table.version, process.arch);
  const file = path.join(folder, entry.file);
  // Others may write to a cache: what lies there is looked at each time.
  if (existsSync(file) && digest(readFileSync(file)) === entry.sha256) {
    return file;
  }
  const bytes = await download(`${source()}/v${table.version}/${entry.file}`);
  if (digest(bytes) !== entry.sha256) {
    throw new Error(`${entry.file}: expected SHA-256 ${entry.sha256}, found ${digest(bytes)}`);
  }
  mkdirSync(folder, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, bytes);
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, file);
  return file;
}

/** Where releases are: a mirror, else those of the repository that the action comes from. */
function source() {
  const { SHIPGATE_DOWNLOAD_URL, GITHUB_SERVER_URL, GITHUB_ACTION_REPOSITORY } = process.env;
  return SHIPGATE_DOWNLOAD_URL
    ? SHIPGATE_DOWNLOAD_URL.replace(/\/+$/, '')
    : `${GITHUB_SERVER_URL}/${GITHUB_ACTION_REPOSITORY}/releases/download`;
}

async function download(url) {
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(TIME_LIMIT) });
      if (!answer.ok) {
        throw new Error(`status ${answer.status}`);
      }
      const parts = [];
      let size = 0;
      for await (const part of answer.body) {
        size += part.length;
        if (size > LARGEST) {
          throw new Error(`more than ${LARGEST} bytes`);
        }
        parts.push(part);
      }
      return Buffer.concat(parts);
    } catch (error) {
      if (left === 0) {
        throw new Error(`${url}: ${error.cause?.message || error.message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, (TRIES - left) * 1000));
    }
  }
}

module.exports = { fetched };
