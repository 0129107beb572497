// Starts the shipgate binary the way both steps of the action do: no shell, signals passed on.
'use strict';

const { spawn } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const { appendFileSync, existsSync } = require('node:fs');
const { constants } = require('node:os');
const path = require('node:path');

const { fetched } = require('./fetch.js');

const WINDOWS = process.platform === 'win32';

// Inputs that this wrapper reads itself.
const OWN_INPUTS = new Set(['BINARY', 'BUILD']);

/** Returns an input's value, trimmed; the runner passes one that nobody gave as an empty text. */
function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] || '').trim();
}

/** Returns the binary's environment: INPUT_SOME-NAME becomes SHIPGATE_SOME_NAME, empty ones do not. */
function environment(extra) {
  const given = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('INPUT_')) {
      given[name] = value;
    }
  }
  for (const [name, value] of Object.entries(process.env)) {
    const key = name.startsWith('INPUT_') ? name.slice('INPUT_'.length) : '';
    if (key && !OWN_INPUTS.has(key) && value.trim()) {
      given[`SHIPGATE_${key.replaceAll('-', '_').replaceAll(' ', '_')}`] = value.trim();
    }
  }
  return { ...given, ...extra };
}

/** Runs a program to its end. Resolves to its exit status, 128 + n for a signal n. */
function run(program, args, options) {
  return new Promise((resolve, reject) => {
    // The runner signals this process alone: without passing it on, the binary would live on. The
    // listeners come first: a signal right after the start must find them there. On Windows every program of
    // the console has Ctrl-C and Ctrl-Break by itself, and `kill` would end the binary at once; the listeners
    // only keep this process there until the binary has ended.
    const forward = WINDOWS ? () => {} : (signal) => child.kill(signal);
    const signals = WINDOWS ? ['SIGINT', 'SIGBREAK'] : ['SIGINT', 'SIGTERM'];
    signals.forEach((signal) => process.on(signal, forward));
    const child = spawn(program, args, { shell: false, stdio: 'inherit', ...options });
    const done = () => signals.forEach((signal) => process.removeListener(signal, forward));
    child.on('error', (error) => {
      done();
      reject(error);
    });
    child.on('close', (code, signal) => {
      done();
      resolve(code === null ? 128 + (constants.signals[signal] || 0) : code);
    });
  });
}

/** Finds the binary: the one that is named, built where that was asked for, else the released one. */
async function binary() {
  const named = process.env.SHIPGATE_BINARY || input('binary');
  if (named) {
    if (!existsSync(named)) {
      throw new Error(`the binary ${named} does not exist`);
    }
    return path.resolve(named);
  }
  if (input('build') !== 'true') {
    return fetched();
  }
  const sources = path.join(__dirname, '..');
  const target = path.join(process.env.RUNNER_TEMP || sources, 'shipgate-target');
  const args = ['build', '--release', '--locked', '--bin', 'shipgate', '--target-dir', target];
  const status = await run('cargo', args, { cwd: sources });
  if (status !== 0) {
    throw new Error(`cargo build ended with status ${status}`);
  }
  return path.join(target, 'release', WINDOWS ? 'shipgate.exe' : 'shipgate');
}

/** Adds pairs to one of the runner's files (GITHUB_OUTPUT, GITHUB_STATE), if there is one. */
function record(file, pairs) {
  if (!process.env[file]) {
    return;
  }
  const end = `end_${randomUUID()}`;
  const lines = Object.entries(pairs).map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`);
  appendFileSync(process.env[file], lines.join(''));
}

/** Prints an error annotation. */
function complain(error) {
  const text = String(error.message || error).slice(0, 500);
  const data = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  process.stderr.write(`::error title=shipgate::${data}\n`);
}

module.exports = { binary, complain, environment, input, record, run };
