// The action's main step: runs `shipgate ci` with the inputs, and keeps its exit status.
'use strict';

const { binary, complain, environment, input, record, run } = require('./run.js');

// Commands that may leave something for `recover` when they are cut short.
const CHANGING = ['deploy', 'rollback', 'cleanup'];

async function main() {
  const command = input('command') || 'deploy';
  const program = await binary();
  const changes = CHANGING.includes(command) && input('dry-run') !== 'true';
  if (changes) {
    record('GITHUB_STATE', { started: command });
  }
  const status = await run(program, ['ci'], { env: environment({}) });
  if (changes) {
    record('GITHUB_STATE', { status });
  }
  process.exitCode = status;
}

main().catch((error) => {
  complain(error);
  // The binary did not run, so nothing else writes the outputs.
  const reason = String(error.message || error).replace(/\s+/g, ' ').slice(0, 256);
  record('GITHUB_OUTPUT', {
    result: 'error',
    'exit-code': 2,
    changed: false,
    'reason-code': 'usage',
    reason,
    'next-window': '',
    'run-id': '',
    'commit-sha': '',
    'previous-sha': '',
    'rollback-sha': '',
    matrix: '',
    weight: '',
    'override-used': false,
    report: '',
  });
  process.exitCode = 2;
});
